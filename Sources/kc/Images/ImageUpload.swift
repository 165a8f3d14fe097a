import APIClient
import Commands
import ComputeModel
import Documents
import ImageFormats
import Resources

/// One file on its way to being an image: registered, sent piece by piece, checked. Whatever breaks it off, the same
/// command again goes on where it stopped.
struct ImageUpload {
    let session: Session
    let options: ImageOptions
    private var images: ResourceCollection { session.collection(ImageFlags.description) }

    init(session: Session, options: ImageOptions) {
        self.session = session
        self.options = options
    }

    /// How long a server that does not answer is asked again.
    private static let patience = Duration.seconds(60)

    enum Outcome: String {
        case uploaded, resumed
        case unchanged = "there already"
    }

    /// Converts it first, where that is wanted and needed.
    /// - Throws: `Complaint`, `APIProblem`, `APIFailure`.
    func bring(_ name: String, _ file: ImageFile) async throws -> (document: ResourceDocument, outcome: Outcome) {
        guard let wanted = options.convert, wanted != file.format else { return try await run(name, file) }
        Terminal.progress(DisplayText.safe("\(name): being made \(wanted.rawValue)"))
        let converted = try await ConvertedFile(file, to: wanted)
        defer { withExtendedLifetime(converted) {} }
        return try await run(name, converted.file)
    }

    private func run(_ name: String, _ file: ImageFile) async throws -> (document: ResourceDocument, outcome: Outcome) {
        let digest = try digest(name, file)
        let (image, isNew) = try await register(name, file, digest)
        let state = try await session.client.imageProgress(images, image.id.description)
        if state.state == "ready" { return (image, .unchanged) }
        if state.state == "refused" { throw refused(image) }
        try await send(file, to: image, from: state.received)
        let document = try await session.client.get(images, image.id.description)
        return (document, isNew || state.received == 0 ? .uploaded : .resumed)
    }

    private func digest(_ name: String, _ file: ImageFile) throws -> String {
        var bar = ProgressBar("\(name): counting", size: file.size)
        defer { bar.end() }
        return try file.sha256 { bar.show($0) }
    }

    /// The record that says which bytes shall come: a new one, or one that is there for the same bytes.
    private func register(
        _ name: String, _ file: ImageFile, _ digest: String
    ) async throws -> (ResourceDocument, isNew: Bool) {
        if let found = try await find(name) { return (try same(found, file, digest), false) }
        let spec = JSONNode.object([("format", .string(file.format.rawValue))])
            .setting("architecture", text: options.architecture.rawValue).setting("size", number: file.size)
            .setting("sha256", text: digest)
            .setting("minimumDiskGiB", number: max(options.minimumDisk ?? 0, file.diskGiB))
            .setting("shared", flag: options.shared ? true : nil)
        do { _ = try ImageFlags.description.canonical(spec) } catch { throw Complaint(.usage, "\(error)") }
        let body = try options.metadata.edit(.object([("name", .string(name)), ("spec", spec)]))
        do { return (try await session.client.create(images, Array(body.raw)), true) } catch let problem as APIProblem
            where problem.code == "name-taken"
        {
            // Another one was quicker.
            guard let found = try await find(name) else { throw problem }
            return (try same(found, file, digest), false)
        }
    }

    private func find(_ name: String) async throws -> ResourceDocument? {
        do { return try await session.client.get(images, name) } catch let problem as APIProblem
            where problem.status == 404 && problem.code == "not-found"
        { return nil }
    }

    private func same(_ found: ResourceDocument, _ file: ImageFile, _ digest: String) throws -> ResourceDocument {
        let isSame = found.spec?["sha256"]?.string == digest && found.spec?["size"]?.displayText == "\(file.size)"
        guard isSame, found.spec?["format"]?.string == file.format.rawValue else {
            throw Complaint(
                .conflict, "image \(found.name) has other bytes than \(file.path)",
                next: "upload it under another name: an image never changes, VMs stand on it")
        }
        return found
    }

    private func refused(_ image: ResourceDocument) -> Complaint {
        Complaint(
            .failure, "image \(image.name) was refused: \(image.message ?? "its bytes are not what it says")",
            next: "`kc image delete \(image.name)`, and upload what it shall be")
    }

    private func send(_ file: ImageFile, to image: ResourceDocument, from start: UInt64) async throws {
        var bar = ProgressBar(image.name.text, size: file.size, first: start)
        defer { bar.end() }
        var offset = start
        var silentSince: ContinuousClock.Instant?
        var corrections = 0
        while true {
            let piece = try file.read(at: offset, count: APIClient.imagePiece)
            guard !piece.isEmpty else { throw Complaint(.failure, "\(file.path) became shorter while it was sent") }
            do {
                let state = try await session.client.upload(piece, to: image.id.description, of: images, at: offset)
                silentSince = nil
                bar.show(state.received, note: state.state == "checking" ? "being checked" : "")
                if state.state == "ready" { return }
                if state.received >= file.size { return try await settle(image) }
                offset = state.received
            } catch let error where Self.mayPass(error) {
                let now = ContinuousClock.now
                guard now - (silentSince ?? now) < Self.patience else { throw brokenOff(image, error) }
                silentSince = silentSince ?? now
                bar.show(offset, note: "\(Self.cause(error)); trying again")
                try await Task.sleep(for: .milliseconds(500))
                offset = try await whereToGoOn(image) ?? offset
            } catch let problem as APIProblem where problem.field == "offset" && corrections < 100 {
                // Another one sends the same image, or an answer was lost: the server says where it goes on.
                corrections += 1
                offset = try await whereToGoOn(image) ?? offset
            }
            if offset >= file.size { return try await settle(image) }
        }
    }

    /// nil while the server does not answer.
    private func whereToGoOn(_ image: ResourceDocument) async throws -> UInt64? {
        do { return try await session.client.imageProgress(images, image.id.description).received } catch let error
            where Self.mayPass(error)
        { return nil }
    }

    /// Whether it may be all that is wrong that a server is away, begins anew, or wants it slower.
    private static func mayPass(_ error: any Error) -> Bool {
        switch error {
        case let failure as APIFailure:
            [.unreachable, .interrupted, .timedOut, .streamDead].contains(failure.code)
        case let problem as APIProblem: [429, 503].contains(problem.status)
        default: false
        }
    }

    private static func cause(_ error: any Error) -> String { (error as? APIFailure)?.cause ?? "\(error)" }

    /// Waits until an image whose bytes are all there is ready or refused.
    private func settle(_ image: ResourceDocument) async throws {
        while true {
            let state = try await session.client.imageProgress(images, image.id.description)
            if state.state == "ready" { return }
            if state.state == "refused" {
                throw refused(try await session.client.get(images, image.id.description))
            }
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    private func brokenOff(_ image: ResourceDocument, _ error: any Error) -> Complaint {
        Complaint(
            .unreachable, "image \(image.name) is not whole: \(Self.cause(error))",
            next: "the same command again goes on where it stopped")
    }
}
