package import Resources

/// Whether the certificates between a machine and the API hold, and for how long.
package struct CertificateCheck: Sendable {
    /// How long a certificate is good.
    package struct Life: Hashable, Sendable {
        package var begins: Timestamp
        package var ends: Timestamp

        package init(begins: Timestamp, ends: Timestamp) {
            self.begins = begins
            self.ends = ends
        }

        /// How much of it is left, of 1; below 0 when it is over.
        fileprivate func rest(_ now: Timestamp) -> Double {
            Double(ends.milliseconds - now.milliseconds) / Double(max(1, ends.milliseconds - begins.milliseconds))
        }
    }

    /// The API's own certificate, as it shows it.
    package struct Server: Hashable, Sendable {
        package var life: Life
        /// Whether it names the host of the address.
        package var isNamed: Bool
        /// Whether one of the pinned certificates is it, or has signed it; nil where nothing is pinned.
        package var isPinned: Bool?

        package init(life: Life, isNamed: Bool, isPinned: Bool?) {
            self.life = life
            self.isNamed = isNamed
            self.isPinned = isPinned
        }
    }

    /// An authority's certificate that lasts for fewer days is worth a word: to change it takes ten days and more.
    static let pinDays: Int64 = 90

    package var server: Server
    /// Where it was seen.
    package var endpoint: String
    package var pins: [Life]
    /// The host's own; nil where there is none.
    package var own: Life?

    package init(server: Server, endpoint: String, pins: [Life], own: Life?) {
        self.server = server
        self.endpoint = endpoint
        self.pins = pins
        self.own = own
    }

    package func checks(now: Timestamp) -> [Check] {
        [check(server, now)] + (pin(now).map { [$0] } ?? []) + (own.map { [check(host: $0, now)] } ?? [])
    }

    private func check(_ server: Server, _ now: Timestamp) -> Check {
        let name = "certificate"
        if server.isPinned == false {
            return Check(
                .fail, name, "\(endpoint) shows a certificate that none of the pinned ones vouches for",
                why: "nobody who pins those connects: it was replaced on its way, or somebody else answers",
                next: "compare it on the server; docs/access.md has the way from one certificate to another")
        }
        let (life, rest) = (server.life, server.life.rest(now))
        let mend = "the API renews what its authority signed: look at its log; your own replace in /var/lib/kc/tls"
        if now < life.begins {
            return Check(
                .fail, name, "\(endpoint) shows a certificate that is valid from \(life.begins) on",
                why: "nobody connects before", next: "compare the clocks of this machine and the server")
        }
        if rest <= 0 {
            return Check(
                .fail, name, "the certificate of \(endpoint) has expired at \(life.ends)",
                why: "no agent and no client connects", next: mend)
        }
        if rest < 0.1 {
            return Check(
                .warn, name, "the certificate of \(endpoint) expires at \(life.ends), in \(days(life, now)) days",
                why: "nobody connects after that", next: mend)
        }
        guard server.isNamed || server.isPinned == true else {
            return Check(
                .warn, name, "the certificate of \(endpoint) does not name that host",
                why: "clients that pin nothing compare names, and refuse it",
                next: "`kcd api --tls-name NAME` and a new certificate, or pin it: kcnet --certificate FILE")
        }
        let names = server.isNamed ? "" : "; it does not name that host, which only those take who pin it"
        return Check(.ok, name, "the certificate of \(endpoint) is valid for \(days(life, now)) days\(names)")
    }

    /// The pinned certificate that lasts longest: with its end trust ends.
    private func pin(_ now: Timestamp) -> Check? {
        guard let last = pins.max(by: { $0.ends < $1.ends }) else { return nil }
        let next = "put another one behind it in ca.pem on the server, and wait until agents have it (docs/access.md)"
        let count = pins.count == 1 ? "the pinned certificate" : "the last of \(pins.count) pinned certificates"
        if last.ends <= now {
            return Check(
                .fail, "pin", "\(count) has expired at \(last.ends)", why: "nothing vouches for the API any more",
                next: "copy the server's ca.pem into `certificate` of api.json in the agent's state folder")
        }
        if last.ends.milliseconds - now.milliseconds < Self.pinDays * 86_400_000 {
            return Check(
                .warn, "pin", "\(count) expires at \(last.ends), in \(days(last, now)) days",
                why: "nothing vouches for the API after that", next: next)
        }
        return Check(.ok, "pin", "\(count) is of \(last.begins), and valid for \(days(last, now)) days")
    }

    /// Agents renew theirs at about half of its life.
    private func check(host life: Life, _ now: Timestamp) -> Check {
        let next = "look at the agent's log, and whether the API answers; a restart of `kcd node` asks at once"
        if life.ends <= now {
            return Check(
                .fail, "identity", "the host's certificate has expired at \(life.ends)",
                why: "the agent gets on by its credential alone", next: next)
        }
        if life.rest(now) < 0.25 {
            return Check(
                .warn, "identity", "the host's certificate expires at \(life.ends), and was not renewed in time",
                why: "it is renewed at about half of its life: something keeps the agent from it", next: next)
        }
        return Check(.ok, "identity", "the host's certificate is valid until \(life.ends)")
    }

    private func days(_ life: Life, _ now: Timestamp) -> Int64 {
        (life.ends.milliseconds - now.milliseconds) / 86_400_000
    }
}
