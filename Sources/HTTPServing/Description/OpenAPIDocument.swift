import Hummingbird
import Resources

/// The OpenAPI 3.1 description of a table of routes.
package struct OpenAPIDocument<Service: ServedService>: Sendable {
    package struct Words: Sendable {
        package var title: String
        package var description: String
        /// Which credentials are taken.
        package var credentials: String

        package init(title: String, description: String, credentials: String) {
            self.title = title
            self.description = description
            self.credentials = credentials
        }
    }

    private let words: Words
    private let routes: [Route<Service>]
    private let schemas: [(name: String, schema: Schema)]
    private let service: Service

    /// - Parameter schemas: what routes refer to by name, beside `CommonSchemas`.
    package init(
        _ words: Words, routes: [Route<Service>], schemas: [(name: String, schema: Schema)], of service: Service
    ) {
        self.words = words
        self.routes = routes
        self.schemas = schemas
        self.service = service
    }

    package var json: [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("openapi", "3.1.0")
            writer.name("info")
            writer.object { writer in
                writer.member("title", words.title)
                writer.member("version", BuildInfo.version)
                writer.member("description", words.description)
                writer.name("license")
                writer.object { writer in
                    writer.member("name", "Apache-2.0")
                    writer.member("identifier", "Apache-2.0")
                }
            }
            writer.name("security")
            writer.array { writer in Self.requirement(&writer) }
            writer.name("paths")
            writer.object { writer in
                for (path, routes) in paths {
                    writer.name(path)
                    writer.object { writer in
                        for route in routes { write(route, to: &writer) }
                    }
                }
            }
            writeComponents(to: &writer)
        }
        return writer.bytes
    }

    private static func requirement(_ writer: inout JSONWriter) {
        writer.object { writer in
            writer.name("token")
            writer.array { _ in }
        }
    }

    /// In the order of the table.
    private var paths: [(String, [Route<Service>])] {
        var order: [String] = []
        var byPath: [String: [Route<Service>]] = [:]
        for route in routes {
            if byPath[route.path] == nil { order.append(route.path) }
            byPath[route.path, default: []].append(route)
        }
        return order.map { ($0, byPath[$0] ?? []) }
    }

    private func write(_ route: Route<Service>, to writer: inout JSONWriter) {
        writer.name(route.method.rawValue.lowercased())
        writer.object { writer in
            writer.member("operationId", route.operation)
            writer.member("summary", route.summary)
            if service.isForAnyone(route.access) {
                writer.name("security")
                writer.array { _ in }
            }
            writer.name("parameters")
            writer.array { writer in
                for segment in route.path.split(separator: "/") where segment.hasPrefix("{") {
                    let name = String(segment.dropFirst().dropLast())
                    let schema = Schema(#"{"type":"string","minLength":1,"maxLength":63}"#)
                    write(name, in: "path", "The name or id of the \(name).", schema, required: true, to: &writer)
                }
                for parameter in route.parameters {
                    write(
                        parameter.name, in: parameter.place.rawValue, parameter.summary, parameter.schema,
                        required: false, to: &writer)
                }
            }
            if let body = route.body {
                writer.name("requestBody")
                writer.object { writer in
                    writer.member("required", true)
                    Self.content("application/json", body, to: &writer)
                }
            }
            writer.name("responses")
            writer.object { writer in writeResponses(of: route, to: &writer) }
        }
    }

    private func write(
        _ name: String, in place: String, _ summary: String, _ schema: Schema, required: Bool,
        to writer: inout JSONWriter
    ) {
        writer.object { writer in
            writer.member("name", name)
            writer.member("in", place)
            writer.member("description", summary)
            writer.member("required", required)
            writer.name("schema")
            writer.raw(schema.json.utf8)
        }
    }

    private func writeResponses(of route: Route<Service>, to writer: inout JSONWriter) {
        writer.name(String(route.status.code))
        writer.object { writer in
            writer.member("description", route.summary)
            if let answer = route.answer {
                Self.content(route.mediaType, answer, to: &writer)
            } else if route.status != .noContent {
                Self.content(route.mediaType, Schema(#"{"type":"string"}"#), to: &writer)
            }
        }
        writer.name("default")
        writer.object { writer in
            writer.member("description", "Why it was not done.")
            Self.content("application/problem+json", .named("Problem"), to: &writer)
        }
    }

    private static func content(_ mediaType: String, _ schema: Schema, to writer: inout JSONWriter) {
        writer.name("content")
        writer.object { writer in
            writer.name(mediaType)
            writer.object { writer in
                writer.name("schema")
                writer.raw(schema.json.utf8)
            }
        }
    }

    private func writeComponents(to writer: inout JSONWriter) {
        writer.name("components")
        writer.object { writer in
            writer.name("securitySchemes")
            writer.object { writer in
                writer.name("token")
                writer.object { writer in
                    writer.member("type", "http")
                    writer.member("scheme", "bearer")
                    writer.member("description", words.credentials)
                }
            }
            writer.name("schemas")
            writer.object { writer in
                for (name, schema) in schemas {
                    writer.name(name)
                    writer.raw(schema.json.utf8)
                }
            }
        }
    }
}
