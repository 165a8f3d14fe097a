import Addressing
import ComputeModel
import Resources

/// EC2's instance metadata: a tree of small texts with lists of what is below; what ends with a slash in a list has
/// something below.
///
/// There is no `network/`: stock cloud-init makes an IPv4 lease of it, and waits for that.
extension MetadataTree {
    func ec2(_ parts: ArraySlice<String>) -> MetadataPage? {
        switch parts.first {
        case nil: .list(["meta-data"] + (userData == nil ? [] : ["user-data"]))
        case "user-data": parts.count == 1 ? userData : nil
        case "meta-data": instance(Array(parts.dropFirst()))
        default: nil
        }
    }

    private func instance(_ parts: [String]) -> MetadataPage? {
        let hostname = facts.guest.hostname.text
        var texts = ["hostname": hostname, "instance-id": facts.guest.instance.description, "local-hostname": hostname]
        texts["mac"] = facts.interfaces.first?.mac.description
        switch parts.first {
        case nil: return .list(texts.keys.sorted() + (keys.isEmpty ? [] : ["public-keys/"]))
        case "public-keys": return keys.isEmpty ? nil : publicKeys(Array(parts.dropFirst()))
        case let name?: return parts.count == 1 ? texts[name].map(MetadataPage.text) : nil
        }
    }

    private func publicKeys(_ parts: [String]) -> MetadataPage? {
        guard let text = parts.first else { return .list(keys.enumerated().map { "\($0)=\($1.name)" }) }
        guard let index = Int(text), "\(index)" == text, keys.indices.contains(index) else { return nil }
        switch (parts.dropFirst().first, parts.count) {
        case (nil, _): return .list(["openssh-key"])
        case ("openssh-key", 2): return .text(keys[index].text)
        default: return nil
        }
    }
}
