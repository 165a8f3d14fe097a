import Addressing
import NetworkModel
import NetworkNode
import NetworkPlanning
import NodePorts
import NodePortsTesting
import Resources
import Testing
import Waiting

/// The agent as it hears claims, over a host in memory.
@Suite struct LearningTests {
    let folder: Folder
    let host = Fixture.machine()
    let segment = Fixture.segment(1, ipam: .automatic)
    let guest = Fixture.attachment(1)
    let other = Fixture.attachment(2)
    let address = Fixture.address("fd00:b:0:1::77")

    init() throws { folder = try Folder() }

    var state: HostUpdate { Fixture.reset(5, segments: [segment], attachments: [guest, other]) }

    /// Duplicate address detection as a guest does it.
    static func detection(_ address: IPv6Address, on port: InterfaceName) -> LoggedFrame {
        var bytes: [UInt8] = [0x33, 0x33, 0xff, 0, 0, 0x77, 2, 0x6b, 0x63, 0, 0, 1, 0x86, 0xdd]
        bytes += [0x60, 0, 0, 0, 0, 24, 58, 255] + Array(repeating: 0, count: 16)
        bytes += Fixture.address("ff02::1:ff00:77").bytes + [135, 0, 0, 0, 0, 0, 0, 0] + address.bytes
        return LoggedFrame(prefix: "claim", source: port, bytes: bytes)
    }

    func claim(_ address: IPv6Address, by attachment: DesiredAttachment) {
        host.packetLog.log(Self.detection(address, on: attachment.portName), into: .claims)
    }

    func isKept(_ address: IPv6Address, by attachment: DesiredAttachment) throws -> Bool {
        try folder.files.state.snapshot.peek()?.bindings[segment.id]?[address]?.attachment == attachment.id
    }

    @Test func `a claim is granted, published and kept`() async throws {
        let api = StandInAPI(state)
        try await withAgent(host, api, in: folder) {
            try await eventually("wired") { host.packetLog.isBound(.claims) && host.model.filter.isPresent }
            try await eventually("published") {
                claim(address, by: guest)
                return api.learned(on: segment.id)?.addresses[guest.id] == [address]
            }
            try await eventually("kept") { try isKept(address, by: guest) }
        }
    }

    @Test func `while the API is away claims are granted, and published when it is back`() async throws {
        let api = StandInAPI(state)
        try await withAgent(host, api, in: folder) {
            try await eventually("wired") { host.packetLog.isBound(.claims) && api.received > 0 }
            api.goAway()
            try await eventually("kept") {
                claim(address, by: guest)
                return try isKept(address, by: guest)
            }
            #expect(api.learned(on: segment.id) == nil)
            api.comeBack()
            try await eventually("published") { api.learned(on: segment.id)?.addresses[guest.id] == [address] }
        }
    }

    @Test func `what the API does not grant is withdrawn`() async throws {
        let api = StandInAPI(state)
        api.hold([address])
        try await withAgent(host, api, in: folder) {
            try await eventually("wired") { host.packetLog.isBound(.claims) && api.received > 0 }
            claim(address, by: guest)
            try await eventually("refused") { api.publications > 0 }
            // The list that follows lacks it.
            try await eventually("given back") { api.publications > 1 && api.learned(on: segment.id)?.count == 0 }
            try await eventually("not kept") { try !isKept(address, by: guest) }
        }
    }

    @Test func `an agent that starts again without an API has what the one before had`() async throws {
        let api = StandInAPI(state)
        try await withAgent(host, api, in: folder) {
            try await eventually("wired") { host.packetLog.isBound(.claims) && api.received > 0 }
            try await eventually("kept") {
                claim(address, by: guest)
                return try isKept(address, by: guest)
            }
            try await eventually("in sync") { try folder.status("inSync") == "true" }
        }
        let before = host.dump
        try await withAgent(host, StandInAPI(), in: folder) {
            try await eventually("started") { try folder.status("lastFullComparison") != "null" }
            #expect(host.dump == before)
            // Another's claim of it is refused.
            try await eventually("others are granted") {
                claim(address, by: other)
                claim(Fixture.address("fd00:b:0:1::78"), by: other)
                return try isKept(Fixture.address("fd00:b:0:1::78"), by: other)
            }
            #expect(try isKept(address, by: guest))
        }
    }

