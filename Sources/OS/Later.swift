/// A value that is not there yet.
public final class Later<Value: Sendable>: Sendable {
    private let values = BlockingQueue<Value>()

    public init() {}

    /// To be called once.
    public func set(_ value: Value) { values.put(value) }

    /// It will never be there.
    public func cancel() { values.close() }

    /// Whether it is there.
    public var isThere: Bool { !values.isEmpty }

    /// Waits for the value.
    /// - Throws: `CancellationError` where it will never be there.
    public func get() throws -> Value {
        guard let value = values.take() else { throw CancellationError() }
        // For the next one.
        values.put(value)
        return value
    }
}
