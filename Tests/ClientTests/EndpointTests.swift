import APIClient
import Testing

@Suite struct `Endpoint of the API` {
    @Test(arguments: [
        ("unix:/run/kc/api.sock", "unix:/run/kc/api.sock"), ("/tmp/a b.sock", "unix:/tmp/a b.sock"),
        ("https://controller:8440", "https://controller:8440"),
        ("https://[2001:db8::1]:8440/", "https://[2001:db8::1]:8440"),
        ("http://[::1]:8440", "http://[::1]:8440"), ("http://localhost:1", "http://localhost:1"),
        ("http://127.0.0.1", "http://127.0.0.1"),
        ("https://a:8440,https://[2001:db8::2]:8440/,https://c", "https://a:8440,https://[2001:db8::2]:8440,https://c"),
        ("http://[::1]:1,http://[::1]:2", "http://[::1]:1,http://[::1]:2"),
    ])
    func `is read`(text: String, canonical: String) throws {
        let endpoint = try Endpoint(parsing: text)
        #expect(endpoint.description == canonical)
        #expect(try Endpoint(parsing: endpoint.description) == endpoint)
    }

    @Test(arguments: [
        "", "kc", "unix:", "unix:relative", "/" + String(repeating: "a", count: 107), "http://192.0.2.1:8440",
        "http://localhost.example.com", "http://[2001:db8::1]:80", "https://", "https://host:0", "https://host:70000",
        "https://user@host", "https://host/path", "https://[::1", "https://::1:80", "ftp://host",
        "http://127.0.0.1@evil", "https://a,https://a", "https://a,http://[::1]:1", "https://a,unix:/run/kc/api.sock",
        "https://a,", ",https://a", "https://a,,https://b", "https://a,b", "https://a, https://b",
        (1...17).map { "https://h\($0)" }.joined(separator: ","),
    ])
    func `is refused with advice`(text: String) {
        let failure = #expect(throws: APIFailure.self) { try Endpoint(parsing: text) }
        #expect(failure?.code == .badEndpoint)
        #expect(failure?.advice.isEmpty == false)
    }
}
