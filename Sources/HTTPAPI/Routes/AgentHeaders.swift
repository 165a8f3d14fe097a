import HTTPServing
import HTTPTypes
import NetworkModel

extension Parameter {
    static let desiredFormat = Parameter(
        place: .header, name: HostUpdateFormat.header, summary: "The newest format of updates that the agent reads.",
        schema: Schema(#"{"type":"integer","minimum":1,"default":1}"#))
    static let agent = Parameter(
        place: .header, name: AgentInstance.header,
        summary: "An id that the agent drew when it started, and the boot id of its machine behind a space.",
        schema: .text(100))
}

extension HTTPField.Name {
    static let desiredFormat = HTTPField.Name(HostUpdateFormat.header) ?? .accept
    static let agent = HTTPField.Name(AgentInstance.header) ?? .accept
}
