internal import Processes

/// Some cgroups by their paths, to find those at or above another one. Goes down level by level, so that a path costs
/// only as much as it has in common with theirs, and no more than a few levels: users make cgroups as deep as they like.
struct CgroupIndex: Sendable {
    /// Deeper ones are no container's own.
    static let mostLevels = CgroupOwnership.mostLevels

    private struct Step: Hashable {
        /// The number of the node above.
        let parent: Int
        let name: Substring
    }

    private struct Node {
        /// From the one above; nil: the root.
        let step: Step?
        var childCount = 0
        /// The whole path, if it is one of the cgroups.
        var path: String?
    }

    private var steps: [Step: Int] = [:]
    private var nodes: [Int: Node] = [Self.root: Node(step: nil)]
    private var lastNumber = Self.root
    private static let root = 0

    /// One that is too deep is left out, and what is no path.
    mutating func insert(_ path: String) {
        guard path.hasPrefix("/"), !Self.isTooDeep(path) else { return }
        var number = Self.root
        for name in Names(path) {
            let step = Step(parent: number, name: name)
            if let next = steps[step] {
                number = next
                continue
            }
            lastNumber += 1
            nodes[number]?.childCount += 1
            // Not a part of the path, which would stay in memory with it.
            let own = Step(parent: number, name: Substring(String(name)))
            steps[own] = lastNumber
            nodes[lastNumber] = Node(step: own)
            number = lastNumber
        }
        if number != Self.root { nodes[number]?.path = path }
    }

    mutating func remove(_ path: String) {
        guard path.hasPrefix("/"), !Self.isTooDeep(path) else { return }
        var number = Self.root
        for name in Names(path) {
            guard let next = steps[Step(parent: number, name: name)] else { return }
            number = next
        }
        nodes[number]?.path = nil
        while let node = nodes[number], let step = node.step, node.childCount == 0, node.path == nil {
            nodes[number] = nil
            steps[step] = nil
            nodes[step.parent]?.childCount -= 1
            number = step.parent
        }
    }

    /// Those at or above a cgroup, from the outermost, until `body` returns false.
    /// - Returns: How many levels were looked at.
    @discardableResult
    func visit(above path: String, _ body: (String) -> Bool) -> Int {
        var number = Self.root
        var levels = 0
        for name in Names(path) {
            levels += 1
            guard let next = steps[Step(parent: number, name: name)] else { break }
            number = next
            if let path = nodes[number]?.path, !body(path) { break }
        }
        return levels
    }

    /// How many levels are kept.
    var levelCount: Int { steps.count }

    static func isTooDeep(_ path: String) -> Bool {
        path.utf8.lazy.filter { $0 == UInt8(ascii: "/") }.prefix(mostLevels + 1).count > mostLevels
    }

    /// The names of a path's first levels.
    private struct Names: Sequence, IteratorProtocol {
        private var rest: Substring.UTF8View
        private var levels = 0

        init(_ path: String) {
            rest = path[...].utf8
        }

        mutating func next() -> Substring? {
            let slash = UInt8(ascii: "/")
            rest = rest.drop { $0 == slash }
            guard !rest.isEmpty, levels < CgroupIndex.mostLevels else { return nil }
            levels += 1
            let name = rest.prefix { $0 != slash }
            rest = rest[name.endIndex...]
            return Substring(name)
        }
    }
}
