import Addressing
import NetworkModel
import NetworkService
import Persistence
import Resources
import SQLiteStore
import Testing

@Suite struct WritingTests {
    @Test func `a first start makes the defaults once, whoever comes first`() async throws {
        try await TestServer.with { server in
            try await server.service.prepareFirstStart(underlayMTU: .init(9000))
            #expect(try await server.service.list(.project).items.map(\.name.text) == ["default"])
            #expect(try await server.service.list(.pool).items.map(\.name.text).sorted() == ["mac", "ula", "vni"])
            #expect(try await server.service.get(.underlay, "default").text("spec", "mtu") == "1500")
            #expect(try await server.service.get(.pool, "ula").text("spec", "prefix") == "fd12:3456:789a::/48")
        }
    }

    @Test func `a segment has VNI, group, MTU and prefix at once`() async throws {
        try await TestServer.with { server in
            let item = try await server.service.make(.segment, #"{"name":"blue","spec":{"ipam":"automatic"}}"#)
            #expect(try item.text("status", "vni") == "4096")
            #expect(try item.text("status", "group") == "ff15::8b00:0")
            #expect(try item.text("status", "mtu") == "1430")
            #expect(try item.text("status", "prefix") == "fd12:3456:789a::/64")
            #expect(try item.text("status", "replication") == "multicast")
            let plain = try await server.service.make(.segment, #"{"name":"l2","spec":{"ipam":"none"}}"#)
            #expect(try plain.text("status", "prefix") == nil)
        }
    }

    @Test func `a VNI, a prefix, a VTEP and a MAC have one holder, and the refusal names it`() async throws {
        try await TestServer.with { server in
            let service = server.service
            try await service.make(
                .segment, #"{"name":"a","spec":{"ipam":"manual","vni":7,"prefix":"2001:db8:1::/64"}}"#)
            await expectProblem(.vniTaken, field: "spec.vni", saying: "segment 'a'") {
                try await service.make(.segment, #"{"name":"b","spec":{"ipam":"none","vni":7}}"#)
            }
            await expectProblem(.prefixTaken, field: "spec.prefix", saying: "segment 'a'") {
                try await service.make(.segment, #"{"name":"b","spec":{"ipam":"manual","prefix":"2001:db8:1::/64"}}"#)
            }
            try await service.makeHost(1)
            await expectProblem(.addressTaken, field: "spec.vtep", saying: "host 'h1'") {
                try await service.make(.host, #"{"name":"h2","spec":{"vtep":"2001:db8::1","interface":"u0"}}"#)
            }
            try await service.make(.attachment, #"{"name":"x","spec":{"segment":"a","mac":"02:00:00:00:00:07"}}"#)
            await expectProblem(.macTaken, field: "spec.mac", saying: "attachment 'x'") {
                try await service.make(.attachment, #"{"name":"y","spec":{"segment":"a","mac":"02:00:00:00:00:07"}}"#)
            }
            // Values of refused and deleted resources are free again.
            try await service.remove(.attachment, "x")
            try await service.remove(.segment, "a")
            try await service.make(
                .segment, #"{"name":"b","spec":{"ipam":"manual","vni":7,"prefix":"2001:db8:1::/64"}}"#)
        }
    }

    @Test func `the underlay's port stays while there are segments, its hop limit may change`() async throws {
        try await TestServer.with { server in
            let service = server.service
            func put(_ port: Int, _ hopLimit: Int) async throws {
                let spec = #"{"mtu":1500,"port":\#(port),"hopLimit":\#(hopLimit)}"#
                try await service.put(.underlay, "default", #"{"name":"default","spec":\#(spec)}"#)
            }
            try await put(8472, 64)
            try await service.make(.segment, #"{"name":"a","spec":{"ipam":"none"}}"#)
            await expectProblem(.inUse, saying: "port", "segments") { try await put(4789, 64) }
            try await put(8472, 8)
            try await service.remove(.segment, "a")
            try await put(4789, 8)
        }
    }

    @Test func `an exhausted pool says which, and a larger one helps`() async throws {
        try await TestServer.with { server in
            let service = server.service
            try await service.put(.pool, "vni", #"{"name":"vni","spec":{"type":"vni","from":10,"to":11}}"#)
            try await service.make(.segment, #"{"name":"a","spec":{"ipam":"none"}}"#)
            try await service.make(.segment, #"{"name":"b","spec":{"ipam":"none"}}"#)
            await expectProblem(.poolExhausted, saying: "'vni' (10 to 11)", "raise the 'to'") {
                try await service.make(.segment, #"{"name":"c","spec":{"ipam":"none"}}"#)
            }
            try await service.put(.pool, "vni", #"{"name":"vni","spec":{"type":"vni","from":10,"to":12}}"#)
            let item = try await service.make(.segment, #"{"name":"c","spec":{"ipam":"none"}}"#)
            #expect(try item.text("status", "vni") == "12")
        }
    }

    @Test func `a pool may go while its values are held, and gives nothing more`() async throws {
        try await TestServer.with { server in
            let service = server.service
            try await service.make(.segment, #"{"name":"a","spec":{"ipam":"manual"}}"#)
            try await service.remove(.pool, "ula")
            #expect(try await service.get(.segment, "a").text("status", "prefix") == "fd12:3456:789a::/64")
            await expectProblem(.poolExhausted, saying: "no pool of type 'prefix'") {
                try await service.make(.segment, #"{"name":"b","spec":{"ipam":"manual"}}"#)
            }
        }
    }

    @Test func `a prefix of ::/8 that is stored from before is read, kept and not given anew`() async throws {
        try await TestServer.with { server in
            let service = server.service
            let segment = try await service.make(
                .segment, #"{"name":"a","spec":{"ipam":"manual","prefix":"2001:db8:1::/64"}}"#)
            let pool = try await service.make(
                .pool, #"{"name":"p","spec":{"type":"delegation","prefix":"2001:db8:1::/48"}}"#)
            // What an earlier version took.
            for id in [segment.id, pool.id] {
                let list = try await server.store.list(StoreKey("/kc/net/w/r/"), after: nil, limit: 100)
                let entry = try #require(list.entries.first { $0.key.description.hasSuffix("/\(id)") })
                let text = String(decoding: entry.value, as: UTF8.self)
                    .replacing("2001:db8:1::/", with: "64:ff9b:1::/")
                #expect(text.contains("64:ff9b:1::/"))
                let outcome = try await server.store.commit(
                    StoreTransaction(changes: [.put(entry.key, Array(text.utf8))]))
                guard case .committed(let revision) = outcome else {
                    Issue.record("\(outcome)")
                    return
                }
                try await service.cache.wait(for: revision)
            }
            let later = server.another()
            try await server.running(later) {
                let (read, pool) = (try await later.get(.segment, "a"), try await later.get(.pool, "p"))
                #expect(try read.text("spec", "prefix") == "64:ff9b:1::/64")
                #expect(try pool.text("spec", "prefix") == "64:ff9b:1::/48")
            }
            try await service.put(
                .segment, "a", #"{"name":"b","spec":{"ipam":"manual","prefix":"64:ff9b:1::/64"}}"#)
            try await service.put(
                .pool, "p", #"{"name":"q","spec":{"type":"delegation","prefix":"64:ff9b:1::/48"}}"#)
            for prefix in ["64:ff9b:2::/48", "::/0"] {
                let spec = #"{"type":"delegation","prefix":"\#(prefix)"}"#
                await expectProblem(.invalidField, field: "spec.prefix") {
                    try await service.put(.pool, "q", #"{"name":"q","spec":\#(spec)}"#)
                }
                await expectProblem(.invalidField, field: "spec.prefix") {
                    try await service.make(.pool, #"{"name":"r","spec":\#(spec)}"#)
                }
            }
            try await service.remove(.segment, "b")
            try await service.remove(.pool, "q")
        }
    }

    @Test(arguments: [
        (#"{"name":"a b","spec":{"ipam":"none"}}"#, "name"), (#"{"name":"a\nb","spec":{"ipam":"none"}}"#, "name"),
        (#"{"name":"a\"b","spec":{"ipam":"none"}}"#, "name"), (#"{"name":"a/b","spec":{"ipam":"none"}}"#, "name"),
        (#"{"name":"","spec":{"ipam":"none"}}"#, "name"), (#"{"spec":{"ipam":"none"}}"#, "name"),
        (#"{"name":7,"spec":{"ipam":"none"}}"#, "name"), (#"{"name":"a"}"#, "spec"),
        (#"{"name":"a","spec":{}}"#, "spec.ipam"),
        (#"{"name":"a","spec":{"ipam":"dhcp"}}"#, "spec.ipam"),
        (#"{"name":"a","spec":{"ipam":"none","x":1}}"#, "spec.x"),
        (#"{"name":"a","spec":{"ipam":"none"},"id":"x"}"#, "id"),
        (#"{"name":"a","spec":{"ipam":"none"},"status":{}}"#, "status"),
        (#"{"name":"a","kind":"host","spec":{"ipam":"none"}}"#, "kind"),
        (#"{"name":"a","spec":{"ipam":"manual","prefix":"2001:db8::/63"}}"#, "spec.prefix"),
        (#"{"name":"a","spec":{"ipam":"manual","prefix":"fe80::/64"}}"#, "spec.prefix"),
        (#"{"name":"a","spec":{"ipam":"manual","prefix":"::/64"}}"#, "spec.prefix"),
        (#"{"name":"a","spec":{"ipam":"manual","prefix":"64:ff9b::/64"}}"#, "spec.prefix"),
        (#"{"name":"a","spec":{"ipam":"none","prefix":"2001:db8::/64"}}"#, "spec.prefix"),
        (#"{"name":"a","spec":{"ipam":"none","vni":0}}"#, "spec.vni"),
        (#"{"name":"a","spec":{"ipam":"none","vni":1.5}}"#, "spec.vni"),
        (#"{"name":"a","spec":{"ipam":"none"},"labels":{"a b":"c"}}"#, "labels"), (#"[]"#, "(document)"),
    ]) func `bad input names its field`(_ body: String, _ field: String) async throws {
        try await TestServer.with { server in
            await expectProblem(.invalidField, field: field) { try await server.service.make(.segment, body) }
            let made = try await server.service.list(.segment, project: "default").items
            #expect(made.isEmpty)
        }
    }

    @Test func `what a segment is made with stays`() async throws {
        try await TestServer.with { server in
            let service = server.service
            try await service.make(.segment, #"{"name":"a","spec":{"ipam":"manual"}}"#)
            for (spec, field) in [
                (#"{"ipam":"manual","vni":9}"#, "spec.vni"),
                (#"{"ipam":"manual","prefix":"2001:db8::/64"}"#, "spec.prefix"),
                (#"{"ipam":"none"}"#, "spec.ipam"),
            ] {
                await expectProblem(.invalidField, field: field) {
                    try await service.put(.segment, "a", #"{"name":"a","spec":\#(spec)}"#)
                }
            }
            let item = try await service.put(
                .segment, "a", #"{"name":"a","spec":{"ipam":"automatic","vni":4096,"replication":"unicast"}}"#)
            #expect(try item.text("status", "replication") == "unicast")
            #expect(item.resource.metadata.generation == 2)
        }
    }

    @Test func `a document that a read gave can be written back, and changes nothing`() async throws {
        try await TestServer.with { server in
            let item = try await server.service.make(
                .segment,
                #"{"name":"a","labels":{"x":"y"},"annotations":{"n":{"b": 1.50,  "a":[ ]}},"spec":{"ipam":"manual"}}"#)
            #expect(String(decoding: item.json, as: UTF8.self).contains(#""n":{"b": 1.50,  "a":[ ]}"#))
            let again = try await server.service.put(.segment, "a", String(decoding: item.json, as: UTF8.self))
            #expect(again.json == item.json)
        }
    }

    @Test func `a stale writer is refused and changes nothing`() async throws {
        try await TestServer.with { server in
            let service = server.service
            let first = try await service.make(.segment, #"{"name":"a","spec":{"ipam":"none"}}"#)
            let second = try await service.put(
                .segment, "a", #"{"name":"a","labels":{"v":"2"},"spec":{"ipam":"none"}}"#, expecting: first.revision)
            await expectProblem(.preconditionFailed, field: "revision") {
                try await service.put(
                    .segment, "a", #"{"name":"a","labels":{"v":"3"},"spec":{"ipam":"none"}}"#, expecting: first.revision
                )
            }
            await expectProblem(.preconditionFailed) {
                try await service.remove(.segment, "a", expecting: first.revision)
            }
            #expect(try await service.get(.segment, "a").json == second.json)
        }
    }

    @Test func `names are unique, renaming keeps references, and protection refuses deletion`() async throws {
        try await TestServer.with { server in
            let service = server.service
            try await service.make(.segment, #"{"name":"a","spec":{"ipam":"none"}}"#)
            try await service.make(.segment, #"{"name":"b","protected":true,"spec":{"ipam":"none"}}"#)
            let web = try await service.make(.attachment, #"{"name":"web","spec":{"segment":"a"}}"#)
            await expectProblem(.nameTaken, field: "name") {
                try await service.put(.segment, "a", #"{"name":"b","spec":{"ipam":"none"}}"#)
            }
            let renamed = try await service.put(.segment, "a", #"{"name":"c","spec":{"ipam":"none"}}"#)
            #expect(try web.text("spec", "segment") == renamed.id.description)
            await expectProblem(.notFound) { _ = try await service.get(.segment, "a") }
            #expect(try await service.get(.segment, "c").id == renamed.id)
            try await service.make(.segment, #"{"name":"a","spec":{"ipam":"none"}}"#)
            await expectProblem(.protected) { try await service.remove(.segment, "b") }
            await expectProblem(.inUse, saying: "'web'") { try await service.remove(.segment, "c") }
        }
    }

    @Test func `a renamed project shows in its resources, and goes only when it is empty`() async throws {
        try await TestServer.with { server in
            let service = server.service
            try await service.make(.project, #"{"name":"p","spec":{}}"#)
            let body = try JSONParser.parse(Array(#"{"name":"a","spec":{"ipam":"none"}}"#.utf8))
            let made = try await service.create(.segment, project: "p", body, by: administrator)
            let item = try #require(made.item)
            try await service.put(.project, "p", #"{"name":"q","spec":{}}"#)
            let shown = try await service.find(.segment, project: "q", "a")
            #expect(try shown.text("project") == "q")
            #expect(shown.revision == item.revision)
            await expectProblem(.inUse, saying: "1 resources") { try await service.remove(.project, "q") }
            _ = try await service.delete(.segment, project: "q", "a", by: administrator)
            try await service.remove(.project, "q")
            await expectProblem(.inUse) { try await service.remove(.project, "default") }
        }
    }

    @Test func `a server that keeps no history writes, replaces and removes all the same`() async throws {
        var settings = NetworkService.Settings()
        settings.historyLength = 0
        try await TestServer.with(settings: settings) { server in
            let service = server.service
            let item = try await service.make(.segment, #"{"name":"a","spec":{"ipam":"none"}}"#)
            try await service.put(.segment, "a", #"{"name":"a","labels":{"v":"2"},"spec":{"ipam":"none"}}"#)
            try await service.remove(.segment, "a")
            let left = try await server.store.list(StoreKey("/kc/net/h/\(item.id)/"), after: nil, limit: 10)
            #expect(left.entries.isEmpty)
        }
    }

    @Test func `history is kept, bounded, and can be restored`() async throws {
        var settings = NetworkService.Settings()
        settings.historyLength = 3
        try await TestServer.with(settings: settings) { server in
            let service = server.service
            let item = try await service.make(.segment, #"{"name":"a","labels":{"v":"1"},"spec":{"ipam":"none"}}"#)
            for version in 2...5 {
                try await service.put(
                    .segment, "a", #"{"name":"a","labels":{"v":"\#(version)"},"spec":{"ipam":"none"}}"#)
            }
            func generations() async throws -> [String] {
                let history = try JSONParser.parse(try await service.history(.segment, project: "default", "a"))
                guard case .array(let items)? = history["items"]?.content else { return [] }
                return items.map {
                    "\(String(decoding: $0["generation"]?.raw ?? [], as: UTF8.self)) \($0["action"]?.string ?? "") \($0["who"]?.string ?? "")"
                }
            }
            #expect(try await generations() == ["5 update test", "4 update test", "3 update test"])
            await expectProblem(.notFound, field: "generation") {
                _ = try await service.restore(.segment, project: "default", "a", generation: 1, by: administrator)
            }
            let restored = try await service.restore(
                .segment, project: "default", "a", generation: 3, by: administrator)
            #expect(try restored.item?.text("labels", "v") == "3")
            #expect(try await generations() == ["6 restore test", "5 update test", "4 update test"])
            try await service.remove(.segment, "a")
            let left = try await server.store.list(StoreKey("/kc/net/h/\(item.id)/"), after: nil, limit: 10)
            #expect(left.entries.isEmpty)
        }
    }
}
