internal import Containers
internal import LibBPF

/// What was lost, for which reason, and whom it fell on: what the kernel counts, and what is lost in user space.
struct LossAccount {
    private let program: TracerProgram
    /// In user space.
    private var own: [LossReason: UInt64] = [:]
    /// Of what the kernel counts as a full ring, what it lost while the session's reader was too slow.
    private var slowOutput: [LossReason: UInt64] = [:]
    private var kernel: [LossReason: UInt64] = [:]
    private var payers: [TracerProgram.Payer: (ringFull: UInt64, share: UInt64)] = [:]
    private var reported: [LossReason: UInt64] = [:]
    /// Whether records have waited for the session's reader since the last report.
    var hasWaited = false

    private static let ofRing: Set<LossReason> = [.ringBufferFull, .shareUsedUp]

    init(_ program: TracerProgram) {
        self.program = program
    }

    mutating func count(_ reason: LossReason) { own[reason, default: 0] += 1 }

    /// Since the session began, by reason.
    var total: [LossReason: UInt64] {
        var total = kernel.merging(own, uniquingKeysWith: +)
        for (reason, count) in slowOutput {
            total[reason, default: 0] -= count
            total[.slowOutput, default: 0] += count
        }
        return total.filter { $0.value > 0 }
    }

    /// What is lost since the last call.
    /// - Parameter directory: Knows the containers.
    mutating func takeNew(_ directory: inout ContainerDirectory) -> [Loss] {
        // The kernel has the counters for as long as the programs are loaded: reading them can't fail.
        let now = (try? program.lost()) ?? kernel
        var isOfRing = false
        for reason in Self.ofRing {
            let count = now[reason, default: 0] - kernel[reason, default: 0]
            guard count > 0 else { continue }
            isOfRing = true
            if hasWaited { slowOutput[reason, default: 0] += count }
        }
        kernel = now
        let shares = isOfRing ? newShares(&directory) : [:]
        let total = total
        var losses: [Loss] = []
        for reason in LossReason.allCases {
            let count = total[reason, default: 0]
            guard count > reported[reason, default: 0] else { continue }
            var loss = Loss(reason: reason, count: count - reported[reason, default: 0])
            loss.shares = shares[reason, default: []].sorted { $0.count > $1.count }
            losses.append(loss)
            reported[reason] = count
        }
        hasWaited = false
        return losses
    }

    private mutating func newShares(_ directory: inout ContainerDirectory) -> [LossReason: [Loss.Share]] {
        let now = program.lossesByPayer()
        defer { payers = now }
        var shares: [LossReason: [Loss.Share]] = [:]
        for (payer, counts) in now {
            // One that was forgotten meanwhile begins anew.
            let known = payers[payer] ?? (0, 0)
            let full = counts.ringFull >= known.ringFull ? counts.ringFull - known.ringFull : counts.ringFull
            let share = counts.share >= known.share ? counts.share - known.share : counts.share
            guard let owner = Self.owner(of: payer, &directory) else { continue }
            if hasWaited {
                if full + share > 0 {
                    shares[.slowOutput, default: []].append(.init(owner: owner, count: full + share))
                }
                continue
            }
            if full > 0 { shares[.ringBufferFull, default: []].append(.init(owner: owner, count: full)) }
            if share > 0 { shares[.shareUsedUp, default: []].append(.init(owner: owner, count: share)) }
        }
        return shares
    }

    private static func owner(
        of payer: TracerProgram.Payer, _ directory: inout ContainerDirectory
    ) -> Loss.Share.Owner? {
        switch payer {
        case .container(let cgroup):
            if case .container(let container) = directory.owner(ofCgroup: cgroup) { .container(container) } else { nil }
        case .namespace(let namespace):
            directory.container(forMountNamespace: namespace).map { .container($0) } ?? .user(0)
        case .user(let uid): .user(uid)
        }
    }
}
