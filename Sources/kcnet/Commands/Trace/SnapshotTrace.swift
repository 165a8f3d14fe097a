import Addressing
import Commands
import Documents
import NetworkModel
import NetworkPlanning
import Resources

/// Predicts from what agents keep on disk: without names, which they are not told.
struct SnapshotTrace {
    private let predictor: WayPredictor
    private let snapshots: [HostSnapshot]

    /// As large as an agent's own limit.
    private static let maximumBytes = 256 << 20

    init(paths: [String]) throws {
        snapshots = try paths.map(Self.read)
        predictor = WayPredictor(snapshots)
    }

    private static func read(_ path: String) throws -> HostSnapshot {
        let text: String
        do { text = try LocalFile.read(path, maximum: maximumBytes) } catch {
            throw Complaint(.usage, "\(path) cannot be read: \(error)")
        }
        do {
            let node = try JSONParser.parse(Array(text.utf8), atMost: JSONParser.largeValues)
            var reader = try FieldReader(node, path: "")
            let format: Int = try reader.required("format")
            guard format == 1 else { throw Complaint(.usage, "\(path) has format \(format), not 1") }
            return try HostSnapshot(try reader.required("snapshot", as: HostUpdate.self))
        } catch let complaint as Complaint {
            throw complaint
        } catch { throw Complaint(.usage, "\(path) is no agent's snapshot: \(error)") }
    }

    func trace(from: String, to: String, flow: TraceFlow, fromPort: UInt16?, source: String?) throws -> Trace {
        let source = try source.map { text in
            do { return try IPv4Address(text)?.mapped ?? IPv6Address(parsing: text) } catch {
                throw Complaint(.usage, "--source \(error)")
            }
        }
        let ends = inside([try end(from, source: source), try end(to, source: nil)], flow)
        let question = WayQuestion(
            from: ends[0], to: ends[1], flow: flow, fromPort: fromPort ?? TraceFlow.standardFromPort)
        let revision = snapshots.map(\.revision).min() ?? .zero
        let names = snapshots.reduce(into: [ResourceID: String]()) { $0[$1.host.id] = $1.host.name.text }
        var trace = TraceWriter(predictor, names: names).trace(
            predictor.predict(question, recording: true), revision: revision)
        if Set(snapshots.map(\.revision)).count > 1 { trace.notes.append("the snapshots are of different revisions") }
        return trace
    }

    /// Where it is about IPv4 inside a segment, both ends are of it.
    private func inside(_ ends: [WayQuestion.End], _ flow: TraceFlow) -> [WayQuestion.End] {
        let segment = ends.lazy.compactMap(\.attachment).compactMap { predictor.attachment($0)?.segment }.first
        let legacy = segment.flatMap { id in snapshots.lazy.compactMap { $0.segments[id]?.ipv4 }.first }
        let ends = ends.map { end in
            guard case .outsideIPv4(let address) = end, let segment, legacy?.prefix.contains(address) == true else {
                return end
            }
            return predictor.holder(of: address, on: segment).map { .attachment($0, address.mapped) }
                ?? .outside(address.mapped)
        }
        guard WayQuestion(from: ends[0], to: ends[1], flow: flow).isIPv4 else { return ends }
        return ends.map { end in
            guard case .attachment(let id, let address) = end, !address.isIPv4Mapped else { return end }
            return .attachment(id, predictor.attachment(id)?.ipv4?.mapped ?? .unspecified)
        }
    }

    /// An attachment by id, MAC or address; else somebody outside.
    private func end(_ text: String, source: IPv6Address?) throws -> WayQuestion.End {
        if text == "outside" { return .outside(WayQuestion.somebodyOutside) }
        if let ipv4 = IPv4Address(text) { return .outsideIPv4(ipv4) }
        if let mac = MACAddress(text), let owner = predictor.owner(of: mac) { return attachment(owner, source) }
        if let id = ResourceID(text), predictor.attachment(id) != nil { return attachment(id, source) }
        // Anything else is refused below.
        guard let address = try? IPv6Address(parsing: text) else {
            throw Complaint(
                .notFound, "'\(text)' is no attachment of the snapshots",
                next: "snapshots have no names: give an attachment's id, MAC or address")
        }
        guard let holder = predictor.holders(of: address).first else { return .outside(source ?? address) }
        return .attachment(holder, source ?? address)
    }

    private func attachment(_ id: ResourceID, _ source: IPv6Address?) -> WayQuestion.End {
        .attachment(id, source ?? predictor.address(of: id) ?? .unspecified)
    }
}
