import ArgumentParser
import Containers

/// Which containers.
struct ContainerOptions: ParsableArguments {
    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "Containers of these runtimes: \(RuntimeName.all.map(\.rawValue).joined(separator: ", ")).",
            valueName: "list"))
    var runtimes: [String] = []

    @Option(name: [.short, .customLong("containername")], help: ArgumentHelp("Containers by name.", valueName: "list"))
    var containerName: [String] = []

    @Option(name: [.short, .long], help: ArgumentHelp("Pods of these Kubernetes namespaces.", valueName: "list"))
    var namespace: [String] = []

    @Option(name: [.short, .customLong("podname")], help: ArgumentHelp("Pods by name.", valueName: "list"))
    var podName: [String] = []
}

extension TargetSelection {
    /// Containers alone.
    init(_ options: ContainerOptions) throws {
        var target = try TargetOptions.parse([])
        target.containers = options
        self = try TargetSelection(target)
    }
}
