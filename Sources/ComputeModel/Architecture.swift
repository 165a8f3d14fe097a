import Resources

extension Choice {
    /// All of its words, as a shape.
    static var shape: Shape { .choice(allCases.map(\.rawValue)) }
}

/// The instruction set of a machine, and of the programs in an image.
package enum Architecture: String, Choice {
    /// AMD64, Intel 64.
    case amd64 = "x86_64"
    /// AArch64.
    case arm64
}

/// What a machine starts with.
package enum Firmware: String, Choice {
    /// SeaBIOS; on x86_64 alone.
    case bios
    /// EDK II.
    case uefi
}
