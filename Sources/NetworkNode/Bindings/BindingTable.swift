package import Addressing
import NetworkModel
package import Resources

/// Which addresses the guests of this host gave themselves (design section 5.10; RFC 6620 in spirit): first come, first
/// served inside a segment's /64 and fe80::/64.
///
/// A claim is granted here at once unless it is known that somebody else holds the address; what the API says later is
/// the last word, so that two hosts that granted the same while neither knew of the other end with one holder. Pure:
/// events and the time come in, what changed is taken out.
package struct BindingTable: Sendable {
    package struct Settings: Hashable, Sendable {
        /// A full attachment's oldest address goes for a new one when it was not seen for so long.
        package var unused = Duration.seconds(3600)
        /// An address that was not seen for so long is released. A guest that has it still gets it back with its next
        /// frame, unless another claimed it meanwhile.
        package var release = Duration.seconds(4 * 3600)

        package init() {}
    }

    /// What became of a claim.
    package enum Answer: Hashable, Sendable {
        /// New, and this attachment's from now on.
        case granted
        /// This attachment's already.
        case known
        case refused(Refusal)
    }

    package enum Refusal: String, Hashable, Sendable, CaseIterable {
        /// Another attachment has it, here or on another host.
        case held
        /// The attachment has as many as it may, all of them in use.
        case full
        /// Not an address that a guest may give itself in this segment.
        case outside
        /// The attachment is not this host's, or its segment has no addresses.
        case unknown
    }

    /// What happened since the table was made.
    package struct Counters: Hashable, Sendable {
        package var granted = 0
        package var refused: [Refusal: Int] = [:]
        /// Gave way to a new one of the same attachment.
        package var evicted = 0
        /// Not seen for too long.
        package var aged = 0
        /// The API said that somebody else has it.
        package var withdrawn = 0

        package init() {}
    }

    struct Grant: Sendable {
        var attachment: ResourceID
        var seen: ContinuousClock.Instant
    }

    /// One segment as far as addresses go.
    struct SegmentAddresses: Sendable {
        /// nil: nothing may be learned.
        var prefix: IPv6Prefix?
        /// What attachments may use without holding it: not to be learned by others.
        var shared: [IPv6Prefix] = []
        /// What the API says, of all hosts.
        var listed: [IPv6Address: Binding] = [:]
        /// Addresses that attachments of this host own without asking.
        var fixed: [IPv6Address: ResourceID] = [:]
        var grants: [IPv6Address: Grant] = [:]
        /// Released here, and still listed as this host's.
        var released: Set<IPv6Address> = []
    }

    /// An attachment of this host.
    struct Member: Sendable {
        var segment: ResourceID
        var mac: MACAddress
        var limit: Int
        var fixed: Set<IPv6Address>
        /// May send from them without holding them.
        var allowed: [IPv6Prefix]
        /// Sends from others' addresses anyway.
        var isGateway: Bool
        var learned: Set<IPv6Address> = []
        /// One address more was refused, and none was let go since.
        var isShort = false
    }

    let host: ResourceID
    let settings: Settings
    var segments: [ResourceID: SegmentAddresses] = [:]
    var members: [ResourceID: Member] = [:]
    /// Addresses by segment whose `binding` may differ from what was taken before.
    var changed: [ResourceID: Set<IPv6Address>] = [:]
    /// Segments with something the API has not been told, or was told and may not have.
    var unpublished: Set<ResourceID> = []
    /// Attachments whose `shortage` has begun or ended since it was asked last.
    var turned: Set<ResourceID> = []
    package internal(set) var counters = Counters()

    package init(host: ResourceID, settings: Settings = Settings()) {
        self.host = host
        self.settings = settings
    }

    // MARK: What guests do

    /// A guest claims an address: duplicate address detection, or a first frame from it.
    package mutating func claim(
        _ address: IPv6Address, by attachment: ResourceID, at now: ContinuousClock.Instant
    ) -> Answer {
        let answer = judge(address, attachment, now)
        switch answer {
        case .granted:
            counters.granted += 1
            grant(address, to: attachment, at: now)
        case .known: see(address, by: attachment, at: now)
        case .refused(let reason):
            counters.refused[reason, default: 0] += 1
            if reason == .full { setShort(true, attachment) }
        }
        return answer
    }

    /// A frame showed that the attachment has the address still.
    package mutating func see(_ address: IPv6Address, by attachment: ResourceID, at now: ContinuousClock.Instant) {
        guard let segment = members[attachment]?.segment,
            segments[segment]?.grants[address]?.attachment == attachment
        else { return }
        segments[segment]?.grants[address]?.seen = now
    }

    /// Releases what was not seen for too long.
    package mutating func age(at now: ContinuousClock.Instant) {
        for (id, segment) in segments {
            for (address, grant) in segment.grants where grant.seen + settings.release <= now {
                release(address, in: id)
                counters.aged += 1
            }
        }
    }

    private mutating func judge(
        _ address: IPv6Address, _ attachment: ResourceID, _ now: ContinuousClock.Instant
    ) -> Answer {
        guard let member = members[attachment], let segment = segments[member.segment], let prefix = segment.prefix
        else { return .refused(.unknown) }
        if member.fixed.contains(address) || member.learned.contains(address) || member.isGateway { return .known }
        if member.allowed.contains(where: { $0.contains(address) }) { return .known }
        guard address.mayBeClaimed(in: prefix) else { return .refused(.outside) }
        if let holder = holder(of: address, in: segment), holder != attachment { return .refused(.held) }
        if segment.shared.contains(where: { $0.contains(address) }) { return .refused(.held) }
        if address.isOf(anotherThan: member.mac) { return .refused(.held) }
        guard member.learned.count >= member.limit else { return .granted }
        return makeRoom(attachment, member, at: now) ? .granted : .refused(.full)
    }

    /// Who is known to have the address.
    private func holder(of address: IPv6Address, in segment: SegmentAddresses) -> ResourceID? {
        segment.fixed[address] ?? segment.grants[address]?.attachment ?? segment.listed[address]?.attachment
    }

    /// Lets the oldest address go that is not in use.
    private mutating func makeRoom(
        _ attachment: ResourceID, _ member: Member, at now: ContinuousClock.Instant
    ) -> Bool {
        let grants = segments[member.segment]?.grants ?? [:]
        let oldest = member.learned.min { left, right in
            // The address decides between two of the same instant, so that the same events end the same way.
            (grants[left]?.seen ?? now, left) < (grants[right]?.seen ?? now, right)
        }
        guard let oldest, let seen = grants[oldest]?.seen, seen + settings.unused <= now else { return false }
        release(oldest, in: member.segment)
        counters.evicted += 1
        return true
    }

    // MARK: Grants

    mutating func grant(_ address: IPv6Address, to attachment: ResourceID, at now: ContinuousClock.Instant) {
        guard let segment = members[attachment]?.segment else { return }
        segments[segment]?.grants[address] = Grant(attachment: attachment, seen: now)
        segments[segment]?.released.remove(address)
        members[attachment]?.learned.insert(address)
        note(address, in: segment)
    }

    mutating func release(_ address: IPv6Address, in segment: ResourceID) {
        guard let gone = segments[segment]?.grants.removeValue(forKey: address) else { return }
        if segments[segment]?.listed[address]?.host == host { segments[segment]?.released.insert(address) }
        members[gone.attachment]?.learned.remove(address)
        setShort(false, gone.attachment)
        note(address, in: segment)
    }

    private mutating func setShort(_ isShort: Bool, _ attachment: ResourceID) {
        guard let member = members[attachment], member.isShort != isShort else { return }
        members[attachment]?.isShort = isShort
        turned.insert(attachment)
    }

    private mutating func note(_ address: IPv6Address, in segment: ResourceID) {
        changed[segment, default: []].insert(address)
        unpublished.insert(segment)
    }
}

extension IPv6Address {
    /// Inside the /64 or fe80::/64, and not one that belongs to routers or to no single host.
    fileprivate func mayBeClaimed(in prefix: IPv6Prefix) -> Bool {
        guard prefix.contains(self) || high == IPv6Address.segmentRouter.high, self != .segmentRouter,
            self != .guestServices
        else {
            return false
        }
        // The subnet-router anycast address (RFC 4291 section 2.6.1) and the reserved ones (RFC 2526 section 2).
        return low != 0 && low >> 7 != 0xfdff_ffff_ffff_ff80 >> 7
    }

    /// Made from the MAC of another port of KC's (modified EUI-64): whoever that is needs it when it starts. Only within
    /// the first 24 bits of the claimant's own MAC, or one random address in 65,536 would look like that.
    fileprivate func isOf(anotherThan mac: MACAddress) -> Bool {
        guard let owner = MACAddress(modifiedEUI64: low) else { return false }
        return owner != mac && owner.value >> 24 == mac.value >> 24
    }
}
