import Glibc

/// Runs the tasks of one simulation on the thread that calls ``drain()``, in the order in which they became able to run.
///
/// `@unchecked Sendable`: the tasks of a simulation wait for its own waits, which that same thread ends, and for each other, and
/// prefer this executor, as their child tasks do. So ``enqueue(_:)``, too, is only called on that thread; the check in it would
/// notice if it were not.
final class SimulationExecutor: TaskExecutor, @unchecked Sendable {
    private var ready: [UnownedJob] = []
    private var head = 0
    private let thread = pthread_self()

    func enqueue(_ job: consuming ExecutorJob) {
        precondition(pthread_equal(thread, pthread_self()) != 0, "a simulation left its thread")
        ready.append(UnownedJob(job))
    }

    /// Runs until every task waits or has ended.
    func drain() {
        while head < ready.count {
            let job = ready[head]
            head += 1
            if head == ready.count {
                ready.removeAll(keepingCapacity: true)
                head = 0
            }
            job.runSynchronously(on: asUnownedTaskExecutor())
        }
    }
}
