/// Whether a machine and the API agree about the time.
package enum ClockCheck {
    /// More than this is worth a look: events of two machines cannot be put in order any more.
    static let noticeable = Duration.seconds(2)
    /// Tokens to join with live for minutes, and certificates begin when they are made.
    static let harmful = Duration.seconds(60)

    /// - Parameters:
    ///   - offset: how far this machine is ahead of the API; negative when behind.
    ///   - uncertainty: half of the time that the question took.
    package static func check(offset: Duration, uncertainty: Duration) -> Check {
        let size = offset < .zero ? .zero - offset : offset
        let way = offset < .zero ? "behind" : "ahead of"
        let what = "this machine is \(seconds(size)) s \(way) the API"
        let why = "tokens and certificates hold for other times here than there, and events cannot be put in order"
        let next = "run a time service (chrony, systemd-timesyncd) on both"
        if size > harmful + uncertainty { return Check(.fail, "clock", what, why: why, next: next) }
        if size > noticeable + uncertainty { return Check(.warn, "clock", what, why: why, next: next) }
        return Check(.ok, "clock", "this machine and the API agree to \(seconds(size + uncertainty)) s")
    }

    /// "0.02", "3600.00"
    private static func seconds(_ duration: Duration) -> String {
        let hundredths = Int(duration / .milliseconds(10))
        let rest = hundredths % 100
        return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
    }
}
