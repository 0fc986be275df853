import Foundation
import LibBPF
import TestSupport
import Testing

@Suite("Programs in the real kernel", .enabled(if: getuid() == 0, "needs root"))
struct RealProgramTests {
    @Test("a refused program: the verifier's last line, however long its log is", arguments: [1, 6000])
    func verdict(lines: Int) throws {
        // Each volatile store is a line of the log; the last one is to memory that no program may write.
        let body = """
            volatile int x[4];
            #pragma unroll
            for (int i = 0; i < \(lines); i++)
                x[i & 3] = i;
            *(volatile int *)ctx->args = 1;
            return x[0];
            """
        let object = try BPFObject(image: try compile(body), name: "refused")
        let error = try #require(throws: BPFError.self) { try object.load() }
        let verifier = try #require(error.verifier, "\(error)")
        #expect(verifier.program == "counted")
        #expect(verifier.verdict.contains("invalid") || verifier.verdict.contains("cannot write"), "\(error)")
        #expect(error.summary.contains(verifier.verdict))
        #expect(error.description.hasSuffix(verifier.verdict))
        #expect(error.isUnsupported && !error.isNotPermitted)
        #expect((verifier.omitted > 1000) == (lines > 1000))
    }

    @Test("a counter is what it is in the kernel")
    func counter() throws {
        let object = try BPFObject(image: try compile("__sync_fetch_and_add(&calls[1], 1); return 0;"), name: "counter")
        try object.load()
        #expect(try object.read("calls", as: UInt64.self) == [0, 0])
        let link = try object.attachRawTracepoint(program: "counted", tracepoint: "sched_process_exit")
        defer { link.close() }
        try Tool.run("true")
        let calls = try object.read("calls", as: UInt64.self)
        #expect(calls[0] == 0)
        #expect(calls[1] > 0)
    }

    @Test("places of fields, also of another version's type, are those of this kernel")
    func kernelTypes() throws {
        // What the program means by these is found in the kernel's types: none of it is declared as it is there.
        let declarations = """
            #include <bpf/bpf_core_read.h>
            #pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
            struct task_struct { int tgid; struct nsproxy *nsproxy; };
            struct task_struct___other { int pid; int no_such_field; };
            struct ns_common { unsigned int inum; };
            struct uts_namespace { struct ns_common ns; };
            struct nsproxy { struct uts_namespace *uts_ns; };
            struct no_such_type { int field; };
            #pragma clang attribute pop
            enum pid_type { PIDTYPE_TGID = 77 };
            enum pid_type___other { PIDTYPE_NO_SUCH };
            """
        let body = """
            struct task_struct *task = (void *)bpf_get_current_task();
            struct task_struct___other *other = (void *)task;
            __u64 ids = bpf_get_current_pid_tgid();
            if (BPF_CORE_READ(task, tgid) == ids >> 32 && BPF_CORE_READ(other, pid) == (__u32)ids)
                calls[0]++;
            calls[1] = BPF_CORE_READ(task, nsproxy, uts_ns, ns.inum) | (__u64)1 << 32
                | (__u64)!bpf_core_field_exists(other->no_such_field) << 33
                | (__u64)!bpf_core_type_exists(struct no_such_type) << 34
                | (__u64)(bpf_core_enum_value(enum pid_type, PIDTYPE_TGID) == 1) << 35
                | (__u64)!bpf_core_enum_value_exists(enum pid_type___other, PIDTYPE_NO_SUCH) << 36;
            return 0;
            """
        let object = try BPFObject(image: try compile(body, declarations), name: "types")
        try object.load()
        let link = try object.attachRawTracepoint(program: "counted", tracepoint: "sched_process_exit")
        defer { link.close() }
        try Tool.run("true")
        let seen = try object.read("calls", as: UInt64.self)
        var status = stat()
        try #require(stat("/proc/self/ns/uts", &status) == 0)
        #expect(seen[0] > 0)
        #expect(seen[1] >> 32 == 0b11111)
        #expect(seen[1] & 0xffff_ffff == UInt64(status.st_ino))
    }

    @Test("features are asked for", arguments: KernelFeature.allCases)
    func feature(_ feature: KernelFeature) throws {
        // The test host has them all.
        #expect(try feature.isSupported())
    }

    private func compile(_ body: String, _ declarations: String = "") throws -> [UInt8] {
        try withFolder { folder in
            let source = """
                #include <linux/bpf.h>
                #include <bpf/bpf_helpers.h>
                \(declarations)
                __u64 calls[2];
                SEC("raw_tp/test") int counted(struct bpf_raw_tracepoint_args *ctx)
                {
                \(body)
                }
                char LICENSE[] SEC("license") = "GPL";
                """
            try source.write(toFile: folder + "/program.c", atomically: true, encoding: .utf8)
            try Tool.run(
                "clang", "-g", "-O2", "-mcpu=v3", "-target", "bpf", "-idirafter", "/usr/include/x86_64-linux-gnu", "-c",
                folder + "/program.c", "-o", folder + "/program.o")
            return Array(try Data(contentsOf: URL(filePath: folder + "/program.o")))
        }
    }
}
