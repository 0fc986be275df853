import OS
import Processes
import Testing

@testable import Tracing

@Suite("How long a file stays probed")
struct ProbeLifetimeTests {
    private var lifetimes = ProbeLifetimes()
    private let identity = FileIdentity(device: 1, inode: 2)
    private let user = ProcessScan.User(
        pid: 1, range: MappedRange(start: 0x1000, end: 0x2000, offset: 0), mayBeInFault: false)

    /// What a sweep found, begun after all that was told before.
    private func findings(_ witness: ProcessScan.User?, file: UInt32 = 7) -> ProbeSweep.Findings {
        var findings = ProbeSweep.Findings(startedAt: Clock.monotonic)
        findings.witnesses = [(file, witness)]
        return findings
    }

    @Test("a file that a process maps stays; two sweeps without one release it")
    mutating func mapped() {
        lifetimes.mapped(7, as: identity, by: user)
        #expect(lifetimes.sweep()?.doubtful.map(\.file) == [7])
        #expect(lifetimes.apply(findings(user)).isEmpty)
        #expect(lifetimes.apply(findings(nil)).isEmpty)
        #expect(lifetimes.apply(findings(user)).isEmpty)
        #expect(lifetimes.apply(findings(nil)).isEmpty)
        let released = lifetimes.apply(findings(nil))
        #expect(released.map(\.file) == [7] && released.first?.identities == [identity])
        #expect(lifetimes.sweep() == nil)
    }

    @Test("what is mapped while a sweep runs stays")
    mutating func mappedMeanwhile() {
        lifetimes.mapped(7, as: identity, by: user)
        _ = lifetimes.apply(findings(nil))
        let late = findings(nil)
        lifetimes.mapped(7, as: identity, by: user)
        #expect(lifetimes.apply(late).isEmpty)
        #expect(lifetimes.apply(findings(nil)).isEmpty, "the count begins anew")
    }

    @Test("a file of containers stays until the last of them ends")
    mutating func containers() {
        lifetimes.needed(7, by: "/one")
        lifetimes.needed(7, by: "/two")
        #expect(lifetimes.sweep() == nil)
        lifetimes.ended(container: "/one")
        lifetimes.ended(container: "/never")
        #expect(lifetimes.sweep() == nil)
        lifetimes.ended(container: "/two")
        #expect(lifetimes.sweep()?.doubtful.map(\.file) == [7])
        // A container that comes meanwhile keeps it.
        _ = lifetimes.apply(findings(nil))
        lifetimes.needed(7, by: "/three")
        #expect(lifetimes.apply(findings(nil)).isEmpty)
    }

    @Test("an installed file stays until another one takes its place")
    mutating func installed() {
        lifetimes.found(7, at: "/usr/lib/libssl.so.3")
        #expect(lifetimes.sweep()?.installed.map(\.path) == ["/usr/lib/libssl.so.3"])
        var findings = ProbeSweep.Findings(startedAt: Clock.monotonic)
        findings.replaced = [7]
        #expect(lifetimes.apply(findings).isEmpty)
        #expect(lifetimes.sweep()?.doubtful.map(\.file) == [7])
    }
}
