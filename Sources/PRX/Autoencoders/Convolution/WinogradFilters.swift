internal import Tensors

/// The filters of a 3x3 convolution, transformed and packed for ``StridedProduct``: `[products, panels]`.
///
/// Made anew for every use, because in float32 it is at least four times the size of the weight: a few milliseconds where the
/// products take hundreds.
struct WinogradFilters: Sendable {
    let transform: WinogradTransform
    /// 36, or 25 for doubled inputs.
    let productCount: Int
    let inputs: Int
    let outputs: Int
    /// Panels of 16 outputs; the last one is filled up with zeros.
    let panels: Int
    /// `[panels * 16]`, zeros where there is no bias.
    let bias: FloatBuffer
    let product: StridedProduct
    private let storage: FeatureStorage

    /// - Parameter isDoubled: For inputs whose rows and columns are doubled.
    init(_ weights: ConvolutionWeights, isDoubled: Bool, on work: Workspace) {
        precondition(weights.rows == 3 && weights.columns == 3, "\(weights.weight.name) is no 3x3 filter")
        transform = isDoubled ? .doubled : .plain
        productCount = isDoubled ? 25 : 36
        inputs = weights.inputs
        outputs = weights.outputs
        panels = (weights.outputs + 15) / 16
        bias = FloatBuffer(count: panels * 16)
        if let own = weights.bias { bias.pointer.update(from: own.pointer, count: outputs) }
        product = StridedProduct(inner: weights.inputs)
        storage = work.storage(count: productCount * panels * product.panelFloats)
        let filters = self
        work.pool.parallelFor(panels) { filters.transformPanel($0, of: weights.weight, isDoubled: isDoubled) }
    }

    /// The panels of one product.
    func panels(ofProduct product: Int) -> UnsafePointer<Float> {
        UnsafePointer(storage.pointer + product * panels * self.product.panelFloats)
    }

    private func transformPanel(_ panel: Int, of weight: StoredTensor, isDoubled: Bool) {
        let first = panel * 16
        let count = min(16, outputs - first)
        let filterSize = inputs * 9
        // The panel of every product, `[products, in, 16]`, behind the rows of the weight.
        let transformedCount = productCount * inputs * 16
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 16 * filterSize + transformedCount) { rows in
            withUnsafeTemporaryAllocation(of: Lanes.self, capacity: 18) { columns in
                guard let rows = rows.baseAddress, let columns = columns.baseAddress else { return }
                let transformed = rows + 16 * filterSize
                weight.copy(from: first * filterSize, count: count * filterSize, to: rows)
                if count < 16 { (rows + count * filterSize).update(repeating: 0, count: (16 - count) * filterSize) }
                for input in 0..<inputs {
                    for half in 0..<2 {
                        let taps = rows + half * 8 * filterSize + input * 9
                        for x in 0..<3 {
                            let (g0, g1, g2) = (
                                Self.gather(taps + x, filterSize), Self.gather(taps + 3 + x, filterSize),
                                Self.gather(taps + 6 + x, filterSize)
                            )
                            let u = transform.filter(g0, g1, g2)
                            columns[x] = u.0
                            columns[3 + x] = u.1
                            columns[6 + x] = u.2
                            columns[9 + x] = u.3
                            columns[12 + x] = u.4
                            columns[15 + x] = u.5
                        }
                        store(columns, to: transformed + input * 16 + half * 8, isDoubled: isDoubled)
                    }
                }
                for index in 0..<productCount {
                    product.pack(
                        transformed + index * inputs * 16,
                        into: storage.pointer + (index * panels + panel) * product.panelFloats)
                }
            }
        }
    }

    /// The second dimension of the transform. The products of the point −1 (index 2) are zero for doubled inputs.
    private func store(_ columns: UnsafePointer<Lanes>, to target: UnsafeMutablePointer<Float>, isDoubled: Bool) {
        let stride = inputs * 16
        var to = target
        for i in 0..<6 where !(isDoubled && i == 2) {
            let u = transform.filter(columns[3 * i], columns[3 * i + 1], columns[3 * i + 2])
            u.0.write(to: to)
            u.1.write(to: to + stride)
            to += 2 * stride
            if !isDoubled {
                u.2.write(to: to)
                to += stride
            }
            u.3.write(to: to)
            u.4.write(to: to + stride)
            u.5.write(to: to + 2 * stride)
            to += 3 * stride
        }
    }

    /// The same tap of eight outputs.
    @inline(__always)
    private static func gather(_ pointer: UnsafePointer<Float>, _ stride: Int) -> Lanes {
        Lanes(
            pointer[0], pointer[stride], pointer[2 * stride], pointer[3 * stride], pointer[4 * stride],
            pointer[5 * stride], pointer[6 * stride], pointer[7 * stride])
    }
}
