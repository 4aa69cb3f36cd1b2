/// The element types this module reads.
public enum ElementType: String, Sendable, CaseIterable {
    /// As the safetensors format names them.
    case float32 = "F32"
    case float16 = "F16"
    case bfloat16 = "BF16"
    case uint8 = "U8"
    case int32 = "I32"
    case int64 = "I64"

    /// Bytes an element takes.
    public var byteCount: Int {
        switch self {
        case .uint8: 1
        case .float16, .bfloat16: 2
        case .float32, .int32: 4
        case .int64: 8
        }
    }

    /// True for the three floating-point types.
    public var isFloatingPoint: Bool {
        switch self {
        case .float32, .float16, .bfloat16: true
        case .uint8, .int32, .int64: false
        }
    }
}

/// A tensor as it lies in a mapped file: nothing is copied, and the type stays what it is.
///
/// Row-major, little-endian. The bytes may start at any address.
public struct StoredTensor: Sendable {
    /// Key in its file, verbatim.
    public let name: String
    /// Type of the elements.
    public let type: ElementType
    /// Outermost dimension first; empty for a scalar.
    public let shape: [Int]
    private let file: MappedFile
    private let range: Range<Int>

    init(name: String, type: ElementType, shape: [Int], file: MappedFile, range: Range<Int>) {
        self.name = name
        self.type = type
        self.shape = shape
        self.file = file
        self.range = range
    }

    /// Number of elements.
    public var count: Int { range.count / type.byteCount }

    /// Some indices of the outermost dimension, as a tensor over the same memory.
    public func slice(_ indices: Range<Int>) -> StoredTensor {
        precondition(!shape.isEmpty && indices.upperBound <= shape[0], "\(name) has no such slice")
        let size = shape[0] == 0 ? 0 : range.count / shape[0]
        return StoredTensor(
            name: name, type: type, shape: [indices.count] + shape.dropFirst(), file: file,
            range: (range.lowerBound + indices.lowerBound * size)..<(range.lowerBound + indices.upperBound * size))
    }

    /// The bytes, valid as long as this value.
    public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: file.bytes[range]) }

    /// Converts elements `start ..< start + count` to 32-bit floats, exactly (every BF16 and F16 value is one).
    /// Integers are not converted: the tensor must be floating-point.
    public func copy(from start: Int, count: Int, to target: UnsafeMutablePointer<Float>) {
        precondition(start >= 0 && count >= 0 && start + count <= self.count, "elements out of range")
        guard count > 0, let base = bytes.baseAddress else { return }
        let source = base + start * type.byteCount
        switch type {
        case .float32:
            UnsafeMutableRawPointer(target).copyMemory(from: source, byteCount: count * 4)
        case .bfloat16:
            var index = 0
            while index + 8 <= count {
                let raw = (source + index * 2).loadUnaligned(as: SIMD8<UInt16>.self)
                let wide = SIMD8<UInt32>(truncatingIfNeeded: raw) &<< 16
                UnsafeMutableRawPointer(target + index).storeBytes(
                    of: unsafeBitCast(wide, to: SIMD8<Float>.self), as: SIMD8<Float>.self)
                index += 8
            }
            while index < count {
                let raw = (source + index * 2).loadUnaligned(as: UInt16.self)
                target[index] = Float(bitPattern: UInt32(raw) << 16)
                index += 1
            }
        case .float16:
            for index in 0..<count {
                target[index] = Self.widen((source + index * 2).loadUnaligned(as: UInt16.self))
            }
        case .uint8, .int32, .int64:
            preconditionFailure("\(name) holds integers")
        }
    }

    /// All elements as 32-bit floats.
    public func floats() -> FloatBuffer {
        let buffer = FloatBuffer(count: count)
        copy(from: 0, count: count, to: buffer.pointer)
        return buffer
    }

    /// All elements of an integer tensor.
    public func integers() -> [Int] {
        let base = bytes
        return (0..<count).map { index in
            switch type {
            case .uint8: Int(base[index])
            case .int32: Int(base.loadUnaligned(fromByteOffset: index * 4, as: Int32.self))
            case .int64: Int(base.loadUnaligned(fromByteOffset: index * 8, as: Int64.self))
            case .float32, .float16, .bfloat16: preconditionFailure("\(name) holds floats")
            }
        }
    }

    /// IEEE 754 half to single precision, exactly. `Float16` does not exist in Swift on x86 Linux.
    private static func widen(_ half: UInt16) -> Float {
        let sign = UInt32(half & 0x8000) << 16
        let exponent = UInt32(half >> 10) & 0x1F
        let fraction = UInt32(half & 0x3FF)
        switch exponent {
        case 0:
            let magnitude = Float(fraction) * 0x1p-24
            return Float(bitPattern: magnitude.bitPattern | sign)
        case 31:
            return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
        default:
            return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
        }
    }
}
