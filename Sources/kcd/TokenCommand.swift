import APIClient
import ArgumentParser
import Resources

/// `kcd token create`: the line with which another machine joins.
struct TokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Make tokens with which machines join.", subcommands: [Create.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "create",
            abstract: "Make a token for one machine, and print the line to run there.",
            discussion: """
                The token works once and only until it expires. It carries the fingerprint of the server's certificate, \
                so that the machine knows that it talks to this server and to no other.
                """)

        @Option(help: "How long the token may be used, in seconds: 10 to 86400.")
        var ttl = 600

        @Option(help: "The API to ask: unix:PATH, https://HOST:PORT or http://[::1]:PORT.")
        var api = "unix:/run/kc/api.sock"

        @Option(
            help: ArgumentHelp(
                "The URL that the other machine can reach this API at (default: where the server listens).",
                valueName: "https://host:8440"))
        var url: String?

        @Flag(help: "Print the token alone.")
        var quiet = false

        func run() async throws {
            let client = try APIClient(endpoint: Endpoint(parsing: api))
            do { try await create(client) } catch {
                await client.shutdown()
                throw error
            }
            await client.shutdown()
        }

        private func create(_ client: APIClient) async throws {
            var body = JSONWriter()
            body.object { $0.member("ttlSeconds", ttl) }
            let request = APIRequest(.post, ["v1", "join-tokens"], body: body.bytes)
            let answer = try JSONParser.parse(try await client.send(request).body)
            guard let token = answer["token"]?.string, let expires = answer["expires"]?.string else {
                throw ValidationError("the API's answer has no token")
            }
            if quiet { return print(token) }
            if answer["fingerprint"]?.string == nil {
                print(
                    "The API has no TLS listener: start it with --listen [ADDRESS]:8440 before another machine joins.")
            }
            let url = url ?? answer["url"]?.string
            print(
                "Run this on the machine that joins, before \(expires)"
                    + (url == nil ? ", with an address of this server for HOST:" : ":"))
            print("")
            print("    kcd join \(url ?? "https://HOST:8440") \(token)")
        }
    }
}
