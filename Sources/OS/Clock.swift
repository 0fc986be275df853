internal import Glibc

/// Clocks of the kernel, in nanoseconds.
public enum Clock {
    public static var monotonic: Int64 { read(CLOCK_MONOTONIC) }
    public static var realtime: Int64 { read(CLOCK_REALTIME) }

    /// That the calling thread has computed.
    public static var threadTime: Int64 { read(CLOCK_THREAD_CPUTIME_ID) }

    /// Since the system's start, also while it slept.
    public static var boot: Int64 { read(CLOCK_BOOTTIME) }
    /// Of the times in /proc/PID/stat.
    public static let ticksPerSecond = Int64(sysconf(Int32(_SC_CLK_TCK)))

    /// A time in /proc/PID/stat by `boot`'s clock.
    ///
    /// In a time namespace whose clock was set back, processes may be older than the clock: the kernel writes what lies
    /// before 0 as an unsigned number (fs/proc/array.c, `timens_add_boottime_ns`), and it is below 0 here.
    public static func boot(ticks: UInt64) -> Int64 {
        Int64(bitPattern: ticks &* UInt64(1_000_000_000 / ticksPerSecond))
    }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
