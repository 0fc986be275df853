internal import BPFPrograms
internal import CEvents
internal import LibBPF
internal import OS
internal import Processes
internal import TLSLibraries

/// The BPF programs of `bpf/tracer.bpf.c`: configured, loaded and asked. This file and
/// CgroupProgram.swift alone know their names.
struct TracerProgram {
    static let ruleLimit = Int(SNISCOPE_RULES)

    private static let trapProgram = "signal_delivered"

    let uprobe: UprobeProgram
    private let rules: [FunctionRule]
    private let object: BPFObject
    private let waiting: BPFMap<UInt32, sniscope_waiting>
    private let containers: BPFMap<UInt64, UInt8>
    private let payers: BPFMap<UInt64, sniscope_payer>
    /// What the programs are told of the reading of records.
    let reader: ReaderState
    private let callers = CallerCache()

    /// Whether a call waits for a page that holds its name and is not there yet.
    let isSleepable: Bool

    /// - Throws: `BPFError`, `SystemError`.
    init(options: SessionOptions, rules: [FunctionRule], method: UprobeMethod) throws {
        self.rules = rules
        isSleepable = try KernelFeature.sleepableUprobes.isSupported()
        let entry = isSleepable ? "server_name_sleepable" : "server_name"
        object = try BPFObject(image: BPFProgram.tracer.image, name: "tracer")
        var programs = BPFObject.cgroupPrograms.union([entry, Self.trapProgram])
        if case .children = options.target { programs.formUnion(["process_forked", "process_exited"]) }
        object.select(programs: programs)
        if method == .multi { try object.setUprobeMulti(program: entry) }
        if let version = Host.kernelVersion, version < (6, 1) { try object.preallocateHashMaps() }
        try object.setMaxEntries(map: "bulk", options.ringBytes)
        try object.setConstant("bulk_size", UInt64(options.ringBytes))
        for (index, rule) in rules.enumerated() {
            try object.setConstant("rules", sniscope_rule(rule), at: index)
        }
        try object.setConstant("may_sleep", isSleepable)
        try object.setConstant("keep_containers", true)
        try Self.configureFilters(of: object, options)
        try object.load()

        uprobe = try UprobeProgram(entry, of: object, method: method, eventType: method.eventType)
        waiting = try object.map("waiting", key: UInt32.self, value: sniscope_waiting.self)
        containers = try object.map("containers", key: UInt64.self, value: UInt8.self)
        payers = try object.map("payers", key: UInt64.self, value: sniscope_payer.self)
        reader = try object.readerState("reader")
        try fillFilters(options)
    }

    private static func configureFilters(of object: BPFObject, _ options: SessionOptions) throws {
        if let filter = options.containers {
            try object.setConstant("filter_containers", true)
            try object.setConstant("pass_outside", filter.includesHost)
            try object.setConstant("host_mount_namespace", ProcessRecord.hostMountNamespace)
        }
        try object.setConstant("filter_comms", options.comms != nil)
        try object.setConstant("filter_users", options.uids != nil)
        if let names = options.names { try configure(names, of: object) }
        switch options.target {
        case .host, .files:
            break
        case .processes:
            try object.setConstant("filter_processes", true)
        case .children:
            try object.setConstant("filter_processes", true)
            try object.setConstant("followed_parent", Host.pid)
        }
    }

    private static func configure(_ names: NameSieve, of object: BPFObject) throws {
        try object.setConstant("filter_names", true)
        try object.setConstant("pass_other_names", names.passesOthers)
        try object.setConstant("name_pattern_count", UInt32(names.rules.count))
        for (index, rule) in names.rules.enumerated() {
            try object.setConstant("name_patterns", sniscope_name_pattern(rule), at: index)
            try object.setConstant("name_texts", rule.pattern.text, at: index)
            try object.setConstant("name_masks", rule.pattern.mask, at: index)
        }
    }

    private func fillFilters(_ options: SessionOptions) throws {
        if case .processes(let pids) = options.target {
            let processes = try object.map("processes", key: UInt32.self, value: UInt8.self)
            for pid in pids { try processes.set(UInt32(pid), 1) }
        }
        if let uids = options.uids {
            let users = try object.map("users", key: UInt32.self, value: UInt8.self)
            for uid in uids { try users.set(uid, 1) }
        }
        if let comms = options.comms {
            let map = try object.map("comms", key: Comm.self, value: UInt8.self)
            for comm in comms { try map.set(Comm(comm), 1) }
        }
    }

    /// Attaches what runs beside the uprobes.
    func attachTracepoints(_ options: SessionOptions) throws -> [BPFLink] {
        var links = try object.attachCgroupTracepoints()
        links.append(try object.attachRawTracepoint(program: Self.trapProgram, tracepoint: "signal_deliver"))
        if case .children = options.target {
            links.append(try object.attachRawTracepoint(program: "process_forked", tracepoint: "sched_process_fork"))
            links.append(try object.attachRawTracepoint(program: "process_exited", tracepoint: "sched_process_exit"))
        }
        return links
    }

    /// Asks whether a process descends from the command that is traced, as long as it runs.
    func followed() throws(BPFError) -> @Sendable (Int32) -> Bool {
        let processes = try object.map("processes", key: UInt32.self, value: UInt8.self)
        return { processes[UInt32(bitPattern: $0)] != nil }
    }

    /// Calls of payers that stay below the rate of the quick lane.
    func quickRing() throws(BPFError) -> CallRing { try CallRing(object: object, map: "quick", callers: callers) }

    /// All others.
    func bulkRing() throws(BPFError) -> CallRing { try CallRing(object: object, map: "bulk", callers: callers) }

    /// What is no call.
    func reportRing() throws(BPFError) -> ReportRing { try ReportRing(object: object, map: "reports") }

