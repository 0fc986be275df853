internal import BPFPrograms
internal import CEvents
internal import LibBPF

/// The BPF programs of `bpf/tracer.bpf.c` that report control groups, without those that trace calls.
struct CgroupProgram {
    private let object: BPFObject
    private let tracepoints: [BPFLink]

    /// Loads and attaches them.
    /// - Throws: `BPFError`.
    init() throws {
        object = try BPFObject(image: BPFProgram.tracer.image, name: "tracer")
        object.select(programs: BPFObject.cgroupPrograms)
        try object.load()
        tracepoints = try object.attachCgroupTracepoints()
    }

    func ringBuffer() throws -> ReportRing {
        try ReportRing(object: object, map: "reports")
    }

    /// Records that found no room since the programs were loaded.
    func lost() throws(BPFError) -> UInt64 {
        try object.read("lost", as: UInt64.self)[Int(SNISCOPE_LOST_CGROUP_RING_FULL.rawValue)]
    }
}

extension BPFObject {
    /// Of tracer.bpf.c.
    static let cgroupPrograms: Set = ["cgroup_created", "cgroup_removed"]

    func attachCgroupTracepoints() throws -> [BPFLink] {
        [
            try attachRawTracepoint(program: "cgroup_created", tracepoint: "cgroup_mkdir"),
            try attachRawTracepoint(program: "cgroup_removed", tracepoint: "cgroup_rmdir"),
        ]
    }
}
