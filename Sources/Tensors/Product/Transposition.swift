/// Eight vectors of eight floats, and what becomes of them when rows turn into columns.
struct EightRows {
    private var rows: (Lanes, Lanes, Lanes, Lanes, Lanes, Lanes, Lanes, Lanes)
    typealias Lanes = SIMD8<Float>

    /// Rows read by a closure.
    @inline(__always)
    init(_ row: (Int) -> Lanes) {
        rows = (row(0), row(1), row(2), row(3), row(4), row(5), row(6), row(7))
    }

    /// Writes column `j` to `target + j * stride`.
    @inline(__always)
    func storeColumns(_ target: UnsafeMutablePointer<Float>, stride: Int) {
        let (a0, a1) = Self.interleave(rows.0, rows.1)
        let (b0, b1) = Self.interleave(rows.2, rows.3)
        let (c0, c1) = Self.interleave(rows.4, rows.5)
        let (d0, d1) = Self.interleave(rows.6, rows.7)
        let (e0, e1) = Self.interleavePairs(a0, b0)
        let (e2, e3) = Self.interleavePairs(a1, b1)
        let (f0, f1) = Self.interleavePairs(c0, d0)
        let (f2, f3) = Self.interleavePairs(c1, d1)
        Lanes(lowHalf: e0.lowHalf, highHalf: f0.lowHalf).store(target)
        Lanes(lowHalf: e1.lowHalf, highHalf: f1.lowHalf).store(target + stride)
        Lanes(lowHalf: e2.lowHalf, highHalf: f2.lowHalf).store(target + 2 * stride)
        Lanes(lowHalf: e3.lowHalf, highHalf: f3.lowHalf).store(target + 3 * stride)
        Lanes(lowHalf: e0.highHalf, highHalf: f0.highHalf).store(target + 4 * stride)
        Lanes(lowHalf: e1.highHalf, highHalf: f1.highHalf).store(target + 5 * stride)
        Lanes(lowHalf: e2.highHalf, highHalf: f2.highHalf).store(target + 6 * stride)
        Lanes(lowHalf: e3.highHalf, highHalf: f3.highHalf).store(target + 7 * stride)
    }

    /// Lanes of two rows in turns, the first two and the last two of each half.
    @inline(__always)
    private static func interleave(_ a: Lanes, _ b: Lanes) -> (Lanes, Lanes) {
        (
            Lanes(a[0], b[0], a[1], b[1], a[4], b[4], a[5], b[5]),
            Lanes(a[2], b[2], a[3], b[3], a[6], b[6], a[7], b[7])
        )
    }

    @inline(__always)
    private static func interleavePairs(_ a: Lanes, _ b: Lanes) -> (Lanes, Lanes) {
        (
            Lanes(a[0], a[1], b[0], b[1], a[4], a[5], b[4], b[5]),
            Lanes(a[2], a[3], b[2], b[3], a[6], a[7], b[6], b[7])
        )
    }
}
