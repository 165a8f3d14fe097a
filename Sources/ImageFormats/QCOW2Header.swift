/// The header of a qcow2 file, versions 2 and 3 (QEMU's docs/interop/qcow2.txt), all numbers big-endian. Reading it
/// checks it.
struct QCOW2Header {
    /// Of the disk, in bytes.
    let size: UInt64

    /// Header extensions that name something: these are refused.
    private static let refused: [UInt32: String] = [
        0xe279_2aca: "it names the format of a backing file", 0x4441_5441: "it names an external data file",
        0x0537_be77: "it is encrypted",
    ]
    /// Incompatible features that change nothing outside the file: another compression, and finer clusters.
    private static let harmless: UInt64 = 1 << 3 | 1 << 4

    init(_ head: [UInt8], fileSize: UInt64) throws(ImageRefusal) {
        let fields = Fields(head)
        let version = try fields.number(4, 4)
        guard version == 2 || version == 3 else {
            throw ImageRefusal("it is of version \(version), and 2 and 3 are known")
        }
        guard try fields.number(8, 8) == 0, try fields.number(16, 4) == 0 else {
            throw ImageRefusal("it has a backing file")
        }
        let clusterBits = try fields.number(20, 4)
        // From a sector to two MiB, as QEMU takes them.
        guard (9...21).contains(clusterBits) else { throw ImageRefusal("its clusters are of 2^\(clusterBits) bytes") }
        guard try fields.number(32, 4) == 0 else { throw ImageRefusal("it is encrypted") }
        guard try fields.number(60, 4) == 0 else { throw ImageRefusal("it has internal snapshots") }
        size = try fields.number(24, 8)
        let features = version == 3 ? try fields.number(72, 8) : 0
        try Self.check(features: features)
        try Self.checkTables(fields, 1 << clusterBits, size, fileSize, hasLongEntries: features & 1 << 4 != 0)
        try Self.checkExtensions(fields, version, UInt64(1) << clusterBits, features)
    }

    private static func check(features: UInt64) throws(ImageRefusal) {
        if features & 1 << 2 != 0 { throw ImageRefusal("it has an external data file") }
        if features & 1 << 0 != 0 { throw ImageRefusal("it was not closed: its reference counts may be wrong") }
        if features & 1 << 1 != 0 { throw ImageRefusal("it says that it is corrupt") }
        guard features & ~harmless == 0 else {
            throw ImageRefusal(
                "it needs features that are not known here (\(String(features & ~harmless, radix: 2)) in binary)")
        }
    }

    /// The tables must be aligned and in the file, and the first one must be as large as the disk asks for.
    private static func checkTables(
        _ fields: Fields, _ cluster: UInt64, _ size: UInt64, _ fileSize: UInt64, hasLongEntries: Bool
    ) throws(ImageRefusal) {
        func check(_ offset: UInt64, _ length: UInt64, _ what: String, _ maximum: UInt64) throws(ImageRefusal) {
            guard length <= maximum else {
                throw ImageRefusal("its \(what) has \(length) bytes, and \(maximum) are allowed")
            }
            let (end, overflows) = offset.addingReportingOverflow(length)
            guard offset % cluster == 0, !overflows, end <= fileSize else {
                throw ImageRefusal("its \(what) is not in the file")
            }
        }
        // QEMU's own bounds: 32 MiB and 8 MiB.
        let entries = try fields.number(36, 4)
        try check(fields.number(40, 8), entries * 8, "L1 table", 32 << 20)
        let (bytes, overflows) = try fields.number(56, 4).multipliedReportingOverflow(by: cluster)
        guard !overflows else { throw ImageRefusal("its reference counts have no end") }
        let counts = try fields.number(48, 8)
        guard counts > 0, bytes > 0 else { throw ImageRefusal("it has no reference counts") }
        try check(counts, bytes, "table of reference counts", 8 << 20)
        // Each entry of the first table stands for one cluster of entries, each of which stands for a cluster.
        let covered = cluster * (cluster / (hasLongEntries ? 16 : 8))
        let needed = size / covered + (size % covered == 0 ? 0 : 1)
        guard entries >= needed else {
            throw ImageRefusal("its L1 table has \(entries) entries, and \(needed) are needed")
        }
    }

    private static func checkExtensions(_ fields: Fields, _ version: UInt64, _ cluster: UInt64, _ features: UInt64)
        throws(ImageRefusal)
    {
        var offset: UInt64 = 72
        if version == 3 {
            guard try fields.number(96, 4) <= 6 else {
                throw ImageRefusal("its reference counts are wider than 64 bits")
            }
            offset = try fields.number(100, 4)
            guard offset >= 104, offset % 8 == 0, offset <= cluster else {
                throw ImageRefusal("its header has \(offset) bytes")
            }
            if features & 1 << 3 != 0 {
                // zlib and zstd.
                guard offset >= 112, try fields.number(104, 1) <= 1 else {
                    throw ImageRefusal("its compression is not known")
                }
            }
        }
        // Up to the end of the first cluster, and no further than what was read.
        while offset + 8 <= min(cluster, UInt64(fields.count)) {
            let (type, length) = (
                UInt32(truncatingIfNeeded: try fields.number(Int(offset), 4)), try fields.number(Int(offset) + 4, 4)
            )
            if type == 0 { return }
            if let reason = refused[type] { throw ImageRefusal(reason) }
            offset += 8 + (length + 7) / 8 * 8
        }
        guard offset <= cluster, offset == cluster || offset + 8 > cluster else {
            throw ImageRefusal("its header extensions do not end where they can be read")
        }
    }
}

/// Big-endian numbers at their places.
private struct Fields {
    private let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var count: Int { bytes.count }

    func number(_ offset: Int, _ length: Int) throws(ImageRefusal) -> UInt64 {
        guard offset + length <= bytes.count else { throw ImageRefusal("it ends within its header") }
        return bytes[offset..<offset + length].reduce(0) { $0 << 8 | UInt64($1) }
    }
}
