/// What a function must contain to be the one that is looked for: it survives stripping and changes little from
/// compiler to compiler. Arguments count from 0, so that a rule serves every processor.
public struct AnchorRule: Sendable, Hashable {
    /// A comparison with a number, give or take: compilers turn `> 255` into `>= 256`, and count from either side.
    public struct Comparison: Sendable, Hashable {
        public let number: Int64
        public let tolerance: Int64

        public init(number: Int64, tolerance: Int64) {
            self.number = number
            self.tolerance = tolerance
        }

        func isMet(by compared: Set<Int64>) -> Bool {
            compared.contains { value in
                let pair = (value.magnitude, number.magnitude)
                return max(pair.0, pair.1) - min(pair.0, pair.1) <= tolerance.magnitude
            }
        }
    }

    /// It refers to one of these.
    public let texts: [AnchorText]
    /// It has all of these numbers.
    public let immediates: [Int64]
    /// These numbers stand beside the reference, as the arguments of one call.
    public let callSite: [Int64]
    /// It makes all of these.
    public let comparisons: [Comparison]
    /// It reads this argument; nil where that does not matter.
    public let usesArgument: Int?
    /// Bytes.
    public let largestSize: Int
    /// How many such functions there are.
    public let count: Int

    public init(
        texts: [AnchorText], immediates: [Int64] = [], callSite: [Int64] = [], comparisons: [Comparison] = [],
        usesArgument: Int? = nil, largestSize: Int, count: Int = 1
    ) {
        self.texts = texts
        self.immediates = immediates.map(Self.signed)
        self.callSite = callSite.map(Self.signed)
        self.comparisons = comparisons
        self.usesArgument = usesArgument
        self.largestSize = largestSize
        self.count = count
    }

    /// As instructions write a number of 32 bits.
    private static func signed(_ number: Int64) -> Int64 {
        UInt32(exactly: number).map { Int64(Int32(bitPattern: $0)) } ?? number
    }

    /// The number that is rarest in other code.
    var rarestNumber: Int64? { (immediates + callSite).max() }
}
