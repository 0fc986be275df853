extension Workspace {
    /// A root folder with this host's wget, openssl, a shell and what they need.
    /// - Returns: Its path.
    func clientRoot() async throws -> String {
        // Libraries of the name service, which ldd does not tell.
        let script = """
            programs="$(command -v wget) $(command -v openssl) $(readlink -f $(command -v sh))"
            programs="$programs $(command -v sleep) $(command -v cat)"
            libraries=$(ldd $programs | grep -o '/[^ :]*' | sort -u)
            services=$(dirname $(ldd $programs | grep -om1 '/[^ ]*libc.so.6'))
            mkdir -p "$0/root/etc" "$0/root/bin" "$0/root/tmp"
            echo 'hosts: files' >"$0/root/etc/nsswitch.conf"
            for program in $programs; do cp -L "$program" "$0/root/bin/"; done
            mv "$0/root/bin/$(basename $(readlink -f $(command -v sh)))" "$0/root/bin/sh"
            for library in $libraries $(ls $services/libnss_files.so.2 2>/dev/null); do
                case $library in /bin/*|/usr/bin/*) continue;; esac
                mkdir -p "$0/root$(dirname $library)"
                cp -L "$library" "$0/root$library"
            done
            """
        try await Program.check("sh", "-ec", script, path)
        return path + "/root"
    }
}
