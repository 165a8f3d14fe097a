/// One event of a `text/event-stream` (WHATWG HTML, section 9.2).
package struct ServerEvent: Hashable, Sendable {
    /// The `event` field; "message" when it is absent.
    package var name: String
    /// The `id` field of this event; nil when it has none.
    package var id: String?
    /// The `data` lines, joined by a newline.
    package var data: [UInt8]

    package init(name: String = "message", id: String? = nil, data: [UInt8] = []) {
        self.name = name
        self.id = id
        self.data = data
    }
}
