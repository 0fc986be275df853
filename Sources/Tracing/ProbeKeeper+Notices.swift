internal import LibBPF
internal import OS
internal import Processes

/// What the user is told of files.
extension ProbeKeeper {
    /// As many as there may be, of all owners.
    private static let mostTold = 4096

    /// - Returns: The file, where it is probed.
    mutating func tell(_ outcome: ProbeOutcome, of owner: WorkOwner) -> ProbedFile? {
        switch outcome {
        case .traced(let file, let detail):
            if let detail { items.append(.detail(detail)) }
            return file
        case .untraced(_?, .detail(let reason)?):
            items.append(.detail("not traced: \(reason)"))
        case .unwanted(let detail?):
            items.append(.detail(detail))
        case .refused(let reason?), .untraced(_, .notice(let reason)?):
            tell("not traced: \(reason)", kind: "files that can't be traced", owner)
        case .unreadable(let error) where !error.isNotFound:
            tell(unread: error, of: owner)
        case .crowded(let limit):
            if notices.isNew(limit) { items.append(.notice("\(limit)")) }
        case .avoided(let harm, let file):
            if let file { avoid(file) }
            if toldHarm.count < Self.mostTold, toldHarm.insert(harm.key).inserted {
                tell("not traced: \(harm)", kind: "files that a probe would do harm in", owner)
            }
        case .noLibrary, .unsearched, .refused, .untraced, .unreadable, .pending, .vanished, .changing, .unwanted,
            .copying,
            .copierEnded:
            break
        }
        return nil
    }

    /// Nothing is heard of a job any more.
    mutating func noteStuck(_ job: ProbeJob, of owner: WorkOwner) {
        tell(unread: job.hangError, of: owner)
        guard case .mapped(let candidate) = job else { return }
        // It may be the process that holds it up: the next one that maps the file is asked anew.
        candidates.settle(candidate, .unreadable(job.hangError))
        memory.held.askLater(candidate.users.map(\.pid))
    }

    mutating func tell(unread error: SystemError, of owner: WorkOwner) {
        tell("not inspected: \(error)", kind: "files not inspected: \(error.reason)", owner)
    }

    /// A process dies of SIGTRAP, of which a copy of a breakpoint may be the reason. Told once for each name.
    mutating func tell(trapped record: TrapRecord) {
        let owner = record.uid == 0 ? WorkOwner.controlGroup(record.cgroup) : .user(record.uid)
        // To compare its code with all that is probed takes time, and whoever likes can die so.
        guard notices.hasRoom(kind: Self.trapped, owner) else { return }
        let origin = table.origin(ofCopy: record.code)
        guard origin != nil || copiers.concerns(Int32(bitPattern: record.pid)),
            toldTraps[owner, default: []].insert("\(record.comm) \(origin ?? "")").inserted
        else { return }
        let process = "process \(record.pid) (\(record.comm)) died of SIGTRAP"
        let text =
            if let origin {
                "\(process): it ran a copy of code of \(origin) with a probe's breakpoint in it; "
                    + "leave the file out: `--exclude-binary \(origin)`"
            } else {
                "\(process); if it copies or interprets code, a probe may be the reason: "
                    + "leave its files out by `--exclude-binary FILE`"
            }
        tell(text, kind: Self.trapped, owner)
    }

    private static let trapped = "processes that died of SIGTRAP"

    /// Whoever makes many files is not to flood the user, nor keep him from seeing what is said of others.
    mutating func tell(_ notice: String, kind: String, _ owner: WorkOwner) {
        items += notices.admitted(notice, kind: kind, owner).map { .notice($0) }
    }
}
