internal import COpenBLAS

/// OpenBLAS, with its own threads off: each call runs on the thread that makes it.
///
/// So the same call computes the same bytes whatever else runs, and several of our threads can call at once.
public enum BLAS {
    /// OpenBLAS's name of the kernels it chose for this CPU, such as `Zen` or `SkylakeX`. Same name, same bytes.
    public static let coreName: String = {
        _ = singleThreaded
        return openblas_get_corename().map { String(cString: $0) } ?? "unknown"
    }()

    private static let singleThreaded: Void = openblas_set_num_threads(1)

    /// `C = alpha · A · op(B) + beta · C`, row-major, leading dimensions in floats.
    /// - Parameters:
    ///   - a: `[m, k]`.
    ///   - b: `[k, n]`, or `[n, k]` when `transposeB`.
    ///   - c: `[m, n]`; not read when `beta` is 0.
    public static func sgemm(
        transposeB: Bool, m: Int, n: Int, k: Int, alpha: Float, a: UnsafePointer<Float>, lda: Int,
        b: UnsafePointer<Float>, ldb: Int, beta: Float, c: UnsafeMutablePointer<Float>, ldc: Int
    ) {
        guard m > 0, n > 0 else { return }
        _ = singleThreaded
        cblas_sgemm(
            CblasRowMajor, CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans, dimension(m), dimension(n),
            dimension(k), alpha, a, dimension(lda), b, dimension(ldb), beta, c, dimension(ldc))
    }

    private static func dimension(_ value: Int) -> Int32 {
        guard let exact = Int32(exactly: value) else { preconditionFailure("\(value) is too large for OpenBLAS") }
        return exact
    }
}
