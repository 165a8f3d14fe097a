/// A look at everything on a host, with the index over it: made aside, so that taking it over costs little.
package struct HostSurvey: Sendable {
    package let host: ObservedHost
    let index: ObservedIndex

    package init(_ host: ObservedHost) {
        self.host = host
        index = ObservedIndex(host)
    }
}
