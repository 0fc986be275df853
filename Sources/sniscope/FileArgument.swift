import Containers
import OS
import Rendering
import Tracing

extension FileTarget {
    /// A path of this host, or `CONTAINER:/PATH`: the file as the containers of that name see it. CONTAINER is a shell
    /// pattern for a name, a pod's container (`NAMESPACE/POD/CONTAINER`) or an id, in full or its first 12 digits; of a
    /// user's container with the user before it (`alice/web`).
    ///
    /// What begins with `/` or `.`, has no colon, or is a file here by that very name, is a path.
    /// - Parameter subject: The option or argument, for errors.
    init(argument text: String, of subject: String) throws(UsageError) {
        guard !text.hasPrefix("/"), !text.hasPrefix("."), let colon = text.firstIndex(of: ":"), !Files.exists(text)
        else {
            self = .host(text)
            return
        }
        let name = String(text[..<colon])
        let path = String(text[text.index(after: colon)...])
        guard !name.isEmpty, path.hasPrefix("/"), path != "/", !path.utf8.contains(0) else {
            throw UsageError(
                "\(text.quotedInError) in \(subject) is no file here and not of the form CONTAINER:/PATH; write the "
                    + "path in the container with its first slash, as in web:/usr/lib/libssl.so.3.")
        }
        let pattern = Glob(name, stopsAtSlash: true)
        self = .container(
            ContainerFile(text: text, path: path) { container in
                container.names.contains(where: pattern.matches)
            })
    }
}

extension Container {
    /// What users call it.
    fileprivate var names: [String] {
        if uid != nil {
            let user = name.prefix { $0 != "/" }
            return [name, "\(user)/\(id)", "\(user)/\(shortID)"]
        }
        var names = [name, id, String(id.prefix(12))]
        if let pod = kubernetes {
            names += [pod.containerName, "\(pod.namespace)/\(pod.podName)/\(pod.containerName)"]
        }
        return names
    }
}
