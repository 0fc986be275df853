import OS
import Processes
import Testing

@Suite("Processes that copy or interpret code")
struct CodeCopierTests {
    @Test(
        "by a mapped file",
        arguments: [
            ("/usr/libexec/valgrind/memcheck-amd64-linux", "valgrind"),
            ("/opt/v/lib/valgrind/vgpreload_core-amd64-linux.so", "valgrind"),
            ("/usr/bin/qemu-\(Host.machine)", "QEMU's user mode"),
            ("/usr/bin/qemu-\(Host.machine)-static", "QEMU's user mode"),
            ("/memfd:frida-agent-64.so", "Frida"),
            ("/tmp/frida-1/frida-agent-64.so", "Frida"),
            ("/usr/lib64/rr/librrpreload.so", "rr"),
            ("/opt/dr/lib64/release/libdynamorio.so.11", "DynamoRIO"),
            ("/opt/pin/intel64/bin/pinbin", "Intel Pin"),
            ("/usr/lib/liblppreload.so", "iodlr's large pages"),
        ])
    func mapping(path: String, name: String) {
        #expect(CodeCopier(mapping: path)?.name == name)
    }

    @Test(
        "not by other files",
        arguments: [
            "/usr/bin/valgrind", "/usr/bin/qemu-system-x86_64", "/usr/bin/qemu-img", "/usr/bin/node", "", "/",
            "/usr/lib/x86_64-linux-gnu/libssl.so.3",
        ])
    func other(path: String) {
        #expect(CodeCopier(mapping: path) == nil)
    }

    @Test(
        "by the command line or the environment",
        arguments: [
            (["node", "--use-largepages=on", "app.js"], []),
            (["node", "--use-largepages=silent"], []),
            (["node", "--use_largepages=on"], []),
            (["node", "--use-largepages", "on"], []),
            (["node"], ["A=b", "NODE_OPTIONS=--no-warnings  --use-largepages=silent"]),
            (["app"], ["HUGETLB_ELFMAP=RW"]),
        ] as [([String], [String])])
    func asked(arguments: [String], environment: [String]) {
        #expect(CodeCopier(arguments: arguments, environment: environment) != nil)
    }

    @Test(
        "not where it is off",
        arguments: [
            (["node", "--use-largepages=off", "app.js"], []),
            (["node", "--use-largepages"], ["NODE_OPTIONS=--use-largepages=off"]),
            ([], ["XNODE_OPTIONS=--use-largepages=on", "HUGETLB_ELFMAP=no"]),
        ] as [([String], [String])])
    func off(arguments: [String], environment: [String]) {
        #expect(CodeCopier(arguments: arguments, environment: environment) == nil)
    }
}
