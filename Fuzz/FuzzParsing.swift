// A libFuzzer target over every parser of layer 0: whatever the bytes, no trap, and what is accepted survives its
// canonical form. tools/fuzz compiles it together with the sources of Addressing and Resources.

private func survives<Value: Equatable>(_ value: Value?, _ again: (Value) -> Value?) {
    guard let value else { return }
    precondition(again(value) == value, "an accepted value does not survive its canonical form: \(value)")
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    let text = String(decoding: bytes, as: UTF8.self)
    survives(IPv6Address(text)) { IPv6Address($0.description) }
    survives(IPv4Address(text)) { IPv4Address($0.description) }
    survives(IPv6Prefix(text)) { IPv6Prefix($0.description) }
    survives(MACAddress(text)) { MACAddress($0.description) }
    survives(try? InterfaceName(text)) { try? InterfaceName($0.text) }
    survives(Name(text)) { Name($0.text) }
    survives(Timestamp(rfc3339: text)) { Timestamp(rfc3339: $0.description) }
    _ = try? Selector(parsing: text)
    if let node = try? JSONParser.parse(bytes) {
        let again = try? JSONParser.parse(Array(node.raw))
        precondition(again != nil, "the raw bytes of a parsed value do not parse")
        if let annotations = try? Annotations(json: node, path: "annotations") {
            survives(annotations) { value in
                (try? JSONParser.parse(value.json)).flatMap { try? Annotations(json: $0, path: "") }
            }
        }
        _ = try? Labels(json: node, path: "labels")
    }
    return 0
}
