internal import Dispatch

/// A serial executor with a thread of its own, for actors that make blocking C calls or compute for long.
///
/// The cooperative pool has one thread a core; one blocked there delays every timer, and a late timer here is a late
/// heartbeat and a job done twice. `DispatchSerialQueue`, which would do the same, does not exist on Linux
/// (swift-corelibs-libdispatch issue 848).
package final class BlockingExecutor: SerialExecutor {
    private let queue: DispatchQueue
    /// Runs tasks on this executor's thread: between them and the actors of this executor no other thread is woken.
    package let forTasks: any TaskExecutor

    /// - Parameter label: Names the queue in a debugger.
    package init(label: String) {
        queue = DispatchQueue(label: label)
        forTasks = TasksOnQueue(queue: queue)
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }

    package func checkIsolated() {
        dispatchPrecondition(condition: .onQueue(queue))
    }
}

private final class TasksOnQueue: TaskExecutor {
    private let queue: DispatchQueue

    init(queue: DispatchQueue) {
        self.queue = queue
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
