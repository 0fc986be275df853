internal import CEvents
internal import CLibbpf
internal import Glibc
internal import Synchronization

/// What the reader of records tells the BPF programs: `struct sniscope_reader`, in memory of theirs. Usable from any
/// thread.
public final class ReaderState: Sendable {
    private let mapping: DataMapping
    private let offset: Int

    init(_ mapping: DataMapping, offset: Int) {
        self.mapping = mapping
        self.offset = offset
    }

    /// What is known of containers has changed.
    public func noteContainersChanged() {
        word(\.containers_generation).pointee.wrappingAdd(1, ordering: .sequentiallyConsistent)
    }

    /// All records of the bulk lane that are older were read; CLOCK_MONOTONIC, nanoseconds.
    public func noteBulkRead(until time: UInt64) {
        word(\.bulk_read_until).pointee.store(time, ordering: .releasing)
    }

    /// The next record wakes whoever waits for the quick lane's descriptor. To be called before a last look into the
    /// rings.
    public func sleep() { sleeps.pointee.store(1, ordering: .sequentiallyConsistent) }

    /// Records wake nobody.
    public func stayAwake() { sleeps.pointee.store(0, ordering: .relaxed) }

    private var sleeps: UnsafeMutablePointer<Atomic<UInt32>> { place(\.sleeps) }

    private func word(_ field: PartialKeyPath<sniscope_reader>) -> UnsafeMutablePointer<Atomic<UInt64>> { place(field) }

    private func place<Value>(_ field: PartialKeyPath<sniscope_reader>) -> UnsafeMutablePointer<Atomic<Value>> {
        let start = offset + MemoryLayout<sniscope_reader>.offset(of: field)!
        return mapping.start.advanced(by: start).assumingMemoryBound(to: Atomic<Value>.self)
    }
}

/// Global variables of loaded programs, mapped: what one side writes, the other sees.
final class DataMapping: Sendable {
    nonisolated(unsafe) let start: UnsafeMutableRawPointer
    private let length: Int

    /// - Parameter descriptor: Of the map that the kernel keeps them in.
    init(descriptor: Int32, length: Int) throws(BPFError) {
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        self.length = (length + page - 1) / page * page
        let mapped = mmap(nil, self.length, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
        guard let mapped, mapped != MAP_FAILED else { throw BPFError("map the programs' variables", code: errno) }
        start = mapped
    }

    deinit {
        munmap(start, length)
    }
}
