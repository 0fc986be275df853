/// A place that a number from a file names. Whoever wrote the file chose the number, so that sums are nil where they do
/// not fit, and there are no others.
public protocol CheckedPosition: Comparable, Hashable, Codable, Sendable, ExpressibleByIntegerLiteral {
    var value: UInt64 { get }
    init(_ value: UInt64)
}

/// An address in a program's memory, as linked.
public struct Address: CheckedPosition {
    public let value: UInt64

    @inlinable
    public init(_ value: UInt64) { self.value = value }
}

/// Bytes from a file's beginning.
public struct FileOffset: CheckedPosition {
    public let value: UInt64

    @inlinable
    public init(_ value: UInt64) { self.value = value }

    /// Reads go no further (`off_t`).
    static let last = FileOffset(UInt64(Int64.max))
}

extension CheckedPosition {
    @inlinable
    public init(integerLiteral value: UInt64) { self.init(value) }

    @inlinable
    public static func < (left: Self, right: Self) -> Bool { left.value < right.value }

    @inlinable
    public static func + (place: Self, distance: UInt64) -> Self? {
        let (sum, overflow) = place.value.addingReportingOverflow(distance)
        return overflow ? nil : Self(sum)
    }

    @inlinable
    public static func - (place: Self, distance: UInt64) -> Self? {
        distance <= place.value ? Self(place.value &- distance) : nil
    }

    /// The place at a signed distance.
    @inlinable
    public func moved(by distance: Int64) -> Self? {
        distance < 0 ? self - distance.magnitude : self + distance.magnitude
    }

    /// How far this place lies behind another; nil where it lies before it.
    @inlinable
    public func distance(from other: Self) -> UInt64? {
        value >= other.value ? value &- other.value : nil
    }
}

extension Address {
    /// The sum as processors make it: beyond the last address comes the first.
    @inlinable
    package static func &+ (address: Address, distance: UInt64) -> Address { Address(address.value &+ distance) }
}

extension Range where Bound: CheckedPosition {
    /// Bytes.
    @inlinable
    public var size: UInt64 { upperBound.value &- lowerBound.value }
}
