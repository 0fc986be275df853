import Testing

/// Everything here runs the built program against the kernel, real libraries and real clients; one test after the
/// other, because probes are the whole host's, and a library that one test holds up is held up for all.
@Suite("sniscope, end to end", .serialized, .timeLimit(.minutes(2)))
enum EndToEnd {}
