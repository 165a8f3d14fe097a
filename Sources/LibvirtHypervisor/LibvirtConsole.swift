import CLibvirt
import ComputePorts
import Dispatch
import Synchronization

/// A stream of libvirt's to the serial console of a domain.
///
/// libvirt calls on its thread of events when there is something to read or room to write; nobody waits for it but there.
/// `@unchecked Sendable`: the stream's own lock makes its calls safe on any thread, and it is freed in `release`, which
/// libvirt calls once, after the last of them.
final class LibvirtConsole: ConsoleLine, @unchecked Sendable {
    private let stream: virStreamPtr
    private let state = Mutex(State())

    private struct State {
        var incoming: [UInt8] = []
        var outgoing: [UInt8] = []
        var isOver = false
        var reader: (maximum: Int, continuation: CheckedContinuation<[UInt8]?, Never>)?
        var isListening = false
    }

    /// Bytes that wait for their reader, and for the guest; beyond them the other side waits.
    private static let incoming = 65_536
    private static let outgoing = 65_536
    private static let ending = VIR_STREAM_EVENT_ERROR.rawValue | VIR_STREAM_EVENT_HANGUP.rawValue

    init(_ stream: virStreamPtr) { self.stream = stream }

    /// - Returns: false with libvirt's error of this thread.
    func listen() -> Bool {
        let opaque = Unmanaged.passRetained(self)
        let code = virStreamEventAddCallback(
            stream, Int32(Self.ending | VIR_STREAM_EVENT_READABLE.rawValue),
            { _, events, opaque in
                guard let opaque else { return }
                Unmanaged<LibvirtConsole>.fromOpaque(opaque).takeUnretainedValue().happened(UInt32(bitPattern: events))
            }, opaque.toOpaque(), { opaque in if let opaque { Unmanaged<LibvirtConsole>.fromOpaque(opaque).release() } }
        )
        guard code == 0 else {
            opaque.release()
            return false
        }
        state.withLock { $0.isListening = true }
        return true
    }

    deinit { virStreamFree(stream) }

    // MARK: libvirt's thread

    private func happened(_ events: UInt32) {
        var reading: (() -> Void)?
        state.withLock { state in
            guard !state.isOver else { return }
            if events & VIR_STREAM_EVENT_READABLE.rawValue != 0 { receive(&state) }
            if events & VIR_STREAM_EVENT_WRITABLE.rawValue != 0 { send(&state) }
            if events & Self.ending != 0 { state.isOver = true }
            reading = answer(&state)
            if !state.isOver { watch(state) }
        }
        reading?()
        if state.withLock({ $0.isOver }) { close() }
    }

    private func receive(_ state: inout State) {
        var buffer = [CChar](repeating: 0, count: 16_384)
        while state.incoming.count < Self.incoming {
            let count = virStreamRecv(stream, &buffer, buffer.count)
            // -2: nothing to read; 0: its end.
            if count == -2 { return }
            guard count > 0 else {
                state.isOver = true
                return
            }
            state.incoming += buffer[..<Int(count)].lazy.map { UInt8(bitPattern: $0) }
        }
    }

    private func send(_ state: inout State) {
        while !state.outgoing.isEmpty {
            let count = state.outgoing.withUnsafeBufferPointer { bytes in
                bytes.withMemoryRebound(to: CChar.self) { virStreamSend(stream, $0.baseAddress, $0.count) }
            }
            if count == -2 { return }
            guard count > 0 else {
                state.isOver = true
                return
            }
            state.outgoing.removeFirst(Int(count))
        }
    }

    /// What is to be heard of next.
    private func watch(_ state: State) {
        var events = Self.ending
        if state.incoming.count < Self.incoming { events |= VIR_STREAM_EVENT_READABLE.rawValue }
        if !state.outgoing.isEmpty { events |= VIR_STREAM_EVENT_WRITABLE.rawValue }
        virStreamEventUpdateCallback(stream, Int32(events))
    }

    /// Gives a reader that waits what there is for it.
    private func answer(_ state: inout State) -> (() -> Void)? {
        guard let reader = state.reader, !state.incoming.isEmpty || state.isOver else { return nil }
        state.reader = nil
        let bytes = Self.take(&state, reader.maximum)
        return { reader.continuation.resume(returning: bytes) }
    }

    private static func take(_ state: inout State, _ maximum: Int) -> [UInt8]? {
        guard !state.incoming.isEmpty else { return nil }
        let bytes = Array(state.incoming.prefix(maximum))
        state.incoming.removeFirst(bytes.count)
        return bytes
    }

    // MARK: its users

    func read(atMost maximum: Int) async -> [UInt8]? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer: (() -> Void)? = state.withLock { state in
                    guard state.incoming.isEmpty, !state.isOver else {
                        let wasFull = state.incoming.count >= Self.incoming
                        let bytes = Self.take(&state, maximum)
                        if wasFull, !state.isOver { watch(state) }
                        return { continuation.resume(returning: bytes) }
                    }
                    state.reader = (maximum, continuation)
                    return nil
                }
                answer?()
            }
        } onCancel: {
            close()
        }
    }

    func write(_ bytes: [UInt8]) async throws(HypervisorError) {
        let cause: String? = state.withLock { state in
            guard !state.isOver else { return "the console has ended" }
            guard state.outgoing.count + bytes.count <= Self.outgoing else { return "the guest takes nothing" }
            state.outgoing += bytes
            watch(state)
            return nil
        }
        if let cause { throw HypervisorError(.refused, operation: "type at", subject: "the console", cause: cause) }
    }

    func close() {
        let (wasListening, reading) = state.withLock { state in
            state.isOver = true
            defer { state.isListening = false }
            return (state.isListening, answer(&state))
        }
        reading?()
        guard wasListening else { return }
        // May wait for libvirtd's answer.
        DispatchQueue.global().async { [self] in
            virStreamEventRemoveCallback(stream)
            virStreamAbort(stream)
        }
    }
}
