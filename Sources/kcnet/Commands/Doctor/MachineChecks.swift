import Commands
import Glibc
import Laboratory
import LinuxNetlink
import NodePorts

/// What the kernel and the installed programs can do. Each capability is tried, not assumed.
enum MachineChecks {
    static func all() async -> [Finding] {
        let isRoot = geteuid() == 0
        var findings = [root(isRoot), tun()]
        if isRoot { findings += await devices() + [await bridgeTables(), await OffloadTrial.finding()] }
        return findings + [bridgeNetfilter()] + programs()
    }

    private static func root(_ isRoot: Bool) -> Finding {
        isRoot
            ? Finding(.ok, "root", "running as root")
            : Finding(
                .warn, "root", "running as user \(geteuid())", why: "devices and nftables can only be tried by root",
                next: "run `sudo kcnet doctor` on a host")
    }

    private static func tun() -> Finding {
        let descriptor = open("/dev/net/tun", O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else {
            let cause = String(cString: strerror(errno))
            return Finding(
                .fail, "tun", "/dev/net/tun cannot be opened: \(cause)", why: "VMs are attached by tap devices",
                next: "modprobe tun; in a container allow the device")
        }
        close(descriptor)
        return Finding(.ok, "tun", "/dev/net/tun opens")
    }

    private static let kinds: [(name: String, why: String, module: String)] = [
        ("vxlan", "segments are carried between hosts by VXLAN", "vxlan"),
        ("bridge", "every segment is a bridge on its hosts", "bridge"),
        ("veth", "namespaces and gateways are attached by veth pairs", "veth"),
    ]

    /// Makes one device of each kind in a namespace that is gone afterwards.
    private static func devices() async -> [Finding] {
        let missing: [String: String]
        do { missing = try await LinuxHostProbing(threads: NamespaceThreads()).capabilities().missing } catch {
            return [
                Finding(
                    .fail, "devices", "cannot be tried: \(error)", why: "the agent makes devices in the same way",
                    next: "run as root on the machine itself, not in a restricted container")
            ]
        }
        return kinds.map { kind in
            guard let refusal = missing[kind.name] else {
                return Finding(.ok, kind.name, "a \(kind.name) device can be made")
            }
            return Finding(
                .fail, kind.name, "refused: \(refusal)", why: kind.why,
                next: "modprobe \(kind.module), or use a kernel that has it")
        }
    }

    private static func bridgeTables() async -> Finding {
        let ruleset = """
            table bridge kcprobe {
              set ready { type ifname; }
              chain guard {
                type filter hook prerouting priority -300; policy accept;
                iifname @ready accept
              }
            }

            """
        guard let nft = ProcFile.program("nft") else {
            return Finding(
                .warn, "nftables", "not tried: the program nft is not installed",
                why: "guards of ports are nftables rules of the family bridge", next: "apt install nftables")
        }
        let result = await tried("unshare", ["--net", nft, "-f", "-"], input: ruleset)
        return judge(
            result, "nftables", good: "rules of the family bridge load",
            why: "the guards of ports are such rules: without them no port is opened",
            next: "modprobe nf_tables nft_meta_bridge, or use a kernel with CONFIG_NF_TABLES_BRIDGE")
    }

    private static func bridgeNetfilter() -> Finding {
        let names = ["bridge-nf-call-ip6tables", "bridge-nf-call-iptables", "bridge-nf-call-arptables"]
        let values = names.map { ($0, ProcFile.number("/proc/sys/net/bridge/\($0)")) }
        let active = values.filter { $0.1 == 1 }.map(\.0)
        if values.allSatisfy({ $0.1 == nil }) {
            return Finding(.ok, "br_netfilter", "not loaded: bridged frames do not meet the host's firewall")
        }
        guard !active.isEmpty else { return Finding(.ok, "br_netfilter", "loaded, and off for bridged frames") }
        return Finding(
            .warn, "br_netfilter", "on for all bridges of the host (\(active.joined(separator: ", ")))",
            why: "a firewall of this host that does not forward drops what its guests send each other, and a bridge "
                + "cannot switch that off for itself",
            next: active.map { "sysctl -w net.bridge.\($0)=0" }.joined(separator: "; ")
                + "; or let the firewall accept what is bridged")
    }

    private static func programs() -> [Finding] {
        let own: String? = ProcFile.ownFolder.map { $0 + "/kc-nft" }
        let beside: String? = own.flatMap { (path: String) -> String? in access(path, X_OK) == 0 ? path : nil }
        return [
            (ProcFile.program("radvd")).map { Finding(.ok, "radvd", $0) }
                ?? Finding(
                    .warn, "radvd", "not installed",
                    why: "a managed gateway on this host sends router advertisements with it",
                    next: "apt install radvd (only needed on hosts with the role gateway)"),
            (ProcFile.program("kea-dhcp6")).map { Finding(.ok, "kea-dhcp6", $0) }
                ?? Finding(
                    .warn, "kea-dhcp6", "not installed",
                    why: "a managed gateway on this host answers DHCPv6 with it",
                    next:
                        "apt install kea-dhcp6-server (only needed on hosts with the role gateway, for segments with dhcp)"
                ),
            (ProcFile.program("kea-dhcp4")).map { Finding(.ok, "kea-dhcp4", $0) }
                ?? Finding(
                    .warn, "kea-dhcp4", "not installed",
                    why: "a managed gateway on this host answers DHCPv4 with it",
                    next:
                        "apt install kea-dhcp4-server (only needed on hosts with the role gateway, for segments with ipv4)"
                ),
            (beside ?? ProcFile.program("kc-nft")).map { Finding(.ok, "kc-nft", $0) }
                ?? Finding(
                    .fail, "kc-nft", "not found beside kcnet nor in PATH", why: "the agent loads its rules through it",
                    next: "install kc-nft beside kcd"),
        ]
    }

    private static func judge(_ result: Command.Result?, _ check: String, good: String, why: String, next: String)
        -> Finding
    {
        guard let result else {
            return Finding(
                .warn, check, "not tried: unshare is not installed", why: why,
                next: "apt install util-linux")
        }
        if result.isSuccess { return Finding(.ok, check, good) }
        return Finding(.fail, check, "refused: \(result.complaint)", why: why, next: next)
    }

    private static func tried(_ program: String, _ arguments: [String], input: String = "") async
        -> Command.Result?
    {
        let command = Command(program, arguments, input: Array(input.utf8), timeout: .seconds(10))
        // A program that cannot be started at all is nil: the capability then is unknown.
        do { return try await command.run() } catch { return nil }
    }
}
