internal import CKernels

/// A small matrix product, `C = A · B`, for operands that lie in the caches: `B` is packed in panels beforehand, `A` is not.
///
/// OpenBLAS packs both operands in every call and reads `C` before it writes it. With 128 to 512 channels, the products of a
/// Winograd convolution are too small for that: on one core of an EPYC with AVX2 it reached 48 to 70 GFLOP/s there, this
/// 64 to 78. Every element is a sum over the inner dimension in one order, whatever the other elements are.
package struct StridedProduct: Sendable {
    /// Columns of a panel of `B`.
    package static let panelWidth = KernelClass.panelColumns
    private static let planes = 3

    private let kernels: KernelClass
    /// Columns of `A` and rows of `B`.
    package let inner: Int

    /// - Parameter inner: Columns of `A` and rows of `B`; with tiles at most 1792.
    package init(inner: Int, kernels: KernelClass = .current) {
        // A sum that does not fit the tile unit's steps is made with vectors.
        self.kernels = inner <= kernels.innerBlock ? kernels : .vectors
        self.inner = inner
    }

    /// Rows of `A` that are multiplied together. The number of rows is a multiple of it.
    package var rowGroup: Int { kernels.panelRows }

    /// Floats of a packed panel of `B`.
    package var panelFloats: Int { kernels.columnPanelFloats(inner, planes: Self.planes) }

    /// Floats that a product of so many rows works with.
    package func scratchCount(rows: Int) -> Int {
        kernels == .tiles ? (rows + 15) / 16 * kernels.rowPanelFloats(inner) : 0
    }

    /// Packs a panel of `B`, given as `[inner, 16]`.
    package func pack(_ panel: UnsafePointer<Float>, into target: UnsafeMutablePointer<Float>) {
        switch kernels {
        case .vectors:
            target.update(from: panel, count: inner * Self.panelWidth)
        case .tiles:
            packshot_tiles_pack_values(
                panel, Self.panelWidth, inner, Self.panelWidth,
                UnsafeMutableRawPointer(target).assumingMemoryBound(to: UInt16.self))
        }
    }

    /// Calls `body` with the calling thread ready for ``multiply(rows:panels:a:aStride:b:c:cStride:scratch:)``.
    @inline(__always)
    package func prepared(_ body: () -> Void) { kernels.prepared(body) }

    /// - Parameters:
    ///   - rows: Rows of `A`, a multiple of ``rowGroup``.
    ///   - a: `[rows, inner]`, `aStride` floats from row to row.
    ///   - b: Packed panels, one behind the other.
    ///   - c: `[rows, panels * 16]`, `cStride` floats from row to row; overwritten.
    ///   - scratch: As ``scratchCount(rows:)`` says.
    package func multiply(
        rows: Int, panels: Int, a: UnsafePointer<Float>, aStride: Int, b: UnsafePointer<Float>,
        c: UnsafeMutablePointer<Float>, cStride: Int, scratch: UnsafeMutablePointer<Float>
    ) {
        switch kernels {
        case .tiles:
            PackedRows.store(
                a, stride: aStride, rows: 0..<rows, columns: 0..<inner,
                layout: PackedRows.Layout(capacity: rows, width: inner, kernels: .tiles), into: scratch)
            kernels.multiply(
                inner, planes: Self.planes, scratch, rowPanels: rows / 16, b, columnPanels: panels, into: c,
                stride: cStride, accumulates: false)
        case .vectors where KernelClass.hasWideVectors:
            packshot_vectors_multiply_strided(inner, a, aStride, rows, b, panels, c, cStride)
        case .vectors:
            for panel in 0..<panels {
                let columns = b + panel * inner * Self.panelWidth
                for row in stride(from: 0, to: rows, by: PanelKernel.rows) {
                    PanelKernel.multiplyRows(
                        inner, a + row * aStride, aStride: aStride, columns,
                        into: c + row * cStride + panel * Self.panelWidth, stride: cStride)
                }
            }
        }
    }
}
