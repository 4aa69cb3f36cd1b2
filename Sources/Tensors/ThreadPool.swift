internal import Glibc

/// A fixed set of threads that share out the tiles of one computation at a time.
///
/// Which thread computes a tile is left to chance, so a caller that wants the same bytes on any number of threads must
/// let no tile depend on another, and either cut its work by the shapes alone or compute each element in a way that does
/// not depend on the cut. Everything in this module does.
///
/// `@unchecked Sendable`: all mutable state is guarded by the mutex in `shared`.
public final class ThreadPool: @unchecked Sendable {
    /// What the threads share. It outlives the pool until the last thread has left.
    private final class Shared: @unchecked Sendable {
        let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
        let hasWork = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
        let isDone = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
        var body: (@Sendable (Int) -> Void)?
        var count = 0
        var next = 0
        var unfinished = 0
        var isShutDown = false

        init() {
            pthread_mutex_init(mutex, nil)
            pthread_cond_init(hasWork, nil)
            pthread_cond_init(isDone, nil)
        }

        deinit {
            pthread_mutex_destroy(mutex)
            pthread_cond_destroy(hasWork)
            pthread_cond_destroy(isDone)
            mutex.deallocate()
            hasWork.deallocate()
            isDone.deallocate()
        }

        /// Computes tiles until none is left. The mutex is held on entry and on return.
        func drain() {
            while let body, next < count {
                let index = next
                next += 1
                pthread_mutex_unlock(mutex)
                body(index)
                pthread_mutex_lock(mutex)
                unfinished -= 1
                if unfinished == 0 { pthread_cond_signal(isDone) }
            }
        }
    }

    /// Threads that compute, the caller's included; at least 1.
    public let threadCount: Int
    private let shared = Shared()
    private let scratch = ScratchMemory()
    private let caller = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)

    /// A pool of `threads` threads, the caller's included.
    public init(threads: Int) {
        threadCount = max(1, threads)
        pthread_mutex_init(caller, nil)
        for _ in 1..<max(1, threadCount) {
            var thread = pthread_t()
            let shared = Unmanaged.passRetained(shared)
            let started = pthread_create(
                &thread, nil,
                { argument in
                    guard let argument else { return nil }
                    let shared = Unmanaged<Shared>.fromOpaque(argument).takeRetainedValue()
                    pthread_mutex_lock(shared.mutex)
                    while !shared.isShutDown {
                        shared.drain()
                        if shared.isShutDown { break }
                        pthread_cond_wait(shared.hasWork, shared.mutex)
                    }
                    pthread_mutex_unlock(shared.mutex)
                    return nil
                }, shared.toOpaque())
            // Without the thread the others do its share.
            if started == 0 { pthread_detach(thread) } else { shared.release() }
        }
    }

    deinit {
        pthread_mutex_lock(shared.mutex)
        shared.isShutDown = true
        pthread_cond_broadcast(shared.hasWork)
        pthread_mutex_unlock(shared.mutex)
        pthread_mutex_destroy(caller)
        caller.deallocate()
    }

    /// Lends memory for `count` floats of undefined contents, aligned to 64 bytes, for the length of the call. The pool keeps
    /// it for the next caller. From any thread.
    public func withScratch(count: Int, _ body: (UnsafeMutablePointer<Float>) -> Void) {
        scratch.lend(count: count, body)
    }

    /// Calls `body` once for every index in `0..<count`, on the pool's threads and the caller's, and returns when all
    /// calls have.
    ///
    /// While another caller has the pool, or for a single tile, everything runs on the caller's thread.
    public func parallelFor(_ count: Int, _ body: @Sendable (Int) -> Void) {
        guard count > 1, threadCount > 1, pthread_mutex_trylock(caller) == 0 else {
            for index in 0..<max(0, count) { body(index) }
            return
        }
        defer { pthread_mutex_unlock(caller) }
        withoutActuallyEscaping(body) { body in
            pthread_mutex_lock(shared.mutex)
            shared.body = body
            shared.count = count
            shared.next = 0
            shared.unfinished = count
            pthread_cond_broadcast(shared.hasWork)
            shared.drain()
            while shared.unfinished > 0 { pthread_cond_wait(shared.isDone, shared.mutex) }
            shared.body = nil
            pthread_mutex_unlock(shared.mutex)
        }
    }
}
