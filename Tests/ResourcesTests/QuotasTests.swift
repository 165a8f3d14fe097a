import Resources
import Testing

/// What a project may have at most, as it is written and read.
@Suite struct QuotasTests {
    private func read(_ text: String) throws -> Quotas {
        try Quotas(json: JSONParser.parse(Array(text.utf8)), path: "spec.quotas")
    }

    @Test func `quotas come back, the network's own first`() throws {
        let quotas = try read(#"{"compute.vms":10,"segments":5,"compute.memory-mib":1000000000,"addresses":null}"#)
        #expect(quotas[try #require(QuotaName("compute.vms"))] == 10)
        #expect(
            String(decoding: quotas.json, as: UTF8.self)
                == #"{"segments":5,"compute.memory-mib":1000000000,"compute.vms":10}"#)
        #expect(try read(String(decoding: quotas.json, as: UTF8.self)) == quotas)
        #expect(try read("{}").isEmpty)
    }

    @Test(arguments: [
        "", ".", "compute.", ".vms", "compute.vms.more", "Compute.vms", "compute.VMs", "compute vms", "1.vms", "a-.b",
        "a.b\n", "a.-b", "ä.b", "a/b", String(repeating: "a", count: 32), "a." + String(repeating: "b", count: 32),
    ])
    func `what is no name is refused`(name: String) throws {
        #expect(QuotaName(name) == nil)
        var writer = JSONWriter()
        writer.object { $0.member(name, 1) }
        let text = String(decoding: writer.bytes, as: UTF8.self)
        #expect(throws: FieldError.self) { try read(text) }
    }

    @Test(arguments: [
        ("segments", "-1"), ("segments", "1000001"), ("segments", "1.0"), ("segments", "1e3"), ("segments", #""1""#),
        ("compute.vms", "-1"), ("compute.vms", "1000000001"), ("compute.vms", "99999999999999999999"),
        ("compute.vms", "{}"), ("compute.vms", "true"),
    ])
    func `numbers are whole and bounded`(name: String, number: String) {
        let error = #expect(throws: FieldError.self) { try read(#"{"\#(name)":\#(number)}"#) }
        #expect(error?.field == "spec.quotas.\(name)" && error?.rule.contains("from 0 to 1") == true)
    }

    @Test func `there are at most 64, in an object`() {
        func many(_ count: Int) -> String {
            "{" + (0..<count).map { #""s.t\#($0)":1"# }.joined(separator: ",") + "}"
        }
        #expect(throws: Never.self) { try read(many(64)) }
        #expect(throws: FieldError.self) { try read(many(65)) }
        #expect(throws: FieldError.self) { try read("[]") }
    }
}
