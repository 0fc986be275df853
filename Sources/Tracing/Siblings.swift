public import OS

/// Opens libraries that a file needs, where they usually lie: in the folder of the file. They tell versions.
public enum Siblings {
    /// - Parameters:
    ///   - path: Of the file, in the view that `open` has.
    ///   - open: Opens a file by its path; nil where there is none.
    /// - Returns: A function from a library's name to the library.
    public static func opener(
        of path: String, _ open: @escaping (String) -> RegularFile?
    ) -> (String) -> RegularFile? {
        { name in
            // The name is text of the file: a plain file name or nothing.
            guard let slash = path.lastIndex(of: "/"), !name.contains("/") else { return nil }
            return open(path[...slash] + name)
        }
    }

    /// In this process's own view.
    public static func opener(of path: String) -> (String) -> RegularFile? {
        opener(of: path.contains("/") ? path : "./" + path, host)
    }

    /// Opens a file of this process's own view.
    public static func host(_ path: String) -> RegularFile? { try? RegularFile(path: path) }
}
