internal import CShims

/// The process that does the work, of the two that this program is.
///
/// A thread that the kernel holds, as in a request that a FUSE daemon has taken and does not answer, can't even be killed,
/// and a process with such a thread has not ended for whoever waits for it. So that process is another one's child; what
/// the user started waits for what it says of its end.
public enum WorkerProcess {
    /// Goes on in the worker. Where no process can be made, in this one.
    ///
    /// To be called first: a process that has several threads does not survive a fork as it was.
    public static func begin() { _ = sniscope_become_worker() }
}
