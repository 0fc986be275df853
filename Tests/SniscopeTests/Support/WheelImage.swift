import Foundation

extension Docker {
    /// An image of one of this host's programs, or of a set's, with the libraries that it and the folders need.
    /// - Parameter folders: Of the host; their paths in the image are the same.
    /// - Returns: Its name. It is made once for each daemon.
    func image(_ name: String, in workspace: Workspace, program: String, folders: [String] = []) async throws -> String
    {
        let image = "sniscope-test-\(name):latest"
        if try await !self("images", "-q", image).isEmpty { return image }
        let root = workspace.path + "/root"
        let script = """
            root=$1; shift
            for item; do
                mkdir -p "$root$(dirname $item)"
                cp -rL "$item" "$root$(dirname $item)/"
            done
            find "$@" -name '*.so*' -o -type f -perm -u+x | while read -r file; do
                ldd "$file" 2>/dev/null || true
            done | grep -o '/[^ :]*' | sort -u | while read -r library; do
                [ -e "$root$library" ] && continue
                mkdir -p "$root$(dirname $library)"
                cp -L "$library" "$root$library"
            done
            mkdir -p "$root/etc" "$root/tmp"
            """
        try await Program.check(["sh", "-ec", script, "sh", root, program] + folders, seconds: 60)
        let archive = workspace.path + "/image.tar"
        try await Program.check("tar", "-C", root, "-cf", archive, ".", seconds: 60)
        try FileManager.default.removeItem(atPath: root)
        try await self("import", archive, image)
        try FileManager.default.removeItem(atPath: archive)
        return image
    }
}
