/// What somebody may do with what a project has, from the least to the most.
///
/// | role | reads | writes |
/// |---|---|---|
/// | `viewer` | what the project has, but no services and tokens | nothing |
/// | `consumer` | the same, with services and where things are | attachments and services: a plugin such as compute |
/// | `operator` | as a viewer | what the project has, but services, tokens and what reaches into hosts |
/// | `admin` | as an operator, and tokens | as an operator, and tokens |
///
/// Held over all projects, a role shows hosts, pools and the underlay too; an operator then writes zones, services and
/// what reaches into hosts, and an admin everything.
package enum Role: String, Sendable, CaseIterable { case viewer, consumer, `operator`, admin }

/// What a request does with a resource. Lists, watches, histories and metrics are reads; a restoration is an update.
package enum Verb: String, Sendable, CaseIterable { case read, create, update, delete }

/// Which roles somebody has.
package struct Grants: Hashable, Sendable {
    /// Over all projects, and those to come.
    package var everywhere: Role?
    /// By the name or the id of a project. A name is that of the project which has it at the time of a request.
    package var projects: [String: Role]

    package init(everywhere: Role? = nil, projects: [String: Role] = [:]) {
        self.everywhere = everywhere
        self.projects = projects
    }

    /// What is held in one project; nil when nothing is. The role over all projects counts when it is the greater one.
    package func role(inProject name: Name, _ id: ResourceID) -> Role? {
        var roles = [everywhere]
        if projects.count > Self.few {
            roles += [projects[id.description], projects[name.text]]
        } else {
            // Every request asks several times: a few texts are sooner compared than made and hashed.
            for (project, role) in projects where project == name.text || ResourceID(project) == id {
                roles.append(role)
            }
        }
        return roles.compactMap(\.self).max { $0.rank < $1.rank }
    }

    /// Of each role the greater one.
    package func joined(with other: Grants) -> Grants {
        var joined = self
        joined.everywhere = [everywhere, other.everywhere].compactMap(\.self).max { $0.rank < $1.rank }
        joined.projects.merge(other.projects) { $0.rank < $1.rank ? $1 : $0 }
        return joined
    }

    private static let few = 4
}

extension Role {
    /// Grows with what a role may do.
    fileprivate var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
