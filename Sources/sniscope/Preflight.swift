import OS
import Tracing

/// What tracing needs, asked before anything is begun, so that the answer is a plain sentence.
enum Preflight {
    /// - Throws: `CommandFailure` with the status for "not permitted" or "this kernel can't".
    static func check() throws {
        for requirement in HostCheck.requirements {
            if let failure = requirement.failure() { throw failure }
        }
    }
}
