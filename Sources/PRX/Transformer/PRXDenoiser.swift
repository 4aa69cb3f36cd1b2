internal import Foundation
package import Tensors

/// One generation's run through the transformer: a latent size, one or two texts, and a list of timesteps, all known
/// before the first step.
///
/// Because PRX never updates its text tokens, their keys and values are computed once, and so are the modulations of every
/// step. Padding is not among the tokens at all, which is exactly what masking it gives. Two texts (guidance) share every
/// matrix product. Nothing is allocated while stepping. One generation at a time: not for concurrent use.
public final class PRXDenoiser {
    /// Called with the name of an intermediate activation, its values and its rows; for parity tests.
    package typealias Observer = (_ name: String, _ values: UnsafeBufferPointer<Float>, _ rows: Int) -> Void

    private let model: PRXTransformer2DModel
    private let pool: ThreadPool
    private let channels: Int
    private let height: Int
    private let width: Int
    private let texts: [TextContext]
    private let modulations: [FloatBuffer]
    private let finalModulation: FloatBuffer
    private let rotary: FloatBuffer

    // Workspace; R = texts · L image rows.
    private let patches: FloatBuffer
    private let bottleneck: FloatBuffer
    private let tokens: FloatBuffer
    private let normed: PackedRows
    private let qkv: FloatBuffer
    private let attended: PackedRows
    private let hidden: PackedRows
    private let cache: StepCache?

    /// A text's keys and values for every block, and where its rows lie in `qkv`.
    private struct TextContext {
        /// `[T, 2D]` a block: keys, normed, then values.
        let keysAndValues: [FloatBuffer]
        let count: Int
    }

    private var imageTokens: Int { height / model.configuration.patchSize * (width / model.configuration.patchSize) }

    /// Prepares a generation.
    /// - Parameters:
    ///   - height: Rows of the latents, a multiple of the patch size; `width` likewise. `latents` are `[C, height, width]`.
    ///   - texts: One or two embeddings; with two, predictions come in the same order.
    ///   - timesteps: The model's timesteps, `0...1`, one a step.
    ///   - stepCache: Threshold of ``StepCache``; 0 computes every step in full.
    ///   - precision: How much of the activations the blocks' products see.
    ///   - observer: Sees intermediate activations while preparing.
    package init(
        model: PRXTransformer2DModel, height: Int, width: Int, texts: [TextEmbedding], timesteps: [Float],
        stepCache: Double = 0, precision: ActivationPrecision = .exact, pool: ThreadPool, observer: Observer? = nil
    ) {
        let configuration = model.configuration
        precondition((1...2).contains(texts.count) && !timesteps.isEmpty, "one or two texts and at least one step")
        precondition(
            height > 0 && width > 0 && height % configuration.patchSize == 0 && width % configuration.patchSize == 0,
            "the latents' size must divide into patches")
        self.model = model
        self.pool = pool
        self.height = height
        self.width = width
        channels = configuration.inChannels
        let hidden = configuration.hiddenSize
        self.texts = OperatorProfile.measure("prepare", "text keys and values") {
            texts.map { Self.context(of: $0, model: model, pool: pool, observer: observer) }
        }

        let conditions = Self.conditionVectors(
            model: model, height: height, width: width, timesteps: timesteps, pool: pool, observer: observer)
        modulations = OperatorProfile.measure("prepare", "modulations of all steps") {
            model.blocks.map { block in
                let buffer = FloatBuffer(count: timesteps.count * 6 * hidden)
                block.modulation(conditions.pointer, rows: timesteps.count, into: buffer.pointer, on: pool)
                return buffer
            }
        }
        finalModulation = FloatBuffer(count: timesteps.count * 2 * hidden)
        model.finalModulation(conditions.pointer, rows: timesteps.count, into: finalModulation.pointer, on: pool)
        let patch = configuration.patchSize
        rotary = PRXEmbeddings.rotary(
            rows: height / patch, columns: width / patch, axes: configuration.axesDimensions, theta: configuration.theta
        )

        let count = height / patch * (width / patch)
        let rows = texts.count * count
        let textRows = texts.reduce(0) { $0 + $1.count }
        patches = FloatBuffer(count: rows * configuration.patchWidth)
        bottleneck = FloatBuffer(count: count * (configuration.bottleneckSize ?? 0))
        tokens = FloatBuffer(count: rows * hidden)
        normed = PackedRows(capacity: rows, width: hidden, precision: precision, allowsStrassen: true)
        qkv = FloatBuffer(count: (rows + textRows) * 3 * hidden)
        attended = PackedRows(capacity: rows, width: hidden, precision: precision, allowsStrassen: true)
        self.hidden = PackedRows(
            capacity: rows, width: configuration.mlpWidth, precision: precision, allowsStrassen: true)
        cache =
            stepCache > 0
            ? StepCache(threshold: stepCache, imageTokens: count, capacity: rows, hidden: hidden, pool: pool) : nil
    }

