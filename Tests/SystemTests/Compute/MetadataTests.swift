import APIClient
import Addressing
import FoundationEssentials
import Glibc
import Laboratory
import NetworkModel
import Resources
import Testing

extension SystemTests {
    /// Guests that ask who they are: through a real gateway, its proxy, and `kc-compute metadata` with the host's credential.
    struct MetadataTests {
        private static let link = "http://[fe80::a9fe:a9fe%25eth0]"

        @Test func `guests are told who they are at each address and name, and nothing of others`() async throws {
            try await withSystem("metadata", warnings: MetadataScene.warnings) { system in
                let scene = try await MetadataScene.begin(in: system)
                try await scene.pretendRoom()
                let file = "/tmp/kc-metadata-\(getpid()).img"
                defer { unlink(file) }
                try Data(repeating: 7, count: 4096).write(to: URL(filePath: file))
                try await scene.image("none", from: file)
                let one = try await scene.vm(
                    "one", image: "none", #","networks":[{"attachment":"near"}],"userData":"of one""#)
                let two = try await scene.vm(
                    "two", image: "none", #","networks":[{"attachment":"other"}],"userData":"of two""#)
                for (place, vm) in [("h1/near", one), ("h1/other", two)] {
                    try await system.eventually("\(place) is told who it is") {
                        try await scene.curl(place, "\(Self.link)/latest/meta-data/instance-id") == (200, vm)
                    }
                }
                // Two at once, each its own.
                async let near = scene.curl("h1/near", "\(Self.link)/latest/user-data")
                async let other = scene.curl("h1/other", "\(Self.link)/nocloud/user-data")
                #expect(try await near == (200, "of one"))
                #expect(try await other == (200, "of two"))
                #expect(
                    try await scene.curl("h1/near", "http://[fe80::1%25eth0]/openstack/latest/meta_data.json")
                        .body.contains(#""uuid":"\#(one)""#))
                try await names(scene, one, two)
                try await hostile(scene, one)
                // Nobody's attachment, on the same segment.
                #expect(try await scene.curl("h2/far", "\(Self.link)/latest/user-data").status == 404)
                try await system.machine("api").stop("compute-api", signal: SIGKILL)
                // A given attachment could be another VM's by now.
                try await system.eventually("nobody can say who it is") {
                    try await scene.curl("h1/near", "\(Self.link)/latest/user-data").status == 503
                }
                try scene.startService()
                try await system.eventually("it is told again") {
                    try await scene.curl("h1/near", "\(Self.link)/latest/user-data") == (200, "of one")
                }
            }
        }

        /// By names, at the gateway's address in the /64, and by IPv4.
        private func names(_ scene: MetadataScene, _ one: String, _ two: String) async throws {
            let blue = try await scene.router(of: try IPv6Prefix(parsing: "fd00:0:0:b::/64"))
            let red = try await scene.router(of: try IPv6Prefix(parsing: "fd00:0:0:5::/64"))
            for (place, router, vm) in [("h1/near", blue, one), ("h1/other", red, two)] {
                for name in ["metadata", "metadata.cloud.example"] {
                    try await scene.system.eventually("\(name) answers \(place)") {
                        try await scene.curlByName(
                            place, "http://\(name)/latest/meta-data/instance-id", resolver: router) == vm
                    }
                }
                #expect(try await scene.curl(place, "http://[\(router)]/latest/meta-data/instance-id") == (200, vm))
            }
            // Its address on another segment is not for them: they would be taken for somebody there.
            #expect(try await scene.curl("h1/near", "http://[\(red)]/latest/user-data", ["-m", "2"]).status == 0)
            try await StockClient("h1/near", in: scene.system).bindIPv4(with: .dhcpcd)
            #expect(
                try await scene.curl("h1/near", "http://169.254.169.254/latest/meta-data/instance-id") == (200, one))
        }

        /// What a guest may try.
        private func hostile(_ scene: MetadataScene, _ one: String) async throws {
            let system = scene.system
            let far = try await system.get(Attachment.kind, "other").id.description
            let near = try #require(NamespaceName("near"))
            let forged = try await system.machine("h1").command(
                inGuest: near, "python3", ["-c", Self.forgery, far]
            ).check("forge", "a header")
            #expect(forged.hasPrefix("HTTP/1.1 400 ") && !forged.contains("of two"), "\(forged)")
            let script =
                "head -c 10485760 /dev/zero | curl -sgm 10 -w '%{http_code}' -X GET --data-binary @- $0/latest/user-data"
            let large = try await system.machine("h1").command(inGuest: near, "sh", ["-c", script, Self.link]).run()
            #expect(large.output.hasSuffix("413"), "\(large.output)")
            #expect(try await scene.curl("h1/near", "\(Self.link)/etc/passwd").status == 404)
            #expect(
                try await scene.curl("h1/near", "\(Self.link)/latest/user-data", ["-H", "X-Forwarded-For: ::1"]).status
                    == 403)
            #expect(
                try await scene.curl("h1/near", "\(Self.link)/latest/user-data", ["-H", "KC-Attachment: \(far)"])
                    == (200, "of one"))
            // Who claims the address of the service is not heard.
            try await system.machine("h1").command(
                inGuest: near, "ip", ["address", "add", "fe80::a9fe:a9fe/64", "dev", "eth0", "nodad"]
            ).check("claim", "the address")
            let guest = try #require(NamespaceName("far"))
            let host = try system.machine("h2")
            try await host.command(inGuest: guest, "ip", ["-6", "neighbour", "flush", "dev", "eth0"]).check(
                "flush", "far")
            for address in ["fe80::a9fe:a9fe", "fe80::1"] {
                try await system.eventually("the gateway answers at \(address)") {
                    try await host.command(inGuest: guest, "ping", ["-6", "-c", "1", "-W", "3", address + "%eth0"])
                        .run().isSuccess
                }
            }
            let neighbours = try await host.command(
                inGuest: guest, "ip", ["-6", "neighbour", "show", "dev", "eth0"]
            ).check("look at", "neighbours")
            func mac(_ address: String) -> String? {
                neighbours.split(separator: "\n").first { $0.hasPrefix(address + " ") }?
                    .split(separator: " ").drop { $0 != "lladdr" }.dropFirst().first.map(String.init)
            }
            #expect(mac("fe80::1") != nil && mac("fe80::a9fe:a9fe") == mac("fe80::1"), "\(neighbours)")
            try await system.machine("h1").command(
                inGuest: near, "ip", ["address", "del", "fe80::a9fe:a9fe/64", "dev", "eth0"]
            ).check("give back", "the address")
        }

