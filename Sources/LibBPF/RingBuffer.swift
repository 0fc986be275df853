internal import CLibbpf
internal import Glibc

/// A ring buffer of the BPF programs, read by one thread.
final class RingBuffer {
    private let ring: OpaquePointer
    private let sink: Sink

    private final class Sink {
        var deliver: (UnsafeRawBufferPointer) -> Bool = { _ in true }
    }

    init(object: BPFObject, map: String) throws(BPFError) {
        sink = Sink()
        let context = Unmanaged.passUnretained(sink).toOpaque()
        let opened = ring_buffer__new(
            try object.mapDescriptor(map),
            { context, data, size in
                guard let context, let data else { return 0 }
                let sink = Unmanaged<Sink>.fromOpaque(context).takeUnretainedValue()
                // A negative answer ends the reading behind this record.
                return sink.deliver(UnsafeRawBufferPointer(start: data, count: size)) ? 0 : -ECANCELED
            }, context, nil)
        guard let opened else { throw BPFError("map the ring buffer", code: errno) }
        ring = opened
    }

    deinit {
        ring_buffer__free(ring)
    }

    var descriptor: Int32 { ring_buffer__epoll_fd(ring) }

    func drain(_ deliver: (UnsafeRawBufferPointer) -> Bool) {
        withoutActuallyEscaping(deliver) { deliver in
            sink.deliver = deliver
            ring_buffer__consume(ring)
            sink.deliver = { _ in true }
        }
    }
}

/// What BPF programs report of all but calls; read by one thread.
public final class ReportRing {
    private let ring: RingBuffer

    public init(object: BPFObject, map: String) throws(BPFError) {
        ring = try RingBuffer(object: object, map: map)
    }

    /// Readable when there are records; for epoll. It belongs to this ring buffer.
    public var descriptor: Int32 { ring.descriptor }

    /// Hands over the records there are, until `deliver` has enough and returns false.
    public func drain(_ deliver: (KernelRecord) -> Bool) {
        ring.drain { bytes in
            guard let record = KernelRecord(bytes) else { return true }
            return deliver(record)
        }
    }
}

/// The records of calls; read by one thread.
public final class CallRing {
    private let ring: RingBuffer
    private let callers: CallerCache

    /// - Parameter callers: Of this thread.
    public init(object: BPFObject, map: String, callers: CallerCache) throws(BPFError) {
        ring = try RingBuffer(object: object, map: map)
        self.callers = callers
    }

    /// Readable when there are records, and the programs wake who waits for them; for epoll. It belongs to this ring
    /// buffer.
    public var descriptor: Int32 { ring.descriptor }

    /// Hands over the records there are, until `deliver` has enough and returns false.
    public func drain(_ deliver: (ServerNameRecord) -> Bool) {
        ring.drain { bytes in
            guard let record = ServerNameRecord(bytes, callers) else { return true }
            return deliver(record)
        }
    }
}
