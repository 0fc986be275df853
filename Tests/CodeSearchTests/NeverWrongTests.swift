import ELFImage
import Testing

@testable import CodeSearch

@Suite("The right function or none", .enabled(if: Compiled.canCompile, "needs gcc, clang, ld.lld and binutils"))
struct NeverWrongTests {
    struct Build: CustomTestStringConvertible {
        let compiler: String
        let options: [String]

        var testDescription: String { ([compiler] + options).joined(separator: " ") }
    }

    static let noTable = ["-fno-asynchronous-unwind-tables", "-fno-unwind-tables"]
    static let builds: [Build] = ["gcc", "clang"].flatMap { compiler in
        let linker = compiler == "clang" ? ["-fuse-ld=lld"] : []
        return [
            ["-O0"], ["-O2"], ["-Os"], ["-O2", "-fcf-protection=full"], ["-O2"] + noTable, ["-Os"] + noTable,
            ["-O2", "-falign-functions=1"] + noTable, ["-O2", "-no-pie"] + noTable,
        ].map { Build(compiler: compiler, options: $0 + linker) }
    }

    private static let caller =
        "EXPORT int use(void **o, const char *n) { int r = target(o, n); state += r; return r + 1; }\n"

    @Test("A plain function is found in most builds", arguments: builds)
    func plain(_ build: Build) throws {
        let compiled = try Compiled(
            "__attribute__((noinline)) static int target(void **object, const char *name) \(Compiled.body)"
                + Self.caller,
            compiler: build.compiler, build.options)
        let target = try #require(compiled.symbols["target"])
        if build.options.contains("-Os") {
            #expect(compiled.found == nil || compiled.found == target)
        } else {
            #expect(compiled.found == target, "\(compiled.finding)")
        }
    }

    @Test("Behind a function that ends in a call which does not return, and only pointed at", arguments: builds)
    func afterNoReturn(_ build: Build) throws {
        let compiled = try Compiled(
            """
            __attribute__((noinline)) static int before(void **object, const char *name) {
                state += length(name);
                if (state < 77) return (int)(long)copy(name);
                fail(name);
            }
            __attribute__((noinline)) static int target(void **object, const char *name) \(Compiled.body)
            EXPORT int (*const volatile table[])(void **, const char *) = { target };
            EXPORT int use(void **o, const char *n) { int r = before(o, n); state += r; return r + 1; }
            """,
            compiler: build.compiler, build.options)
        let target = try #require(compiled.symbols["target"])
        #expect(compiled.found == nil || compiled.found == target, "\(compiled.finding) for \(compiled.symbols)")
    }

    @Test("Behind a function that jumps to it", arguments: builds)
    func afterTailCall(_ build: Build) throws {
        let compiled = try Compiled(
            """
            __attribute__((noinline)) static int target(void **object, const char *name);
            __attribute__((noinline)) static int before(void **object, const char *name, int more) {
                if (*name != 'a') return more;
                state += more;
                return target(object, name + more);
            }
            __attribute__((noinline)) static int target(void **object, const char *name) \(Compiled.body)
            EXPORT int (*const volatile table[])(void **, const char *) = { target };
            EXPORT int use(void **o, const char *n) { int r = before(o, n, 3); state += r; return r + 1; }
            """,
            compiler: build.compiler, build.options)
        let target = try #require(compiled.symbols["target"])
        #expect(compiled.found == nil || compiled.found == target, "\(compiled.finding) for \(compiled.symbols)")
    }

    @Test("A report that is a part of its own, entered by jumps", arguments: ["gcc", "clang"], [true, false])
    func cold(_ compiler: String, _ hasTable: Bool) throws {
        let options = ["-O2"] + (compiler == "clang" ? ["-fuse-ld=lld", "-mllvm", "-hot-cold-split"] : [])
        let compiled = try Compiled(
            """
            __attribute__((cold)) void report(int, int, int, const char *, unsigned);
            __attribute__((noinline)) static int target(void **object, const char *name) \(Compiled.body)
            """ + Self.caller, compiler: compiler, options + (hasTable ? [] : Self.noTable))
        let target = try #require(compiled.symbols["target"])
        #expect(compiled.found == nil || compiled.found == target, "\(compiled.finding) for \(compiled.symbols)")
        if hasTable { #expect(compiled.found == target, "\(compiled.finding)") }
    }

    @Test("A cold part that has all facts itself is not the function", arguments: [true, false])
    func completePart(_ isCalledToo: Bool) throws {
        // The condition moves with the report: all of it is cold, and the name is still in its register.
        let compiled = try Compiled(
            """
            __attribute__((noinline)) static int target(void **object, const char *name) {
                int result = 1;
                if (__builtin_expect(name[0] != 'x', 0)) {
                    if (name[1] > 'y') state++;
                    unsigned long size = state;
                    if (size == 0 || size > 255) { report(16, 0, 213, FILE_NAME, 1234); result = 0; }
                    else result = (*object = copy(name)) != 0;
                }
                return result + state;
            }
            """ + (isCalledToo ? Self.caller : "EXPORT int (*const volatile t[])(void **, const char *) = { target };"),
            compiler: "gcc", ["-O2", "-freorder-blocks-and-partition"])
        let target = try #require(compiled.symbols["target"])
        #expect(compiled.found == nil || compiled.found == target, "\(compiled.finding) for \(compiled.symbols)")
    }

    @Test("What calls the function is not taken for it where its comparison is not understood")
    func otherComparison() throws {
        let compiled = try Compiled(
            """
            __attribute__((noinline)) static int target(void **object, const char *name) {
                unsigned long size = length(name);
                unsigned long high = size >> 8;
                __asm__("" : "+r"(high));
                if (high || !size) { report(16, 0, 213, FILE_NAME, 1234); return 0; }
                return (*object = copy(name)) != 0;
            }
            EXPORT int use(void **o, const char *other, int x) {
                if (x > 255) return other[0];
                return target(o, "constant") + other[1];
            }
            """, compiler: "gcc", ["-O2"])
        #expect(compiled.found == nil, "\(compiled.finding) for \(compiled.symbols)")
        #expect(compiled.reason?.contains("compares nothing with 255") == true, "\(compiled.finding)")
    }

    @Test("Two functions that have all facts", arguments: builds)
    func two(_ build: Build) throws {
        let compiled = try Compiled(
            """
            EXPORT int first(void **object, const char *name) \(Compiled.body)
            EXPORT int second(void **object, const char *name, int more) { state += more;
                unsigned long size = length(name);
                if (size == 0 || size > 255) { report(16, 0, 213, FILE_NAME, 999); return 0; }
                return (*object = copy(name)) != 0; }
            EXPORT int use(void **o, const char *n) { return first(o, n) + second(o, n, 1); }
            """, compiler: build.compiler, build.options)
        #expect(compiled.found == nil, "\(compiled.finding) for \(compiled.symbols)")
    }
}
