internal import Glibc

/// Clocks of the kernel, in nanoseconds.
public enum Clock {
    public static var monotonic: Int64 { read(CLOCK_MONOTONIC) }
    public static var realtime: Int64 { read(CLOCK_REALTIME) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
