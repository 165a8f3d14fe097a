import Resources

/// The kinds that a command knows: in files, on its command line, in what it exports.
package struct KindCatalogue: Sendable {
    /// What others refer to stands before what refers to it, so that applying in this order finds everything it needs.
    package let all: [KindDescription]
    /// Labels of what comes and goes with another resource: nobody writes that into a file.
    package let passingLabels: Set<String>
    private let byName: [String: (description: KindDescription, rank: Int)]

    /// The kinds of the network core.
    package static let network = KindCatalogue(KindDescription.all)

    package init(_ all: [KindDescription], passingLabels: Set<String> = []) {
        self.all = all
        self.passingLabels = passingLabels
        byName = (all + [.token]).enumerated().reduce(into: [:]) { byName, entry in
            let (rank, description) = entry
            byName[description.kind.singular] = (description, rank)
            byName[description.kind.plural] = (description, rank)
        }
    }

    /// - Parameter name: singular or plural.
    package func named(_ name: String) -> KindDescription? { byName[name]?.description }

    /// The place in `all`; behind all others for a kind that is not there.
    package func rank(_ description: KindDescription) -> Int { byName[description.kind.singular]?.rank ?? all.count }
}
