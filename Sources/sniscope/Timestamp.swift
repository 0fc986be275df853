/// RFC 3339 in UTC with nanoseconds, which no formatter of FoundationEssentials writes.
enum Timestamp {
    private static let form = Array("0000-00-00T00:00:00.000000000Z".utf8)

    /// - Parameter nanoseconds: Since the epoch.
    static func text(_ nanoseconds: Int64) -> String {
        var text: [UInt8] = []
        append(nanoseconds, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// - Parameter nanoseconds: Since the epoch.
    static func append(_ nanoseconds: Int64, to text: inout [UInt8]) {
        let perSecond: Int64 = 1_000_000_000
        let seconds = nanoseconds.flooredDivision(by: perSecond)
        let days = seconds.flooredDivision(by: 86_400)
        let second = seconds - days * 86_400
        let date = civil(days: days)
        // Each event has one: digits are put in place, not joined.
        let start = text.count
        text.append(contentsOf: form)
        put(date.year, digits: 4, at: start, in: &text)
        put(date.month, digits: 2, at: start + 5, in: &text)
        put(date.day, digits: 2, at: start + 8, in: &text)
        put(second / 3600, digits: 2, at: start + 11, in: &text)
        put(second / 60 % 60, digits: 2, at: start + 14, in: &text)
        put(second % 60, digits: 2, at: start + 17, in: &text)
        put(nanoseconds - seconds * perSecond, digits: 9, at: start + 20, in: &text)
    }

    private static func put(_ value: Int64, digits: Int, at start: Int, in text: inout [UInt8]) {
        // Of 32 bits: a division of 64 takes several times as long.
        var rest = UInt32(truncatingIfNeeded: value)
        for place in (start..<start + digits).reversed() {
            text[place] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
    }

    /// The Gregorian date of a day counted from 1970-01-01, by eras of 400 years that begin on 1 March.
    private static func civil(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = shifted.flooredDivision(by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
    }
}

extension Int64 {
    fileprivate func flooredDivision(by divisor: Int64) -> Int64 {
        let quotient = self / divisor
        return self % divisor < 0 ? quotient - 1 : quotient
    }
}
