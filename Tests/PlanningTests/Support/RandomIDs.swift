import FoundationEssentials
import Resources
import SeededRandomness

func randomID(_ random: inout SeededGenerator) -> ResourceID {
    func byte() -> UInt8 { UInt8.random(in: 0...255, using: &random) }
    return ResourceID(
        UUID(
            uuid: (
                byte(), byte(), byte(), byte(), byte(), byte(), byte(), byte(),
                byte(), byte(), byte(), byte(), byte(), byte(), byte(), byte()
            )))
}
