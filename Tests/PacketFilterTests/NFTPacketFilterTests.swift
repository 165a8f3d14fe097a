import Addressing
import FoundationEssentials
import Glibc
import LinuxPacketFilter
import NFTables
import NetworkModel
import NetworkPlanning
import NodePorts
import TestNamespaces
import Testing

/// The filter against the kernel, with nft itself as the witness.
@Suite(.serialized) struct NFTPacketFilterTests {
    let namespace: TestNamespace
    let filter: NFTPacketFilter
    let structure = KCRuleset.structure(vxlanPort: 4789)

    init() throws {
        namespace = try TestNamespace("kcpf")
        filter = NFTPacketFilter(namespace: namespace.name, worker: worker)
    }

    static func port(_ number: Int) throws -> InterfaceName { try InterfaceName("kctaaaaa\(number)") }
    static func vtep(_ number: Int) throws -> IPv6Address {
        IPv6Address(high: 0xfd00_0000_0000_0001, low: UInt64(number))
    }

    /// The elements of a set as nft tells them.
    func witness(_ table: String, _ set: String) throws -> Set<String> {
        let json = try namespace.run("nft", "-j", "list", "set", table, "kc", set)
        struct Listing: Decodable {
            struct Entry: Decodable { let set: NamedSet? }
            struct NamedSet: Decodable { let elem: [String]? }
            let nftables: [Entry]
        }
        let listing = try JSONDecoder().decode(Listing.self, from: Data(json.utf8))
        return Set(listing.nftables.compactMap(\.set).flatMap { $0.elem ?? [] })
    }

    @Test func `a namespace without our tables has no digest and no elements`() async throws {
        #expect(try await filter.observe() == ObservedFilter())
    }

    @Test func `an installation has its digest and its elements, and nft sees the same`() async throws {
        let ports = try Set((0..<3).map(Self.port))
        let vteps = try Set((1..<4).map(Self.vtep))
        try await filter.apply([.install(structure, content(ports, vteps))])
        #expect(
            try await filter.observe() == ObservedFilter(digest: structure.digest, content: content(ports, vteps)))
        #expect(try witness("bridge", "ready") == Set(ports.map(\.text)))
        #expect(try witness("inet", "vteps") == Set(vteps.map(\.description)))
    }

    @Test func `elements come and go, and doing it again is success`() async throws {
        try await filter.apply([.install(structure, FilterContent())])
        let (a, b) = (try Self.port(1), try Self.port(2))
        let vtep = try Self.vtep(1)
        for _ in 0..<2 { try await filter.apply([.open(a), .open(b), .add(vtep)]) }
        #expect(try witness("bridge", "ready") == [a.text, b.text])
        for _ in 0..<2 { try await filter.apply([.shut(a), .remove(vtep), .shut(try Self.port(9))]) }
        #expect(
            try await filter.observe() == ObservedFilter(digest: structure.digest, content: content([b])))
        #expect(try witness("inet", "vteps") == [])
    }

    @Test func `uninstalling takes away our tables and nothing else, also twice`() async throws {
        try namespace.run("nft", "add", "table", "inet", "foreign")
        try await filter.apply([.install(structure, FilterContent())])
        for _ in 0..<2 { try await filter.apply([.uninstall]) }
        #expect(try namespace.run("nft", "list", "tables") == "table inet foreign\n")
    }
}
