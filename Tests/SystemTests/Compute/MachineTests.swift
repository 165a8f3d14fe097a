import APIClient
import Addressing
import FoundationEssentials
import Glibc
import Laboratory
import NetworkModel
import Resources
import Synchronization
import Testing

extension SystemTests {
    /// VMs from the request to the ping: real libvirtd and QEMU (by emulation) on two hosts, attachments on one segment.
    struct MachineTests {
        @Test func `two VMs on two hosts come up on their attachments, answer, and leave nothing`() async throws {
            try await withSystem("two-hosts", warnings: ["ended", "cannot be looked at"]) { system in
                try await Hypervisors.with(system) { hypervisors in
                    try await startCompute(system, hypervisors)
                    try await offer(system)
                    for name in ["one", "two"] {
                        try await ask(
                            system, .post, ["projects", "default", "vms"],
                            #"{"name":"\#(name)","spec":{"machineType":"small","image":"tiny","networks":[{"segment":"blue"}],"power":"on"}}"#
                        )
                    }
                    try await system.eventually("both run", within: .seconds(60)) {
                        try await states(system) == ["one": "running", "two": "running"]
                    }
                    #expect(Set(try await machines(system).map { $0.member("status", "host") }) == ["c1", "c2"])
                    let ports = try await system.client.list(system.collection(Attachment.kind)).filter {
                        $0.name.text.hasPrefix("vm-")
                    }
                    #expect(ports.count == 2)
                    for port in ports {
                        try await answers(system, port.name.text)
                        let path = try await Command(
                            system.programs.kcnet,
                            ["path", "db", port.name.text, "--api", "unix:\(system.laboratory.state.apiSocket)"]
                        ).run()
                        #expect(path.status == 0, "\(path.output)")
                    }
                    try await converse(system, "one")
                    for name in ["one", "two"] {
                        try await ask(system, .post, ["projects", "default", "vms", name, "stop"])
                    }
                    try await system.eventually("both have ended", within: .seconds(60)) {
                        try await states(system) == ["one": "stopped", "two": "stopped"]
                    }
                    for name in ["one", "two"] {
                        try await ask(system, .delete, ["projects", "default", "vms", name])
                    }
                    try await system.eventually("their attachments are gone") {
                        try await system.names(Attachment.kind).allSatisfy { !$0.hasPrefix("vm-") }
                    }
                    for host in ["h1", "h2"] {
                        try await system.eventually("the disks on \(host) are gone") {
                            try FileManager.default.contentsOfDirectory(
                                atPath: "\(hypervisors.folder)/\(host)/state/disks"
                            )
                            .isEmpty
                        }
                    }
                }
            }
        }

        private final class Screen: Sendable {
            let shown = Mutex<[UInt8]>([])
        }

