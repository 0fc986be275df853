internal import OS

/// A file with probes in it.
struct ProbedFile: Sendable, Hashable {
    /// In the table; the file's half of its cookies.
    let number: UInt32
    /// When its probes were in place; CLOCK_MONOTONIC, nanoseconds.
    let since: Int64
}

/// What one owner may not have more of.
enum OwnersLimit: Error, Hashable, Sendable {
    case waiting(WorkOwner)
    /// Probed files, each of which holds descriptors.
    case descriptors(WorkOwner, most: Int)
    /// Processes that are to be spared.
    case copiers(WorkOwner)
}

extension OwnersLimit: CustomStringConvertible {
    var description: String {
        switch self {
        case .waiting(let owner):
            "\(owner): more than \(ProbeQueue.mostWaiting(of: owner)) files wait to be inspected; further ones are left "
                + "out meanwhile"
        case .descriptors(.host, let most):
            "\(most) file descriptors of probed files are all that the limit (`ulimit -n`) leaves room for; further files "
                + "are not traced"
        case .descriptors(let owner, let most):
            "\(owner): its probed files hold \(most) file descriptors, which is its share of the limit (`ulimit -n`); "
                + "further files that only it uses are not traced"
        case .copiers(let owner):
            "\(owner): more than \(CodeCopiers.mostOfOwner) of its processes copy or interpret code; a probe may kill "
                + "further ones"
        }
    }
}

/// What came of looking into a file.
enum ProbeOutcome: Sendable {
    case noLibrary
    /// Its symbols tell of none that can be traced, and nothing else of it was looked at.
    case unsearched
    /// `detail` says what is probed and where; nil for a file that was probed before.
    case traced(ProbedFile, detail: String?)
    /// It holds a TLS library that can't be probed; a sentence, nil where it was said before.
    case refused(String?)
    /// None of its TLS libraries can be traced. The file is nil where nobody is known to map it who is wanted; `words` are
    /// nil where they were said before.
    case untraced(UntracedFile?, words: Words?)

    /// A sentence.
    enum Words: Sendable {
        case notice(String)
        /// For most users it is enough how many there are.
        case detail(String)
    }
    case unreadable(SystemError)
    /// Nobody maps it any more.
    case vanished
    /// Another thread is at it.
    case pending
    /// It was modified just now; to be looked into again some time later.
    case changing
    /// There is no room for it just now among what its owner has.
    case crowded(OwnersLimit)
    /// It must not be probed as long as a process is there. `file`: it was probed before.
    case avoided(HarmfulProbe, file: UInt32?)
    /// Nobody who is wanted maps it, as far as is known; `detail` says so, nil where it was said before.
    case unwanted(detail: String?)
    /// A process that is to be spared has no probed file.
    case copying
    /// A process that was to be spared has ended.
    case copierEnded

    /// The same, for a file that the user was told about.
    var withoutWords: ProbeOutcome {
        switch self {
        case .refused: .refused(nil)
        case .untraced(let file, _): .untraced(file, words: nil)
        case .traced(let file, _): .traced(file, detail: nil)
        default: self
        }
    }

    /// Whether a look of some depth would not tell more.
    func isEnough(for depth: FileProber.Depth) -> Bool {
        if case .unsearched = self { depth == .symbols } else { true }
    }

    var isChanging: Bool {
        if case .changing = self { true } else { false }
    }

    var isPending: Bool {
        if case .pending = self { true } else { false }
    }

    var isCrowded: Bool {
        if case .crowded = self { true } else { false }
    }

    var isAvoided: Bool {
        if case .avoided = self { true } else { false }
    }

    var isUnwanted: Bool {
        if case .unwanted = self { true } else { false }
    }

    var isUnsearched: Bool {
        if case .unsearched = self { true } else { false }
    }

    /// Whether nothing that could be probed was found, and nothing was said of it.
    var isWithoutFunction: Bool {
        switch self {
        case .noLibrary, .untraced(_, nil), .untraced(_, .detail?): true
        default: false
        }
    }

    var isTraced: Bool {
        if case .traced = self { true } else { false }
    }
}
