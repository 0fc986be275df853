import Testing

@testable import OS

@Suite("CPUs that come and go")
struct CPUEventTests {
    @Test(
        "the kernel's list of CPUs",
        arguments: [
            ("0-3\n", [0, 1, 2, 3]), ("0", [0]), ("0,2-3,7\n", [0, 2, 3, 7]), ("\n", []), ("x-3", []), ("3-1", []),
        ] as [(String, [Int32])])
    func list(text: String, cpus: [Int32]) {
        #expect(CPUEvents.parse(list: text) == cpus)
    }

    @Test("this host's list has this CPU")
    func host() throws {
        #expect(try CPUEvents.online().contains(0))
    }

    @Test(
        "the kernel's messages",
        arguments: [
            (
                [
                    "online@/devices/system/cpu/cpu1", "ACTION=online", "DEVPATH=/devices/system/cpu/cpu1",
                    "SUBSYSTEM=cpu",
                ],
                CPUEvents.Event.online(1)
            ),
            (
                [
                    "offline@/devices/system/cpu/cpu12", "ACTION=offline", "DEVPATH=/devices/system/cpu/cpu12",
                    "SUBSYSTEM=cpu",
                ],
                .offline(12)
            ),
            (["x", "ACTION=change", "DEVPATH=/devices/system/cpu/cpu1", "SUBSYSTEM=cpu"], nil),
            (["x", "ACTION=online", "DEVPATH=/devices/system/memory/memory1", "SUBSYSTEM=memory"], nil),
            (["x", "ACTION=online", "DEVPATH=/devices/system/cpu/cpufreq", "SUBSYSTEM=cpu"], nil),
            ([], nil),
        ] as [([String], CPUEvents.Event?)])
    func message(_ message: [String], event: CPUEvents.Event?) {
        #expect(CPUEvents.Event(message) == event)
    }
}
