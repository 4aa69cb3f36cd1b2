extension Kernels {
    /// Cuts rows into blocks of 32 and works on them in parallel: for kernels whose rows do not depend on each other.
    ///
    /// - Parameter body: Called with the first row and the number of rows of a block. Pointers it captures must stay valid
    ///   for the call; blocks write disjoint rows.
    public static func parallelRows(_ rows: Int, on pool: ThreadPool, _ body: (_ start: Int, _ count: Int) -> Void) {
        let block = 32
        let blocks = (rows + block - 1) / block
        // The blocks run before this returns, and share nothing but what the caller vouches for.
        withoutActuallyEscaping(body) { body in
            nonisolated(unsafe) let body = body
            pool.parallelFor(blocks) { index in
                body(index * block, min(block, rows - index * block))
            }
        }
    }
}

extension ThreadPool {
    /// Calls `body` for every index as ``parallelFor(_:_:)`` does, for bodies that capture pointers.
    ///
    /// - Parameter body: What it captures must stay valid for the call; calls write disjoint memory.
    public func forEach(_ count: Int, _ body: (Int) -> Void) {
        // The calls end before this returns, and share nothing but what the caller vouches for.
        withoutActuallyEscaping(body) { body in
            nonisolated(unsafe) let body = body
            parallelFor(count) { body($0) }
        }
    }
}
