internal import Containers
internal import OS
internal import Processes

/// Reads for the event loop, which never waits, what is asked of control groups and of bundles. One walk answers all
/// questions that have come by then.
final class CgroupReader: Sendable {
    enum Report: Sendable {
        /// Where control groups of the v2 hierarchy are; nil: gone. To be acknowledged by `proceed`.
        case located([(id: UInt64, place: Place?)])
        /// The first process of a container, by its key; nil: not written down yet.
        case initPid(container: String, Int32?)
        /// How the hierarchy differs from what was known of it, a part. To be acknowledged by `proceed`.
        case compared(CgroupDifference)
        /// What a container's control group alone tells; nil: that it is none.
        case stub(cgroup: String, Container?)
    }

    struct Place: Sendable, Equatable {
        /// From the hierarchy's root.
        let path: String
        /// Whose it is; nil for one that is not called like a container's.
        let uid: UInt32?

        init(_ path: String, _ ownership: CgroupOwnership = .host) {
            self.path = path
            uid = CgroupPath.containerID(in: path)?.path == path ? ownership.user(ofCgroup: path) : nil
        }
    }

    /// What is known of the hierarchy, to be compared with it.
    struct Known: Sendable {
        let ids: [UInt64]
        /// Of control groups without a number, below the root of any hierarchy.
        let paths: [String]
    }

    private enum Walk: Sendable {
        case locate(UInt64)
        case compare(Known)
    }

    private struct Bundle: Sendable {
        let path: String
        /// The container's key.
        let container: String
    }

    /// A walk is followed by a rest that is so many times as long: whoever makes control groups all the time has one
    /// processor walk a third of it.
    private static let restAfterWalk: Int64 = 2
    /// How many control groups a report has at most: the event loop takes one report in a turn, and each of them can
    /// cost it some 30 µs.
    static let mostInReport = 64

    private let walks = BlockingQueue<Walk>()
    private let bundles = BlockingQueue<Bundle>()
    private let acknowledgements = BlockingQueue<Void>()
    private let stubs: StubReader
    private let report: @Sendable (Report) -> Void

    /// - Parameter report: Called on threads of this object's own.
    init(_ layout: CgroupLayout, report: @escaping @Sendable (Report) -> Void) throws(SystemError) {
        self.report = report
        stubs = try StubReader()
        try Threads.start(name: "cgroups") { [walks, acknowledgements] in
            while let batch = walks.takeAll() {
                let begun = Clock.monotonic
                let reports = Self.reports(on: batch, layout)
                let duration = Clock.monotonic - begun
                // Closed, where none is acknowledged.
                for part in reports {
                    report(part)
                    if acknowledgements.take() == nil { return }
                }
                Threads.rest(Self.restAfterWalk, since: Clock.monotonic - duration)
            }
        }
        try Threads.start(name: "bundles") { [bundles] in
            while let bundle = bundles.take() {
                report(.initPid(container: bundle.container, OCIBundle.initPid(inBundle: bundle.path)))
            }
        }
    }

    func locate(cgroup id: UInt64) { walks.put(.locate(id)) }
    func compare(_ known: Known) { walks.put(.compare(known)) }
    func readInitPid(bundle path: String, container: String) { bundles.put(Bundle(path: path, container: container)) }

    func readStub(cgroup path: String) {
        stubs.read(cgroup: path) { [report] in report(.stub(cgroup: path, $0)) }
    }

    /// A report of a walk was taken in: the next one may come.
    func proceed() { acknowledgements.put(()) }

    func close() {
        walks.close()
        bundles.close()
        acknowledgements.close()
        stubs.close()
    }

    private static func reports(on batch: [Walk], _ layout: CgroupLayout) -> [Report] {
        var wanted: [UInt64: String?] = [:]
        var known: Known?
        for walk in batch {
            switch walk {
            case .locate(let id): wanted.updateValue(nil, forKey: id)
            case .compare(let latest): known = latest
            }
        }
        // Without the hierarchy nothing is found, and nothing is known to be gone.
        let nodes = CgroupTree(layout: layout).flatMap { try? $0.nodes() }
        for node in nodes ?? [] where wanted[node.id] != nil { wanted.updateValue(node.path, forKey: node.id) }
        let places = wanted.map { (id: $0.key, place: $0.value.map { Place($0) }) }
        let difference = known.map { CgroupDifference($0, nodes: nodes, layout) }
        return places.parts(of: mostInReport).map { .located(Array($0)) }
            + (difference?.parts(of: mostInReport) ?? []).map { .compared($0) }
    }
}

/// How the hierarchies of control groups differ from what was known of them.
struct CgroupDifference: Sendable {
    var gone: [UInt64] = []
    var gonePaths: [String] = []
    /// Of the v2 hierarchy.
    var new: [(id: UInt64, place: CgroupReader.Place)] = []

    private init() {}

    /// - Parameter nodes: Of the v2 hierarchy, read after `known`; nil where it can't be read.
    init(_ known: CgroupReader.Known, nodes: [CgroupTree.Node]?, _ layout: CgroupLayout) {
        let present = Set((nodes ?? []).map(\.id))
        let ids = Set(known.ids)
        gone = nodes == nil ? [] : ids.filter { !present.contains($0) }
        new = (nodes ?? []).filter { !ids.contains($0.id) }.map { (id: $0.id, place: CgroupReader.Place($0.path)) }
        let mounts = [layout.unified].compactMap(\.self) + layout.legacy.values
        gonePaths = known.paths.filter { path in !mounts.contains { Files.exists($0 + path) } }
    }

    /// The same in parts of a size; those that are gone come first.
    func parts(of size: Int) -> [CgroupDifference] {
        var parts: [CgroupDifference] = []
        func append(_ change: (inout CgroupDifference) -> Void) {
            var part = CgroupDifference()
            change(&part)
            parts.append(part)
        }
        for slice in gone.parts(of: size) { append { $0.gone = Array(slice) } }
        for slice in gonePaths.parts(of: size) { append { $0.gonePaths = Array(slice) } }
        for slice in new.parts(of: size) { append { $0.new = Array(slice) } }
        return parts
    }
}

extension Array {
    fileprivate func parts(of size: Int) -> [ArraySlice<Element>] {
        stride(from: 0, to: count, by: size).map { self[$0..<Swift.min($0 + size, count)] }
    }
}
