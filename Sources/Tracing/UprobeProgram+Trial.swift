internal import Glibc
internal import LibBPF
internal import OS
internal import Processes

extension UprobeProgram {
    /// Attaches the program to a function of sniscope that nobody calls, and detaches it: where that fails, no file can
    /// be traced. Waits for the kernel, some 15 ms.
    /// - Throws: `HostLimitation`, `BPFError`, `SystemError`.
    func tryAttaching() throws {
        let address = UprobeTarget.address
        let own = Int32(bitPattern: Host.pid)
        guard
            let mapping = try ProcessScan.files(ofProcess: own).first(where: {
                $0.range.start <= address && address < $0.range.end
            })
        else { throw SystemError("find", "sniscope's own code in its maps", code: 0) }
        let offset = address - mapping.range.start + mapping.range.offset
        do throws(BPFError) {
            let links = try attach(path: "/proc/self/exe", points: [ProbePoint(offset: offset, cookie: 0)])
            // The kernel takes its time over it.
            try? Threads.start(name: "detach") { for link in links { link.close() } }
        } catch {
            // sniscope itself lies where nothing can be probed, which says nothing of other files.
            if error.code == EIO { return }
            guard error.isNotPermitted else { throw error }
            throw HostLimitation(.privileges, "\(error.summary); run it as root: `sudo sniscope …`")
        }
    }
}
