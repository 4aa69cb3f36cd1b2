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
        let file = "\(folder)/config.json"
        let configuration = try ConfigFile.read(T5GemmaConfiguration.self, at: file)
        try configuration.validate(file: file)
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

    /// Encodes the real tokens of one text: the last hidden state after the final norm.
    public func encode(tokens: [Int32], offset: Int, pool: ThreadPool) -> TextEmbedding {
        encode(tokens: tokens, offset: offset, pool: pool, layerObserver: nil)
    }

    package func encode(
        tokens: [Int32], offset: Int, pool: ThreadPool, layerObserver: ((_ layer: Int, _ hidden: FloatBuffer) -> Void)?
    ) -> TextEmbedding {
        let (count, width, headWidth) = (tokens.count, configuration.hiddenSize, configuration.headWidth)
        let hidden = FloatBuffer(count: count * width)
        let scale = Float(width).squareRoot()
        for (row, token) in tokens.enumerated() {
            precondition(token >= 0 && Int(token) < vocabularySize, "token \(token) is not in the vocabulary")
            let target = hidden.pointer + row * width
            embedding.copy(from: Int(token) * width, count: width, to: target)
            for index in 0..<width { target[index] *= scale }
        }
        let (queryWidth, keyWidth) = (configuration.headCount * headWidth, configuration.keyHeadCount * headWidth)
        let table = RotaryTable.make(
            positions: offset..<(offset + count), headWidth: headWidth, theta: configuration.ropeTheta)
        let normed = FloatBuffer(count: count * width)
        let (q, k) = (FloatBuffer(count: count * queryWidth), FloatBuffer(count: count * keyWidth))
        let (v, attended) = (FloatBuffer(count: count * keyWidth), FloatBuffer(count: count * queryWidth))
        let gate = FloatBuffer(count: count * configuration.intermediateSize)
        let up = FloatBuffer(count: count * configuration.intermediateSize)
        for (index, layer) in layers.enumerated() {
            normalise(hidden, layer.preAttention, into: normed, rows: count)
            layer.q(normed.pointer, rows: count, into: q.pointer, on: pool)
            layer.k(normed.pointer, rows: count, into: k.pointer, on: pool)
            layer.v(normed.pointer, rows: count, into: v.pointer, on: pool)
            for (buffer, heads) in [(q, configuration.headCount), (k, configuration.keyHeadCount)] {
                for row in 0..<count {
                    for head in 0..<heads {
                        Kernels.rotateHalves(
                            buffer.pointer + (row * heads + head) * headWidth, table: table.pointer + row * headWidth,
                            width: headWidth)
                    }
                }
            }
            layer.attention(
                q: q.pointer, qStride: queryWidth, queries: count, k: k.pointer, kStride: keyWidth, v: v.pointer,
                vStride: keyWidth, keyCount: count, out: attended.pointer, on: pool)
            layer.o(attended.pointer, rows: count, into: normed.pointer, on: pool)
            normalise(normed, layer.postAttention, into: normed, rows: count)
            Kernels.addGated(hidden.pointer, normed.pointer, gate: nil, rows: count, width: width)
            normalise(hidden, layer.preFeedForward, into: normed, rows: count)
            layer.gate(normed.pointer, rows: count, into: gate.pointer, on: pool)
            layer.up(normed.pointer, rows: count, into: up.pointer, on: pool)
            Kernels.geluGate(gate.pointer, up.pointer, count: gate.count)
            layer.down(gate.pointer, rows: count, into: normed.pointer, on: pool)
            normalise(normed, layer.postFeedForward, into: normed, rows: count)
            Kernels.addGated(hidden.pointer, normed.pointer, gate: nil, rows: count, width: width)
            layerObserver?(index, hidden)
        }
        normalise(hidden, norm, into: hidden, rows: count)
        return TextEmbedding(count: count, width: width, values: hidden)
    }

    private func normalise(_ x: FloatBuffer, _ weight: FloatBuffer, into y: FloatBuffer, rows: Int) {
        let width = configuration.hiddenSize
        Kernels.rmsNorm(
            x.pointer, rows: rows, width: width, stride: width, weight: weight.pointer,
            epsilon: Float(configuration.epsilon), into: y.pointer)
    }
}
