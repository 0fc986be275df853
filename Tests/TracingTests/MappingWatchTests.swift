import OS
import Synchronization
import Testing

@testable import Tracing

@Suite("Executable mappings that come as fast as they are read")
struct MappingWatchTests {
    private static func watch(_ usesPerfEvents: Bool) throws -> MappingWatch {
        usesPerfEvents ? .perfEvents(try MappingMonitor()) : .program(try MappingProgram())
    }

    private static let permitted = [true, false].filter { (try? watch($0)) != nil }

    @Test(
        "hold the reader up for a moment only, and the rest comes later",
        .enabled(if: !permitted.isEmpty, "perf events and BPF programs are not permitted"), arguments: permitted)
    func flood(usesPerfEvents: Bool) throws {
        let watch = try Self.watch(usesPerfEvents)
        let poller = try Poller()
        try poller.add(watch.descriptor, tag: 1)
        let flood = Flood()
        for _ in 0..<2 { try flood.begin() }
        defer { flood.end() }
        for _ in 0..<3 {
            #expect(try poller.wait(milliseconds: 2000) == [1])
            let begun = Clock.monotonic
            // Slower than they come.
            _ = watch.drain { _ in Threads.sleep(milliseconds: 1) }
            #expect(Clock.monotonic - begun < 1_000_000_000)
        }
    }

    /// Maps and unmaps, on threads of its own.
    private final class Flood: Sendable {
        private let isOver = Atomic(false)

        func begin() throws {
            try Threads.start(name: "flood") { [self] in
                while !isOver.load(ordering: .relaxed), (try? ExecutableMapping.makeOwn()) != nil {}
            }
        }

        func end() { isOver.store(true, ordering: .relaxed) }
    }
}
