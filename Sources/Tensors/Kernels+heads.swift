extension Kernels {
    /// `x = rotate(x / sqrt(mean(x²) + epsilon) · weight)`, pairs of neighbouring elements rotated: what happens to one head of
    /// a query or key before attention.
    ///
    /// - Parameters:
    ///   - x: `width` floats, `width` even.
    ///   - weight: `[width]`.
    ///   - table: `width` cosines, each pair's twice, then `width` sines, each pair's negated and then as it is.
    public static func normRotate(
        _ x: UnsafeMutablePointer<Float>, width: Int, weight: UnsafePointer<Float>, epsilon: Float,
        table: UnsafePointer<Float>
    ) {
        let inverse = inverseRootMeanSquare(x, width: width, epsilon: epsilon)
        let sines = table + width
        inEights(width) { index in
            let value = SIMD8<Float>.load(x + index) * inverse * .load(weight + index)
            let turned = value.pairsSwapped * .load(sines + index)
            value.fusedMultiplyAdd(.load(table + index), turned).store(x + index)
        } part: { index, count in
            let value = SIMD8<Float>.load(x + index, count: count) * inverse * .load(weight + index, count: count)
            let turned = value.pairsSwapped * .load(sines + index, count: count)
            value.fusedMultiplyAdd(.load(table + index, count: count), turned).store(x + index, count: count)
        }
    }
}

extension SIMD8<Float> {
    /// Neighbours in each other's place.
    @inline(__always)
    fileprivate var pairsSwapped: Self { Self(self[1], self[0], self[3], self[2], self[5], self[4], self[7], self[6]) }
}
