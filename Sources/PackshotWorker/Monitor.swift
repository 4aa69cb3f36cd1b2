internal import Synchronization

/// State behind a lock, with tasks that wait until it is as they need it (Hoare's monitor, 1974).
///
/// A wait costs nothing while its condition holds already, and a change costs no more than its lock while nobody waits.
final class Monitor<State: Sendable>: Sendable {
    private struct Waiter {
        let number: UInt64
        let condition: @Sendable (State) -> Bool
        let continuation: CheckedContinuation<Void, Never>
    }

    private struct Guarded {
        var state: State
        var waiters: [Waiter] = []
        var numbers: UInt64 = 0
    }

    private let guarded: Mutex<Guarded>

    init(_ state: State) {
        guarded = Mutex(Guarded(state: state))
    }

    /// Looks at the state.
    func read<Value: Sendable>(_ body: (State) -> Value) -> Value {
        guarded.withLock { body($0.state) }
    }

    /// Changes the state, then wakes those whose conditions hold now, in the order in which they came.
    @discardableResult
    func change<Value: Sendable>(_ body: (inout State) -> Value) -> Value {
        let (value, woken) = guarded.withLock { guarded -> (Value, [Waiter]) in
            let value = body(&guarded.state)
            if guarded.waiters.isEmpty { return (value, []) }
            var (woken, left): ([Waiter], [Waiter]) = ([], [])
            for waiter in guarded.waiters {
                if waiter.condition(guarded.state) { woken.append(waiter) } else { left.append(waiter) }
            }
            guarded.waiters = left
            return (value, woken)
        }
        for waiter in woken { waiter.continuation.resume() }
        return value
    }

    /// Returns when the condition holds, or when the task is cancelled. Who is woken looks again: others may have been faster.
    func wait(until condition: @escaping @Sendable (State) -> Bool) async {
        let number = guarded.withLock { guarded -> UInt64? in
            if condition(guarded.state) { return nil }
            guarded.numbers += 1
            return guarded.numbers
        }
        guard let number else { return }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = guarded.withLock { guarded in
                    // A task is marked as cancelled before its handler runs: one of the two sees the other.
                    let isOver = Task.isCancelled || condition(guarded.state)
                    if !isOver {
                        guarded.waiters.append(
                            Waiter(number: number, condition: condition, continuation: continuation))
                    }
                    return isOver
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            let waiter = guarded.withLock { guarded -> Waiter? in
                guard let index = guarded.waiters.firstIndex(where: { $0.number == number }) else { return nil }
                return guarded.waiters.remove(at: index)
            }
            waiter?.continuation.resume()
        }
    }
}
