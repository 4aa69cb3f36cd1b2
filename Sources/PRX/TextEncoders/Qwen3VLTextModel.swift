public import Tensors

/// The text tower of Qwen3-VL, the encoder of PRX's pixel model.
///
/// Port of `Qwen3VLTextModel`, transformers `modeling_qwen3_vl.py`, for text alone: the three position axes of its rotary
/// embedding are then one, so their interleaving has no effect. Causal, so that padding behind a text cannot reach it.
public final class Qwen3VLTextModel: TextEncoder {
    /// The model's shape.
    public let configuration: Qwen3VLTextConfiguration
    private let embedding: StoredTensor
    private let layers: [Layer]
    private let norm: FloatBuffer

    private struct Layer: Sendable {
        let inputNorm: FloatBuffer
        let postNorm: FloatBuffer
        let q: Linear
        let k: Linear
        let v: Linear
        let o: Linear
        let qNorm: FloatBuffer
        let kNorm: FloatBuffer
        let gate: Linear
        let up: Linear
        let down: Linear
    }

    /// Floats a token.
    public var width: Int { configuration.hiddenSize }
    /// Ids there are.
    public var vocabularySize: Int { configuration.vocabularySize }

    /// Opens a `text_encoder/` folder.
    /// - Throws: ``PRXError`` and ``TensorError``, naming file and key.
    public convenience init(folder: String) throws {
        let configuration = try Qwen3VLTextConfiguration(ConfigReader(file: "\(folder)/config.json"))
        try self.init(configuration: configuration, weights: WeightFolder(path: folder, base: "model"))
    }

    /// A model over given weights.
    /// - Throws: ``TensorError`` naming every tensor that is missing, left over or misshapen.
    public init(configuration: Qwen3VLTextConfiguration, weights: WeightFolder) throws {
        try weights.check(against: configuration.expectedTensors)
        let tensor = { (name: String) throws -> StoredTensor in
            guard let tensor = weights.tensors[name] else { throw TensorError(.mismatch, "\(name) is missing") }
            return tensor
        }
        self.configuration = configuration
        embedding = try tensor("embed_tokens.weight")
        norm = try tensor("norm.weight").floats()
        layers = try (0..<configuration.layerCount).map { index in
            let name = "layers.\(index)."
            let linear = { (part: String) throws -> Linear in Linear(weight: try tensor(name + part + ".weight")) }
            return Layer(
                inputNorm: try tensor(name + "input_layernorm.weight").floats(),
                postNorm: try tensor(name + "post_attention_layernorm.weight").floats(),
                q: try linear("self_attn.q_proj"), k: try linear("self_attn.k_proj"), v: try linear("self_attn.v_proj"),
                o: try linear("self_attn.o_proj"), qNorm: try tensor(name + "self_attn.q_norm.weight").floats(),
                kNorm: try tensor(name + "self_attn.k_norm.weight").floats(), gate: try linear("mlp.gate_proj"),
                up: try linear("mlp.up_proj"), down: try linear("mlp.down_proj"))
        }
    }

    /// Encodes the real tokens of one text: the last hidden state after the final norm.
    public func encode(tokens: [Int32], offset: Int, pool: ThreadPool) -> TextEmbedding {
        encode(tokens: tokens, offset: offset, pool: pool, layerObserver: nil)
    }

    package func encode(
        tokens: [Int32], offset: Int, pool: ThreadPool, layerObserver: ((_ layer: Int, _ hidden: FloatBuffer) -> Void)?
    ) -> TextEmbedding {
        let (count, width) = (tokens.count, configuration.hiddenSize)
        let epsilon = Float(configuration.epsilon)
        let hidden = FloatBuffer(count: count * width)
        for (row, token) in tokens.enumerated() {
            precondition(
                token >= 0 && Int(token) < configuration.vocabularySize, "token \(token) is not in the vocabulary")
            embedding.copy(from: Int(token) * width, count: width, to: hidden.pointer + row * width)
        }
        let headWidth = configuration.headWidth
        let (queryWidth, keyWidth) = (configuration.headCount * headWidth, configuration.keyHeadCount * headWidth)
        let table = RotaryTable.make(
            positions: offset..<(offset + count), headWidth: headWidth, theta: configuration.ropeTheta)
        let normed = FloatBuffer(count: count * width)
        let q = FloatBuffer(count: count * queryWidth)
        let k = FloatBuffer(count: count * keyWidth)
        let v = FloatBuffer(count: count * keyWidth)
        let attended = FloatBuffer(count: count * queryWidth)
        let gate = FloatBuffer(count: count * configuration.intermediateSize)
        let up = FloatBuffer(count: count * configuration.intermediateSize)
        let attention = Attention(
            heads: configuration.headCount, keyHeads: configuration.keyHeadCount, headWidth: headWidth,
            scale: 1 / Float(headWidth).squareRoot(), causalOffset: 0)
        for (index, layer) in layers.enumerated() {
            Kernels.rmsNorm(
                hidden.pointer, rows: count, width: width, stride: width, weight: layer.inputNorm.pointer,
                epsilon: epsilon, into: normed.pointer)
            layer.q(normed.pointer, rows: count, into: q.pointer, on: pool)
            layer.k(normed.pointer, rows: count, into: k.pointer, on: pool)
            layer.v(normed.pointer, rows: count, into: v.pointer, on: pool)
            for (buffer, heads, weight) in [
                (q, configuration.headCount, layer.qNorm), (k, configuration.keyHeadCount, layer.kNorm),
            ] {
                Kernels.rmsNorm(
                    buffer.pointer, rows: count * heads, width: headWidth, stride: headWidth, weight: weight.pointer,
                    epsilon: epsilon, into: buffer.pointer)
                for row in 0..<count {
                    for head in 0..<heads {
                        Kernels.rotateHalves(
                            buffer.pointer + (row * heads + head) * headWidth, table: table.pointer + row * headWidth,
                            width: headWidth)
                    }
                }
            }
            attention(
                q: q.pointer, qStride: queryWidth, queries: count, k: k.pointer, kStride: keyWidth, v: v.pointer,
                vStride: keyWidth, keyCount: count, out: attended.pointer, on: pool)
            layer.o(attended.pointer, rows: count, into: normed.pointer, on: pool)
            Kernels.addGated(hidden.pointer, normed.pointer, gate: nil, rows: count, width: width)
            Kernels.rmsNorm(
                hidden.pointer, rows: count, width: width, stride: width, weight: layer.postNorm.pointer,
                epsilon: epsilon, into: normed.pointer)
            layer.gate(normed.pointer, rows: count, into: gate.pointer, on: pool)
            layer.up(normed.pointer, rows: count, into: up.pointer, on: pool)
            Kernels.siluGate(gate.pointer, up.pointer, count: gate.count)
            layer.down(gate.pointer, rows: count, into: normed.pointer, on: pool)
            Kernels.addGated(hidden.pointer, normed.pointer, gate: nil, rows: count, width: width)
            layerObserver?(index, hidden)
        }
        Kernels.rmsNorm(
            hidden.pointer, rows: count, width: width, stride: width, weight: norm.pointer, epsilon: epsilon,
            into: hidden.pointer)
        return TextEmbedding(count: count, width: width, values: hidden)
    }
}
