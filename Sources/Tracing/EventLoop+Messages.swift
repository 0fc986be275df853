internal import Containers

/// What other threads report.
extension EventLoop {
    func read(_ message: Message) {
        switch message {
        case .probing(.finding(.container(let cgroup, let resolution))):
            containers.settle(cgroup: cgroup, resolution, program)
            deliverDeferred(waitingFor: cgroup)
            // It may have ended before it was known.
            if containers.removeEnded(key: cgroup) {
                probes.ended(container: cgroup)
            } else if let resolution, let bundle = resolution.bundle, containers.isWanted(resolution.container) {
                // Its program's own libraries are being probed; the rest of its root folder has time.
                probes.submit(.root(bundle.rootPath, container: cgroup))
            }
        case .probing(.finding(.unfinished(let rest))):
            if containers.isKnown(key: rest.container) { probes.submit(.rest(rest)) }
        case .probing(.finished(let number, let job, let owner, let outcomes)):
            probes.apply(.finished(job, owner, outcomes), isKnown: containers.isKnown)
            start.finished(number, followedBy: probes.takeFollowUps())
        case .probing(.stuck(let job, let owner)):
            probes.noteStuck(job, of: owner)
        case .probing(.notice(let notice)): output.add(.notice(notice))
        case .probing(.exhausted):
            output.add(
                .notice("every thread that inspects files waits for a file system: no further file is probed"))
        case .probes(let report):
            probes.apply(report, isKnown: containers.isKnown)
        case .docker(let change):
            containers.apply(change, program)
        case .monitored(let report):
            apply(report)
        case .cgroups(let report):
            let (consequences, keys) = containers.apply(report, program)
            for consequence in consequences { act(on: consequence) }
            for key in keys { deliverDeferred(waitingFor: key) }
        case .stop:
            isStopping = true
        }
    }

    private func apply(_ report: MonitorReader.Report) {
        if case .starting(let container) = report { probes.submit(.starting(container)) }
        let (key, new) = containers.apply(report, program)
        // What it will load; its program begins some time later.
        if let new, let pid = new.initPid, containers.isWanted(new) {
            probes.submit(.root("/proc/\(pid)/root", container: new.key))
        }
        if let key { deliverDeferred(waitingFor: key) }
    }
}
