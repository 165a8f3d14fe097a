import DomainXML
import Resources
import SeededRandomness
import Testing

/// Whose a domain is.
@Suite struct DomainIdentityTests {
    static let uuid = "00000001-1111-4222-8333-444444444444"

    static func domain(_ metadata: String, uuid: String = uuid) -> String {
        "<?xml version='1.0'?><!-- made by virsh -->\n<domain><uuid>\(uuid)</uuid><metadata>\(metadata)</metadata></domain>\n"
    }

    static func identity(_ text: String) throws -> DomainIdentity { try DomainIdentity(reading: Array(text.utf8)) }

    @Test(arguments: [
        "<kc:vm xmlns:kc='urn:kc:domain:1' id='\(uuid)'/>",
        "<kc:vm xmlns:kc=\"urn:kc:domain:1\" id=\"\(uuid)\"></kc:vm>",
        "<x:vm id='\(uuid)' xmlns:x='urn:kc:domain:1' />", "<vm xmlns='urn:kc:domain:1' id='\(uuid)'>text</vm>",
        "<other xmlns='urn:x'><kc/></other><kc:vm xmlns:kc='urn:kc:domain:&#x31;' id='\(uuid)'/>",
    ])
    func `our element is found by its namespace, whatever its prefix`(metadata: String) throws {
        let id = try #require(ResourceID(Self.uuid))
        #expect(try Self.identity(Self.domain(metadata)) == .vm(id))
        let declared =
            "<domain xmlns:k='urn:kc:domain:1'><uuid>\(Self.uuid)</uuid><metadata><k:vm id='\(Self.uuid)'/></metadata></domain>"
        #expect(try Self.identity(declared) == .vm(id))
    }

    @Test(arguments: [
        domain(""), domain("<kc:vm xmlns:kc='urn:kc:domain:2' id='\(uuid)'/>"), domain("<vm id='\(uuid)'/>"),
        domain("<kc:vms xmlns:kc='urn:kc:domain:1' id='\(uuid)'/>"),
        domain("<!-- <kc:vm xmlns:kc='urn:kc:domain:1' id='\(uuid)'/> -->"),
        domain("<![CDATA[<kc:vm xmlns:kc='urn:kc:domain:1' id='\(uuid)'/>]]>"),
        domain("&lt;kc:vm xmlns:kc='urn:kc:domain:1' id='\(uuid)'/>"),
        domain("<a><kc:vm xmlns:kc='urn:kc:domain:1' id='\(uuid)'/></a>"),
        "<domain><description><metadata><kc:vm xmlns:kc='urn:kc:domain:1' id='\(uuid)'/></metadata></description></domain>",
        "<network><metadata><kc:vm xmlns:kc='urn:kc:domain:1' id='\(uuid)'/></metadata></network>",
    ])
    func `what is not our element, or not in its place, is somebody else's`(text: String) throws {
        #expect(try Self.identity(text) == .foreign)
    }

    static let ours = "<kc:vm xmlns:kc='urn:kc:domain:1' id='\(uuid)'/>"

    @Test(arguments: [
        domain(ours + ours), domain("<kc:vm xmlns:kc='urn:kc:domain:1'/>"),
        domain("<kc:vm xmlns:kc='urn:kc:domain:1' id='x'/>"),
        domain(ours, uuid: "00000002-1111-4222-8333-444444444444"), domain(ours, uuid: ""),
        domain("<kc:vm id='\(uuid)'/>"), domain("<a:b:c/>"), domain("<a b='1' b='2'/>"), domain("<a b=1/>"),
        domain("<a b/>"),
        domain("<a b='<'/>"), domain("<a></b>"), domain("<a>"), domain("</a>"), domain("&unknown;"), domain("&#0;"),
        domain("&#xd800;"), domain("&#x110000;"), domain("&#+49;"), domain("& "), domain("<1/>"), domain("< a/>"),
        domain("<a'/>"),
        domain("<!DOCTYPE x>"), "<!DOCTYPE d [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]>" + domain("&b;"),
        "<!DOCTYPE d [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>" + domain("&x;"), domain("") + "<x/>", "x" + domain(""),
        "",
        "<domain/", "<domain", "<", "<domain><!-- ", "<domain><![CDATA[ </domain>", "<?xml ",
        String(repeating: "<a>", count: 33) + String(repeating: "</a>", count: 33),
        "<domain>" + String(repeating: " ", count: 1 << 20) + "</domain>",
    ])
    func `what cannot be read, or says two things, is refused`(text: String) {
        #expect(throws: DomainReadingError.self) { try Self.identity(text) }
    }

    @Test func `bytes that are not UTF-8 are refused`() {
        #expect(throws: DomainReadingError.self) {
            try DomainIdentity(reading: Array("<domain>".utf8) + [0xff] + Array("</domain>".utf8))
        }
    }

    @Test func `cut off anywhere or changed anywhere, nothing traps, and another id is never read`() throws {
        var random = SeededGenerator(printedFor: "domain identities")
        let whole = Array(try DomainTests.domain().xml.utf8)
        let id = try #require(ResourceID(Self.uuid))
        for end in 0..<whole.count - 10 {
            #expect(throws: DomainReadingError.self) { try DomainIdentity(reading: Array(whole[..<end])) }
        }
        for _ in 0..<5000 {
            var bytes = whole
            let place = Int.random(in: 0..<bytes.count, using: &random)
            if random.chance(50) {
                bytes[place] = UInt8.random(in: 0...255, using: &random)
            } else {
                bytes.insert(contentsOf: Array("<>&'\"/!?; ".utf8).shuffled(using: &random).prefix(2), at: place)
            }
            // Refusals are as good as answers here; only a wrong id is not.
            guard let identity = try? DomainIdentity(reading: bytes) else { continue }
            #expect(identity == .vm(id) || identity == .foreign)
        }
    }
}
