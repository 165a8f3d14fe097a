// A libFuzzer target over the heads of disk images: whatever the bytes, no trap, and no qcow2 is taken that has a backing
// file, an external data file or encryption. tools/fuzz compiles it together with the sources of ImageFormats.

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    // Once as a file of just these bytes, once as the head of a larger one.
    let head = Array((bytes + [UInt8](repeating: 0, count: ImageInspection.headSize)).prefix(ImageInspection.headSize))
    for (head, size) in [(bytes, UInt64(count)), (head, 1 << 32)] {
        _ = try? ImageInspection(head: head, fileSize: size, format: .raw, limit: .max)
        guard (try? ImageInspection(head: head, fileSize: size, format: .qcow2, limit: .max)) != nil else { continue }
        precondition(head[8..<20].allSatisfy { $0 == 0 }, "a backing file is taken")
        precondition(head[32..<36].allSatisfy { $0 == 0 }, "encryption is taken")
        precondition(head[7] == 2 || head[79] & 4 == 0, "an external data file is taken")
    }
    return 0
}
