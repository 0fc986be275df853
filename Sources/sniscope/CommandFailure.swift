import ArgumentParser
import Inspection
import LibBPF
import OS
import Rendering
import TLSLibraries
import Tracing

/// Exit statuses, beside those of `run`'s command; 64 to 77 are those of sysexits.h.
enum ExitStatus {
    static let failed: Int32 = 1
    static let usage: Int32 = 64
    static let unavailable: Int32 = 69
    static let notPermitted: Int32 = 77
    static let cannotExecute: Int32 = 126
    static let notFound: Int32 = 127
}

/// An error that is ready to be shown.
struct CommandFailure: Error {
    /// Safe for a terminal.
    let message: String
    let status: Int32

    /// - Parameter message: May hold text of others: a path, a traced process's name.
    init(_ message: String, status: Int32 = ExitStatus.failed) {
        self.message = message.escapedLines
        self.status = status
    }

    /// Usage errors have escaped what they quote.
    private init(_ error: UsageError) {
        message = error.description
        status = ExitStatus.usage
    }

    /// - Returns: nil for an error of the argument parser, which shows it with the usage.
    init?(_ error: any Error) {
        switch error {
        case let failure as CommandFailure:
            self = failure
        case let error as UsageError:
            self.init(error)
        case let error as DescriptionError:
            self.init(error.description)
        case let error as HostLimitation:
            self.init(error.description, status: Self.status(error.kind))
        case let error as BPFError:
            self.init(error.description + Self.hint(error), status: Self.status(error))
        case let error as SystemError:
            let status = error.isNotPermitted ? ExitStatus.notPermitted : ExitStatus.failed
            let hint = error.isNotPermitted && error.hint == nil ? ". Run it as root: `sudo sniscope …`" : ""
            self.init(error.description + hint, status: status)
        case is InspectionError, is SessionError:
            self.init("\(error)")
        default:
            return nil
        }
    }

    private static func status(_ kind: HostLimitation.Kind) -> Int32 {
        switch kind {
        case .kernel: ExitStatus.unavailable
        case .privileges: ExitStatus.notPermitted
        }
    }

    private static func status(_ error: BPFError) -> Int32 {
        if error.isNotPermitted { return ExitStatus.notPermitted }
        return error.isUnsupported ? ExitStatus.unavailable : ExitStatus.failed
    }

    private static func hint(_ error: BPFError) -> String {
        if error.verifier != nil {
            return "\nThis is Linux \(Host.kernelRelease). sniscope's programs are tested on Linux 6.1 and newer: "
                + "please report this message, or use a newer kernel"
        }
        if error.isNotPermitted { return ". `sniscope doctor` shows which privilege is missing" }
        return error.isUnsupported ? ". `sniscope doctor` shows what this kernel lacks" : ""
    }
}

extension Sniscope {
    /// Shows the error and ends the process with its status.
    static func exit(reporting error: any Error) -> Never {
        guard let failure = CommandFailure(error) else { exit(withError: error) }
        ErrorOutput.print(safe: "sniscope: \(failure.message)")
        exit(withError: ExitCode(failure.status))
    }
}

/// Lines on standard error. Where they can't be written nobody reads them.
enum ErrorOutput {
    /// Escapes what may come from a traced process.
    static func print(_ text: String) {
        print(safe: text.escapedLines)
    }

    static func print(safe text: String) {
        try? OutputFile.standardError.write(Array((text + "\n").utf8))
    }
}

extension String {
    /// Safe for a terminal, with its line breaks.
    fileprivate var escapedLines: String {
        split(separator: "\n", omittingEmptySubsequences: false).map { String($0).escapedForTerminal }
            .joined(separator: "\n")
    }
}
