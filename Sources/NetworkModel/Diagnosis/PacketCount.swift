import Resources

/// Numbers of packets, frames and bytes as kernels and daemons count them, and hosts report them.
enum PacketCount {
    /// 2^60: a link of 100 Gbit/s carries fewer bytes in two years.
    static let range: ClosedRange<UInt64> = 0...(1 << 60)
    /// 2^40, of one capture: the sum of as many as one report may have stays far below 2^64.
    static let ofCapture: ClosedRange<UInt64> = 0...(1 << 40)

    /// - Throws: where one is beyond the range: whoever reads a report computes with them.
    static func check(_ counts: [UInt64], in range: ClosedRange<UInt64> = range, path: String) throws(FieldError) {
        guard let wrong = counts.first(where: { !range.contains($0) }) else { return }
        throw FieldError(field: path, value: "\(wrong)", rule: "must have counts from 0 to \(range.upperBound)")
    }
}
