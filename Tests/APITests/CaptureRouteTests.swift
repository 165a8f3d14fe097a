import Foundation
import Resources
import Testing
import Waiting

/// Who captures what, and who reads it.
@Suite(.serialized) struct CaptureRouteTests {
    private let captures = "/v1/projects/red/attachments/red-port/captures"
    private let frame = #"{"device":0,"time":1700000000000000001,"length":1500,"out":true,"bytes":"00ff"}"#

    @Test func `a tenant captures at its port alone, and reads no capture that shows more`() async throws {
        try await LiveServer.with { server in
            let cast = try await Cast.prepare(server)
            let (tenant, operator_) = (cast.curl("red-operator"), cast.curl("all-operator"))
            let own = try await tenant("POST", captures, #"{"flow":"tcp/443","seconds":5}"#)
            #expect(own.status == 201 && own.text("points") == #"["port"]"#, "\(own.body)")
            let id = try #require(own.text("id"))
            for point in ["bridge", "vxlan", "underlay"] {
                let reply = try await tenant("POST", captures, #"{"points":["port","\#(point)"]}"#)
                #expect(reply.status == 403, "\(reply.body)")
            }
            let wide = try await operator_("POST", captures, "{}")
            #expect(wide.text("points") == #"["port","bridge","vxlan","underlay"]"#, "\(wide.body)")
            let wideID = try #require(wide.text("id"))
            #expect(try await tenant("GET", "\(captures)/\(wideID)").status == 403)
            #expect(try await tenant("DELETE", "\(captures)/\(wideID)").status == 403)
            #expect(try await cast.curl("blue-admin")("GET", "\(captures)/\(id)").status == 404)
            #expect(try await cast.curl("red-viewer")("GET", "\(captures)/\(id)").status == 403)
            // Under another attachment, or another project, it is none.
            #expect(
                try await tenant("GET", "/v1/projects/red/attachments/red-vm/captures/\(id)").status == 404)

            let host = cast.curl("host")
            let chunks = "/v1/hosts/hyper-one/probes/\(id)/chunks"
            let answer =
                #"{"phase":"measuring","capture":{"devices":[{"point":"port","name":"kctsecret","failure":"und0"}],"chunks":0,"frames":0,"dropped":0}}"#
            try await eventually("the host answers") {
                try await host("PUT", "/v1/hosts/hyper-one/probes/\(id)", answer).status == 204
            }
            #expect(try await host("PUT", "\(chunks)/0", #"{"frames":[\#(frame)]}"#).status == 204)
            #expect(try await host("PUT", "\(chunks)/1", #"{"frames":[\#(frame),\#(frame)]}"#).status == 204)
            #expect(try await tenant("PUT", "\(chunks)/2", #"{"frames":[]}"#).status == 403)
            for (place, body) in [
                ("1208", #"{"frames":[]}"#), ("-1", #"{"frames":[]}"#),
                ("2", #"{"frames":[{"device":64,"time":1,"length":2,"bytes":"00"}]}"#),
                ("2", #"{"frames":[{"device":0,"time":1,"length":0,"bytes":"00"}]}"#),
            ] {
                #expect(try await host("PUT", "\(chunks)/\(place)", body).status == 422, "\(place) \(body)")
            }
            var read = try await tenant("GET", "\(captures)/\(id)")
            try await eventually("the answer shows") {
                read = try await tenant("GET", "\(captures)/\(id)")
                return read.text("phase") == "measuring"
            }
            #expect(read.text("chunks") == #"[{"frames":[\#(frame)]},{"frames":[\#(frame),\#(frame)]}]"#)
            #expect(read.text("next") == "2")
            for secret in ["hyper-one", "kctsecret", "und0", "by"] {
                #expect(!read.body.contains("\"\(secret)\""), "\(secret): \(read.body)")
            }
            #expect(try await tenant("GET", "\(captures)/\(id)?from=1").text("next") == "2")
            #expect(try await tenant("GET", "\(captures)/\(id)?from=9999").status == 422)
            // Who asked is there for whoever runs the cloud.
            #expect(try await operator_("GET", "\(captures)/\(id)").text("by")?.contains("red-operator") == true)
            #expect(try await tenant("DELETE", "\(captures)/\(id)").status == 204)
            try await eventually("it is gone") {
                try await host("PUT", "\(chunks)/2", #"{"frames":[]}"#).status == 404
            }
        }
    }

    @Test func `what is wanted must be in its bounds, and a project has few at a time`() async throws {
        try await LiveServer.with { server in
            let cast = try await Cast.prepare(server)
            let tenant = cast.curl("red-operator")
            for (body, field) in [
                (#"{"seconds":0}"#, "seconds"), (#"{"seconds":301}"#, "seconds"), (#"{"pace":2001}"#, "pace"),
                (#"{"snapLength":63}"#, "snapLength"), (#"{"bytes":99999999}"#, "bytes"), (#"{"flow":"sctp"}"#, "flow"),
                (#"{"points":["wire"]}"#, "points[0]"), (#"{"peer":"192.0.2.1"}"#, "peer"), (#"{"x":1}"#, "x"),
                (#"{"points":[]}"#, "points"),
            ] {
                let reply = try await tenant("POST", captures, body)
                #expect(reply.status == 422 && reply.text("field") == field, "\(body): \(reply.body)")
            }
            for _ in 0..<4 { #expect(try await tenant("POST", captures, "{}").status == 201) }
            #expect(try await tenant("POST", captures, "{}").status == 429)
        }
    }
}
