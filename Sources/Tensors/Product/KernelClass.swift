internal import CKernels
internal import Glibc

/// How matrix products are computed. Workers of one class make the same bytes.
///
/// In both classes activations are 32-bit floats, weights keep their type, and sums are 32-bit floats. They differ in the order of
/// the sums, and vectors save operations in large products (see ``StrassenProduct``), so that images of two classes agree to
/// a level or so, not to the bit.
public enum KernelClass: String, Sendable, CaseIterable {
    /// Fused multiply-adds on vectors: AVX-512 where the CPU has it, else what the Swift code is compiled for. Both make the
    /// same bytes.
    case vectors
    /// Intel's tile unit (AMX). It multiplies bfloat16 and adds 32-bit floats. A float is the sum of three bfloat16 (8 bits of
    /// mantissa each, 24 in all), so that three tile products are one of an activation with a bfloat16 weight, without
    /// rounding either; the unit does sixteen products in the time of one vector.
    /// The split is that of Henry, Tang and Heinecke, "Leveraging the bfloat16 Artificial Intelligence Datatype For
    /// Higher-Precision Computations" (2019).
    case tiles

    /// The environment variable that names the class to use instead of the fastest, for making an image of another class again.
    public static let variable = "PACKSHOT_KERNELS"

    /// Whether this CPU and this system can do it.
    public var isSupported: Bool {
        switch self {
        case .vectors: packshot_has_baseline() != 0
        case .tiles: packshot_has_tiles() != 0
        }
    }

    /// The class of this process: what ``variable`` says, else the fastest that is supported.
    public static let current: KernelClass =
        requested.flatMap(Self.init(rawValue:)) ?? (tiles.isSupported ? .tiles : .vectors)

    /// What is wrong with the CPU or with ``variable``, in words for a person; nil when all is well.
    public static var problem: String? {
        if !vectors.isSupported { return "this build of packshot needs a CPU with AVX2, FMA and F16C" }
        guard let requested else { return nil }
        guard let wanted = Self(rawValue: requested) else {
            let names = allCases.map(\.rawValue).joined(separator: " or ")
            return "\(variable) is '\(requested)'; it can be \(names)"
        }
        return wanted.isSupported ? nil : "\(variable) is '\(requested)', which this CPU or system cannot do"
    }

    private static var requested: String? {
        guard let value = getenv(variable), value.pointee != 0 else { return nil }
        return String(cString: value)
    }
}

// MARK: Panels and blocks

extension KernelClass {
    package static let hasWideVectors = packshot_has_wide_vectors() != 0

    /// Rows that are stored and multiplied together.
    var panelRows: Int { self == .tiles ? 16 : PanelKernel.rows }

    /// Columns that are stored and multiplied together.
    static let panelColumns = PanelKernel.columns

    /// Steps along the inner dimension. Fixed, because an element's bytes depend on it. With vectors, 16 columns of weights are
    /// half of a first-level cache. With tiles, sums stay in the unit's registers for as long as weights fit, see ``blockColumns``.
    var innerBlock: Int { self == .tiles ? 1792 : 256 }

    /// Elements of the inner dimension, a multiple of ``innerBlock``, whose weights are packed at one time. Vectors go through all
    /// of it for some rows before the next ones; with tiles, sums of all rows wait in memory meanwhile.
    var packedStretch: Int { self == .tiles ? innerBlock : .max / innerBlock * innerBlock }

    /// Rows of a block.
    var blockRows: Int { self == .tiles ? 32 : 144 }

    /// Most columns of a block. With vectors, its sums (74 kB), its inputs of a step (147 kB) and a step's weights (131 kB) then fit
    /// a second-level cache of 512 kB. CPUs with tiles have 2 MB: a step's weights (0.9 MB) stay there, and its inputs (0.3 MB)
    /// come from the third-level cache no faster than it can bring them. Tiles of outputs stay
    /// small enough that a thread seldom waits long for the last one.
    var blockColumns: Int { self == .tiles ? 256 : 128 }

    /// Floats of memory that a panel of rows takes for `count` elements along the inner dimension.
    func rowPanelFloats(_ count: Int) -> Int {
        self == .tiles ? (count + 31) / 32 * 3 * Int(packshot_tile_elements) / 2 : PanelKernel.rows * count
    }

    /// Floats of memory that a panel of columns takes for `count` elements along the inner dimension.
    /// - Parameter planes: As ``StoredTensor/planes``.
    func columnPanelFloats(_ count: Int, planes: Int) -> Int {
        self == .tiles
            ? (count + 31) / 32 * planes * Int(packshot_tile_elements) / 2 : Self.panelColumns * count
    }

    /// `c = a · b`, or `c += a · b`, for panels that lie one behind the other.
    /// - Parameters:
    ///   - inner: Inner dimension, at most ``innerBlock``.
    ///   - parts: How much of `a` counts, where it was stored split; see ``ActivationPrecision``.
    ///   - c: `rowPanels · panelRows` rows, `stride` floats from row to row.
    package func multiply(
        _ inner: Int, parts: Int = 3, planes: Int, _ a: UnsafePointer<Float>, rowPanels: Int, _ b: UnsafePointer<Float>,
        columnPanels: Int, into c: UnsafeMutablePointer<Float>, stride: Int, accumulates: Bool
    ) {
        switch self {
        case .tiles:
            let steps = (inner + 31) / 32
            packshot_tiles_multiply(
                steps, Int32(parts), Int32(planes), UnsafeRawPointer(a).assumingMemoryBound(to: UInt16.self), rowPanels,
                UnsafeRawPointer(b).assumingMemoryBound(to: UInt16.self), columnPanels, c, stride, accumulates ? 1 : 0)
        case .vectors where Self.hasWideVectors:
            packshot_vectors_multiply(inner, a, rowPanels, b, columnPanels, c, stride, accumulates ? 1 : 0)
        case .vectors:
            PanelKernel.multiplyBlock(
                inner, a, rowPanels: rowPanels, b, columnPanels: columnPanels, into: c, stride: stride,
                accumulates: accumulates)
        }
    }

    /// Calls `body` with the calling thread ready for ``multiply(_:planes:_:rowPanels:_:columnPanels:into:stride:accumulates:)``.
    @inline(__always)
    func prepared(_ body: () -> Void) {
        if self == .tiles { packshot_tiles_begin() }
        body()
        if self == .tiles { packshot_tiles_end() }
    }
}
