package import NetworkModel
import NetworkPlanning
package import Resources

/// Where somebody wants the role to be.
package enum MoveTarget: Sendable {
    case host(Reference<Host>)
    case attachment(Reference<Attachment>)
}

extension WritePlan {
    mutating func replaceGateway(_ item: Item, with resource: Resource<Gateway>) {
        var resource = resource
        resource.metadata.generation += 1
        resource.metadata.updated = now
        action = .update
        replace(item, with: .gateway(resource))
    }

    mutating func replacePort(_ item: Item, with resource: Resource<Attachment>) {
        var resource = resource
        resource.metadata.generation += 1
        resource.metadata.updated = now
        action = .update
        replace(item, with: .attachment(resource))
    }
}

extension Problem {
    init(_ refusal: GatewayMove.Refusal, _ gateway: Resource<Gateway>, _ state: CacheState) {
        let name = gateway.metadata.name
        func place(_ holder: RoleHolder) -> String {
            switch holder {
            case .host(let id), .attachment(let id): state.place(id)
            }
        }
        switch refusal {
        case .isMoving(let to):
            self.init(
                .conflict,
                "gateway '\(name)' is moving to \(place(to)); wait, or cancel that "
                    + "(`kcnet gateway move \(name) --cancel`)")
        case .isThere: self.init(.conflict, "gateway '\(name)' is there already")
        case .isLeaving(let host):
            self.init(
                .conflict,
                "\(state.place(host)) has not given up yet what it had of gateway '\(name)'; wait until it has")
        case .isNotMoving: self.init(.conflict, "gateway '\(name)' is not moving, or has moved already")
        }
    }
}
