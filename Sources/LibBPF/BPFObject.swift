internal import CBPFShims
internal import CLibbpf
internal import Glibc

/// A BPF object: opened from memory, configured, then loaded into the kernel.
///
/// Not thread-safe while it is configured; the descriptors of programs and maps may be used from any thread.
public final class BPFObject {
    private let object: OpaquePointer
    /// What libbpf reads the kernel's types from; written by `load`.
    private let types: Int32

    /// Parses the ELF image. Nothing is in the kernel yet.
    public init(image: [UInt8], name: String) throws(BPFError) {
        BPFLog.capture()
        libbpf_set_strict_mode(LIBBPF_STRICT_ALL)
        let types = sniscope_types_file()
        guard types >= 0 else { throw BPFError("make a file for the kernel's types", code: errno) }
        let opened = image.withUnsafeBytes { bytes in
            name.withCString { name in
                "/proc/self/fd/\(types)".withCString { path in
                    var options = bpf_object_open_opts()
                    options.sz = MemoryLayout<bpf_object_open_opts>.size
                    options.object_name = name
                    options.btf_custom_path = path
                    return bpf_object__open_mem(bytes.baseAddress, bytes.count, &options)
                }
            }
        }
        guard let opened else {
            let code = errno
            close(types)
            throw BPFError("open the BPF object \(name)", code: code)
        }
        object = opened
        self.types = types
    }

    deinit {
        bpf_object__close(object)
        close(types)
    }

    /// Says which programs `load` loads; all of them unless told otherwise.
    public func select(programs wanted: Set<String>) {
        var program = bpf_object__next_program(object, nil)
        while let current = program {
            bpf_program__set_autoload(current, wanted.contains(String(cString: bpf_program__name(current))))
            program = bpf_object__next_program(object, current)
        }
    }

    /// Marks a program for uprobe_multi links; it can't be attached by perf events then, nor the other way round.
    public func setUprobeMulti(program name: String) throws(BPFError) {
        // BPF_TRACE_UPROBE_MULTI, which libbpf 1.1 does not name.
        let code = bpf_program__set_expected_attach_type(try program(name), bpf_attach_type(rawValue: 48))
        guard code == 0 else { throw BPFError("prepare the program \(name)", code: code) }
    }

    public func setMaxEntries(map name: String, _ count: UInt32) throws(BPFError) {
        let code = bpf_map__set_max_entries(try map(name), count)
        guard code == 0 else { throw BPFError("size the map \(name)", code: code) }
    }

    /// Has the kernel allocate all entries of the hash maps at once, before `load`. Below Linux 6.1 it refuses others in
    /// programs that may sleep, and warns of them in its log where programs trace (kernel commit 02cc5aa29e8c).
    public func preallocateHashMaps() throws(BPFError) {
        var map = bpf_object__next_map(object, nil)
        while let current = map {
            if bpf_map__type(current) == BPF_MAP_TYPE_HASH {
                let code = bpf_map__set_map_flags(current, bpf_map__map_flags(current) & ~UInt32(BPF_F_NO_PREALLOC))
                guard code == 0 else { throw BPFError("prepare the map", code: code) }
            }
            map = bpf_object__next_map(object, current)
        }
    }

    /// Sets a `const volatile` variable, before `load`.
    public func setConstant<Value: BitwiseCopyable>(_ name: String, _ value: Value, at index: Int = 0) throws(BPFError)
    {
        let place = try variable(name, section: ".rodata")
        let offset = place.offset + index * MemoryLayout<Value>.stride
        var size = 0
        guard let data = bpf_map__initial_value(place.map, &size),
            offset + MemoryLayout<Value>.size <= min(size, place.offset + place.size)
        else { throw BPFError("set the constant \(name)", code: ERANGE) }
        // Before the load it is ordinary memory of libbpf's; its type says const in libbpf 1.1 only.
        UnsafeMutableRawPointer(mutating: UnsafeRawPointer(data)).storeBytes(
            of: value, toByteOffset: offset, as: Value.self)
    }

    /// Verifies the programs and creates the maps.
    public func load() throws(BPFError) {
        if let own = bpf_object__btf(object), sniscope_write_kernel_types(own, types) != 0 {
            throw BPFError("read the kernel's types", code: errno)
        }
        let code = bpf_object__load(object)
        guard code == 0 else { throw BPFError("load the BPF programs", code: code) }
    }

    /// The descriptor of a loaded program; it belongs to this object.
    public func descriptor(ofProgram name: String) throws(BPFError) -> Int32 {
        bpf_program__fd(try program(name))
    }

    public func attachRawTracepoint(program name: String, tracepoint: String) throws(BPFError) -> BPFLink {
        let descriptor = bpf_raw_tracepoint_open(tracepoint, try descriptor(ofProgram: name))
        guard descriptor >= 0 else { throw BPFError("attach to the tracepoint \(tracepoint)", code: errno) }
        return BPFLink(descriptor: descriptor)
    }

