import Foundation

extension Docker {
    /// An image of nothing but these files.
    /// - Parameters:
    ///   - programs: Files of this host, by their paths in the image.
    ///   - links: Where symbolic links of the image lead, by the links' paths.
    ///   - scripts: Texts that can be run, by their paths.
    ///   - unlike: What is added to the end of each program, so that none is a file that was seen before.
    /// - Returns: The image's name, made of this one.
    func image(
        _ name: String, in workspace: Workspace, programs: [String: String], links: [String: String] = [:],
        scripts: [String: String] = [:], unlike: Data = Data()
    ) async throws -> String {
        let files = FileManager.default
        let root = workspace.path + "/root"
        func make(_ path: String) throws -> String {
            let folder = URL(filePath: root + path).deletingLastPathComponent()
            try files.createDirectory(at: folder, withIntermediateDirectories: true)
            return root + path
        }
        for (path, program) in programs {
            let data = try Data(contentsOf: URL(filePath: program)) + unlike
            try data.write(to: URL(filePath: try make(path)))
            try files.setAttributes([.posixPermissions: 0o755], ofItemAtPath: root + path)
        }
        for (path, target) in links {
            try files.createSymbolicLink(atPath: try make(path), withDestinationPath: target)
        }
        for (path, text) in scripts {
            try Data(text.utf8).write(to: URL(filePath: try make(path)))
            try files.setAttributes([.posixPermissions: 0o755], ofItemAtPath: root + path)
        }
        // Names of the host's own file only: nobody else is asked for them.
        try Data("hosts: files\n".utf8).write(to: URL(filePath: try make("/etc/nsswitch.conf")))
        let image = "sniscope-test-\(name):latest"
        let archive = workspace.path + "/image.tar"
        try await Program.check("tar", "-C", root, "-cf", archive, ".", seconds: 60)
        try files.removeItem(atPath: root)
        try await self("import", archive, image)
        try files.removeItem(atPath: archive)
        return image
    }

    /// An image of BusyBox alone, with links for some of what it is, and no openssl.
    func busybox(
        _ name: String, in workspace: Workspace, programs: [String: String] = [:], scripts: [String: String] = [:],
        unlike: Data = Data()
    ) async throws -> String {
        let links = ["sh", "wget", "sleep"].map { ("/bin/\($0)", "busybox") }
        return try await image(
            name, in: workspace, programs: programs.merging(["/bin/busybox": BusyBox.path]) { $1 },
            links: Dictionary(uniqueKeysWithValues: links), scripts: scripts, unlike: unlike)
    }
}

/// Debian's package busybox-static.
enum BusyBox {
    static let path = "/usr/bin/busybox"
}
