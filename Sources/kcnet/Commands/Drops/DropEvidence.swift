import APIClient
import Commands
import NetworkModel

/// Asks which rule and which missing elements stopped frames: once for all frames that are alike, and for a flood of
/// frames that are all different no more often than the API likes to be asked.
struct DropEvidence {
    let project: String
    /// nil for a gateway, whose frames are explained by their reason alone.
    let attachment: String?
    private var asked: Set<[UInt8]> = []

    /// For one answer of an agent, which come once a second.
    private static let atOnce = 8
    private static let altogether = 64

    init(project: String, attachment: String?) {
        self.project = project
        self.attachment = attachment
    }

    /// By the frames' numbers; those that are like an earlier one are not among them.
    mutating func look(_ frames: [DroppedFrame], _ client: APIClient) async -> [UInt64: FrameExplanation] {
        guard let attachment else { return [:] }
        var found: [UInt64: FrameExplanation] = [:]
        for frame in frames where found.count < Self.atOnce && asked.count < Self.altogether {
            guard asked.insert(Self.kind(of: frame)).inserted else { continue }
            do { found[frame.number] = try await client.explain(project: project, attachment: attachment, frame) } catch
            {
                // A server of the version before does not know, and one that is away says so to the next question for
                // the frames themselves.
                continue
            }
        }
        return found
    }

    /// The reason, the way, the sender's MAC, the ethertype, and the addresses of IPv6 (RFC 8200 section 3).
    private static func kind(of frame: DroppedFrame) -> [UInt8] {
        let isIPv6 = frame.bytes.count >= 54 && frame.bytes[12] == 0x86 && frame.bytes[13] == 0xdd
        return Array(frame.reason.utf8) + [frame.direction == .from ? 0 : 1] + frame.bytes.dropFirst(6).prefix(8)
            + (isIPv6 ? frame.bytes[20..<21] + frame.bytes[22..<54] : [])
    }
}
