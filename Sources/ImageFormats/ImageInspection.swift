/// What the head of a disk image says about itself, read by us and never by a program that would follow it.
///
/// A qcow2 file can name other files of the host as its backing or data file, and whoever opens it reads them: so images
/// of users have stolen files of servers (CVE-2022-47951, CVE-2024-32498, and again CVE-2024-40767). Here such images are
/// refused by their first bytes, with the reason, before any other program sees them.
package struct ImageInspection: Hashable, Sendable {
    package enum Format: String, Hashable, Sendable, CaseIterable {
        case raw, qcow2
    }

    /// Of the disk that a guest would see, in bytes.
    package let virtualSize: UInt64

    /// How much of the file's beginning is to be read; less only of a shorter file. It holds a qcow2 header with all its
    /// extensions, and the magic numbers of all formats below.
    package static let headSize = 65_536

    /// - Parameters:
    ///   - head: the first `headSize` bytes of the file, or all of it.
    ///   - fileSize: in bytes.
    ///   - format: as its owner says. It must be that: nothing is guessed.
    ///   - limit: the largest disk that is allowed, in bytes.
    package init(head: [UInt8], fileSize: UInt64, format: Format, limit: UInt64) throws(ImageRefusal) {
        guard UInt64(head.count) == min(fileSize, UInt64(Self.headSize)) else {
            throw ImageRefusal("the head is \(head.count) bytes of a file of \(fileSize)")
        }
        let found = Self.magic(in: head)
        switch format {
        case .raw:
            // Whoever guessed the format later would follow what stands in it.
            if let found { throw ImageRefusal("it is said to be raw and begins as \(found) does") }
            guard fileSize > 0 else { throw ImageRefusal("it is empty") }
            virtualSize = fileSize
        case .qcow2:
            guard found == "qcow2" else { throw ImageRefusal("it is said to be qcow2 and is \(found ?? "none")") }
            virtualSize = try QCOW2Header(head, fileSize: fileSize).size
        }
        guard virtualSize <= limit else {
            throw ImageRefusal("its disk has \(virtualSize) bytes, and \(limit) are allowed")
        }
    }

    /// The format that bytes begin as, of those that a program would take apart or unpack; nil is raw, or nothing.
    package static func magic(in head: [UInt8]) -> String? {
        let table: [(name: String, offset: Int, bytes: [UInt8])] = [
            ("qcow2", 0, [0x51, 0x46, 0x49, 0xfb]), ("VMDK", 0, Array("KDMV".utf8)), ("VMDK", 0, Array("COWD".utf8)),
            ("VMDK", 0, Array("# Disk DescriptorFile".utf8)), ("QED", 0, Array("QED\0".utf8)),
            ("VHDX", 0, Array("vhdxfile".utf8)), ("VHD", 0, Array("conectix".utf8)),
            ("VDI", 0x40, [0x7f, 0x10, 0xda, 0xbe]), ("LUKS", 0, Array("LUKS".utf8) + [0xba, 0xbe]),
            ("Parallels", 0, Array("WithoutFreeSpace".utf8)), ("Parallels", 0, Array("WithouFreSpacExt".utf8)),
            ("bochs", 0, Array("Bochs Virtual HD Image".utf8)),
            // Packed ones are no disks: a guest would find nothing to boot, and whoever unpacked them would follow their names.
            ("tar", 257, Array("ustar".utf8)), ("zip", 0, [0x50, 0x4b, 3, 4]), ("gzip", 0, [0x1f, 0x8b, 8]),
            ("bzip2", 0, Array("BZh".utf8)), ("xz", 0, [0xfd] + Array("7zXZ\0".utf8)),
            ("zstd", 0, [0x28, 0xb5, 0x2f, 0xfd]), ("7z", 0, [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]),
        ]
        return table.first { head.dropFirst($0.offset).starts(with: $0.bytes) }?.name
    }
}

/// Why an image is refused, as a clause.
package struct ImageRefusal: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}
