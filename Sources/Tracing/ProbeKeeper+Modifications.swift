internal import OS

/// Files that are rewritten in place (`cp`, `patchelf`, a linker that keeps the inode) while they are probed. A probe
/// stands at an offset of the file, and the kernel keeps the instruction that it read there once: in each process that
/// maps the file later, the breakpoint would be put into whatever is at that offset by then, and the old instruction
/// would be run in its place.
///
/// An overlay tells of its own file alone: what is written to the file below it by another way is not seen; and what is
/// written to it may have gone into a copy of its own, while other overlays go on to show the file that was probed.
extension ProbeKeeper {
    /// A file was modified; its probes are being taken out.
    mutating func letGo(_ modified: ProbeTable.Modified) {
        let (path, identities) = lifetimes.forget(modified.file)
        candidates.forget(identities)
        let event = "\(modified.path) was changed in place and its probes are taken out"
        if let path {
            retry(.path(path, .symbols))
        } else if hostTargets.contains(modified.path) {
            retry(.path(modified.path, .everything))
            items.append(.notice("\(event); it is looked into again"))
            return
        } else if !seesMappings {
            items.append(.notice("\(event); it is not traced any more"))
            return
        }
        items.append(.detail("\(event); it is looked into again"))
        // Whoever maps it all the while: by another overlay, or because its code is the same as before.
        rescanSoon()
    }

    /// Has all processes looked at.
    /// - Parameter delay: Nanoseconds.
    mutating func rescanSoon(after delay: Int64 = settling) {
        guard seesMappings, modifiedRescan == nil else { return }
        modifiedRescan = max(Clock.monotonic + delay, lastModifiedRescan + Self.rescanInterval)
    }

    /// Nanoseconds. Links are closed by then, and a file that was written at a stretch is looked into by the first scan.
    static let settling: Int64 = 250_000_000
    /// Nanoseconds; whoever writes to a probed file all the time makes no more of them.
    private static let rescanInterval: Int64 = 2_000_000_000

    /// A file that is written at length, or whose links the kernel can't close, is asked for again and again.
    static let retryInterval: Int64 = 50_000_000

    var isRetrying: Bool { !retries.isEmpty || modifiedRescan != nil }

    /// Another thread is at the file, or hangs there; nanoseconds.
    static let pendingInterval: Int64 = 1_000_000_000

    /// - Parameter interval: Nanoseconds from now.
    mutating func retry(_ job: ProbeJob, after interval: Int64 = retryInterval) {
        // What a container's job did not probe is seen when it is mapped.
        switch job {
        case .container, .copier, .starting, .rest: break
        case .mapped, .search, .path, .root: retries.append((Clock.monotonic + interval, job))
        }
    }

    /// Does again what was put off.
    mutating func retryDue(isKnown: (String) -> Bool) {
        let now = Clock.monotonic
        if let due = modifiedRescan, due <= now {
            modifiedRescan = nil
            lastModifiedRescan = now
            beginRescan()
        }
        let due = retries.filter { $0.at <= now }
        guard !due.isEmpty else { return }
        retries.removeAll { $0.at <= now }
        for (_, job) in due {
            if case .root(_, let container) = job, !isKnown(container) { continue }
            submit(job)
        }
    }
}
