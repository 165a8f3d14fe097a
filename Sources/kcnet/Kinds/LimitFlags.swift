import ArgumentParser
import Commands
import Documents
import Resources

/// How much may pass a port.
struct LimitFlags: ParsableArguments {
    @Option(help: ArgumentHelp("To the guest: bits a second.", valueName: "bandwidth")) var limitInBandwidth: String?
    @Option(help: ArgumentHelp("To the guest: packets a second.", valueName: "number")) var limitInPackets: String?
    @Option(help: ArgumentHelp("From the guest: bits a second.", valueName: "bandwidth")) var limitOutBandwidth: String?
    @Option(help: ArgumentHelp("From the guest: packets a second.", valueName: "number")) var limitOutPackets: String?
    @Option(help: ArgumentHelp("From the guest: flows that begin in a second.", valueName: "number"))
    var limitOutNewFlows: String?
    @Option(help: ArgumentHelp("From the guest: multicast frames a second.", valueName: "number"))
    var limitOutMulticast: String?
    @Option(help: ArgumentHelp("From the guest: Neighbor Discovery messages a second.", valueName: "number"))
    var limitOutNd: String?

    func edit(_ spec: JSONNode) throws -> JSONNode {
        let settings: [(String?, String, String, String)] = [
            (limitInBandwidth, "in", "bandwidth", "--limit-in-bandwidth"),
            (limitInPackets, "in", "packetsPerSecond", "--limit-in-packets"),
            (limitOutBandwidth, "out", "bandwidth", "--limit-out-bandwidth"),
            (limitOutPackets, "out", "packetsPerSecond", "--limit-out-packets"),
            (limitOutNewFlows, "out", "newFlowsPerSecond", "--limit-out-new-flows"),
            (limitOutMulticast, "out", "multicastPerSecond", "--limit-out-multicast"),
            (limitOutNd, "out", "ndPerSecond", "--limit-out-nd"),
        ]
        return try settings.reduce(spec) { spec, setting in
            let (text, direction, member, option) = setting
            guard let text else { return spec }
            guard let number = Self.number(text) else {
                throw ValidationError(
                    "\(option) \(text): must be a whole number, with k, M, G or T after it or without")
            }
            let limits = spec["limits"] ?? .object([])
            let part = (limits[direction] ?? .object([])).setting(member, number: number)
            return spec.setting("limits", to: limits.setting(direction, to: part))
        }
    }

    /// "100M" is 100,000,000.
    static func number(_ text: String) -> UInt64? {
        let factors: [Character: UInt64] = [
            "k": 1000, "K": 1000, "M": 1_000_000, "G": 1_000_000_000, "T": 1_000_000_000_000,
        ]
        let factor = text.last.flatMap { factors[$0] }
        let digits = factor == nil ? text[...] : text.dropLast()
        guard digits.utf8.allSatisfy({ (48...57).contains($0) }), let number = UInt64(digits) else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: factor ?? 1)
        return overflow ? nil : product
    }
}
