/// A small matrix product, `C = A · B`, for operands that lie in the caches: `B` is packed in panels, `A` is not.
///
/// OpenBLAS packs both operands in every call and reads `C` before it writes it. With 128 to 512 channels, the products of a
/// Winograd convolution are too small for that: on one core of an EPYC with AVX2 it reached 48 to 70 GFLOP/s there, this
/// 64 to 78. Every element is a sum over the inner dimension in ascending order, whatever the other elements are.
enum PanelProduct {
    /// Rows of `A` that are multiplied together. The number of rows is a multiple of it.
    static let rowGroup = 6
    /// Columns of a panel of `B`.
    static let panelWidth = 16

    /// - Parameters:
    ///   - rows: Rows of `A`, a multiple of ``rowGroup``.
    ///   - a: `[rows, inner]`, `aStride` floats from row to row.
    ///   - b: `[panels, inner, 16]`.
    ///   - c: `[rows, panels * 16]`, `cStride` floats from row to row; overwritten.
    static func multiply(
        rows: Int, inner: Int, panels: Int, a: UnsafePointer<Float>, aStride: Int, b: UnsafePointer<Float>,
        c: UnsafeMutablePointer<Float>, cStride: Int
    ) {
        for panel in 0..<panels {
            let columns = b + panel * inner * panelWidth
            var row = 0
            while row < rows {
                multiplyGroup(
                    inner, a + row * aStride, aStride, columns, c + row * cStride + panel * panelWidth, cStride)
                row += rowGroup
            }
        }
    }

    /// Six rows times sixteen columns: twelve sums in registers, which leaves two for columns and one for a row.
    @inline(never)
    private static func multiplyGroup(
        _ inner: Int, _ a: UnsafePointer<Float>, _ aStride: Int, _ b: UnsafePointer<Float>,
        _ c: UnsafeMutablePointer<Float>, _ cStride: Int
    ) {
        var (s00, s01, s10, s11) = (Lanes(), Lanes(), Lanes(), Lanes())
        var (s20, s21, s30, s31) = (Lanes(), Lanes(), Lanes(), Lanes())
        var (s40, s41, s50, s51) = (Lanes(), Lanes(), Lanes(), Lanes())
        var upper = a
        var lower = a + 3 * aStride
        var columns = b
        let twice = 2 * aStride
        for _ in 0..<inner {
            let left = Lanes(at: columns)
            let right = Lanes(at: columns + 8)
            var value = Lanes(repeating: upper[0])
            s00 = value.times(left, plus: s00)
            s01 = value.times(right, plus: s01)
            value = Lanes(repeating: upper[aStride])
            s10 = value.times(left, plus: s10)
            s11 = value.times(right, plus: s11)
            value = Lanes(repeating: upper[twice])
            s20 = value.times(left, plus: s20)
            s21 = value.times(right, plus: s21)
            value = Lanes(repeating: lower[0])
            s30 = value.times(left, plus: s30)
            s31 = value.times(right, plus: s31)
            value = Lanes(repeating: lower[aStride])
            s40 = value.times(left, plus: s40)
            s41 = value.times(right, plus: s41)
            value = Lanes(repeating: lower[twice])
            s50 = value.times(left, plus: s50)
            s51 = value.times(right, plus: s51)
            upper += 1
            lower += 1
            columns += 16
        }
        s00.write(to: c)
        s01.write(to: c + 8)
        s10.write(to: c + cStride)
        s11.write(to: c + cStride + 8)
        s20.write(to: c + 2 * cStride)
        s21.write(to: c + 2 * cStride + 8)
        s30.write(to: c + 3 * cStride)
        s31.write(to: c + 3 * cStride + 8)
        s40.write(to: c + 4 * cStride)
        s41.write(to: c + 4 * cStride + 8)
        s50.write(to: c + 5 * cStride)
        s51.write(to: c + 5 * cStride + 8)
    }
}
