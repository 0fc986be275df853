internal import Dispatch
internal import Glibc
internal import Synchronization

extension Array where Element: Sendable {
    /// As `map`, with a part of the elements on each processor: for elements that cost some ten microseconds each and
    /// are many, such as files of /proc.
    public func concurrentMap<Result: Sendable>(_ transform: @Sendable (Element) -> Result) -> [Result] {
        let smallestPart = 32
        let parts = Swift.min(Host.processorCount, count / smallestPart)
        guard parts > 1 else { return map(transform) }
        let results = Mutex<[Int: [Result]]>([:])
        DispatchQueue.concurrentPerform(iterations: parts) { part in
            let result = self[(count * part / parts)..<(count * (part + 1) / parts)].map(transform)
            results.withLock { $0[part] = result }
        }
        return results.withLock { results in (0..<parts).flatMap { results[$0] ?? [] } }
    }
}
