public import ELFImage
public import OS
internal import Synchronization

/// A file that may be read so much and no more while it is looked into. A file of some KB can say of itself that it has
/// terabytes of code, most of it holes that no disk has to hold.
public final class BudgetedFile: ByteSource {
    let file: RegularFile
    private let budget: UInt64
    private let bytesRead = Atomic<UInt64>(0)
    private let begun: Int64
    /// CLOCK_MONOTONIC, nanoseconds; nil: it may take its time.
    private let briefUntil: Int64?

    /// To be used by the thread that makes it.
    /// - Parameter isBrief: Whether a look that takes longer than a moment is given up.
    public init(_ file: RegularFile, isBrief: Bool = false) {
        self.file = file
        briefUntil = isBrief ? Clock.monotonic + BudgetError.brief * Self.patienceWithOthers : nil
        // The largest browsers, of 300 MB, are read three times over. A file system that compresses says less than it
        // gives, and some in user space say nothing.
        budget = min(max(64 * min(file.status.allocated, 1 << 40), 256 << 20), 4 << 30)
        begun = Clock.threadTime
    }

    public var size: UInt64 { file.size }

    /// - Throws: `SystemError`, `BudgetError`.
    public func read(at offset: UInt64, count: Int) throws -> [UInt8] {
        let bytes = try file.read(at: offset, count: count)
        let sum = bytesRead.wrappingAdd(UInt64(bytes.count), ordering: .relaxed).newValue
        guard sum <= budget else { throw BudgetError.bytes(budget) }
        let time = Clock.threadTime - begun
        guard time <= BudgetError.mostSeconds * 1_000_000_000 else { throw BudgetError.time }
        if let briefUntil, time > BudgetError.brief || Clock.monotonic > briefUntil { throw BudgetError.moment }
        return bytes
    }

    /// How many times as long a brief look may take where others have the processor, or the disk is slow.
    private static let patienceWithOthers: Int64 = 4
}

/// Why a file is not looked into any further.
public enum BudgetError: Error, CustomStringConvertible {
    case bytes(UInt64)
    case time
    /// Only a brief look: there is more to see.
    case moment

    /// Of the thread's own processor time.
    static let mostSeconds: Int64 = 20
    /// The same, for a brief look, in which 300 MB are searched; nanoseconds.
    static let brief: Int64 = 300_000_000

    public var description: String {
        switch self {
        case .bytes(let budget): "it is left out: a look into it takes more than \(budget >> 20) MB of reads"
        case .moment: "a look into it takes longer than a moment"
        case .time: "it is left out: a look into it takes more than \(Self.mostSeconds) seconds"
        }
    }
}
