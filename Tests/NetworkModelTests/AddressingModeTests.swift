import Addressing
import NetworkModel
import Resources
import Testing

/// Ways by which guests come to their addresses, as users write them and hosts are told of them.
@Suite struct AddressingModeTests {
    private func read<Value: JSONReadable>(_ text: String, as type: Value.Type) throws -> Value {
        try Value(json: JSONParser.parse(Array(text.utf8)), path: "spec")
    }

    @Test(arguments: DHCPMode.allCases)
    func `an automatic segment takes each mode of DHCPv6`(mode: DHCPMode) throws {
        let spec = try read(#"{"ipam":"automatic","dhcp":"\#(mode.rawValue)"}"#, as: Segment.Spec.self)
        #expect(spec.dhcp == mode)
        #expect(try Segment.Spec(json: JSONParser.parse(spec.json), path: "") == spec)
    }

    @Test func `without a word there is no DHCPv6, and nothing is written of it`() throws {
        let spec = try read(#"{"ipam":"automatic"}"#, as: Segment.Spec.self)
        #expect(spec.dhcp == .none)
        #expect(!String(decoding: spec.json, as: UTF8.self).contains("dhcp"))
    }

    @Test(arguments: ["manual", "none"])
    func `DHCPv6 needs router advertisements`(ipam: String) {
        let error = #expect(throws: FieldError.self) {
            try read(#"{"ipam":"\#(ipam)","dhcp":"stateful"}"#, as: Segment.Spec.self)
        }
        #expect(error?.field == "spec.dhcp")
        #expect(error?.rule.contains("automatic") == true)
    }

    @Test(arguments: [47, 65, -1, 128])
    func `a delegated prefix is a /48 to /64`(length: Int) {
        let error = #expect(throws: FieldError.self) {
            try read(#"{"segment":"s","delegated":{"length":\#(length)}}"#, as: Attachment.Spec.self)
        }
        #expect(error?.field == "spec.delegated.length")
    }

    @Test func `an attachment that is a router is read and written`() throws {
        let spec = try read(#"{"segment":"s","delegated":{"length":60}}"#, as: Attachment.Spec.self)
        #expect(spec.delegated == Delegation(length: 60))
        #expect(try Attachment.Spec(json: JSONParser.parse(spec.json), path: "") == spec)
    }

    @Test func `pools of delegated prefixes are read and written`() throws {
        let spec = try read(#"{"type":"delegation","prefix":"2001:db8:d000::/36"}"#, as: Pool.Spec.self)
        #expect(spec == .delegation(try IPv6Prefix(parsing: "2001:db8:d000::/36")))
        #expect(try Pool.Spec(json: JSONParser.parse(spec.json), path: "") == spec)
        #expect(throws: FieldError.self) {
            try read(#"{"type":"delegation","prefix":"fe80::/48"}"#, as: Pool.Spec.self)
        }
        #expect(throws: FieldError.self) {
            try read(#"{"type":"delegation","prefix":"fd00::/65"}"#, as: Pool.Spec.self)
        }
    }
}
