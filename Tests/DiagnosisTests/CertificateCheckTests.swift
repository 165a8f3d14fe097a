import Diagnosis
import Resources
import Testing

/// What `kcnet doctor` says of certificates.
@Suite struct CertificateCheckTests {
    private static let now = Timestamp(milliseconds: 1_800_000_000_000)

    /// Days before and after now.
    private static func life(_ begins: Double, _ ends: Double) -> CertificateCheck.Life {
        func moment(_ days: Double) -> Timestamp {
            Timestamp(milliseconds: now.milliseconds + Int64(days * 86_400_000))
        }
        return CertificateCheck.Life(begins: moment(begins), ends: moment(ends))
    }

    private static func checks(
        _ server: CertificateCheck.Life, isNamed: Bool = true, isPinned: Bool? = true,
        pins: [CertificateCheck.Life] = [], own: CertificateCheck.Life? = nil
    ) -> [Check] {
        CertificateCheck(
            server: .init(life: server, isNamed: isNamed, isPinned: isPinned), endpoint: "https://api:8440", pins: pins,
            own: own
        ).checks(now: now)
    }

    @Test func `what is in order is ok, each with its end`() {
        let checks = Self.checks(Self.life(-100, 265), pins: [Self.life(-100, 7200)], own: Self.life(-3, 4))
        #expect(checks.map(\.level) == [.ok, .ok, .ok] && checks.map(\.name) == ["certificate", "pin", "identity"])
        #expect(checks[0].what.contains("265 days") && checks[1].what.contains("7200 days"))
        // Where nothing is pinned, and where there is no agent, there is nothing to say.
        #expect(Self.checks(Self.life(-100, 265), isPinned: nil).map(\.name) == ["certificate"])
    }

    @Test(arguments: [
        (life(-360, 5), true, Bool?.some(true), Check.Level.warn, "in 5 days"),
        (life(-365, -1), true, true, .fail, "has expired"), (life(1, 365), true, true, .fail, "valid from"),
        (life(-1, 365), true, false, .fail, "none of the pinned ones"),
        (life(-1, 365), false, nil, .warn, "does not name"), (life(-1, 365), false, true, .ok, "does not name"),
        // What somebody else answers with matters more than when it ends.
        (life(-365, -1), false, false, .fail, "none of the pinned ones"),
    ])
    func `the API's certificate`(
        life: CertificateCheck.Life, isNamed: Bool, isPinned: Bool?, level: Check.Level, words: String
    ) throws {
        let check = try #require(Self.checks(life, isNamed: isNamed, isPinned: isPinned).first)
        #expect(check.level == level && check.what.contains(words), "\(check)")
        #expect(level == .ok || !check.next.isEmpty)
    }

    @Test func `of pins the last to end counts`() {
        func level(_ pins: [CertificateCheck.Life]) -> Check.Level? {
            Self.checks(Self.life(-1, 365), pins: pins).last?.level
        }
        #expect(level([Self.life(-400, -1), Self.life(-1, 400)]) == .ok)
        #expect(level([Self.life(-400, -1), Self.life(-400, 80)]) == .warn)
        #expect(level([Self.life(-400, -1), Self.life(-400, -2)]) == .fail)
    }

    @Test func `a host's certificate that is not renewed at half of its life is worth a word`() {
        func level(_ own: CertificateCheck.Life) -> Check.Level? {
            Self.checks(Self.life(-1, 365), own: own).last?.level
        }
        #expect(level(Self.life(-4, 3)) == .ok)
        #expect(level(Self.life(-6, 1)) == .warn)
        #expect(level(Self.life(-8, -1)) == .fail)
    }
}
