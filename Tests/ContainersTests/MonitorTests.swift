import Testing

@testable import Containers

@Suite("Monitors of LXC and systemd-nspawn by their command lines")
struct MonitorTests {
    @Test(
        "LXC",
        arguments: [
            (["[lxc monitor] /var/lib/lxc web"], "web"), (["[lxc monitor] /a path/lxc my-web"], "my-web"),
            (["lxc-start", "-F", "-n", "web", "-P", "/p"], "web"), (["/usr/bin/lxc-start", "--name=web"], "web"),
            (["lxc-start", "web"], "web"), (["lxc-execute", "-n", "web", "--", "/bin/sh"], "web"),
            (["[lxc monitor] "], nil), (["lxc-attach", "-n", "web"], nil), (["lxc-start"], nil), ([], nil),
        ] as [([String], String?)])
    func lxc(arguments: [String], name: String?) {
        #expect(LXCRuntime.containerName(ofMonitor: arguments) == name)
    }

    @Test(
        "systemd-nspawn",
        arguments: [
            ("systemd-nspawn --register=no --keep-unit -M web -D /m/dir /bin/sleep -M no", "web"),
            (
                "/usr/bin/systemd-nspawn --quiet --keep-unit --boot --link-journal=try-guest --network-veth -U "
                    + "--settings=override --machine=web", "web"
            ),
            ("systemd-nspawn -bD /m/web", "web"), ("systemd-nspawn -bD/m/web/", "web"),
            ("systemd-nspawn -Mweb -D /m/x", "web"),
            ("systemd-nspawn --directory /m/web -u root --setenv A=-M --bind /x -- /bin/sh -M no", "web"),
            ("systemd-nspawn -i /m/web.raw -n", "web"), ("systemd-nspawn -b", "work"), ("systemd-nspawn -D .", "work"),
            ("systemd-nspawn --private-users -D /m/web --volatile", "web"), ("systemd-nspawn -D", "work"),
            ("systemd-machined", nil), ("", nil),
        ] as [(String, String?)])
    func nspawn(line: String, name: String?) {
        let process = RuntimeProcess(
            pid: 1, comm: "systemd-nspawn", uid: 0, arguments: line.split(separator: " ").map(String.init),
            workingDirectory: "/some/work")
        #expect(NspawnRuntime.machineName(process) == name)
    }
}
