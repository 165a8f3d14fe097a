import APIClient
import Addressing
import Laboratory
import NetworkModel
import Resources
import Testing
import Waiting

extension System {
    func collection(_ kind: KindName) -> ResourceCollection { ResourceCollection(kind, project: "default") }

    /// Creates a resource from its JSON.
    @discardableResult
    func create(_ kind: KindName, _ json: String) async throws -> ResourceDocument {
        try await client.create(collection(kind), Array(json.utf8))
    }

    func get(_ kind: KindName, _ name: String) async throws -> ResourceDocument {
        try await client.get(collection(kind), name)
    }

    func phase(_ kind: KindName, _ name: String) async throws -> String? {
        try await get(kind, name).status?["phase"]?.string
    }

    /// Waits until an attachment or gateway is `wired`.
    func waitUntilWired(_ kind: KindName, _ name: String, sourceLocation: SourceLocation = #_sourceLocation)
        async throws
    {
        try await eventually("\(kind) \(name) is wired", sourceLocation: sourceLocation) {
            try await phase(kind, name) == "wired"
        }
    }

    /// The names of a segment's devices.
    func devices(ofSegment name: String) async throws -> (vni: Int, vxlan: String, bridge: String) {
        let document = try await get(Segment.kind, name)
        let vni = try VNI(try #require(document.status?["vni"].flatMap { UInt32($0.excerpt) }))
        return (Int(vni.value), InterfaceName.vxlan(vni).text, InterfaceName.bridge(vni).text)
    }

    /// A global address of a guest, once it has one.
    func address(of place: String) async throws -> IPv6Address {
        let place = try #require(GuestPlace(place))
        var found: IPv6Address?
        try await eventually("\(place) has an address") {
            found = try await laboratory.machine(place.host).addresses(ofGuest: place.guest).first
            return found != nil
        }
        return try #require(found)
    }

    func ping(from place: String, to address: IPv6Address) async throws -> Bool {
        let place = try #require(GuestPlace(place))
        return try await laboratory.machine(place.host).ping(fromGuest: place.guest, to: address)
    }

    func names(_ kind: KindName) async throws -> Set<String> {
        Set(try await client.list(collection(kind)).map(\.name.text))
    }
}