    @Test func `who asks for another's address is told that it is taken, and nobody else`() async throws {
        let api = StandInAPI(state)
        try await withAgent(host, api, in: folder) {
            try await eventually("wired") { host.packetLog.isBound(.claims) && api.received > 0 }
            try await eventually("kept") {
                claim(address, by: guest)
                return try isKept(address, by: guest)
            }
            #expect(host.sender.sent.isEmpty)
            claim(address, by: other)
            try await eventually("objected") { host.sender.sent.count == 1 }
            let sent = try #require(host.sender.sent.first)
            #expect(sent.device == other.portName)
            #expect(sent.bytes == Objection(address, by: other.portName).frame)
            // What the rules dropped already is only answered, never granted.
            var contested = Self.detection(Fixture.address("fd00:b:0:1::79"), on: other.portName)
            contested.prefix = "held"
            host.packetLog.log(contested, into: .claims)
            try await eventually("objected") { host.sender.sent.count == 2 }
            #expect(try !isKept(Fixture.address("fd00:b:0:1::79"), by: other))
        }
    }

    func guest(learning limit: Int) -> DesiredAttachment {
        var guest = guest
        guest.learnedAddressLimit = limit
        return guest
    }

    @Test func `a guest that claims more than it may have says so in its report`() async throws {
        let narrow = guest(learning: 1)
        let api = StandInAPI(Fixture.reset(5, segments: [segment], attachments: [narrow, other]))
        let more = Fixture.address("fd00:b:0:1::78")
        try await withAgent(host, api, in: folder) {
            try await eventually("wired") { host.packetLog.isBound(.claims) && api.received > 0 }
            try await eventually("kept") {
                claim(address, by: narrow)
                return try isKept(address, by: narrow)
            }
            #expect(api.report(Attachment.kind, narrow.id)?.details == [:])
            claim(more, by: narrow)
            try await eventually("told") {
                api.report(Attachment.kind, narrow.id)?.details["learnedAddresses"]?.contains("all 1 ") == true
            }
            #expect(api.report(Attachment.kind, narrow.id)?.phase == .wired)
            #expect(api.report(Attachment.kind, other.id)?.details == [:])
            api.push(HostUpdate(revision: Revision(6), attachments: [guest(learning: 2)]))
            try await eventually("taken back") { api.report(Attachment.kind, narrow.id)?.details == [:] }
        }
    }

    @Test func `what is in use stays, and what is not is released and given back`() async throws {
        let api = StandInAPI(state)
        var settings = AgentSettings.quick
        settings.ageing = .milliseconds(10)
        settings.bindings.release = .milliseconds(1500)
        host.filterRecords.set(seen: [guest.portName: [address]])
        let idle = Fixture.address("fd00:b:0:1::79")
        try await withAgent(host, api, in: folder, settings: settings) {
            try await eventually("wired") { host.packetLog.isBound(.claims) && api.received > 0 }
            claim(address, by: guest)
            claim(idle, by: guest)
            try await eventually("both") { api.learned(on: segment.id)?.addresses[guest.id] == [address, idle] }
            try await eventually("one") { api.learned(on: segment.id)?.addresses[guest.id] == [address] }
            host.filterRecords.set(seen: [:])
            try await eventually("none") { api.learned(on: segment.id)?.count == 0 }
        }
    }

    @Test func `an objection is a neighbour advertisement as RFC 4861 has it`() {
        let frame = Objection(address, by: guest.portName).frame
        #expect(frame.count == 14 + 40 + 32)
        #expect(frame[..<14] == [0x33, 0x33, 0, 0, 0, 1, 2, 0x6b, 0x63, 0, 0, 0, 0x86, 0xdd])
        #expect(frame[20..<22] == [58, 255])
        #expect(Array(frame[22..<38]) == address.bytes)
        #expect(frame[54..<56] == [136, 0])
        #expect(frame[58] == 0x20)
        #expect(Array(frame[62..<78]) == address.bytes)
        #expect(frame[78..<80] == [2, 1])
    }

    @Test func `the log is bound again when its socket failed`() async throws {
        let api = StandInAPI(state)
        try await withAgent(host, api, in: folder) {
            try await eventually("bound") { host.packetLog.isBound(.claims) }
            host.packetLog.fail(.claims)
            try await eventually("bound again") { host.packetLog.isBound(.claims) }
        }
    }

    @Test(arguments: [0, 13, 53, 60, 77])
    func `a frame that is cut short claims nothing`(_ length: Int) {
        var frame = Self.detection(address, on: guest.portName)
        frame.bytes = Array(frame.bytes.prefix(length))
        #expect(Claim(frame) == nil)
    }

    @Test func `any frame with a source claims its source`() {
        var frame = Self.detection(address, on: guest.portName)
        frame.bytes.replaceSubrange(22..<38, with: Fixture.address("fd00:b:0:1::99").bytes)
        #expect(Claim(frame) == Claim(port: guest.portName, address: Fixture.address("fd00:b:0:1::99"), kind: .use))
        #expect(Claim(Self.detection(address, on: guest.portName))?.address == address)
    }
}
