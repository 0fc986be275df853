import ELFImage
import Foundation
import TestSupport
import Testing

@testable import CodeSearch

/// Small libraries with one function to find, made by the host's compilers; a twin with symbols tells the truth.
struct Compiled {
    static let canCompile = ["gcc", "clang", "ld.lld", "nm", "strip"].allSatisfy(Tool.isInstalled)

    /// The function has all of this: a string's end, two numbers beside it, a comparison, its second argument.
    static let rule = AnchorRule(
        texts: [AnchorText("lib/anchored.c", isSuffix: true)], immediates: [213], callSite: [16],
        comparisons: [AnchorRule.Comparison(number: 255, tolerance: 1)], usesArgument: 1, largestSize: 1024)

    /// What the sources below share.
    static let prelude = """
        unsigned long length(const char *) __attribute__((noinline));
        void report(int, int, int, const char *, unsigned);
        void *copy(const char *);
        void drop(void *);
        void fail(const char *) __attribute__((noreturn));
        extern int state;
        #define EXPORT __attribute__((visibility("default")))
        #define FILE_NAME "some/lib/anchored.c"

        """

    /// The body that is looked for.
    static let body = """
        {
            drop(*object);
            *object = 0;
            if (!name) return 1;
            unsigned long size = length(name);
            if (size == 0 || size > 255) { report(16, 0, 213, FILE_NAME, 1234); return 0; }
            return (*object = copy(name)) != 0;
        }

        """

    let finding: AnchorFinding
    /// Of each function of the twin, the address.
    let symbols: [String: Address]

    init(_ source: String, compiler: String, _ options: [String]) throws {
        (finding, symbols) = try withFolder { folder in
            let (code, twin, stripped) = ("\(folder)/code.c", "\(folder)/twin.so", "\(folder)/stripped.so")
            try Data((Self.prelude + source).utf8).write(to: URL(filePath: code))
            let shared = options.contains("-no-pie") ? ["-nostartfiles", "-Wl,-e,use"] : ["-shared", "-fPIC"]
            try Tool.run(
                [compiler] + shared + ["-nostdlib", "-fvisibility=hidden", "-Wl,--unresolved-symbols=ignore-all"]
                    + options + ["-o", twin, code])
            try Tool.run(["strip", "--strip-all", "-o", stripped, twin])
            var symbols: [String: Address] = [:]
            for line in try Tool.run(["nm", "--defined-only", twin]).split(separator: "\n") {
                let parts = line.split(separator: " ")
                if parts.count == 3, let address = UInt64(parts[0], radix: 16) {
                    symbols[String(parts[2])] = Address(address)
                }
            }
            let bytes = Array(try Data(contentsOf: URL(filePath: stripped)))
            return (try AnchorSearch(try ELFImage(MemorySource(bytes)), [Self.rule]).run()[0], symbols)
        }
    }

    /// The address that was found; nil where the search refused.
    var found: Address? {
        if case .found(let functions) = finding, functions.count == 1 { functions[0].address } else { nil }
    }

    var reason: String? {
        if case .refused(let reason) = finding { reason } else { nil }
    }
}