    public func map<Key: BitwiseCopyable, Value: BitwiseCopyable>(
        _ name: String, key: Key.Type, value: Value.Type
    ) throws(BPFError) -> BPFMap<Key, Value> {
        BPFMap(name: name, descriptor: bpf_map__fd(try map(name)))
    }

    /// Attaches a program of the section "fentry/…" to the kernel's function (Linux 5.5, where it is built with ftrace).
    public func attachTracing(program name: String) throws(BPFError) -> BPFLink {
        let descriptor = bpf_raw_tracepoint_open(nil, try descriptor(ofProgram: name))
        guard descriptor >= 0 else { throw BPFError("attach the program \(name)", code: errno) }
        return BPFLink(descriptor: descriptor)
    }

    /// How many calls of a loaded program the kernel has left out, because another was under way on the processor
    /// (Linux 5.12).
    public func recursionMisses(ofProgram name: String) throws(BPFError) -> UInt64 {
        var info = bpf_prog_info()
        var size = UInt32(MemoryLayout<bpf_prog_info>.size)
        let code = bpf_obj_get_info_by_fd(try descriptor(ofProgram: name), &info, &size)
        guard code == 0 else { throw BPFError("ask about the program \(name)", code: code) }
        return info.recursion_misses
    }

    /// Reads a global variable of the loaded programs, as it is in the kernel.
    public func read<Value: BitwiseCopyable>(_ name: String, as: Value.Type) throws(BPFError) -> [Value] {
        let place = try variable(name, section: ".bss")
        let count = place.size / MemoryLayout<Value>.stride
        let size = Int(bpf_map__value_size(place.map))
        guard place.offset + place.size <= size else { throw BPFError("read the variable \(name)", code: ERANGE) }
        // By a system call: libbpf 1.1 has no mapping of it, its bpf_map__initial_value is what the object file says.
        return try withUnsafeTemporaryAllocation(byteCount: size, alignment: 8) { data throws(BPFError) in
            var key: UInt32 = 0
            let code = bpf_map_lookup_elem(bpf_map__fd(place.map), &key, data.baseAddress)
            guard code == 0 else { throw BPFError("read the variable \(name)", code: code) }
            return (0..<count).map { index in
                data.loadUnaligned(fromByteOffset: place.offset + index * MemoryLayout<Value>.stride, as: Value.self)
            }
        }
    }

    /// Maps a variable of type `struct sniscope_reader` of the loaded programs.
    public func readerState(_ name: String) throws(BPFError) -> ReaderState {
        let place = try variable(name, section: ".bss")
        let mapping = try DataMapping(
            descriptor: bpf_map__fd(place.map), length: Int(bpf_map__value_size(place.map)))
        return ReaderState(mapping, offset: place.offset)
    }

    func mapDescriptor(_ name: String) throws(BPFError) -> Int32 {
        bpf_map__fd(try map(name))
    }

    private func program(_ name: String) throws(BPFError) -> OpaquePointer {
        guard let program = bpf_object__find_program_by_name(object, name) else {
            throw BPFError("find the BPF program \(name)", code: ENOENT)
        }
        return program
    }

    private func map(_ name: String) throws(BPFError) -> OpaquePointer {
        guard let map = bpf_object__find_map_by_name(object, name) else {
            throw BPFError("find the BPF map \(name)", code: ENOENT)
        }
        return map
    }

    /// BTF_KIND_DATASEC of linux/btf.h, which is an enum's case and, for some headers, a macro too.
    private let dataSectionKind: UInt32 = 15

    private struct Variable {
        let map: OpaquePointer
        let offset: Int
        let size: Int
    }

    /// BTF says where in its section a variable lies.
    private func variable(_ name: String, section: String) throws(BPFError) -> Variable {
        guard let btf = bpf_object__btf(object), let map = dataMap(section),
            let type = btf__type_by_id(btf, UInt32(max(btf__find_by_name_kind(btf, section, dataSectionKind), 0)))
        else { throw BPFError("find the section \(section)", code: ENOENT) }
        // struct btf_type is followed by as many struct btf_var_secinfo as the low half of `info` says.
        let entries = UnsafeRawPointer(type).advanced(by: MemoryLayout<btf_type>.size)
        for index in 0..<Int(type.pointee.info & 0xffff) {
            let entry = entries.load(
                fromByteOffset: index * MemoryLayout<btf_var_secinfo>.stride, as: btf_var_secinfo.self)
            guard let declared = btf__type_by_id(btf, entry.type),
                let text = btf__name_by_offset(btf, declared.pointee.name_off), strcmp(text, name) == 0
            else { continue }
            return Variable(map: map, offset: Int(entry.offset), size: Int(entry.size))
        }
        throw BPFError("find the variable \(name)", code: ENOENT)
    }

    /// libbpf names these maps after the object and the section: "tracer.rodata".
    private func dataMap(_ section: String) -> OpaquePointer? {
        var map = bpf_object__next_map(object, nil)
        while let current = map {
            if String(cString: bpf_map__name(current)).hasSuffix(section) { return current }
            map = bpf_object__next_map(object, current)
        }
        return nil
    }
}