    /// Begins an image: nothing of the one before is reused.
    package func begin() {
        cache?.clear()
    }

    /// Predicts for one step.
    /// - Parameters:
    ///   - latents: `[C, height, width]`, the same for all texts.
    ///   - step: Index into the timesteps.
    ///   - predictions: One `[C, height, width]` a text, overwritten. With fewer than there are texts, only the last texts
    ///     are computed.
    ///   - checkpoint: Called between blocks; what it throws ends the step.
    /// - Returns: True when an earlier step was reused, as `stepCache` allows.
    @discardableResult
    package func predict(
        _ latents: UnsafePointer<Float>, step: Int, into predictions: [FloatBuffer], observer: Observer? = nil,
        checkpoint: () throws -> Void
    ) throws -> Bool {
        let configuration = model.configuration
        let texts = texts.suffix(predictions.count)
        let count = imageTokens
        let rows = texts.count * count
        let hidden = configuration.hiddenSize
        OperatorProfile.measure("step", "patches in") { embed(latents, count: count, copies: texts.count) }
        observer?("img_in", UnsafeBufferPointer(start: tokens.pointer, count: count * hidden), count)
        cache?.keepEmbedded(tokens)
        var isReused = false
        for (index, block) in model.blocks.enumerated() where !isReused {
            try checkpoint()
            let modulation = modulations[index].pointer + step * 6 * hidden
            attention(block, index: index, modulation: modulation, texts: texts, count: count, observer: observer)
            feedForward(block, modulation: modulation, rows: rows)
            observer?("block\(index)", UnsafeBufferPointer(start: tokens.pointer, count: rows * hidden), rows)
            if index == 0, let cache { isReused = cache.reuse(tokens, rows: rows) }
        }
        if !isReused { cache?.keepRest(tokens) }
        try checkpoint()
        let final = finalModulation.pointer + step * 2 * hidden
        modulate(shift: final, scale: final + hidden, rows: rows)
        OperatorProfile.measure("step", "patches out") {
            model.finalLinear(normed, rows: rows, into: patches.pointer, on: pool)
        }
        observer?(
            "final_layer", UnsafeBufferPointer(start: patches.pointer, count: rows * configuration.patchWidth), rows)
        for (text, prediction) in predictions.enumerated() {
            unpatch(patches.pointer + text * count * configuration.patchWidth, into: prediction.pointer)
        }
        return isReused
    }

    // MARK: Before the loop

    private static func context(
        of text: TextEmbedding, model: PRXTransformer2DModel, pool: ThreadPool, observer: Observer?
    ) -> TextContext {
        let configuration = model.configuration
        let hidden = configuration.hiddenSize
        let count = text.count
        let embedded = FloatBuffer(count: count * hidden)
        model.textIn(text.values.pointer, rows: count, into: embedded.pointer, on: pool)
        observer?("txt_in", UnsafeBufferPointer(start: embedded.pointer, count: embedded.count), count)
        let keysAndValues = model.blocks.map { block in
            let buffer = FloatBuffer(count: count * 2 * hidden)
            block.textKV(embedded.pointer, rows: count, into: buffer.pointer, on: pool)
            for row in 0..<count {
                Kernels.rmsNorm(
                    buffer.pointer + row * 2 * hidden, rows: configuration.headCount, width: configuration.headWidth,
                    stride: configuration.headWidth, weight: block.normAddedK.pointer, epsilon: 1e-6,
                    into: buffer.pointer + row * 2 * hidden)
            }
            return buffer
        }
        return TextContext(keysAndValues: keysAndValues, count: count)
    }

