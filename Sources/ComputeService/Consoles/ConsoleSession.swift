package import ComputeModel
import Persistence
package import Resources

/// Somebody at the serial console of a VM: one at a time, since two who type at once write nonsense.
package struct ConsoleSession: Hashable, Sendable {
    package let session: ResourceID
    package let vm: ResourceID
    /// For people: who it is.
    package let by: String
    package let since: Timestamp
    let force: Bool
    /// Under which it is, and everything that goes over it.
    let lease: LeaseID?
    /// Of its key.
    let revision: Revision

    package var order: ConsoleOrder { ConsoleOrder(session: session, vm: vm, force: force) }

    init(_ entry: StoreEntry, of vm: ResourceID) throws {
        var reader = try FieldReader(try JSONParser.parse(kept: entry.value), path: "")
        session = try reader.required("session")
        by = try reader.required("by")
        since = try reader.required("since")
        force = try reader.optional("force") ?? false
        try reader.finish()
        self.vm = vm
        lease = entry.lease
        revision = entry.modified
    }

    static func document(_ session: ResourceID, by: String, since: Timestamp, force: Bool) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("session", session)
            writer.member("by", String(decoding: by.utf8.prefix(256), as: UTF8.self))
            writer.member("since", since)
            if force { writer.member("force", force) }
        }
        return writer.bytes
    }
}

/// The two directions of a console.
package enum ConsoleWay: String, Sendable {
    /// What is typed.
    case input = "i"
    /// What the guest writes.
    case output = "o"

    /// Pieces that are kept for who reads them late. Typed ones beyond are refused; shown ones are lost, the oldest first.
    var kept: UInt64 {
        switch self {
        case .input: 32
        case .output: 64
        }
    }
}
