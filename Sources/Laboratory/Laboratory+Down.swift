import Resources

extension Laboratory {
    /// Ends the laboratory's processes, removes its namespaces with all that is in them, and forgets it.
    ///
    /// Works from any state a crash can leave. Ends no process that does not live in one of its machines.
    /// - Throws: `absent` when it is not up.
    package func down(progress: Progress = { _ in }) async throws(LaboratoryError) {
        try await Self.down(state, progress: progress)
    }

    /// As `down`, also when the topology's folder is gone.
    package static func down(
        _ state: LaboratoryState, progress: Progress = { _ in }
    ) async throws(LaboratoryError) {
        let record = try state.read()
        progress("ending its processes")
        try await MachineProcesses(token: record.token).end(grace: .seconds(3))
        progress("removing its namespaces")
        let present = Set(try await namespaces())
        for namespace in record.namespaces where present.contains(namespace) {
            try await Command("ip", ["netns", "delete", namespace]).check("delete namespace", namespace)
        }
        try state.remove()
    }
}