    /// SiLU of the time vectors, the resolution vector added: `[S, D]`.
    private static func conditionVectors(
        model: PRXTransformer2DModel, height: Int, width: Int, timesteps: [Float], pool: ThreadPool, observer: Observer?
    ) -> FloatBuffer {
        let configuration = model.configuration
        let hidden = configuration.hiddenSize
        let sinusoids = FloatBuffer(
            timesteps.flatMap {
                PRXEmbeddings.sinusoids(
                    of: $0, count: 128, maxPeriod: configuration.timeMaxPeriod, factor: Float(configuration.timeFactor))
            })
        let vectors = model.timeIn(sinusoids, rows: timesteps.count, on: pool)
        observer?("time_in", UnsafeBufferPointer(start: vectors.pointer, count: vectors.count), timesteps.count)
        if let resolutionIn = model.resolutionIn {
            let sizes = [height, width].flatMap {
                PRXEmbeddings.sinusoids(of: Float($0), count: 64, maxPeriod: configuration.timeMaxPeriod, factor: 1)
            }
            let vector = resolutionIn(FloatBuffer(sizes), rows: 1, on: pool)
            observer?("resolution_embedder", UnsafeBufferPointer(start: vector.pointer, count: vector.count), 1)
            for row in 0..<timesteps.count {
                Kernels.addGated(vectors.pointer + row * hidden, vector.pointer, gate: nil, rows: 1, width: hidden)
            }
        }
        Kernels.siluGate(vectors.pointer, nil, count: vectors.count)
        return vectors
    }

    // MARK: In the loop

    /// Patches of the latents through the input map, the same tokens for every text.
    private func embed(_ latents: UnsafePointer<Float>, count: Int, copies: Int) {
        let configuration = model.configuration
        let patch = configuration.patchSize
        let columns = width / patch
        for token in 0..<count {
            var target = patches.pointer + token * configuration.patchWidth
            let origin = latents + token / columns * patch * width + token % columns * patch
            for channel in 0..<channels {
                for row in 0..<patch {
                    target.update(from: origin + (channel * height + row) * width, count: patch)
                    target += patch
                }
            }
        }
        if model.imageIn.count == 2 {
            model.imageIn[0](patches.pointer, rows: count, into: bottleneck.pointer, on: pool)
            model.imageIn[1](bottleneck.pointer, rows: count, into: tokens.pointer, on: pool)
        } else {
            model.imageIn[0](patches.pointer, rows: count, into: tokens.pointer, on: pool)
        }
        for copy in 1..<copies {
            (tokens.pointer + copy * count * configuration.hiddenSize).update(
                from: tokens.pointer, count: count * configuration.hiddenSize)
        }
    }

    /// Layer norm and modulation of the tokens, packed for the next product.
    private func modulate(shift: UnsafePointer<Float>, scale: UnsafePointer<Float>, rows: Int) {
        let hidden = model.configuration.hiddenSize
        let together = normed.panelRows
        OperatorProfile.measure("step", "norm and modulation", bytes: 8 * Double(rows * hidden)) {
            pool.forEach((rows + together - 1) / together) { [pool, tokens, normed] panel in
                let first = panel * together
                let number = min(together, rows - first)
                pool.withScratch(count: together * hidden) { piece in
                    Kernels.layerNormModulate(
                        tokens.pointer + first * hidden, rows: number, width: hidden, shift: shift, scale: scale,
                        epsilon: 1e-6, into: piece)
                    normed.store(piece, stride: hidden, rows: first..<(first + number), columns: 0..<hidden)
                }
            }
        }
    }

