public import Tensors

/// The encoder of T5Gemma, the text encoder of PRX's latent models: Gemma 2's layers, looking both ways.
///
/// Port of `T5GemmaEncoder`, transformers `modeling_t5gemma.py`, with the soft cap applied (as its eager attention does).
/// Real tokens never see padding, so only they are computed.
public final class T5GemmaEncoder: TextEncoder {
    static let normNames = [
        "pre_self_attn_layernorm", "post_self_attn_layernorm", "pre_feedforward_layernorm",
        "post_feedforward_layernorm",
    ]

    /// The model's shape.
    public let configuration: T5GemmaConfiguration
    private let embedding: StoredTensor
    private let layers: [Layer]
    private let norm: FloatBuffer

    private struct Layer: Sendable {
        let preAttention: FloatBuffer
        let postAttention: FloatBuffer
        let preFeedForward: FloatBuffer
        let postFeedForward: FloatBuffer
        let q: Linear
        let k: Linear
        let v: Linear
        let o: Linear
        let gate: Linear
        let up: Linear
        let down: Linear
        let attention: Attention
    }

    /// Floats a token.
    public var width: Int { configuration.hiddenSize }
    /// Ids there are.
    public var vocabularySize: Int { configuration.vocabularySize }

    /// Opens a `text_encoder/` folder.
    /// - Throws: ``PRXError`` and ``TensorError``, naming file and key.
    public convenience init(folder: String) throws {
        let configuration = try T5GemmaConfiguration(ConfigReader(file: "\(folder)/config.json"))
        try self.init(configuration: configuration, weights: WeightFolder(path: folder, base: "model"))
    }

    /// A model over given weights.
    /// - Throws: ``TensorError`` naming every tensor that is missing, left over or misshapen.
    public init(configuration: T5GemmaConfiguration, weights: WeightFolder) throws {
        try weights.check(against: configuration.expectedTensors)
        let tensor = { (name: String) throws -> StoredTensor in
            guard let tensor = weights.tensors[name] else { throw TensorError(.mismatch, "\(name) is missing") }
            return tensor
        }
        // The stored weights of the norms are offsets from 1.
        let normWeight = { (name: String) throws -> FloatBuffer in
            let weight = try tensor(name + ".weight").floats()
            for index in 0..<weight.count { weight.pointer[index] += 1 }
            return weight
        }
        self.configuration = configuration
        embedding = try tensor("embed_tokens.weight")
        norm = try normWeight("norm")
        layers = try (0..<configuration.layerCount).map { index in
            let name = "layers.\(index)."
            let linear = { (part: String) throws -> Linear in Linear(weight: try tensor(name + part + ".weight")) }
            let norms = try Self.normNames.map { try normWeight(name + $0) }
            return Layer(
                preAttention: norms[0], postAttention: norms[1], preFeedForward: norms[2], postFeedForward: norms[3],
                q: try linear("self_attn.q_proj"), k: try linear("self_attn.k_proj"), v: try linear("self_attn.v_proj"),
                o: try linear("self_attn.o_proj"), gate: try linear("mlp.gate_proj"), up: try linear("mlp.up_proj"),
                down: try linear("mlp.down_proj"),
                attention: Attention(
                    heads: configuration.headCount, keyHeads: configuration.keyHeadCount,
                    headWidth: configuration.headWidth, scale: Float(1 / configuration.queryScalar.squareRoot()),
                    softCap: configuration.softCap.map { Float($0) },
                    window: configuration.isSliding[index] ? configuration.slidingWindow : nil))
        }
    }

    /// Most rows that go through the layers together: each weight, read and converted once, serves them all; above, that
    /// is little of the time, and memory grows with the rows.
    private static let batchRows = 1024

    /// Encodes the real tokens of one text: the last hidden state after the final norm.
    public func encode(tokens: [Int32], offset: Int, pool: ThreadPool) -> TextEmbedding {
        encode(tokens: tokens, offset: offset, pool: pool, layerObserver: nil)
    }

    package func encode(
        tokens: [Int32], offset: Int, pool: ThreadPool, layerObserver: ((_ layer: Int, _ hidden: FloatBuffer) -> Void)?
    ) -> TextEmbedding {
        batch([TokenSequence(tokens: tokens, offset: offset)], pool: pool, layerObserver: layerObserver)[0]
    }

    /// Encodes several texts, as many at a time as is of use.
    public func encode(_ texts: [TokenSequence], pool: ThreadPool) -> [TextEmbedding] {
        var embeddings: [TextEmbedding] = []
        var first = 0
        while first < texts.count {
            var (end, rows) = (first + 1, texts[first].tokens.count)
            while end < texts.count, rows + texts[end].tokens.count <= Self.batchRows {
                rows += texts[end].tokens.count
                end += 1
            }
            embeddings += batch(Array(texts[first..<end]), pool: pool, layerObserver: nil)
            first = end
        }
        return embeddings
    }

