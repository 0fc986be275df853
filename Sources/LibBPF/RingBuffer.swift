internal import CLibbpf
internal import Glibc

/// The records of the BPF programs, read by one thread.
public final class RingBuffer {
    private let ring: OpaquePointer
    private let sink: Sink

    private final class Sink {
        let callers: CallerCache
        var deliver: (KernelRecord) -> Bool = { _ in true }

        init(_ callers: CallerCache) {
            self.callers = callers
        }
    }

    /// - Parameter callers: Of the records of calls in it.
    public init(object: BPFObject, map: String, callers: CallerCache = CallerCache()) throws(BPFError) {
        sink = Sink(callers)
        let context = Unmanaged.passUnretained(sink).toOpaque()
        let opened = ring_buffer__new(
            try object.mapDescriptor(map),
            { context, data, size in
                guard let context, let data else { return 0 }
                let bytes = UnsafeRawBufferPointer(start: data, count: size)
                let sink = Unmanaged<Sink>.fromOpaque(context).takeUnretainedValue()
                guard let record = KernelRecord(bytes, sink.callers) else { return 0 }
                // A negative answer ends the reading behind this record.
                return sink.deliver(record) ? 0 : -ECANCELED
            }, context, nil)
        guard let opened else { throw BPFError("map the ring buffer", code: errno) }
        ring = opened
    }

    deinit {
        ring_buffer__free(ring)
    }

    /// Readable when there are records; for epoll. It belongs to this ring buffer.
    public var descriptor: Int32 { ring_buffer__epoll_fd(ring) }

    /// Hands over the records there are, until `deliver` has enough and returns false.
    public func drain(_ deliver: (KernelRecord) -> Bool) {
        withoutActuallyEscaping(deliver) { deliver in
            sink.deliver = deliver
            ring_buffer__consume(ring)
            sink.deliver = { _ in true }
        }
    }
}
