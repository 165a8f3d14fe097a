import Foundation
import Resources
import Testing
import Waiting

/// What a metadata service is told of guests, and which host's is.
@Suite(.serialized) struct GuestTests {
    /// As `kcd api` says that a host asks.
    private static func host(_ id: String) -> String {
        "KC-Principal: " + Data(#"{"host":"\#(id)"}"#.utf8).base64EncodedString()
    }

    private func created(_ cloud: Cloud, _ path: String, _ body: String) async throws -> String {
        let reply = try await cloud.curl("POST", path, body)
        #expect(reply.status == 201, "\(reply.text)")
        return try #require(reply.text("id"))
    }

    @Test func `a host is told of a guest while its gateway serves the guest's segment, and no other host is`()
        async throws
    {
        try await Cloud.run { cloud in
            try await cloud.furnish()
            let hosts = "/v1/hosts"
            let here = try await created(
                cloud, hosts, #"{"name":"g1","spec":{"vtep":"2001:db8::2","interface":"eth0","roles":["gateway"]}}"#)
            let elsewhere = try await created(
                cloud, hosts, #"{"name":"g2","spec":{"vtep":"2001:db8::3","interface":"eth0","roles":["gateway"]}}"#)
            _ = try await created(
                cloud, "/v1/projects/default/gateways",
                #"{"name":"edge","spec":{"host":"g1","segments":["blue"]}}"#)
            let made = try await cloud.vm("web", #","networks":[{"segment":"blue"}],"userData":"secret""#)
            let vm = try #require(made.text("id"), "\(made.text)")
            let name = "vm-" + vm.filter { $0 != "-" } + "-0"
            try await eventually("its port is made") { try await cloud.attachments()[name] != nil }
            let attachment = try #require(try await cloud.attachments()[name]?["id"]?.string)
            func ask(_ host: String, as other: String? = nil, _ attachment: String) async throws -> Reply {
                try await cloud.direct(
                    "GET", "/compute/v1/hosts/\(host)/guests/\(attachment)",
                    headers: [Self.host(other ?? host), "X-Request-Id: one"])
            }
            try await eventually("the port is known, and nobody serves its guest") {
                try await ask(here, attachment).status == 404
            }
            #expect(try await cloud.direct("GET", "/compute/v1/hosts/g1/guests/\(attachment)").status == 404)
            let service =
                #"{"name":"metadata","spec":{"gateway":"edge","port":80,"consumer":"unix:/run/kc/services/m"}}"#
            _ = try await created(cloud, "/v1/projects/default/services", service)
            try await eventually("its host is told") { try await ask(here, attachment).status == 200 }
            let told = try await ask(here, attachment)
            #expect(told.text("guest", "instance") == vm && told.text("guest", "hostname") == "web")
            #expect(told.text("guest", "userData") == "secret" && told.text("lasting") == "true")
            // The administrator may name the host.
            #expect(try await cloud.direct("GET", "/compute/v1/hosts/g1/guests/\(attachment)").status == 200)
            // Who it is not for learns nothing of it, not even that it is there.
            let nobody = UUID().uuidString.lowercased()
            let absent = try await ask(here, nobody)
            #expect(absent.status == 404)
            let refused = try await ask(elsewhere, attachment)
            #expect(refused.status == 404)
            #expect(refused.text.replacing(attachment, with: nobody) == absent.text)
            #expect(try await ask(here, as: elsewhere, attachment).status == 403)
            let token = try await cloud.curl(
                "POST", "/v1/projects/default/tokens", #"{"name":"eve","spec":{"role":"admin"}}"#)
            let eve = ["Authorization: Bearer \(try #require(token.text("secret")))"]
            let path = "/compute/v1/hosts/\(here)/guests/\(attachment)"
            #expect(try await cloud.curl("GET", path, headers: eve).status == 403)
            #expect(try await cloud.curl("GET", path, headers: eve + [Self.host(here)]).status == 403)
            for bad in ["x", "..%2f", "%00"] { #expect(try await ask(here, bad).status == 404, "\(bad)") }
            // With its VM a guest is nobody; with the service its host is not told.
            #expect(try await cloud.curl("DELETE", "/v1/projects/default/services/metadata").status == 204)
            try await eventually("its host is told no more") { try await ask(here, attachment).status == 404 }
            _ = try await created(cloud, "/v1/projects/default/services", service)
            try await eventually("its host is told again") { try await ask(here, attachment).status == 200 }
            #expect(try await cloud.curl("POST", Cloud.vms + "/web/stop").status == 200)
            #expect(try await cloud.curl("DELETE", Cloud.vms + "/web").status == 204)
            try await eventually("it is nobody") { try await ask(here, attachment).status == 404 }
        }
    }
}
