internal import CLibbpf
internal import Glibc

/// A hash map shared with the BPF programs. Valid as long as its object lives; usable from any thread.
public struct BPFMap<Key: BitwiseCopyable & Sendable, Value: BitwiseCopyable & Sendable>: Sendable {
    let name: String
    let descriptor: Int32

    public func set(_ key: Key, _ value: Value) throws(BPFError) {
        let code = withUnsafePointer(to: key) { key in
            withUnsafePointer(to: value) { bpf_map_update_elem(descriptor, key, $0, 0) }
        }
        guard code == 0 else { throw BPFError("write to the map \(name)", code: code) }
    }

    /// A key that is not there is no error.
    public func remove(_ key: Key) throws(BPFError) {
        let code = withUnsafePointer(to: key) { bpf_map_delete_elem(descriptor, $0) }
        guard code == 0 || code == -ENOENT else { throw BPFError("delete from the map \(name)", code: code) }
    }

    public subscript(_ key: Key) -> Value? {
        withUnsafeTemporaryAllocation(of: Value.self, capacity: 1) { value in
            let code = withUnsafePointer(to: key) { bpf_map_lookup_elem(descriptor, $0, value.baseAddress) }
            return code == 0 ? value[0] : nil
        }
    }

    /// The keys as they are now; entries that come and go meanwhile may or may not be among them.
    public var keys: [Key] {
        var keys: [Key] = []
        withUnsafeTemporaryAllocation(of: Key.self, capacity: 1) { next in
            var last: Key?
            while true {
                let code =
                    if let last {
                        withUnsafePointer(to: last) { bpf_map_get_next_key(descriptor, $0, next.baseAddress) }
                    } else {
                        bpf_map_get_next_key(descriptor, nil, next.baseAddress)
                    }
                guard code == 0, keys.count < 1 << 20 else { return }
                keys.append(next[0])
                last = next[0]
            }
        }
        return keys
    }
}
