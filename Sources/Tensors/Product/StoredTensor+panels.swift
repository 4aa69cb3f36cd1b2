extension StoredTensor {
    /// Packs rows of a matrix for ``PanelKernel``: panels of 16 rows, the elements of a column of a panel side by side.
    ///
    /// Conversion to 32-bit floats is exact and happens on the way.
    /// - Parameters:
    ///   - rows: Rows of the matrix; the last panel is filled up with zeros.
    ///   - columns: Columns of the matrix.
    ///   - width: Floats of a whole row of the matrix.
    ///   - target: `[panels, columns.count, 16]`.
    func packPanels(rows: Range<Int>, columns: Range<Int>, width: Int, into target: UnsafeMutablePointer<Float>) {
        let inner = columns.count
        let panelWidth = PanelKernel.columns
        var row = rows.lowerBound
        var panel = target
        while row < rows.upperBound {
            let count = min(panelWidth, rows.upperBound - row)
            if count < panelWidth { panel.update(repeating: 0, count: panelWidth * inner) }
            var first = 0
            if type == .bfloat16 {
                while first + 8 <= count {
                    packEight(row + first, columns, width, into: panel + first) { Self.widen($0, $1) }
                    first += 8
                }
            } else if type == .float32 {
                while first + 8 <= count {
                    packEight(row + first, columns, width, into: panel + first) { source, index in
                        (source + 4 * index).loadUnaligned(as: SIMD8<Float>.self)
                    }
                    first += 8
                }
            }
            while first < count {
                packOne(row + first, columns, width, into: panel + first)
                first += 1
            }
            row += panelWidth
            panel += panelWidth * inner
        }
    }

    @inline(__always)
    private static func widen(_ source: UnsafeRawPointer, _ index: Int) -> SIMD8<Float> {
        let raw = (source + 2 * index).loadUnaligned(as: SIMD8<UInt16>.self)
        return SIMD8(
            bf16(raw[0]), bf16(raw[1]), bf16(raw[2]), bf16(raw[3]), bf16(raw[4]), bf16(raw[5]), bf16(raw[6]),
            bf16(raw[7]))
    }

    @inline(__always)
    private static func bf16(_ bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) &<< 16) }

    /// Eight rows at once, by transposing squares of eight.
    @inline(__always)
    private func packEight(
        _ row: Int, _ columns: Range<Int>, _ width: Int, into target: UnsafeMutablePointer<Float>,
        load: (_ row: UnsafeRawPointer, _ index: Int) -> SIMD8<Float>
    ) {
        guard let base = bytes.baseAddress else { return }
        let stride = width * type.byteCount
        let source = base + (row * width + columns.lowerBound) * type.byteCount
        let panelWidth = PanelKernel.columns
        var index = 0
        while index + 8 <= columns.count {
            EightRows { load(source + $0 * stride, index) }.storeColumns(
                target + index * panelWidth, stride: panelWidth)
            index += 8
        }
        guard index < columns.count else { return }
        for lane in 0..<8 {
            let start = (row + lane) * width + columns.lowerBound + index
            spread(start, count: columns.count - index, into: target + index * panelWidth + lane)
        }
    }

    private func packOne(_ row: Int, _ columns: Range<Int>, _ width: Int, into target: UnsafeMutablePointer<Float>) {
        spread(row * width + columns.lowerBound, count: columns.count, into: target)
    }

    /// Neighbouring elements, one in every line of a panel.
    private func spread(_ start: Int, count: Int, into target: UnsafeMutablePointer<Float>) {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 64) { piece in
            guard let piece = piece.baseAddress else { return }
            var done = 0
            while done < count {
                let part = min(64, count - done)
                copy(from: start + done, count: part, to: piece)
                for index in 0..<part { target[(done + index) * PanelKernel.columns] = piece[index] }
                done += part
            }
        }
    }
}
