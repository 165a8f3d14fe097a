import Foundation
import Persistence
import Testing
import Waiting

/// Requests that nobody is let in with.
@Suite(.serialized) struct StrangerTests {
    @Test func `who is refused too often is not looked at, and nobody else is held up`() async throws {
        try await LiveServer.with(refusalsPerSecond: 1) { server in
            let right = server.overTCP
            #expect(try await right("GET", "/v1/whoami").status == 200)
            var secrets: [String] = []
            for index in 0..<5 {
                let made = try await server.make(
                    "/v1/projects/default/tokens", #"{"name":"t\#(index)","spec":{"role":"viewer"}}"#)
                secrets.append(try #require(made.text("secret")))
            }
            let connection = try KeptConnection(server.port)
            var count = 0
            var refused = try await connection.get("/v1/whoami", token: "kct_wrong0")
            while refused.status == 401, count < 200 {
                count += 1
                refused = try await connection.get("/v1/whoami", token: "kct_wrong\(count)")
            }
            // Five seconds' worth at once.
            #expect(count >= 5 && refused.status == 429, "\(count) \(refused.status)")
            #expect(refused.headers["retry-after"].flatMap { Int($0) } == 1)
            // Neither is what is right looked at, if it is new: of five, for one more is looked at each second.
            var unseen: String?
            for secret in secrets where unseen == nil {
                try await eventually("too many") {
                    try await connection.get("/v1/whoami", token: "kct_wrong").status == 429
                }
                if try await connection.get("/v1/whoami", token: secret).status == 429 { unseen = secret }
            }
            let secret = try #require(unseen, "all were looked at")
            // Nor what has no credential at all.
            let new = Curl(base: server.anonymous.base, headers: ["Authorization: Bearer \(secret)"])
            try await eventually("too many without any") {
                try await server.anonymous("GET", "/v1/whoami").status == 429
            }
            // Who was right before, who comes by another way, and what everybody may ask.
            #expect(try await right("GET", "/v1/whoami").status == 200)
            #expect(try await server.curl("GET", "/v1/whoami").status == 200)
            #expect(try await server.anonymous("GET", "/healthz").status == 200)
            #expect(try await server.anonymous("GET", "/readyz").status == 200)
            try await eventually("its time") { try await new("GET", "/v1/whoami").status == 200 }
        }
    }

    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2"),
        ("2001:db8::1", "2001:db8:0:0"), ("2001:db8:1:2::", "2001:db8:1:2"), ("::1", "0:0:0:0"),
        ("fe80::1%eth0", "fe80:0:0:0"), ("2001:db8:0:7::9", "2001:db8:0:7"),
    ])
    func `an address belongs to its network`(address: String, network: String) {
        #expect(CheckedRequest.Peer.tcp(address).network == network)
    }
}
