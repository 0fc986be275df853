internal import CBPFShims
internal import Glibc

/// A BPF program attached to something; closing it detaches.
public final class BPFLink: Sendable {
    private let descriptor: Int32

    init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    deinit {
        Glibc.close(descriptor)
    }

    /// Detaches all of `links` side by side (one after the other takes some 50 ms each) and gives up waiting after
    /// `milliseconds`: a BPF program that sleeps in a traced process can hold its link for ever. What is not closed
    /// by then is closed by child processes when the traced process lets go; this process may exit.
    /// - Returns: How many were closed in time.
    public static func close(_ links: consuming [BPFLink], within milliseconds: Int32) -> Int {
        let descriptors = links.map(\.descriptor)
        // Their numbers are closed in the shared table: a second close by deinit could hit another file.
        for link in links { _ = Unmanaged.passRetained(link) }
        return sniscope_close_aside(descriptors, descriptors.count, 32, milliseconds)
    }
}
