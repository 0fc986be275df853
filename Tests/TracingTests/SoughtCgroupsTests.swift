import LibBPF
import Testing

@testable import Containers
@testable import Tracing

@Suite("Control groups that are looked for, and those that were found")
struct SoughtCgroupsTests {
    @Test("each user has a share, all users together leave root a part, and room comes back")
    func shares() {
        var sought = SoughtCgroups()
        let (share, most) = (UInt64(SoughtCgroups.mostOfUser), UInt64(SoughtCgroups.most))
        for number in 0..<share { #expect(sought.seek(number, for: 1000) == .new) }
        #expect(sought.seek(0, for: 1000) == .sought)
        #expect(sought.seek(share, for: 1000) == .refused)
        #expect(sought.seek(share, for: 1001) == .new)
        var taken = share + 1
        for number in taken..<most where sought.seek(number, for: 2000 + UInt32(number)) == .new { taken += 1 }
        #expect(taken < most && sought.seek(most, for: 1002) == .refused)
        for number in taken..<most { #expect(sought.seek(number, for: 0) == .new) }
        #expect(sought.seek(most, for: 0) == .refused)
        sought.remove(0)
        #expect(sought.seek(most, for: 1000) == .new)
    }

    private let slice = "/user.slice/user-1000.slice/user@1000.service"

    private func path(_ number: Int) -> String {
        let digits = String(number, radix: 16)
        return "\(slice)/libpod-\(String(repeating: "0", count: 64 - digits.count))\(digits).scope"
    }

    @Test("those that were found count for the user whose they are", arguments: [UInt32(1000), 100_000, 0])
    func found(uid: UInt32) {
        var directory = ContainerDirectory()
        for number in 0..<ContainerDirectory.mostOfUser {
            let change = directory.apply(CgroupRecord(found: UInt64(number), at: path(number), uid: uid))
            guard case .suspected = change else {
                Issue.record("\(change)")
                return
            }
        }
        let most = ContainerDirectory.mostOfUser
        let change = directory.apply(CgroupRecord(found: UInt64(most), at: path(most), uid: uid))
        guard case .refused(uid: 1000) = change else {
            Issue.record("\(change)")
            return
        }
    }

    @Test("one that is too deep is nobody's container")
    func deep() {
        var directory = ContainerDirectory()
        let path = String(repeating: "/a", count: 40) + path(0)
        guard case .host = directory.apply(CgroupRecord(found: 1, at: path, uid: 1000)) else {
            Issue.record("it is looked into")
            return
        }
    }
}
