import Addressing
import NetworkModel
import NetworkService
import Persistence
import Resources
import SQLiteStore
import Testing

@Suite struct PortTests {
    @Test func `an attachment has its MAC and addresses at once`() async throws {
        try await TestServer.with { server in
            let service = server.service
            try await service.make(.segment, #"{"name":"m","spec":{"ipam":"manual","prefix":"2001:db8::/64"}}"#)
            let item = try await service.make(.attachment, #"{"name":"a","spec":{"segment":"m"}}"#)
            #expect(try item.text("status", "mac") == "02:6b:63:00:00:00")
            #expect(
                try item.text("status", "addresses") == #"[{"value":"2001:db8::6b:63ff:fe00:0","origin":"assigned"}]"#)
            let fixed = try await service.make(
                .attachment, #"{"name":"b","spec":{"segment":"m","addresses":["2001:db8::5"]}}"#)
            #expect(try fixed.text("status", "addresses") == #"[{"value":"2001:db8::5","origin":"static"}]"#)
            for (address, code) in [
                ("2001:db8:0:1::5", Problem.Code.invalidField), ("2001:db8::", .invalidField),
                ("fe80::1", .invalidField),
                ("2001:db8::5", .addressTaken),
            ] {
                await expectProblem(code, field: "spec.addresses[0]") {
                    try await service.make(
                        .attachment, #"{"name":"c","spec":{"segment":"m","addresses":["\#(address)"]}}"#)
                }
            }
            let moved = try await service.put(
                .attachment, "b", #"{"name":"b","spec":{"segment":"m","addresses":["2001:db8::6"]}}"#)
            #expect(try moved.text("status", "addresses") == #"[{"value":"2001:db8::6","origin":"static"}]"#)
            try await service.make(.attachment, #"{"name":"c","spec":{"segment":"m","addresses":["2001:db8::5"]}}"#)
        }
    }

    @Test func `what does not exist is named, and so is what stays`() async throws {
        try await TestServer.with { server in
            let service = server.service
            try await service.make(.segment, #"{"name":"m","spec":{"ipam":"none"}}"#)
            try await service.make(.segment, #"{"name":"n","spec":{"ipam":"none"}}"#)
            await expectProblem(.invalidField, field: "spec.segment", saying: "project 'default'") {
                try await service.make(.attachment, #"{"name":"a","spec":{"segment":"nope"}}"#)
            }
            await expectProblem(.invalidField, field: "spec.host", saying: "host") {
                try await service.make(.attachment, #"{"name":"a","spec":{"segment":"m","host":"nope"}}"#)
            }
            await expectProblem(.invalidField, field: "spec.addresses[0]", saying: "no prefix") {
                try await service.make(.attachment, #"{"name":"a","spec":{"segment":"m","addresses":["2001:db8::1"]}}"#)
            }
            try await service.make(.attachment, #"{"name":"a","spec":{"segment":"m"}}"#)
            await expectProblem(.invalidField, field: "spec.segment") {
                try await service.put(.attachment, "a", #"{"name":"a","spec":{"segment":"n"}}"#)
            }
            await expectProblem(.invalidField, field: "spec.mac") {
                try await service.put(
                    .attachment, "a", #"{"name":"a","spec":{"segment":"m","mac":"02:00:00:00:00:01"}}"#)
            }
        }
    }

    @Test func `only an operator reaches into a host, and nobody makes a gateway's port`() async throws {
        try await TestServer.with { server in
            let service = server.service
            try await service.makeHost(1)
            try await service.make(.segment, #"{"name":"m","spec":{"ipam":"none"}}"#)
            let stranger = Principal.identity(
                Identity(name: "eva", grants: Grants(projects: ["default": .consumer])))
            for port in [#"{"type":"namespace","namespace":"ns"}"#, #"{"type":"external","interface":"eth1"}"#] {
                await expectProblem(.forbidden) {
                    try await service.make(
                        .attachment, #"{"name":"a","spec":{"segment":"m","host":"h1","port":\#(port)}}"#, by: stranger)
                }
                try await service.make(
                    .attachment, #"{"name":"a\#(port.utf8.count)","spec":{"segment":"m","host":"h1","port":\#(port)}}"#)
            }
            let id = try await service.get(.host, "h1").id
            await expectProblem(.invalidField, field: "spec.port.type") {
                try await service.make(
                    .attachment, #"{"name":"g","spec":{"segment":"m","port":{"type":"gateway","gateway":"\#(id)"}}}"#)
            }
        }
    }

    @Test func `a segment meets an outside network once`() async throws {
        try await TestServer.with { server in
            let service = server.service
            try await service.makeHost(1)
            try await service.makeHost(2)
            try await service.make(.segment, #"{"name":"m","spec":{"ipam":"none"}}"#)
            try await service.make(.segment, #"{"name":"n","spec":{"ipam":"none"}}"#)
            func external(_ name: String, _ segment: String, _ host: String?, _ interface: String) -> String {
                let host = host.map { #","host":"\#($0)""# } ?? ""
                return
                    #"{"name":"\#(name)","spec":{"segment":"\#(segment)"\#(host),"port":{"type":"external","interface":"\#(interface)"}}}"#
            }
            await expectProblem(.invalidField, field: "spec.host") {
                try await service.make(.attachment, external("x", "m", nil, "eth1"))
            }
            try await service.make(.attachment, external("x", "m", "h1", "eth1"))
            await expectProblem(.inUse, field: "spec.port.interface", saying: "loop") {
                try await service.make(.attachment, external("y", "m", "h2", "eth1"))
            }
            await expectProblem(.inUse, field: "spec.port.interface", saying: "attachment 'x'") {
                try await service.make(.attachment, external("y", "n", "h1", "eth1"))
            }
            try await service.put(.attachment, "x", external("x", "m", "h2", "eth1"))
            try await service.make(.attachment, external("y", "n", "h1", "eth1"))
            try await service.put(.attachment, "x", external("x", "m", "h2", "eth2"))
            try await service.remove(.attachment, "x")
            try await service.make(.attachment, external("z", "m", "h2", "eth1"))
        }
    }

    @Test func `a gateway makes, moves and removes its ports`() async throws {
        try await TestServer.with { server in
            let service = server.service
            try await service.makeHost(1)
            try await service.makeHost(2)
            try await service.make(.host, #"{"name":"plain","spec":{"vtep":"2001:db8::9","interface":"u0"}}"#)
            for name in ["a", "b"] {
                try await service.make(.segment, #"{"name":"\#(name)","spec":{"ipam":"automatic"}}"#)
            }
            try await service.make(.segment, #"{"name":"l2","spec":{"ipam":"none"}}"#)
            await expectProblem(.invalidField, field: "spec.host", saying: "role 'gateway'") {
                try await service.make(.gateway, #"{"name":"g","spec":{"host":"plain","segments":["a"]}}"#)
            }
            await expectProblem(.invalidField, field: "spec.segments[0]", saying: "prefix") {
                try await service.make(.gateway, #"{"name":"g","spec":{"host":"h1","segments":["l2"]}}"#)
            }
            try await service.make(.gateway, #"{"name":"g","spec":{"host":"h1","segments":["a"]}}"#)
            let port = try await service.get(.attachment, "gw-g-a")
            #expect(try port.text("status", "addresses") == #"[{"value":"fe80::1","origin":"assigned"}]"#)
            await expectProblem(.inUse, field: "spec.segments[0]", saying: "gateway 'g'") {
                try await service.make(.gateway, #"{"name":"g2","spec":{"host":"h2","segments":["a"]}}"#)
            }
            await expectProblem(.inUse, saying: "gateway 'g'") { try await service.remove(.attachment, "gw-g-a") }
            await expectProblem(.inUse, saying: "gateway 'g'") { try await service.remove(.segment, "a") }
            await expectProblem(.inUse, saying: "gateway") { try await service.remove(.host, "h1") }

            try await service.put(.gateway, "g", #"{"name":"g","spec":{"host":"h2","segments":["a","b"]}}"#)
            let host = try await service.get(.host, "h2").id.description
            let names = try await service.list(.attachment, project: "default").items.map(\.name.text)
            #expect(names == ["gw-g-a", "gw-g-b"])
            #expect(try await service.get(.attachment, "gw-g-a").id == port.id)
            // They are on the former host too until the move there flips.
            for name in names {
                guard case .attachment(let port) = try await service.get(.attachment, name).resource else { continue }
                #expect(port.assigned.next?.description == host)
            }
            await expectProblem(.conflict, field: "spec.segments") {
                try await service.put(.gateway, "g", #"{"name":"g","spec":{"host":"h2","segments":["b"]}}"#)
            }
            _ = try await service.cancelMove(project: "default", "g", by: administrator)

            try await service.put(.gateway, "g", #"{"name":"g","spec":{"host":"h1","segments":["b"]}}"#)
            #expect(try await service.list(.attachment, project: "default").items.map(\.name.text) == ["gw-g-b"])
            try await service.remove(.gateway, "g")
            let left = try await service.list(.attachment, project: "default").items
            #expect(left.isEmpty)
            for name in ["a", "b"] { try await service.remove(.segment, name) }
            let keys = try await server.store.list(StoreKey("/kc/net/k/mac/"), after: nil, limit: 10)
            #expect(keys.entries.isEmpty)
        }
    }

    @Test func `a gateway's port has a name, however long the others are`() async throws {
        try await TestServer.with { server in
            let service = server.service
            try await service.makeHost(1)
            let long = String(repeating: "s", count: 60)
            try await service.make(.segment, #"{"name":"\#(long)","spec":{"ipam":"automatic"}}"#)
            try await service.make(.gateway, #"{"name":"\#(long)","spec":{"host":"h1","segments":["\#(long)"]}}"#)
            let names = try await service.list(.attachment, project: "default").items.map(\.name.text)
            #expect(names.count == 1)
            #expect(names[0].hasPrefix("gw-sss") && names[0].utf8.count <= 63)
        }
    }
}
