internal import CKernels

/// The innermost part of a matrix product on vectors: six rows times sixteen columns.
///
/// Twelve vectors of sums fill the registers of AVX2 but for the two of a row of `b` and one of an element of `a`; they take
/// twelve fused multiply-adds for eight loads, which keeps both of the CPU's multipliers busy. Each sum goes over the inner
/// dimension in ascending order, whatever the place in the tile: an element's bytes depend on its row and its column alone.
/// The blocking around it is that of Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008).
package enum PanelKernel {
    /// Rows of a panel of `a`.
    static let rows = 6
    /// Columns of a panel of `b`.
    static let columns = 16

    /// ``multiply(_:_:_:into:stride:accumulates:next:nextLines:)`` for panels that lie one behind the other.
    package static func multiplyBlock(
        _ inner: Int, _ a: UnsafePointer<Float>, rowPanels: Int, _ b: UnsafePointer<Float>, columnPanels: Int,
        into c: UnsafeMutablePointer<Float>, stride: Int, accumulates: Bool
    ) {
        // A panel's share of fetching the next panel, so that it has come when it is needed.
        let share = (inner + rowPanels - 1) / rowPanels
        for panel in 0..<columnPanels {
            let weights = b + panel * columns * inner
            for group in 0..<rowPanels {
                multiply(
                    inner, a + group * rows * inner, weights, into: c + group * rows * stride + panel * columns,
                    stride: stride, accumulates: accumulates, next: weights + columns * (inner + group * share),
                    nextLines: share)
            }
        }
    }

    /// `c = a · b`, or `c += a · b`, where `a` is packed.
    /// - Parameters:
    ///   - inner: Inner dimension.
    ///   - a: `[inner, 6]`.
    ///   - b: `[inner, 16]`.
    ///   - c: Six rows of sixteen floats, `stride` floats from row to row.
    ///   - next: What a later call reads and is not in the nearer caches yet: `nextLines` lines of 64 bytes are asked for, so
    ///     that they arrive while this call computes. Any address will do.
    @inline(never)
    static func multiply(
        _ inner: Int, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, into c: UnsafeMutablePointer<Float>,
        stride: Int, accumulates: Bool, next: UnsafePointer<Float>, nextLines: Int
    ) {
        for row in 0..<rows { packshot_prefetch(c + row &* stride) }
        for line in 0..<nextLines { packshot_prefetch_far(next + 16 &* line) }
        multiply(inner, a, rowStride: 1, step: rows, b, into: c, stride: stride, accumulates: accumulates)
    }

    /// `c = a · b`, where `a` is row-major, `aStride` floats from row to row.
    @inline(never)
    static func multiplyRows(
        _ inner: Int, _ a: UnsafePointer<Float>, aStride: Int, _ b: UnsafePointer<Float>,
        into c: UnsafeMutablePointer<Float>, stride: Int
    ) {
        multiply(inner, a, rowStride: aStride, step: 1, b, into: c, stride: stride, accumulates: false)
    }

    /// An element of `a` lies `rowStride` floats behind that of the row before, and `step` behind that of the column before.
    @inline(__always)
    private static func multiply(
        _ inner: Int, _ a: UnsafePointer<Float>, rowStride: Int, step: Int, _ b: UnsafePointer<Float>,
        into c: UnsafeMutablePointer<Float>, stride: Int, accumulates: Bool
    ) {
        typealias Lanes = SIMD8<Float>
        var (s00, s01, s10, s11) = (Lanes(), Lanes(), Lanes(), Lanes())
        var (s20, s21, s30, s31) = (Lanes(), Lanes(), Lanes(), Lanes())
        var (s40, s41, s50, s51) = (Lanes(), Lanes(), Lanes(), Lanes())
        // The lower three rows have a pointer of their own, so that with any stride no address takes a multiplication.
        var (a, lower) = (a, a + 3 &* rowStride)
        var b = b
        for _ in 0..<inner {
            packshot_prefetch(a + 32 &* step)
            let left = Lanes.load(b)
            let right = Lanes.load(b + 8)
            var value = Lanes(repeating: a[0])
            s00 = value.fusedMultiplyAdd(left, s00)
            s01 = value.fusedMultiplyAdd(right, s01)
            value = Lanes(repeating: a[rowStride])
            s10 = value.fusedMultiplyAdd(left, s10)
            s11 = value.fusedMultiplyAdd(right, s11)
            value = Lanes(repeating: a[2 &* rowStride])
            s20 = value.fusedMultiplyAdd(left, s20)
            s21 = value.fusedMultiplyAdd(right, s21)
            value = Lanes(repeating: lower[0])
            s30 = value.fusedMultiplyAdd(left, s30)
            s31 = value.fusedMultiplyAdd(right, s31)
            value = Lanes(repeating: lower[rowStride])
            s40 = value.fusedMultiplyAdd(left, s40)
            s41 = value.fusedMultiplyAdd(right, s41)
            value = Lanes(repeating: lower[2 &* rowStride])
            s50 = value.fusedMultiplyAdd(left, s50)
            s51 = value.fusedMultiplyAdd(right, s51)
            a += step
            lower += step
            b += columns
        }
        if accumulates {
            s00 += .load(c)
            s01 += .load(c + 8)
            s10 += .load(c + stride)
            s11 += .load(c + stride + 8)
            s20 += .load(c + 2 &* stride)
            s21 += .load(c + 2 &* stride + 8)
            s30 += .load(c + 3 &* stride)
            s31 += .load(c + 3 &* stride + 8)
            s40 += .load(c + 4 &* stride)
            s41 += .load(c + 4 &* stride + 8)
            s50 += .load(c + 5 &* stride)
            s51 += .load(c + 5 &* stride + 8)
        }
        s00.store(c)
        s01.store(c + 8)
        s10.store(c + stride)
        s11.store(c + stride + 8)
        s20.store(c + 2 &* stride)
        s21.store(c + 2 &* stride + 8)
        s30.store(c + 3 &* stride)
        s31.store(c + 3 &* stride + 8)
        s40.store(c + 4 &* stride)
        s41.store(c + 4 &* stride + 8)
        s50.store(c + 5 &* stride)
        s51.store(c + 5 &* stride + 8)
    }
}
