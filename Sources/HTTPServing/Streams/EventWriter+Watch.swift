package import Resources

/// The events of a watch, of whatever kind.
extension EventWriter {
    /// A resource is there, or has become another one.
    package mutating func put(_ resource: [UInt8], at revision: Revision) async throws {
        try await event("put", id: revision, data: resource)
    }

    /// A resource is there no more, or is not seen any more by who watches.
    package mutating func delete(_ last: Metadata, at revision: Revision) async throws {
        var data = JSONWriter()
        data.object { data in
            data.member("id", last.id)
            data.member("name", last.name)
            data.member("project", last.project)
            data.member("revision", revision)
        }
        try await event("delete", id: revision, data: data.bytes)
    }

    /// All up to this revision has been told: a watch may go on from here.
    package mutating func bookmark(_ revision: Revision) async throws {
        try await event("bookmark", id: revision, data: Array(#"{"revision":\#(revision)}"#.utf8))
    }

    /// The changes that come next are forgotten already: nothing follows, and who watches lists again.
    package mutating func fellBehind() async throws {
        try await event("error", data: Array(#"{"code":"slow-consumer"}"#.utf8))
    }
}
