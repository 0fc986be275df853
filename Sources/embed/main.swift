// The build's own tool, run by Plugins/EmbedFiles:
//   embed program NAME OUTPUT.swift OBJCOPY CLANG ARGUMENTS...
//   embed texts TYPE OUTPUT.swift FILES...
import Foundation

func run(_ executable: String, _ arguments: [String]) throws {
    let process = Process()
    process.executableURL = URL(filePath: executable)
    process.arguments = arguments
    try process.run()
    process.waitUntilExit()
    if process.terminationStatus != 0 { exit(process.terminationStatus) }
}

/// Compiles, strips and writes `extension BPFProgram { static let NAME }` with the object in base64: an array literal
/// of this size takes the Swift compiler half a minute and 2 GB. The object stays undeclared: SwiftPM would take a
/// declared one for a resource.
func embedProgram(name: String, output: URL, objcopy: String, clang: String, arguments: [String]) throws {
    let object = output.deletingPathExtension().appendingPathExtension("o")
    try run(clang, arguments + ["-o", object.path])
    // BTF stays: CO-RE needs it.
    try run(objcopy, ["--strip-debug", object.path])
    let image = try Data(contentsOf: object)
    let identifier = name.split(separator: "_").enumerated()
        .map { $0.offset == 0 ? String($0.element) : $0.element.prefix(1).uppercased() + $0.element.dropFirst() }
        .joined()
    let text = """
        extension BPFProgram {
            /// bpf/\(name).bpf.c, \(image.count) bytes.
            public static let \(identifier) = BPFProgram(
                name: "\(name)", byteCount: \(image.count), base64: "\(image.base64EncodedString())")
        }

        """
    try text.write(to: output, atomically: true, encoding: .utf8)
}

func embedTexts(type: String, output: URL, files: [URL]) throws {
    var text = "enum \(type) {\n    static let files: [(name: String, text: String)] = [\n"
    for file in files {
        let contents = try String(contentsOf: file, encoding: .utf8)
        text += "        (\n            name: \"\(file.lastPathComponent)\",\n            text: ####\"\"\"\n"
        text += contents + "\n\"\"\"####\n        ),\n"
    }
    text += "    ]\n}\n"
    try text.write(to: output, atomically: true, encoding: .utf8)
}

let arguments = CommandLine.arguments
guard arguments.count > 3 else { exit(64) }
let output = URL(filePath: arguments[3])
switch arguments[1] {
case "program":
    try embedProgram(
        name: arguments[2], output: output, objcopy: arguments[4], clang: arguments[5],
        arguments: Array(arguments[6...]))
case "texts":
    try embedTexts(type: arguments[2], output: output, files: arguments[4...].map { URL(filePath: $0) })
default:
    exit(64)
}
