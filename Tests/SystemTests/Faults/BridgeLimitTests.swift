import APIClient
import Glibc
import Laboratory
import NetworkModel
import Resources
import Testing

extension SystemTests {
    /// A Linux bridge takes 1,023 ports (BR_MAX_PORTS, net/bridge/br_private.h).
    struct BridgeLimitTests {
        @Test func `the attachment that a full bridge cannot take is refused by name, and wired once there is room`()
            async throws
        {
            // In a long run every port is an attachment; otherwise somebody else's taps fill the bridge.
            let attachments = isLong ? 1022 : 4
            try await withSystem("one-host", desired: false, warnings: ["kct"]) { system in
                let h1 = try system.machine("h1")
                try await system.create(Segment.kind, #"{"name":"blue","spec":{"ipam":"none"}}"#)
                for number in 0..<attachments { try await create("a\(number)", in: system) }
                try await system.eventually("all are wired", within: .seconds(120)) {
                    try await system.client.list(system.collection(Attachment.kind))
                        .allSatisfy { $0.status?["phase"]?.string == "wired" }
                }
                let (_, _, bridge) = try await system.devices(ofSegment: "blue")
                // The VXLAN device is a port too.
                let theirs = 1023 - 1 - attachments
                try await fill(bridge, with: theirs, on: h1)
                try await create("one-too-many", in: system)
                try await system.eventually("it is refused, and says that the bridge is full") {
                    let document = try await system.get(Attachment.kind, "one-too-many")
                    let message = document.message ?? ""
                    return ["failed", "unfit"].contains(document.status?["phase"]?.string ?? "")
                        && message.contains("1023") && message.contains(bridge)
                }
                #expect(try await system.phase(Attachment.kind, "a0") == "wired")
                try await system.client.delete(system.collection(Attachment.kind), "a0")
                try await system.waitUntilWired(Attachment.kind, "one-too-many")
                #expect(try await h1.devices().count { $0.name.hasPrefix("theirs") } == theirs)
            }
        }

        private func create(_ name: String, in system: System) async throws {
            try await system.create(
                Attachment.kind, #"{"name":"\#(name)","spec":{"segment":"blue","host":"h1","port":{"type":"tap"}}}"#)
        }

        /// One process for all: `ip -batch` takes its commands on standard input.
        private func fill(_ bridge: String, with count: Int, on machine: Machine) async throws {
            guard count > 0 else { return }
            for range in stride(from: 0, to: count, by: 256).map({ $0..<min($0 + 256, count) }) {
                let lines = range.map { "tuntap add theirs\($0) mode tap\nlink set theirs\($0) master \(bridge)\n" }
                try await machine.command(
                    "ip", ["-batch", "-"], input: Array(lines.joined().utf8), timeout: .seconds(120)
                ).check("fill", bridge)
            }
        }
    }
}
