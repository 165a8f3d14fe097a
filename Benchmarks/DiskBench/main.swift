// How long a VM's root disk takes, as a file over an image and as a clone in Ceph.
// usage: DiskBench FOLDER GIB MIB COUNT [CEPH.CONF]
//
// Makes an image of GIB GiB of which MIB MiB are data, spread over it, and COUNT disks from it, with the code of the agent. One
// line of JSON: {"seconds":[…],"disks":["…"]}, the disks by path, or by name in the pool "kc".
import CephImages
import ComputeModel
import ComputePlanning
import ComputePorts
import Crypto
import DomainXML
import FileDisks
import Foundation
import ImageConversion
import ImageFormats
import Resources

struct Trouble: Error { let text: String }

func needed<Value>(_ value: Value?, _ what: String) throws -> Value {
    guard let value else { throw Trouble(text: what) }
    return value
}

let words = CommandLine.arguments
guard words.count >= 5, let gib = UInt64(words[2]), let mib = UInt64(words[3]), let count = Int(words[4]) else {
    throw Trouble(text: "usage: DiskBench FOLDER GIB MIB COUNT [CEPH.CONF]")
}
let paths = try needed(HostPaths(root: words[1]), "FOLDER must be absolute")
let files = try FileDisks(paths)
let id = ResourceID(UUID())
let size = gib << 30
/// Every so many MiB one is data; the rest was never written.
let stride = max(1, (gib << 10) / max(1, mib))
let data = (0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 11) }

/// The bytes from an offset on, up to the end of the MiB.
func piece(_ index: UInt64) -> [UInt8] { index % stride == 0 ? data : [UInt8](repeating: 0, count: 1 << 20) }

var image = ImageOrder(
    id: id, format: .raw, size: size, sha256: try needed(SHA256Digest(String(repeating: "0", count: 64)), "digest"))
let disks: any DiskStore
var name: (ResourceID) -> String = { paths.disk($0, fence: 1).description }
if words.count > 5 {
    let cluster = CephCluster(CephPlace(pool: "kc", user: "admin", configuration: words[5]))
    let place = try needed(
        RBDPlace(
            pool: "kc", configuration: try needed(HostPath(words[5]), "CEPH.CONF must be absolute"), user: "admin",
            secret: nil, host: "bench"), "place")
    let images = CephImages(cluster, quota: .max)
    _ = try await images.begin(id, size: size)
    var sum = SHA256()
    let pieces = UInt64(ImagePiece.maximum >> 20)
    for start in Swift.stride(from: 0, to: gib << 10, by: Int(pieces)) {
        let bytes = (start..<min(start + pieces, gib << 10)).flatMap(piece)
        sum.update(data: bytes)
        _ = try await images.append(bytes, to: id, at: start << 20)
    }
    let digest = sum.finalize().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    image.sha256 = try needed(SHA256Digest(digest), "digest")
    _ = try await images.finish(
        id, ExpectedImage(size: size, sha256: digest, format: .raw, largestDisk: size))
    disks = CephDisks(
        cluster, place, seeds: files, images: images,
        converter: try QEMUConverter(folder: paths.convert, largestDisk: size), shareGiB: 1)
    name = { place.disk($0, fence: 1) }
} else {
    try FileManager.default.createDirectory(atPath: paths.images, withIntermediateDirectories: true)
    let path = paths.image(id).description
    guard FileManager.default.createFile(atPath: path, contents: nil) else {
        throw Trouble(text: "cannot make \(path)")
    }
    let file = try needed(FileHandle(forWritingAtPath: path), path)
    for index in Swift.stride(from: 0, to: gib << 10, by: Int(stride)) {
        try file.seek(toOffset: index << 20)
        file.write(Data(piece(index)))
    }
    try file.truncate(atOffset: size)
    try file.close()
    disks = files
}

var seconds: [Double] = []
var made: [String] = []
for _ in 0..<count {
    let vm = ResourceID(UUID())
    let time = try await ContinuousClock().measure {
        try await disks.makeDisk(ObservedDisk(fence: 1, sizeGiB: gib + 1), of: vm, over: image)
    }
    seconds.append(time / .seconds(1))
    made.append(name(vm))
}
let result: [String: Any] = ["seconds": seconds, "disks": made]
print(String(decoding: try JSONSerialization.data(withJSONObject: result), as: UTF8.self))