        /// At the console of a VM: a command is typed, and its answer is read.
        private func converse(_ system: System, _ name: String) async throws {
            let path = ["projects", "default", "vms", name, "console"]
            let session = try #require(try await ask(system, .post, path, "{}").member("session"))
            let screen = Screen()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    let request = APIRequest(.get, ["compute", "v1"] + path + [session])
                    for try await event in try await system.client.events(request) where event.name == "output" {
                        let text = try JSONParser.parse(event.data)["bytes"]?.string ?? ""
                        screen.shown.withLock { $0 += Data(base64Encoded: text) ?? Data() }
                    }
                }
                var (number, due) = (0, ContinuousClock.now)
                try await system.eventually("the shell answers", within: .seconds(30)) {
                    // What is typed before the shell reads is lost; so it is typed again.
                    if ContinuousClock.now >= due {
                        _ = try await system.client.send(
                            APIRequest(
                                .post, ["compute", "v1"] + path + [session, "input"], query: [("number", "\(number)")],
                                body: Array("\recho $((6 * 7))-answers\r".utf8)))
                        number += 1
                        due += .seconds(1)
                    }
                    return String(decoding: screen.shown.withLock(\.self), as: UTF8.self).contains("42-answers")
                }
                group.cancelAll()
            }
            try await ask(system, .delete, path + [session])
        }

        /// `kc-compute api` beside the API, `kc-compute node` on each host.
        private func startCompute(_ system: System, _ hypervisors: Hypervisors) async throws {
            let program = "\(system.programs.folder)/kc-compute"
            try system.machine("api").start(
                role: "compute-api", program, ["api", "--placement", "spread", "--log-level", "warning"])
            try await system.eventually("kc-compute api answers") {
                try await ask(system, .get, ["compute-hosts"])
                return true
            }
            for (host, name) in [("h1", "c1"), ("h2", "c2")] {
                try await ask(
                    system, .post, ["compute-hosts"],
                    #"{"name":"\#(name)","spec":{"host":"\#(host)","reserved":{"cpus":0,"memoryMiB":0,"diskGiB":0}}}"#)
                try system.machine(host).start(
                    role: "compute-node", program,
                    [
                        "node", "--libvirt", hypervisors.uri(on: host), "--kvm", "never", "--state-dir",
                        "\(hypervisors.folder)/\(host)/state",
                    ])
            }
            try await system.eventually("both hosts are ready") {
                let list = try await ask(system, .get, ["compute-hosts"]).items
                return list.count == 2 && list.allSatisfy { $0.member("status", "state") == "ready" }
            }
        }

        /// A machine type, and the image of `tools/tiny-guest`.
        private func offer(_ system: System) async throws {
            let file = "/tmp/kc-tiny-guest-\(getpid()).img"
            defer { unlink(file) }
            try await Command("/bin/bash", ["\(Checkout.root)/tools/tiny-guest", file]).check("make", "an image")
            let image = [UInt8](try Data(contentsOf: URL(filePath: file)))
            let digest = try await Command("/usr/bin/sha256sum", [file]).check("sum", file).prefix(64)
            try await ask(
                system, .post, ["projects", "default", "images"],
                #"{"name":"tiny","spec":{"format":"raw","architecture":"x86_64","size":\#(image.count),"sha256":"\#(digest)","minimumDiskGiB":1}}"#
            )
            for offset in stride(from: 0, to: image.count, by: 8 << 20) {
                let piece = Array(image[offset..<min(offset + 8 << 20, image.count)])
                _ = try await system.client.send(
                    APIRequest(
                        .post, ["compute", "v1", "projects", "default", "images", "tiny", "upload"],
                        query: [("offset", "\(offset)")], body: piece))
            }
            try await ask(
                system, .post, ["machine-types"],
                #"{"name":"small","spec":{"architecture":"x86_64","cpus":1,"memoryMiB":256,"diskGiB":1,"firmware":"bios"}}"#
            )
        }

        /// A guest on the other host, or on the same one, reaches it by the address that it gave itself.
        private func answers(_ system: System, _ port: String) async throws {
            try await system.eventually("\(port) answers", within: .seconds(60)) {
                let document = try await system.get(Attachment.kind, port)
                let texts = document.status?["addresses"]?.elements.compactMap { $0["value"]?.string } ?? []
                for address in texts.compactMap({ IPv6Address($0) }) where !address.isLinkLocal {
                    if try await system.ping(from: "h2/db", to: address) { return true }
                }
                return false
            }
        }

        private func machines(_ system: System) async throws -> [JSONNode] {
            try await ask(system, .get, ["projects", "default", "vms"]).items
        }

        private func states(_ system: System) async throws -> [String: String] {
            try await machines(system).reduce(into: [:]) {
                $0[$1.member("name") ?? ""] = $1.member("status", "state")
            }
        }

        @discardableResult
        private func ask(
            _ system: System, _ method: APIRequest.Method, _ path: [String], _ body: String? = nil
        ) async throws -> JSONNode {
            let response = try await system.client.send(
                APIRequest(method, ["compute", "v1"] + path, body: body.map { Array($0.utf8) }))
            return response.body.isEmpty ? JSONNode(content: .null, raw: []) : try JSONParser.parse(response.body)
        }
    }
}

extension JSONNode {
    /// Of an array; none of anything else.
    fileprivate var elements: [JSONNode] { if case .array(let elements) = content { elements } else { [] } }
    /// Of a list's answer.
    fileprivate var items: [JSONNode] { self["items"]?.elements ?? [] }

    fileprivate func member(_ path: String...) -> String? {
        var node: JSONNode? = self
        for name in path { node = node?[name] }
        return node?.string
    }
}
