import DaemonConfigs
import FoundationEssentials
import Glibc
import NIOCore
import NIOPosix

/// The control socket: one line of a question, an answer, the end.
///
/// `status` is answered with what is wrong, a line each, and nothing when nothing is; `reload` with `ok`, or why not.
extension GuestProxy {
    private static let longestQuestion = 64

    func bindControl(beside file: String) async throws -> NIOAsyncChannel<Connection, Never> {
        let folder = file.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        return try await ServerBootstrap(group: group)
            .bind(
                unixDomainSocketPath: "\(folder)/\(GuestProxyConfiguration.controlSocket)",
                cleanupExistingSocketFile: true
            ) { channel in
                channel.eventLoop.makeCompletedFuture { try Connection(wrappingChannelSynchronously: channel) }
            }
    }

    nonisolated func answer(_ control: NIOAsyncChannel<Connection, Never>) async throws {
        try await control.executeThenClose { inbound in
            for try await connection in inbound {
                // One that goes away in between has its answer lost.
                try? await connection.executeThenClose { questions, answers in
                    guard let question = try await Self.line(questions) else { return }
                    try await answers.write(ByteBuffer(string: await self.reply(question)))
                }
            }
        }
    }

    private static func line(_ inbound: NIOAsyncChannelInboundStream<ByteBuffer>) async throws -> String? {
        var text = ""
        for try await bytes in inbound {
            text += String(buffer: bytes)
            if let end = text.firstIndex(of: "\n") { return String(text[..<end]) }
            guard text.utf8.count < longestQuestion else { return nil }
        }
        return nil
    }

    private func reply(_ question: String) -> String {
        switch question {
        case "status": return problems.map { $0 + "\n" }.joined()
        case "reload":
            do { try load() } catch { return "\(error)\n" }
            return "ok\n"
        default: return "unknown question\n"
        }
    }
}
