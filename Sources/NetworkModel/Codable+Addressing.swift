package import Addressing
package import Resources

/// Addressing values in JSON: strings in their canonical text form, VNIs and MTUs as numbers.

extension IPv6Address: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        let text = try String(json: node, path: path)
        do { self = try IPv6Address(parsing: text) } catch { throw FieldError(field: path, error) }
    }
    package func write(to writer: inout JSONWriter) { writer.string(description) }
}

extension IPv6Prefix: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        let text = try String(json: node, path: path)
        do { self = try IPv6Prefix(parsing: text) } catch { throw FieldError(field: path, error) }
    }
    package func write(to writer: inout JSONWriter) { writer.string(description) }
}

extension IPv4Address: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        let text = try String(json: node, path: path)
        do { self = try IPv4Address(parsing: text) } catch { throw FieldError(field: path, error) }
    }
    package func write(to writer: inout JSONWriter) { writer.string(description) }
}

extension IPv4Prefix: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        let text = try String(json: node, path: path)
        do { self = try IPv4Prefix(parsing: text) } catch { throw FieldError(field: path, error) }
    }
    package func write(to writer: inout JSONWriter) { writer.string(description) }
}

extension MACAddress: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        let text = try String(json: node, path: path)
        do { self = try MACAddress(parsing: text) } catch { throw FieldError(field: path, error) }
    }
    package func write(to writer: inout JSONWriter) { writer.string(description) }
}

extension InterfaceName: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        let text = try String(json: node, path: path)
        do { self = try InterfaceName(text) } catch { throw FieldError(field: path, error) }
    }
    package func write(to writer: inout JSONWriter) { writer.string(text) }
}

extension VNI: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        let number = try UInt32(json: node, path: path)
        do { self = try VNI(number) } catch { throw FieldError(field: path, error) }
    }
    package func write(to writer: inout JSONWriter) { writer.integer(value) }
}

extension MTU: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        let number = try Int(json: node, path: path)
        do { self = try MTU(number) } catch { throw FieldError(field: path, error) }
    }
    package func write(to writer: inout JSONWriter) { writer.integer(bytes) }
}

extension FieldError {
    package init(field: String, _ error: AddressingError) {
        self.init(field: field, value: error.value, rule: "must be a valid \(error.type), but it \(error.rule)")
    }
}