        /// The header of a proxy, as a guest says it: with another's id.
        private static let forgery = """
            import socket, struct, sys
            id = sys.argv[1].encode()
            field = b"\\xe0" + struct.pack("!H", len(id)) + id
            header = b"\\r\\n\\r\\n\\0\\r\\nQUIT\\n\\x21\\x21" + struct.pack("!H", 36 + len(field)) + bytes(36) + field
            guest = socket.socket(socket.AF_INET6)
            guest.settimeout(5)
            guest.connect(("fe80::1", 80, 0, socket.if_nametoindex("eth0")))
            guest.sendall(header + b"GET /latest/user-data HTTP/1.1\\r\\nHost: metadata\\r\\n\\r\\n")
            print(guest.makefile().read())
            """

        @Test func `a VM finds each form of metadata through its gateway`() async throws {
            try await withSystem("metadata", warnings: MetadataScene.warnings) { system in
                try await Hypervisors.with(system) { hypervisors in
                    let scene = try await MetadataScene.begin(in: system)
                    try await scene.startNode(hypervisors)
                    let file = "/tmp/kc-metadata-\(getpid()).img"
                    defer { unlink(file) }
                    try await Command("/bin/bash", ["\(Checkout.root)/tools/tiny-guest", file]).check(
                        "make", "an image")
                    try await scene.image("tiny", from: file)
                    let id = try await scene.vm(
                        "web", image: "tiny", #","networks":[{"segment":"blue"}],"power":"on""#)
                    let address = try await scene.address(of: id)
                    for (form, part) in [
                        ("openstack", #""uuid":"\#(id)""#), ("ec2", id), ("nocloud", #""instance-id":"\#(id)""#),
                        ("router", "web"),
                    ] {
                        try await system.eventually("it tells what it was told by \(form)", within: .seconds(60)) {
                            try await scene.curl("h2/far", "http://[\(address)]/\(form)", ["-m", "3"]).body.contains(
                                part)
                        }
                    }
                }
            }
        }

        @Test(.enabled(if: isLong))
        func `a stock Debian takes its name and its owner's key from its gateway, and is logged into`() async throws {
            try await withSystem("metadata", warnings: MetadataScene.warnings) { system in
                try await Hypervisors.with(system) { hypervisors in
                    let scene = try await MetadataScene.begin(in: system)
                    try await scene.startNode(hypervisors)
                    let folder = hypervisors.folder
                    try await Command(
                        "/bin/bash", ["\(Checkout.root)/tools/debian-guest", "\(folder)/debian.img"],
                        timeout: .seconds(600)
                    ).check("make", "an image")
                    try await scene.image("debian", from: "\(folder)/debian.img")
                    try await Command("/usr/bin/ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", "\(folder)/key"])
                        .check("make", "a key")
                    let key = try String(contentsOfFile: "\(folder)/key.pub", encoding: .utf8).filter { $0 != "\n" }
                    let begun = ContinuousClock.now
                    let id = try await scene.vm(
                        "web", image: "debian",
                        #","networks":[{"segment":"blue"}],"power":"on","parameters":{"memoryMiB":512},"sshKeys":["\#(key)"]"#
                    )
                    let address = try await scene.address(of: id)
                    let place = try #require(GuestPlace("h2/far"))
                    var answer = ""
                    try await system.eventually("it is logged into", within: .seconds(420)) {
                        let result = try await system.laboratory.machine(place.host).command(
                            inGuest: place.guest, "ssh",
                            [
                                "-i", "\(folder)/key", "-o", "StrictHostKeyChecking=no", "-o",
                                "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes", "-o", "ConnectTimeout=5",
                                "debian@\(address)",
                                "hostname; cat /run/cloud-init/.instance-id /var/lib/cloud/data/instance-id; "
                                    + "cat /run/cloud-init/result.json",
                            ]
                        ).run()
                        answer = result.output
                        return result.status == 0 && answer.contains("NoCloudNet")
                    }
                    print("a stock Debian is logged into \(begun.duration(to: .now)) after it was asked for")
                    #expect(answer.hasPrefix("web\n") && answer.contains(id), "\(answer)")
                    #expect(answer.contains("fe80::a9fe:a9fe"), "\(answer)")
                }
            }
        }
    }
}

extension MetadataScene {
    /// The address that the VM's first NIC gave itself, once it is seen.
    func address(of vm: String) async throws -> IPv6Address {
        let name = "vm-" + vm.filter { $0 != "-" } + "-0"
        var found: IPv6Address?
        try await system.eventually("the VM has an address", within: .seconds(240)) {
            let document = try await system.get(Attachment.kind, name)
            guard case .array(let addresses)? = document.status?["addresses"]?.content else { return false }
            found = addresses.compactMap { $0["value"]?.string.flatMap { IPv6Address($0) } }.first { !$0.isLinkLocal }
            return found != nil
        }
        return try #require(found)
    }
}
