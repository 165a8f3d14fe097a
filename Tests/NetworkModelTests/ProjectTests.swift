import NetworkModel
import Resources
import Testing

@Suite struct ProjectTests {
    private func read(_ text: String) throws -> Project.Spec {
        try Project.Spec(json: JSONParser.parse(Array(text.utf8)), path: "spec")
    }

    @Test(arguments: [
        "{}", #"{"quotas":{"segments":0,"attachments":1,"addresses":2,"mappings":1000000}}"#,
        #"{"quotas":{"segments":5,"compute.vms":10,"storage.volumes":3}}"#,
    ])
    func `projects are read and written`(text: String) throws {
        let spec = try read(text)
        #expect(try read(String(decoding: spec.json, as: UTF8.self)) == spec)
    }

    @Test func `a word that the network does not count is refused with those that it does`() throws {
        let error = #expect(throws: FieldError.self) { try read(#"{"quotas":{"vms":1}}"#) }
        #expect(error?.field == "spec.quotas.vms")
        #expect(error?.rule.contains("addresses, attachments, mappings, segments") == true)
        #expect(error?.rule.contains("compute.vms") == true)
    }

    @Test func `the network counts when one of its own quotas is set`() throws {
        #expect(try read(#"{"quotas":{"compute.vms":1}}"#).quotas.limitsNetwork == false)
        #expect(try read(#"{"quotas":{"compute.vms":1,"mappings":0}}"#).quotas.limitsNetwork)
    }
}