    /// The texts' rows lie one text behind the other; only attention tells them apart.
    private func batch(
        _ texts: [TokenSequence], pool: ThreadPool, layerObserver: ((_ layer: Int, _ hidden: FloatBuffer) -> Void)?
    ) -> [TextEmbedding] {
        let work = Rows(texts, configuration: configuration)
        let (count, width) = (work.count, configuration.hiddenSize)
        let (headWidth, queryWidth) = (configuration.headWidth, configuration.headCount * configuration.headWidth)
        let keyWidth = configuration.keyHeadCount * headWidth
        let (hidden, normed) = (FloatBuffer(count: count * width), FloatBuffer(count: count * width))
        embed(texts, into: hidden)
        let (q, k) = (FloatBuffer(count: count * queryWidth), FloatBuffer(count: count * keyWidth))
        let (v, attended) = (FloatBuffer(count: count * keyWidth), FloatBuffer(count: count * queryWidth))
        let packed = PackedRows(capacity: count, width: width)
        let feedForward = PackedRows(capacity: count, width: configuration.intermediateSize)
        for (index, layer) in layers.enumerated() {
            normalise(hidden, layer.preAttention, into: normed, rows: count)
            packed.store(normed.pointer, stride: width, rows: 0..<count, columns: 0..<width)
            layer.q(packed, rows: count, into: q.pointer, on: pool)
            layer.k(packed, rows: count, into: k.pointer, on: pool)
            layer.v(packed, rows: count, into: v.pointer, on: pool)
            work.rotate(q, heads: configuration.headCount)
            work.rotate(k, heads: configuration.keyHeadCount)
            for rows in work.texts {
                let (queries, keys) = (rows.lowerBound * queryWidth, rows.lowerBound * keyWidth)
                layer.attention(
                    q: q.pointer + queries, qStride: queryWidth, queries: rows.count, k: k.pointer + keys,
                    kStride: keyWidth, v: v.pointer + keys, vStride: keyWidth, keyCount: rows.count,
                    out: attended.pointer + queries, on: pool)
            }
            layer.o(attended.pointer, rows: count, into: normed.pointer, on: pool)
            normalise(normed, layer.postAttention, into: normed, rows: count)
            Kernels.addGated(hidden.pointer, normed.pointer, gate: nil, rows: count, width: width)
            normalise(hidden, layer.preFeedForward, into: normed, rows: count)
            packed.store(normed.pointer, stride: width, rows: 0..<count, columns: 0..<width)
            Linear.product([layer.gate, layer.up], packed, rows: count, on: pool) { part in
                part.gateByGELU()
                feedForward.store(part.values, stride: part.stride, rows: part.rows, columns: part.columns)
            }
            layer.down(feedForward, rows: count, into: normed.pointer, on: pool)
            normalise(normed, layer.postFeedForward, into: normed, rows: count)
            Kernels.addGated(hidden.pointer, normed.pointer, gate: nil, rows: count, width: width)
            layerObserver?(index, hidden)
        }
        normalise(hidden, norm, into: hidden, rows: count)
        return work.texts.map { rows in
            let values = FloatBuffer(count: rows.count * width)
            values.pointer.update(from: hidden.pointer + rows.lowerBound * width, count: values.count)
            return TextEmbedding(count: rows.count, width: width, values: values)
        }
    }

    private func embed(_ texts: [TokenSequence], into hidden: FloatBuffer) {
        let width = configuration.hiddenSize
        let scale = Float(width).squareRoot()
        for (row, token) in texts.lazy.flatMap(\.tokens).enumerated() {
            precondition(token >= 0 && Int(token) < vocabularySize, "token \(token) is not in the vocabulary")
            let target = hidden.pointer + row * width
            embedding.copy(from: Int(token) * width, count: width, to: target)
            for index in 0..<width { target[index] *= scale }
        }
    }

    /// Where each text's rows lie in a batch, and the rotary embedding of every row.
    private struct Rows {
        let texts: [Range<Int>]
        private let headWidth: Int
        private let tables: [FloatBuffer]

        init(_ sequences: [TokenSequence], configuration: T5GemmaConfiguration) {
            var first = 0
            texts = sequences.map { sequence in
                defer { first += sequence.tokens.count }
                return first..<(first + sequence.tokens.count)
            }
            headWidth = configuration.headWidth
            tables = sequences.map {
                RotaryTable.make(
                    positions: $0.offset..<($0.offset + $0.tokens.count), headWidth: configuration.headWidth,
                    theta: configuration.ropeTheta)
            }
        }

        var count: Int { texts.last?.upperBound ?? 0 }

        func rotate(_ buffer: FloatBuffer, heads: Int) {
            for (rows, table) in zip(texts, tables) {
                for row in rows {
                    for head in 0..<heads {
                        Kernels.rotateHalves(
                            buffer.pointer + (row * heads + head) * headWidth,
                            table: table.pointer + (row - rows.lowerBound) * headWidth, width: headWidth)
                    }
                }
            }
        }
    }

    private func normalise(_ x: FloatBuffer, _ weight: FloatBuffer, into y: FloatBuffer, rows: Int) {
        let width = configuration.hiddenSize
        Kernels.rmsNorm(
            x.pointer, rows: rows, width: width, stride: width, weight: weight.pointer,
            epsilon: Float(configuration.epsilon), into: y.pointer)
    }
}
