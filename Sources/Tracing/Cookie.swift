/// The attach cookie: which rule the program applies, and which place of which file it was.
struct Cookie {
    let rawValue: UInt64

    init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    init(file: UInt32, point: Int, rule: Int) {
        rawValue = UInt64(file) << 32 | UInt64(point) << 8 | UInt64(rule)
    }

    var file: UInt32 { UInt32(rawValue >> 32) }
    var rule: Int { Int(rawValue & 0xff) }
    var point: Int { Int(rawValue >> 8 & 0xff_ffff) }
}
