import Testing

@testable import Rendering

@Suite struct ObjectTests {
    @Test func jsonKeysFollowTheSchemaAndNest() throws {
        let row = Sample(container: "web", truncated: true, podName: "web-0")
        #expect(
            try Sample.object(row, .json)
                == #"{"k8s":{"podName":"web-0"},"runtime":{"containerName":"web"},"#
                + #""proc":{"pid":3917791,"tid":3917791,"comm":"wget","creds":{"uid":0}},"name":"www.github.com","#
                + #""nameTruncated":true,"library":{"path":"/usr/lib/x86_64-linux-gnu/libgnutls.so.30"}}"# + "\n")
    }

    @Test func whatDoesNotApplyIsLeftOut() throws {
        let row = Sample(name: nil, library: nil)
        #expect(
            try Sample.object(row, .json)
                == #"{"proc":{"pid":3917791,"tid":3917791,"comm":"wget","creds":{"uid":0}}}"# + "\n")
    }

    @Test func rowWithNothingIsAnEmptyObject() throws {
        let row = Sample(name: nil)
        #expect(try Sample.object(row, .json, fields: "name,container") == "{}\n")
        #expect(try Sample.object(row, .yaml, fields: "name,container") == "---\n{}\n")
    }

    @Test func pretty() throws {
        let row = Sample(container: "web", library: nil)
        #expect(
            try Sample.object(row, .jsonPretty, fields: "container,pid,proc.creds,name")
                == """
                {
                  "runtime": {
                    "containerName": "web"
                  },
                  "proc": {
                    "pid": 3917791,
                    "creds": {
                      "uid": 0
                    }
                  },
                  "name": "www.github.com"
                }

                """)
    }

    @Test func yamlRow() throws {
        #expect(
            try Sample.object(Sample(container: "web:1"), .yaml, fields: "container,pid,proc.creds,name,library")
                == """
                ---
                runtime:
                  containerName: "web:1"
                proc:
                  pid: 3917791
                  creds:
                    uid: 0
                name: www.github.com
                library:
                  path: /usr/lib/x86_64-linux-gnu/libgnutls.so.30

                """)
    }

    @Test func compactAndTreeAgree() throws {
        for row in [Sample(), Sample(container: "a\u{1b}", name: nil), Sample(truncated: false, podName: "日本")] {
            let writer = ObjectWriter(fields: Sample.schema.fields, style: .json)
            var buffer: [UInt8] = []
            writer.append(row, to: &buffer)
            #expect(String(decoding: buffer, as: UTF8.self) == writer.value(of: row).text(style: .json) + "\n")
        }
    }

    private final class Shared: Sendable {}

    @Test("what rows share is written as if they did not", arguments: 0..<16)
    func sharedFields(choice: Int) {
        let (web, host) = (Shared(), Shared())
        let sharing: @Sendable (Sample) -> AnyObject = { $0.container == nil ? host : web }
        // The name is each row's own; of the others, these.
        let fields = Sample.schema.fields.enumerated().map { index, field in
            choice >> (index % 4) & 1 == 1 && !field.path.hasPrefix("name") ? field.shared : field
        }
        let rows = [
            Sample(), Sample(container: "web", podName: "p"), Sample(name: nil),
            Sample(name: "a.test", truncated: true),
            Sample(container: "web", name: nil, podName: "p"), Sample(container: "web", name: "日本", podName: "p"),
        ]
        let json = ObjectWriter(fields: fields, style: .json, sharing: sharing)
        let columns = ColumnWriter(
            fields: fields, layout: ColumnLayout(fields.map(\.effectiveColumn)))
        var caches = (RowCache(), RowCache())
        var (known, plain): ([UInt8], [UInt8]) = ([], [])
        for row in rows {
            json.append(row, to: &known, &caches.0)
            columns.append(row, sharing: sharing(row), to: &known, &caches.1)
            json.append(row, to: &plain)
            columns.append(row, to: &plain)
        }
        #expect(String(decoding: known, as: UTF8.self) == String(decoding: plain, as: UTF8.self))
    }

    @Test("a field that appends plain text looks as one that has a value")
    func plainText() {
        let valued = Field<Sample>("address") { $0.name.map { _ in .string("00ff00ff") } }
        let appending = Field<Sample>("address") { row, text in
            guard row.name != nil else { return false }
            text.append(contentsOf: "00ff00ff".utf8)
            return true
        }
        func lines(_ address: Field<Sample>, _ terminal: Terminal?) -> String {
            let fields = [Sample.schema.fields[1], address, Sample.schema.fields[2]]
            let columns = fields.map(\.effectiveColumn)
            let layout = terminal.map { ColumnLayout(columns, on: $0) } ?? ColumnLayout(columns)
            let writers = (ColumnWriter(fields: fields, layout: layout), ObjectWriter(fields: fields, style: .json))
            var buffer: [UInt8] = []
            for row in [Sample(), Sample(name: nil)] {
                writers.0.append(row, to: &buffer)
                writers.1.append(row, to: &buffer)
            }
            return String(decoding: buffer, as: UTF8.self)
        }
        for terminal in [nil, Terminal(width: 80), Terminal(width: 20, truncates: true)] {
            #expect(lines(appending, terminal) == lines(valued, terminal))
        }
        #expect(lines(appending, Terminal(width: 20, truncates: true)).contains("…"))
        #expect(appending.value(Sample()) == "00ff00ff" && appending.value(Sample(name: nil)) == nil)
    }

    private let report: Value = .object([
        "path": "/usr/lib/libssl.so.3", "buildId": nil, "sizes": [1, -2, .integer(.min), .integer(.max)],
        "libraries": [
            .object(["kind": "OpenSSL", "functions": [.object(["function": "SSL_ctrl", "fileOffset": 0])]]),
            .object(["kind": "Go", "functions": []]),
        ],
        "matrix": [["a"], []], "none": .object([]), "traced": false,
    ])

    @Test func reportAsJSON() {
        #expect(
            report.text(style: .json)
                == #"{"path":"/usr/lib/libssl.so.3","sizes":[1,-2,-9223372036854775808,9223372036854775807],"#
                + #""libraries":[{"kind":"OpenSSL","functions":[{"function":"SSL_ctrl","fileOffset":0}]},"#
                + #"{"kind":"Go","functions":[]}],"matrix":[["a"],[]],"none":{},"traced":false}"#)
    }

    @Test func reportAsYAML() {
        #expect(
            report.text(style: .yaml)
                == """
                ---
                path: /usr/lib/libssl.so.3
                sizes:
                  - 1
                  - -2
                  - -9223372036854775808
                  - 9223372036854775807
                libraries:
                  - kind: OpenSSL
                    functions:
                      - function: SSL_ctrl
                        fileOffset: 0
                  - kind: Go
                    functions: []
                matrix:
                  - - a
                  - []
                none: {}
                traced: false

                """)
    }

    @Test(arguments: [
        "", "yes", "No", "ON", "off", "TRUE", "null", "~", "y", "n", "1", "0x1f", "1e5", "1.5", ".5", "-", "- a",
        "2026-11-22", "12:30:00", " a", "a ", "a: b", "a #b", "key:", "[a]", "{a}", "*a", "&a", "!a", "|", ">", "%",
        "@",
        "`", "'", "\"", "a,b", "<<", "=", "?", "a\nb", "é", "---", "...",
    ])
    func yamlQuotesWhatCouldBeMisread(text: String) {
        let yaml = Value.string(text).text(style: .yaml)
        #expect(yaml == "---\n\(Value.string(text).text(style: .json))\n")
    }

    @Test(arguments: ["wget", "www.github.com", "/usr/bin/curl", "libssl.so.3", "default/web-0/main", "yesterday"])
    func yamlLeavesPlainNamesAlone(text: String) {
        #expect(Value.string(text).text(style: .yaml) == "---\n\(text)\n")
    }

    @Test func yamlHasNoSurrogates() {
        #expect(Value.string("\u{e0041}\u{1b}").text(style: .yaml) == "---\n\"\\U000e0041\\u001b\"\n")
    }

    @Test func numbersOfAnyWidth() {
        #expect(Value.number(UInt64.max) == .integer(.max))
        #expect(Value.number(UInt32.max) == .integer(4_294_967_295))
    }
}
