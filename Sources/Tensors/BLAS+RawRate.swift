internal import COpenBLAS

/// A matrix product of these sizes, `[m, k] · [n, k]ᵀ`, done `times` times.
package struct MatrixProduct: Hashable, Sendable {
    package let m: Int
    package let n: Int
    package let k: Int
    package let times: Int

    /// Sizes and how often.
    package init(m: Int, n: Int, k: Int, times: Int = 1) {
        self.m = m
        self.n = n
        self.k = k
        self.times = times
    }

    /// Multiplications and additions of all of them.
    package var operations: Double { 2 * Double(m) * Double(n) * Double(k) * Double(times) }
}

extension BLAS {
    /// What OpenBLAS alone reaches on products of these sizes, in floating-point operations a second: 32-bit weights in memory,
    /// OpenBLAS's own threads, the best of two runs of each size. The yardstick of `packshot bench`.
    ///
    /// Nothing else may use this module meanwhile: the number of OpenBLAS's threads is one for the process.
    package static func rawRate(of products: [MatrixProduct], threads: Int) -> Double {
        _ = coreName
        openblas_set_num_threads(Int32(clamping: threads))
        defer { openblas_set_num_threads(1) }
        var seconds = 0.0
        for product in products where product.operations > 0 {
            let a = FloatBuffer((0..<(product.m * product.k)).map { Float($0 % 17) * 0.1 })
            let b = FloatBuffer((0..<(product.n * product.k)).map { Float($0 % 13) * 0.1 })
            let c = FloatBuffer(count: product.m * product.n)
            let runs = (0..<3).map { _ in
                ContinuousClock().measure {
                    sgemm(
                        transposeB: true, m: product.m, n: product.n, k: product.k, alpha: 1, a: a.pointer,
                        lda: product.k, b: b.pointer, ldb: product.k, beta: 0, c: c.pointer, ldc: product.n)
                }
            }
            seconds += runs.dropFirst().reduce(.infinity) { min($0, $1 / .seconds(1)) } * Double(product.times)
        }
        return seconds > 0 ? products.reduce(0) { $0 + $1.operations } / seconds : 0
    }
}