    /// The kernel's verdict on a container's control group and its descendants.
    func setContainer(cgroup: UInt64, isWanted: Bool) throws(BPFError) {
        try containers.set(cgroup, UInt8((isWanted ? SNISCOPE_WANTED : SNISCOPE_EXCLUDED).rawValue))
        reader.noteContainersChanged()
    }

    func removeContainer(cgroup: UInt64) throws(BPFError) {
        try containers.remove(cgroup)
        reader.noteContainersChanged()
    }

    /// What the library of a call makes of the name that it is given.
    func treatment(of caller: Caller) -> NameTreatment {
        let rule = Cookie(rawValue: caller.cookie).rule
        return rule < rules.count ? rules[rule].treatment : []
    }

    /// What was lost since the programs were loaded.
    func lost() throws(BPFError) -> [LossReason: UInt64] {
        let counts = try object.read("lost", as: UInt64.self)
        func count(_ reason: sniscope_lost_reason) -> UInt64 { counts[Int(reason.rawValue)] }
        return [
            .ringBufferFull: count(SNISCOPE_LOST_RING_FULL),
            .shareUsedUp: count(SNISCOPE_LOST_SHARE),
            .noMemory: count(SNISCOPE_LOST_NO_MEMORY),
            .containersMissed: count(SNISCOPE_LOST_CGROUP_RING_FULL),
            .processesNotFollowed: count(SNISCOPE_LOST_FOLLOW_FULL),
        ]
    }

    /// Forgets what is counted for a control group that is gone.
    func removePayer(cgroup: UInt64) {
        // Others of this map give way to new ones, too.
        try? payers.remove(cgroup)
    }

    /// Whom the loss of calls fell on, for those that were heard of lately.
    func lossesByPayer() -> [Payer: (ringFull: UInt64, share: UInt64)] {
        var losses: [Payer: (ringFull: UInt64, share: UInt64)] = [:]
        for key in payers.keys {
            guard let payer = payers[key], payer.lost_ring_full + payer.lost_share > 0 else { continue }
            losses[Payer(key)] = (payer.lost_ring_full, payer.lost_share)
        }
        return losses
    }

    /// Whom the kernel counts the room of records for.
    enum Payer: Hashable {
        case container(cgroup: UInt64)
        case namespace(UInt32)
        case user(UInt32)

        init(_ key: UInt64) {
            if key & UInt64(SNISCOPE_PAYER_USER) != 0 {
                self = .user(UInt32(truncatingIfNeeded: key))
            } else if key & UInt64(SNISCOPE_PAYER_NAMESPACE) != 0 {
                self = .namespace(UInt32(truncatingIfNeeded: key))
            } else {
                self = .container(cgroup: key)
            }
        }
    }

    /// Processes that a program waits for: each sleeps in a read of its own memory.
    func holders() -> [UInt32] {
        Set(waiting.keys.compactMap { waiting[$0]?.pid }).sorted()
    }
}

/// A thread name as the kernel keeps it: cut to 15 bytes, filled with NUL.
private struct Comm: BitwiseCopyable, Sendable {
    var words: (UInt64, UInt64) = (0, 0)

    init(_ text: String) {
        for (index, byte) in text.utf8.prefix(15).enumerated() {
            let shifted = UInt64(byte) << (UInt64(index % 8) * 8)
            if index < 8 { words.0 |= shifted } else { words.1 |= shifted }
        }
        words = (words.0.littleEndian, words.1.littleEndian)
    }
}

extension sniscope_name_pattern {
    init(_ rule: NameSieve.Rule) {
        self.init()
        let lengths = rule.pattern.lengths
        (least, most) = (UInt8(lengths.lowerBound), UInt8(lengths.upperBound))
        at_end = rule.pattern.place == .end ? 1 : 0
        excludes = rule.excludes ? 1 : 0
    }
}

extension sniscope_rule {
    init(_ rule: FunctionRule) {
        self.init()
        convention =
            switch rule.convention {
            case .c: UInt8(SNISCOPE_C.rawValue)
            case .go: UInt8(SNISCOPE_GO.rawValue)
            case .goStack: UInt8(SNISCOPE_GO_STACK.rawValue)
            }
        name_argument = UInt8(rule.nameArgument)
        length_argument = rule.lengthArgument.map { UInt8($0) } ?? UInt8(SNISCOPE_NO_ARGUMENT)
        length_mask = mask(bits: rule.lengthBits)
        connection_argument = rule.connectionArgument.map { UInt8($0) } ?? UInt8(SNISCOPE_NO_ARGUMENT)
        // A condition that is not there compares nothing with 0.
        let conditions = rule.conditions
        if let first = conditions.first {
            condition_argument.0 = UInt8(first.argument)
            condition_mask.0 = mask(bits: first.bits)
            condition_value.0 = first.equals & condition_mask.0
        }
        if conditions.count > 1 {
            condition_argument.1 = UInt8(conditions[1].argument)
            condition_mask.1 = mask(bits: conditions[1].bits)
            condition_value.1 = conditions[1].equals & condition_mask.1
        }
    }
}

private func mask(bits: Int) -> UInt64 {
    bits >= 64 ? .max : (1 << UInt64(bits)) - 1
}

extension UprobeMethod {
    /// What `UprobeProgram` needs to know. The kernel numbers its perf event sources anew at each boot.
    var eventType: UInt32 {
        get throws {
            guard self == .perf else { return 0 }
            let path = "/sys/bus/event_source/devices/uprobe/type"
            let text = try String(decoding: Files.read(path), as: UTF8.self)
            guard let type = UInt32(text.filter(\.isNumber)) else {
                throw SystemError("read", path, code: 0, hint: "it holds no number; is CONFIG_UPROBE_EVENTS on?")
            }
            return type
        }
    }
}
