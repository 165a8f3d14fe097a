package import Resources

/// How much of what machines are made of.
package struct Capacity: Hashable, Sendable, JSONCodable {
    package var cpus: UInt64
    package var memoryMiB: UInt64
    package var diskGiB: UInt64

    package static let zero = Capacity(cpus: 0, memoryMiB: 0, diskGiB: 0)
    /// 2^40 of anything: a larger number is a mistake.
    package static let amounts: ClosedRange<UInt64> = 0...1_099_511_627_776

    package init(cpus: UInt64, memoryMiB: UInt64, diskGiB: UInt64) {
        self.cpus = cpus
        self.memoryMiB = memoryMiB
        self.diskGiB = diskGiB
    }

    static let shape = Shape.object([
        .required("cpus", .integer(amounts, step: 1), "threads of the CPUs"),
        .required("memoryMiB", .integer(amounts, step: 1), "memory in MiB"),
        .required("diskGiB", .integer(amounts, step: 1), "disk space in GiB"),
    ])

    package init(json node: JSONNode, path: String) throws(FieldError) {
        try Self.shape.check(node, path: path)
        var reader = try FieldReader(node, path: path)
        self.init(
            cpus: try reader.required("cpus"), memoryMiB: try reader.required("memoryMiB"),
            diskGiB: try reader.required("diskGiB"))
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("cpus", cpus)
            writer.member("memoryMiB", memoryMiB)
            writer.member("diskGiB", diskGiB)
        }
    }
}

/// How much of each may be promised, in hundredths of what is there: 400 for CPUs is four virtual ones a thread.
package struct Overcommit: Hashable, Sendable, JSONCodable {
    package var cpuPercent: UInt64
    package var memoryPercent: UInt64
    package var diskPercent: UInt64

    package static let percents: ClosedRange<UInt64> = 10...10_000

    /// Nothing is promised twice, as memory and disks cannot be; CPUs can be shared without harm.
    package init(cpuPercent: UInt64 = 400, memoryPercent: UInt64 = 100, diskPercent: UInt64 = 100) {
        self.cpuPercent = cpuPercent
        self.memoryPercent = memoryPercent
        self.diskPercent = diskPercent
    }

    static let shape = Shape.object([
        .optional(
            "cpuPercent", .integer(percents, step: 1), standard: .number(400), "of the CPUs that may be promised"),
        .optional("memoryPercent", .integer(percents, step: 1), standard: .number(100), "of the memory"),
        .optional("diskPercent", .integer(percents, step: 1), standard: .number(100), "of the disk space"),
    ])

    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        self.init(
            cpuPercent: try reader.optional("cpuPercent") ?? 400,
            memoryPercent: try reader.optional("memoryPercent") ?? 100,
            diskPercent: try reader.optional("diskPercent") ?? 100)
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("cpuPercent", cpuPercent)
            writer.member("memoryPercent", memoryPercent)
            writer.member("diskPercent", diskPercent)
        }
    }

    /// What may be promised of what is there, less what is kept back: rounded down, never below zero, never beyond 2^64.
    package func allocatable(of capacity: Capacity, reserved: Capacity) -> Capacity {
        func part(_ amount: UInt64, _ kept: UInt64, _ percent: UInt64) -> UInt64 {
            let (high, low) = (amount > kept ? amount - kept : 0).multipliedFullWidth(by: percent)
            return high < 100 ? UInt64(100).dividingFullWidth((high, low)).quotient : .max
        }
        return Capacity(
            cpus: part(capacity.cpus, reserved.cpus, cpuPercent),
            memoryMiB: part(capacity.memoryMiB, reserved.memoryMiB, memoryPercent),
            diskGiB: part(capacity.diskGiB, reserved.diskGiB, diskPercent))
    }
}
