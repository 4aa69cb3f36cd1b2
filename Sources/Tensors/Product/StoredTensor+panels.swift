internal import CKernels

extension StoredTensor {
    /// How many bfloat16 are needed at most for an element to be their sum.
    var planes: Int {
        switch type {
        case .bfloat16: 1
        case .float16: 2
        default: 3
        }
    }

    /// Packs rows of a matrix for a kernel class: panels of 16 rows, one behind the other.
    /// - Parameters:
    ///   - planes: At least ``planes``.
    func pack(
        for kernels: KernelClass, planes: Int, rows: Range<Int>, columns: Range<Int>, width: Int,
        into target: UnsafeMutablePointer<Float>
    ) {
        guard kernels == .tiles else {
            packPanels(rows: rows, columns: columns, width: width, into: target)
            return
        }
        guard let base = bytes.baseAddress else { return }
        var panel = UnsafeMutableRawPointer(target)
        for row in stride(from: rows.lowerBound, to: rows.upperBound, by: 16) {
            let count = min(16, rows.upperBound - row)
            let source = base + (row * width + columns.lowerBound) * type.byteCount
            let place = panel.assumingMemoryBound(to: UInt16.self)
            if type == .bfloat16 && planes == 1 {
                packshot_tiles_pack_bfloat16(source, 2 * width, count, columns.count, place)
            } else if type == .float32 {
                packshot_tiles_pack_floats(
                    source.assumingMemoryBound(to: Float.self), width, count, columns.count, Int32(planes), place)
            } else {
                withUnsafeTemporaryAllocation(of: Float.self, capacity: 16 * columns.count) { piece in
                    guard let floats = piece.baseAddress else { return }
                    for index in 0..<count {
                        copy(
                            from: (row + index) * width + columns.lowerBound, count: columns.count,
                            to: floats + index * columns.count)
                    }
                    packshot_tiles_pack_floats(
                        floats, columns.count, count, columns.count, Int32(planes), place)
                }
            }
            panel += 4 * kernels.columnPanelFloats(columns.count, planes: planes)
        }
    }

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
                    packEightHalves(row + first, columns, width, into: panel + first)
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

    /// Packs rows of a bfloat16 matrix as they are: panels of 16 rows, the elements of a column of a panel side by side.
    /// - Parameters:
    ///   - columns: A multiple of 8 of them.
    ///   - target: `[panels, columns.count, 16]`; the last panel is filled up with zeros.
    func packHalves(rows: Range<Int>, columns: Range<Int>, width: Int, into target: UnsafeMutablePointer<UInt16>) {
        precondition(type == .bfloat16 && columns.count % 8 == 0, "\(name): halves of another type or number")
        guard let base = bytes.baseAddress else { return }
        var panel = target
        for first in stride(from: rows.lowerBound, to: rows.upperBound, by: PanelKernel.columns) {
            let count = min(PanelKernel.columns, rows.upperBound - first)
            if count < PanelKernel.columns { panel.update(repeating: 0, count: PanelKernel.columns * columns.count) }
            var row = 0
            while row < count {
                let source = base + 2 * ((first + row) * width + columns.lowerBound)
                if row + 8 <= count {
                    packshot_transpose_bfloat16(source, 2 * width, columns.count, panel + row, nil)
                    row += 8
                } else {
                    for index in 0..<columns.count {
                        panel[index * PanelKernel.columns + row] = (source + 2 * index).loadUnaligned(as: UInt16.self)
                    }
                    row += 1
                }
            }
            panel += PanelKernel.columns * columns.count
        }
    }

    private func packEightHalves(
        _ row: Int, _ columns: Range<Int>, _ width: Int, into target: UnsafeMutablePointer<Float>
    ) {
        guard let base = bytes.baseAddress else { return }
        let whole = columns.count / 8 * 8
        packshot_transpose_bfloat16(
            base + 2 * (row * width + columns.lowerBound), 2 * width, whole, nil, target)
        packRest(row, columns, width, from: whole, into: target)
    }

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
        packRest(row, columns, width, from: index, into: target)
    }

    /// What is left of eight rows behind the last square.
    private func packRest(
        _ row: Int, _ columns: Range<Int>, _ width: Int, from index: Int, into target: UnsafeMutablePointer<Float>
    ) {
        guard index < columns.count else { return }
        for lane in 0..<8 {
            let start = (row + lane) * width + columns.lowerBound + index
            spread(start, count: columns.count - index, into: target + index * PanelKernel.columns + lane)
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
