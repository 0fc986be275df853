import Testing

@testable import Tracing

@Suite("Who may hold how many descriptors")
struct DescriptorShareTests {
    @Test("one owner can't take them from the others; what is given back is there again")
    func shares() {
        var shares = DescriptorShares(limit: 1128)
        #expect(shares.most == 1000)
        func take(_ count: Int, _ owner: WorkOwner) -> Bool { (try? shares.take(count, for: owner)) != nil }
        let taken = (0..<300).count { _ in take(1, .user(1)) }
        #expect(taken == 250)
        #expect(!take(1, .user(1)))
        #expect(take(250, .user(2)))
        #expect(take(500, .host))
        #expect(!take(1, .host))
        #expect(throws: OwnersLimit.descriptors(.host, most: 1000)) { try shares.take(1, for: .user(3)) }
        #expect(throws: OwnersLimit.descriptors(.user(2), most: 250)) { try shares.take(1, for: .user(2)) }
        shares.giveBack(10, of: .user(1))
        #expect(take(10, .host))
        #expect(!take(1, .user(1)), "all are in use")
    }

    @Test("a limit of few leaves most of them to all else", arguments: [64, 256])
    func few(limit: Int) {
        #expect(DescriptorShares(limit: limit).most <= limit / 2)
        #expect(DescriptorShares(limit: limit).most(of: .user(1)) >= 1)
    }
}
