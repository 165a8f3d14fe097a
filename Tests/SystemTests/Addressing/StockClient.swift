import Laboratory
import NetworkModel
import Testing

/// A DHCP client as Debian ships it, run once in a guest. It keeps its files to itself, and nothing it is told changes
/// the machine: its hooks are not run, and resolv.conf is another file in its own mount namespace.
struct StockClient: Sendable {
    enum Kind: Hashable, Sendable, CaseIterable {
        /// ISC's dhclient.
        case dhclient
        case dhcpcd
    }

    let system: System
    let place: GuestPlace

    init(_ place: String, in system: System) throws {
        self.system = system
        self.place = try #require(GuestPlace(place))
    }

    private static let seclusion =
        "mount -t tmpfs none /run && mkdir /run/dhcpcd && mount -t tmpfs none /var/lib/dhcpcd && "
        + "mount --bind /dev/null /etc/resolv.conf"

    /// Puts an address that it is told on the interface, and writes everything it is told down.
    private static let script = """
        #!/bin/sh
        env >>/run/told
        if [ -n "$new_ip6_address" ]; then ip -6 address replace "$new_ip6_address/128" dev "$interface" nodad; fi
        if [ -n "$new_ip_address" ]; then ip address replace "$new_ip_address/24" dev "$interface"; fi
        """

    /// Asks for an address.
    /// - Returns: what it was told, as `name=value` lines; empty for dhcpcd, which sets the interface up by itself.
    @discardableResult
    func bind(with kind: Kind) async throws -> String {
        try await awaitLinkLocal()
        return switch kind {
        case .dhclient: try await dhclient()
        case .dhcpcd: try await run("dhcpcd -q -6 -1 -t 25 -c /bin/true eth0")
        }
    }

    /// Asks for an IPv4 address, in a segment with a /24.
    /// - Returns: as `bind`.
    @discardableResult
    func bindIPv4(with kind: Kind) async throws -> String {
        switch kind {
        case .dhclient: try await isc("-4")
        case .dhcpcd: try await run("dhcpcd -q -4 -1 -t 25 -c /bin/true eth0")
        }
    }

    /// ISC's client, with further words: `-S` asks for other settings only, `-P` for a prefix.
    func dhclient(_ words: String...) async throws -> String {
        try await awaitLinkLocal()
        return try await isc("-6 " + words.joined(separator: " "))
    }

    private func isc(_ mode: String) async throws -> String {
        try await run(
            """
            cat >/run/script <<'END'
            \(Self.script)
            END
            chmod 700 /run/script
            dhclient \(mode) -1 -v -sf /run/script -lf /run/leases -pf /run/pid eth0 >/run/log 2>&1 || { cat /run/log; exit 1; }
            # It is in the background by now, and about to say with which process id.
            while [ ! -s /run/pid ]; do :; done
            kill $(cat /run/pid)
            cat /run/told
            """)
    }

    /// dhclient ends at once on an interface whose link-local address is still being looked for (DAD).
    private func awaitLinkLocal() async throws {
        try await system.eventually("\(place) has a link-local address") {
            try await system.laboratory.machine(place.host).linkLocal(ofGuest: place.guest) != nil
        }
    }

    private func run(_ commands: String) async throws -> String {
        let machine = try system.laboratory.machine(place.host)
        return try await machine.command(
            inGuest: place.guest, "unshare", ["-m", "sh", "-ec", "\(Self.seclusion)\n\(commands)"],
            timeout: .seconds(40)
        ).check("run client in", "\(place)")
    }
}