    /// Adds the attention's gated output to the tokens.
    ///
    /// In `qkv`, the rows of all texts' image tokens lie together, so that one matrix product makes them, with the first
    /// text's keys and values before them and the second's behind: each text's keys are one stretch.
    private func attention(
        _ block: PRXTransformer2DModel.Block, index: Int, modulation: UnsafePointer<Float>,
        texts: ArraySlice<TextContext>, count: Int, observer: Observer?
    ) {
        let configuration = model.configuration
        let (hidden, headWidth, heads) = (configuration.hiddenSize, configuration.headWidth, configuration.headCount)
        let rows = texts.count * count
        // Before the first attention, the image tokens have seen neither text.
        let distinct = index == 0 ? count : rows
        modulate(shift: modulation, scale: modulation + hidden, rows: distinct)
        let images = qkv.pointer + (texts.first?.count ?? 0) * 3 * hidden
        product("queries, keys, values", [block.qkv], normed, rows: distinct, columnsTogether: headWidth) {
            [rotary] part in
            for row in part.rows {
                let values = part.values + (row - part.rows.lowerBound) * part.stride
                let table = rotary.pointer + row % count * 2 * headWidth
                for column in stride(from: part.columns.lowerBound, to: part.columns.upperBound, by: headWidth)
                where column < 2 * hidden {
                    let weight = column < hidden ? block.normQ : block.normK
                    Kernels.normRotate(
                        values + column - part.columns.lowerBound, width: headWidth, weight: weight.pointer,
                        epsilon: 1e-6, table: table)
                }
                for copy in stride(from: row, to: rows, by: distinct) {
                    (images + copy * 3 * hidden + part.columns.lowerBound).update(
                        from: values, count: part.columns.count)
                }
            }
        }
        let attention = Attention(
            heads: heads, keyHeads: heads, headWidth: headWidth, scale: 1 / Float(headWidth).squareRoot())
        for (number, text) in texts.enumerated() {
            let textRows = number == 0 ? qkv.pointer : images + rows * 3 * hidden
            for row in 0..<text.count {
                (textRows + row * 3 * hidden + hidden).update(
                    from: text.keysAndValues[index].pointer + row * 2 * hidden, count: 2 * hidden)
            }
            let keys = number == 0 ? textRows : images + count * 3 * hidden
            let first = number * count
            let operations = 4 * Double(count) * Double(text.count + count) * Double(hidden)
            OperatorProfile.measure("step", "attention", operations: operations) {
                attention(
                    q: images + first * 3 * hidden, qStride: 3 * hidden, queries: count, k: keys + hidden,
                    kStride: 3 * hidden, v: keys + 2 * hidden, vStride: 3 * hidden, keyCount: text.count + count,
                    on: pool
                ) { [attended] values, head, range in
                    attended.store(
                        values, stride: headWidth, rows: (first + range.lowerBound)..<(first + range.upperBound),
                        columns: (head * headWidth)..<((head + 1) * headWidth))
                }
            }
        }
        if let observer {
            let output = FloatBuffer(count: rows * hidden)
            block.out(attended, rows: rows, into: output.pointer, on: pool)
            observer("block\(index)_attention", UnsafeBufferPointer(start: output.pointer, count: output.count), rows)
        }
        product("attention out", [block.out], attended, rows: rows) {
            self.add($0, gate: modulation + 2 * hidden)
        }
    }

    private func feedForward(_ block: PRXTransformer2DModel.Block, modulation: UnsafePointer<Float>, rows: Int) {
        let width = model.configuration.hiddenSize
        modulate(shift: modulation + 3 * width, scale: modulation + 4 * width, rows: rows)
        product("feed-forward gate and up", [block.gate, block.up], normed, rows: rows) { [hidden] part in
            part.gateByGELU()
            hidden.store(part.values, stride: part.stride, rows: part.rows, columns: part.columns)
        }
        product("feed-forward down", [block.down], hidden, rows: rows) { self.add($0, gate: modulation + 5 * width) }
    }

    private func product(
        _ name: String, _ layers: [Linear], _ x: PackedRows, rows: Int, columnsTogether: Int = 1,
        finish: (ProductBlock) -> Void
    ) {
        let operations = 2 * Double(rows) * Double(layers.reduce(0) { $0 + $1.inputs * $1.outputs })
        OperatorProfile.measure("step", name, operations: operations) {
            Linear.product(layers, x, rows: rows, columnsTogether: columnsTogether, on: pool, finish: finish)
        }
    }

    /// Adds a gated piece to the tokens.
    private func add(_ part: ProductBlock, gate: UnsafePointer<Float>) {
        let width = model.configuration.hiddenSize
        for row in part.rows {
            Kernels.addGated(
                tokens.pointer + row * width + part.columns.lowerBound,
                part.values + (row - part.rows.lowerBound) * part.stride, gate: gate + part.columns.lowerBound,
                rows: 1, width: part.columns.count)
        }
    }

    private func unpatch(_ source: UnsafePointer<Float>, into image: UnsafeMutablePointer<Float>) {
        let configuration = model.configuration
        let patch = configuration.patchSize
        let columns = width / patch
        for token in 0..<imageTokens {
            var next = source + token * configuration.patchWidth
            let origin = image + token / columns * patch * width + token % columns * patch
            for channel in 0..<channels {
                for row in 0..<patch {
                    (origin + (channel * height + row) * width).update(from: next, count: patch)
                    next += patch
                }
            }
        }
    }
}
