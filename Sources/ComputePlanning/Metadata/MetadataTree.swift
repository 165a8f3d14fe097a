package import ComputeModel
import Resources

/// Everything that a guest is told of itself, by the paths at which programs in guests look for it: a NoCloud seed below
/// `/nocloud/`, OpenStack's documents below `/openstack/`, EC2's tree below `/latest/`.
///
/// What is said is what stock cloud-init reads. Where it may be absent in those formats and KC has nothing to say, it is
/// absent. Addresses are not told: guests have them from router advertisements.
package struct MetadataTree: Sendable {
    let facts: GuestFacts

    package init(_ facts: GuestFacts) { self.facts = facts }

    /// EC2's versions that are served, all alike: the one that cloud-init needs at least, and the newest.
    static let versionsOfEC2 = ["2009-04-04", "latest"]
    /// OpenStack's (nova/api/metadata/base.py names them): up to the one that brought the last document that is here.
    static let versionsOfOpenStack = ["2012-08-10", "2013-10-17", "2015-10-15", "2016-10-06", "2018-08-27", "latest"]

    /// - Parameter path: as a request has it, without a query; a slash at the end makes no difference.
    /// - Returns: nil for what there is not.
    package func page(at path: String) -> MetadataPage? {
        guard path.utf8.first == UInt8(ascii: "/"), path.utf8.count <= Self.longestPath else { return nil }
        let parts = path.split(separator: "/").map(String.init)
        switch parts.first {
        case nil: return .list(Self.versionsOfEC2 + ["nocloud", "openstack"])
        case "nocloud": return noCloud(parts.dropFirst())
        case "openstack": return openStack(parts.dropFirst())
        case let version? where Self.versionsOfEC2.contains(version): return ec2(parts.dropFirst())
        default: return nil
        }
    }

    private static let longestPath = 256

    private func noCloud(_ parts: ArraySlice<String>) -> MetadataPage? {
        let seed = NoCloudSeed(facts.guest, macs: facts.interfaces.map(\.mac))
        guard parts.count <= 1 else { return nil }
        switch parts.first {
        case nil: return .list(seed.files.map(\.name) + ["vendor-data"])
        // Nobody says anything beside the owner; cloud-init asks all the same.
        case "vendor-data": return .text("")
        case let name?:
            guard let file = seed.files.first(where: { $0.name == name }) else { return nil }
            return MetadataPage(name == "user-data" ? .bytes : .json, file.bytes)
        }
    }

    /// What is called user data in all three; nil without any.
    var userData: MetadataPage? {
        facts.guest.userData.isEmpty ? nil : MetadataPage(.bytes, Array(facts.guest.userData.utf8))
    }

    var keys: [(name: String, text: String)] {
        facts.guest.sshKeys.enumerated().map { ("key-\($0)", "\($1)") }
    }
}
