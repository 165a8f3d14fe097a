package import NetworkModel
package import Resources

/// Where a step of a fault is done.
package enum FaultPlace: Hashable, Sendable {
    case machine(Name)
    case guest(NamespaceName, on: Name)
    /// The switch of an underlay link.
    case link(Name)
}

/// One thing done to a laboratory.
package enum FaultStep: Hashable, Sendable {
    /// A program with its arguments, demanded to succeed.
    case run(FaultPlace, [String], input: String = "")
    /// A signal to a daemon that the laboratory started: "node" or "api".
    case signal(Int32, role: String, on: Name)
    /// Ends such a daemon at once.
    case kill(role: String, on: Name)
    /// Starts it as it was started last, by a clock that is so many seconds ahead of the machine's.
    case restart(role: String, on: Name, clockShift: Int = 0)
    /// SIGKILL to every process of that name in a namespace of the machine.
    case killAll(program: String, in: NamespaceName, on: Name)
    case pause(Name)
    case resume(Name)
    /// Makes a policy that lets nobody begin to talk to whoever has it; takes it away.
    case makePolicy(Name, project: Name)
    case removePolicy(Name, project: Name)
    /// Gives an attachment these policies and no others, by name or id.
    case usePolicies([String], by: Name, project: Name)

    static func ip(_ place: FaultPlace, _ words: String...) -> FaultStep { .run(place, ["ip"] + words) }

    static func nft(_ place: FaultPlace, _ rules: String) -> FaultStep {
        .run(place, ["nft", "-f", "-"], input: rules + "\n")
    }

    static func sysctl(_ place: FaultPlace, _ path: String, _ value: String) -> FaultStep {
        .run(place, ["tee", "/proc/sys/" + path], input: value)
    }
}

extension FaultPlace: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        if let link: Name = try reader.optional("link") {
            self = .link(link)
        } else {
            let machine: Name = try reader.required("machine")
            let guest: NamespaceName? = try reader.optional("guest")
            self = guest.map { .guest($0, on: machine) } ?? .machine(machine)
        }
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            switch self {
            case .machine(let name): writer.member("machine", name)
            case .guest(let guest, let machine):
                writer.member("machine", machine)
                writer.member("guest", guest)
            case .link(let name): writer.member("link", name)
            }
        }
    }
}

extension FaultStep: JSONCodable {
    package init(json node: JSONNode, path: String) throws(FieldError) {
        var reader = try FieldReader(node, path: path)
        let verb: String = try reader.required("do")
        switch verb {
        case "run":
            self = .run(
                try reader.required("place"), try reader.required("words"), input: try reader.optional("input") ?? "")
        case "signal":
            guard let number = Int32(exactly: try reader.required("signal", as: Int.self)) else {
                throw FieldError(field: reader.path(of: "signal"), rule: "must be a signal's number")
            }
            self = .signal(number, role: try reader.required("role"), on: try reader.required("machine"))
        case "kill": self = .kill(role: try reader.required("role"), on: try reader.required("machine"))
        case "restart":
            self = .restart(
                role: try reader.required("role"), on: try reader.required("machine"),
                clockShift: try reader.optional("clockShift") ?? 0)
        case "killAll":
            self = .killAll(
                program: try reader.required("program"), in: try reader.required("namespace"),
                on: try reader.required("machine"))
        case "pause": self = .pause(try reader.required("machine"))
        case "resume": self = .resume(try reader.required("machine"))
        case "makePolicy": self = .makePolicy(try reader.required("policy"), project: try reader.required("project"))
        case "removePolicy":
            self = .removePolicy(try reader.required("policy"), project: try reader.required("project"))
        case "usePolicies":
            self = .usePolicies(
                try reader.required("policies"), by: try reader.required("attachment"),
                project: try reader.required("project"))
        default: throw FieldError(field: reader.path(of: "do"), value: verb, rule: "is no step of a fault")
        }
        try reader.finish()
    }

    package func write(to writer: inout JSONWriter) {
        writer.object { writer in
            switch self {
            case .run(let place, let words, let input):
                writer.member("do", "run")
                writer.member("place", place)
                writer.member("words", words)
                if !input.isEmpty { writer.member("input", input) }
            case .signal(let number, let role, let machine):
                writer.member("do", "signal")
                writer.member("signal", Int(number))
                writer.member("role", role)
                writer.member("machine", machine)
            case .kill(let role, let machine): Self.write("kill", role, machine, &writer)
            case .restart(let role, let machine, let shift):
                Self.write("restart", role, machine, &writer)
                if shift != 0 { writer.member("clockShift", shift) }
            case .killAll(let program, let namespace, let machine):
                writer.member("do", "killAll")
                writer.member("program", program)
                writer.member("namespace", namespace)
                writer.member("machine", machine)
            case .pause(let machine): Self.write("pause", nil, machine, &writer)
            case .resume(let machine): Self.write("resume", nil, machine, &writer)
            case .makePolicy(let policy, let project):
                writer.member("do", "makePolicy")
                writer.member("policy", policy)
                writer.member("project", project)
            case .removePolicy(let policy, let project):
                writer.member("do", "removePolicy")
                writer.member("policy", policy)
                writer.member("project", project)
            case .usePolicies(let policies, let attachment, let project):
                writer.member("do", "usePolicies")
                writer.member("policies", policies)
                writer.member("attachment", attachment)
                writer.member("project", project)
            }
        }
    }

    private static func write(_ verb: String, _ role: String?, _ machine: Name, _ writer: inout JSONWriter) {
        writer.member("do", verb)
        writer.member("role", role)
        writer.member("machine", machine)
    }
}
