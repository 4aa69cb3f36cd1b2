internal import CMalloc

/// How a worker's process keeps what it allocates together.
enum WorkerHeap {
    /// Has all threads allocate from one heap, if it is called before there are others.
    ///
    /// glibc gives each new thread a heap (an arena) of its own, up to eight for each CPU. A worker's small values are made by one of its
    /// threads and freed by another, and which thread of the pool does what changes all the time: every arena grows to the
    /// most that was ever alive in it, so that a worker creeps up for an hour with the same few hundred kilobytes in use. In one
    /// heap what is freed is found again, whoever freed it. Threads hold blocks of their own for the common sizes, and images
    /// and weights are mapped, so that nobody waits for the one lock.
    static func keepTogether() {
        _ = mallopt(M_ARENA_MAX, 1)
    }
}
