package import Resources

/// A number of a machine: one that is fixed, or one that a VM may choose within a range.
package struct QuantityOption: Hashable, Sendable {
    package let minimum: UInt64
    package let maximum: UInt64
    /// What a VM may choose is a multiple of it; so are the other three.
    package let step: UInt64
    /// What a VM has that chooses nothing.
    package let standard: UInt64

    /// nil unless minimum ≤ standard ≤ maximum and all are multiples of `step`, which is not zero.
    package init?(from minimum: UInt64, to maximum: UInt64, step: UInt64 = 1, standard: UInt64) {
        guard step > 0, minimum <= standard, standard <= maximum,
            [minimum, maximum, standard].allSatisfy({ $0.isMultiple(of: step) })
        else { return nil }
        self.minimum = minimum
        self.maximum = maximum
        self.step = step
        self.standard = standard
    }

    /// A fixed one.
    package init(_ value: UInt64) {
        minimum = value
        maximum = value
        step = 1
        standard = value
    }

    package var isFixed: Bool { minimum == maximum }

    /// What a VM may write.
    var shape: Shape { .integer(minimum...maximum, step: step) }

    /// What a machine type may write.
    static func shape(_ limits: ClosedRange<UInt64>) -> Shape {
        let number = Shape.integer(limits, step: 1)
        return .either([
            number,
            .object([
                .required("minimum", number, "the least"), .required("maximum", number, "the most"),
                .optional("step", .integer(1...limits.upperBound, step: 1), standard: .number(1), "multiples of this"),
                .required("default", number, "of a VM that chooses nothing"),
            ]),
        ])
    }
}

extension QuantityOption: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        if case .number = node.content {
            self.init(try UInt64(json: node, path: path))
            return
        }
        var reader = try FieldReader(node, path: path)
        let minimum: UInt64 = try reader.required("minimum")
        let maximum: UInt64 = try reader.required("maximum")
        let standard: UInt64 = try reader.required("default")
        let option = Self(
            from: minimum, to: maximum, step: try reader.optional("step") ?? 1, standard: standard)
        try reader.finish()
        guard let option else {
            throw FieldError(
                field: path, value: node.excerpt,
                rule: "must have minimum ≤ default ≤ maximum, all three multiples of the step")
        }
        self = option
    }

    package func write(to writer: inout JSONWriter) {
        guard !isFixed else { return writer.integer(standard) }
        writer.object { writer in
            writer.member("minimum", minimum)
            writer.member("maximum", maximum)
            if step > 1 { writer.member("step", step) }
            writer.member("default", standard)
        }
    }
}

/// A word of a machine: one that is fixed, or one of several that a VM may choose from.
package struct WordOption: Hashable, Sendable {
    /// Never empty, without repetition, in the order in which they were written.
    package let choices: [String]
    /// One of them.
    package let standard: String

    package static let maximumChoices = 16

    /// nil unless the choices differ and have the standard among them.
    package init?(_ choices: [String], standard: String) {
        guard choices.contains(standard), Set(choices).count == choices.count else { return nil }
        self.choices = choices
        self.standard = standard
    }

    /// A fixed one.
    package init(_ word: String) {
        choices = [word]
        standard = word
    }

    package var isFixed: Bool { choices.count == 1 }

    var shape: Shape { .choice(choices) }

    static func shape(_ word: Shape) -> Shape {
        .either([
            word,
            .object([
                .required(
                    "choices", .array(word, count: 1...maximumChoices, unique: true), "what a VM may choose from"),
                .required("default", word, "of a VM that chooses nothing"),
            ]),
        ])
    }
}

extension WordOption: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        if let word = node.string {
            self.init(word)
            return
        }
        var reader = try FieldReader(node, path: path)
        let standard: String = try reader.required("default")
        let option = Self(try reader.required("choices"), standard: standard)
        try reader.finish()
        guard let option else {
            throw FieldError(field: reader.path(of: "default"), value: standard, rule: "must be one of the choices")
        }
        self = option
    }

    package func write(to writer: inout JSONWriter) {
        guard !isFixed else { return writer.string(standard) }
        writer.object { writer in
            writer.member("choices", choices)
            writer.member("default", standard)
        }
    }
}

/// A device of a machine: there, not there, or as a VM chooses.
package struct DeviceOption: Hashable, Sendable {
    package let isChosenByVM: Bool
    package let standard: Bool

    package init(_ standard: Bool, isChosenByVM: Bool = false) {
        self.standard = standard
        self.isChosenByVM = isChosenByVM
    }

    static let typeShape = Shape.either([
        .boolean, .object([.required("default", .boolean, "of a VM that chooses nothing")]),
    ])
}

extension DeviceOption: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        if case .bool(let value) = node.content {
            self.init(value)
            return
        }
        var reader = try FieldReader(node, path: path)
        self.init(try reader.required("default"), isChosenByVM: true)
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        guard isChosenByVM else { return writer.bool(standard) }
        writer.object { $0.member("default", standard) }
    }
}
