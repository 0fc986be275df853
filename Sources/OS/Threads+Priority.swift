internal import Glibc

extension Threads {
    /// Lets the calling thread run before all that have no priority in real time, whenever it has something to do; for one
    /// that seldom has. Without CAP_SYS_NICE, or time for such threads in this control group, it waits for its turn.
    public static func preemptOthers() {
        var parameters = sched_param()
        parameters.sched_priority = 1
        // 0: this thread.
        sched_setscheduler(0, SCHED_FIFO, &parameters)
    }
}
