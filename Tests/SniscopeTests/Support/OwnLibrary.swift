import Foundation
import Testing

/// A TLS library that only a description of its own tells of: nobody else who traces on this host probes it.
struct OwnLibrary {
    let path: String
    /// What has sniscope know it.
    let options: [String]

    /// - Parameter keepsDots: Whether it sends dots at the end of names.
    init(in workspace: Workspace, keepsDots: Bool = true) async throws {
        path = try await workspace.compile(
            "int sniscope_test_ctrl(void *tls, int command, long number, void *text) { return command + number; }",
            as: "libsniscopetest.so", "-shared", "-fPIC")
        let description = try workspace.write(
            """
            {
                kind: "Test TLS",
                functions: [
                    {
                        symbol: "sniscope_test_ctrl",
                        name: { argument: 3, form: "terminated" },
                        conditions: [{ argument: 1, equals: 55, bits: 32 }],
                        connection: 0,
                        \(keepsDots ? "" : "sent: { trailingDots: false },")
                    },
                ],
            }
            """, to: "test.json5")
        options = ["--symbols", description]
    }

    /// How many bytes of its code are breakpoints in a process that maps it.
    /// - Throws: `Problem` where the process does not map it.
    func breakpoints(in pid: Int32) throws -> Int {
        let maps = try String(contentsOfFile: "/proc/\(pid)/maps", encoding: .utf8)
        let memory = try FileHandle(forReadingFrom: URL(filePath: "/proc/\(pid)/mem"))
        let file = try Data(contentsOf: URL(filePath: path))
        let name = "/" + (path.split(separator: "/").last ?? "")
        var count: Int?
        for line in maps.split(separator: "\n") where line.hasSuffix(name) {
            let fields = line.split(separator: " ", maxSplits: 5)
            let ends = fields[0].split(separator: "-").compactMap { UInt64($0, radix: 16) }
            guard fields[1].contains("x"), ends.count == 2, let offset = Int(fields[2], radix: 16) else { continue }
            try memory.seek(toOffset: ends[0])
            let mapped = try memory.read(upToCount: Int(ends[1] - ends[0])) ?? Data()
            count = (count ?? 0) + zip(mapped, file.dropFirst(offset)).count { $0 != $1 && $0 == 0xCC }
        }
        guard let count else { throw Problem("process \(pid) does not map \(path):\n\(maps)") }
        return count
    }
}
