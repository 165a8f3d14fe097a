import APIClient
import Foundation
import Resources
import Testing

/// Two projects with something of every kind, and somebody in every role: all of them with tokens, over TCP.
struct Cast: Sendable {
    let server: LiveServer
    /// Bearer tokens by who they are.
    let tokens: [String: String]

    static let inRed = ["red-viewer", "red-consumer", "red-operator", "red-admin"]
    static let everywhere = ["all-viewer", "all-consumer", "all-operator", "all-admin"]
    static let all = inRed + everywhere + ["blue-admin", "host", "joining"]

    static func prepare(_ server: LiveServer) async throws -> Cast {
        for project in ["red", "blue"] {
            try await server.make("/v1/projects", #"{"name":"\#(project)","spec":{}}"#)
        }
        try await server.make(
            "/v1/hosts",
            #"{"name":"hyper-one","spec":{"vtep":"2001:db8:dead::1","interface":"und0","roles":["gateway"]}}"#)
        try await server.make("/v1/pools", #"{"name":"v4","spec":{"type":"ipv4","prefix":"198.51.100.0/28"}}"#)
        try await server.make("/v1/zones", #"{"name":"z","spec":{"domain":"red.example","projects":["red"]}}"#)
        for (index, project) in ["red", "blue"].enumerated() {
            let path = "/v1/projects/\(project)"
            try await server.make(
                path + "/segments", #"{"name":"\#(project)-net","spec":{"ipam":"automatic","vni":\#(77_771 + index)}}"#)
            try await server.make(path + "/policies", #"{"name":"\#(project)-policy","spec":{}}"#)
            try await server.make(
                path + "/attachments",
                #"{"name":"\#(project)-port","spec":{"segment":"\#(project)-net","host":"hyper-one","mac":"02:00:00:00:00:0\#(index)","addresses":[]}}"#
            )
            try await server.make(
                path + "/gateways",
                #"{"name":"\#(project)-gate","spec":{"host":"hyper-one","segments":["\#(project)-net"],"uplink":{"type":"routed"}}}"#
            )
            try await server.make(
                path + "/services",
                #"{"name":"\#(project)-service","spec":{"gateway":"\#(project)-gate","port":80,"consumer":"unix:/run/kc/services/secretsocket"}}"#
            )
        }
        // A router of the tenant's own, which a tenant may change.
        try await server.make("/v1/projects/red/segments", #"{"name":"red-inner","spec":{"ipam":"manual"}}"#)
        try await server.make("/v1/projects/red/attachments", #"{"name":"red-vm","spec":{"segment":"red-inner"}}"#)
        try await server.make(
            "/v1/projects/red/gateways", #"{"name":"red-router","spec":{"type":"attachment","attachment":"red-vm"}}"#)
        let network = try await server.curl("GET", "/v1/projects/red/segments/red-net")
        let prefix = try #require(network.text("status", "prefix")).replacing("/64", with: "")
        try await server.make(
            "/v1/projects/red/mappings",
            #"{"name":"red-mapping","spec":{"attachment":"red-port","address":"\#(prefix)7"}}"#)
        try await server.make(
            "/v1/projects/red/records",
            #"{"name":"red-record","spec":{"zone":"z","name":"www","type":"AAAA","values":["2001:db8::1"]}}"#)
        return Cast(server: server, tokens: try await tokens(server))
    }

    private static func tokens(_ server: LiveServer) async throws -> [String: String] {
        var tokens: [String: String] = [:]
        for name in inRed + everywhere + ["blue-admin"] {
            let parts = name.split(separator: "-")
            let isEverywhere = parts[0] == "all"
            let made = try await server.make(
                "/v1/projects/\(isEverywhere ? "default" : String(parts[0]))/tokens",
                #"{"name":"\#(name)","spec":{"role":"\#(parts[1])","allProjects":\#(isEverywhere)}}"#)
            tokens[name] = made.text("secret")
        }
        tokens["host"] = try await server.curl("POST", "/v1/hosts/hyper-one/credential").text("credential")
        tokens["joining"] = try await server.curl("POST", "/v1/join-tokens", "{}").text("token")
        #expect(tokens.count == all.count)
        return tokens
    }

    func curl(_ who: String) -> Curl {
        Curl(base: server.anonymous.base, headers: ["Authorization: Bearer \(tokens[who] ?? "")"])
    }

    func client(_ who: String) throws -> APIClient {
        try APIClient(endpoint: Endpoint(parsing: server.anonymous.base), token: tokens[who])
    }
}

extension APIClient {
    /// The status of a request, whatever it is.
    func status(_ method: APIRequest.Method, _ path: String, _ body: [UInt8]? = nil) async throws -> Int {
        var request = APIRequest(method, path.split(separator: "/").map(String.init), body: body)
        // No resource has it: nothing is changed or deleted by who may.
        request.ifMatch = method == .delete ? Revision(999_999) : nil
        do {
            _ = try await send(request)
            return 200
        } catch let problem as APIProblem { return problem.status }
    }
}
