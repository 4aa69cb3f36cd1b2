internal import Foundation
public import Tensors

// Letters in shapes: T text tokens, L image tokens, D hidden size, P floats in a patch, S steps, R rows.

/// PRX's transformer: predicts, from noisy latents, a timestep and a text, the velocity (or, in the pixel model, the clean
/// image).
///
/// Port of `PRXTransformer2DModel`, diffusers `transformer_prx.py`. The weights stay mapped in their stored type. A
/// generation runs through a ``PRXDenoiser`` that is made for it.
public final class PRXTransformer2DModel: Sendable {
    /// The model's shape.
    public let configuration: PRXTransformerConfiguration
    let imageIn: [Linear]
    let textIn: Linear
    let timeIn: TwoLayerMLP
    let resolutionIn: TwoLayerMLP?
    let blocks: [Block]
    let finalModulation: Linear
    let finalLinear: Linear

    /// The weights of one block.
    struct Block: Sendable {
        let qkv: Linear
        let textKV: Linear
        let normQ: FloatBuffer
        let normK: FloatBuffer
        let normAddedK: FloatBuffer
        let out: Linear
        let gate: Linear
        let up: Linear
        let down: Linear
        let modulation: Linear
    }

    /// `Linear`, SiLU, `Linear`, for vectors that are computed once.
    struct TwoLayerMLP: Sendable {
        let first: Linear
        let second: Linear

        /// - Parameter rows: Vectors in `x`.
        func callAsFunction(_ x: FloatBuffer, rows: Int, on pool: ThreadPool) -> FloatBuffer {
            let hidden = FloatBuffer(count: rows * first.outputs)
            first(x.pointer, rows: rows, into: hidden.pointer, on: pool)
            Kernels.siluGate(hidden.pointer, nil, count: hidden.count)
            let result = FloatBuffer(count: rows * second.outputs)
            second(hidden.pointer, rows: rows, into: result.pointer, on: pool)
            return result
        }
    }

    /// Opens a `transformer/` folder, with diffusers' tensor names or those of the research code.
    /// - Throws: ``PRXError`` and ``TensorError``, naming file and key.
    public convenience init(folder: String) throws {
        let configuration = try PRXTransformerConfiguration(ConfigReader(file: "\(folder)/config.json"))
        try self.init(
            configuration: configuration,
            weights: WeightFolder(path: folder, base: "diffusion_pytorch_model").renamed(ResearchNames.converted))
    }

    /// A model over given weights.
    /// - Throws: ``TensorError`` naming every tensor that is missing, left over or misshapen.
    public init(configuration: PRXTransformerConfiguration, weights: WeightFolder) throws {
        try weights.check(against: configuration.expectedTensors)
        let tensor = { (name: String) throws -> StoredTensor in
            guard let tensor = weights.tensors[name] else { throw TensorError(.mismatch, "\(name) is missing") }
            return tensor
        }
        let linear = { (name: String, hasBias: Bool) throws -> Linear in
            Linear(weight: try tensor(name + ".weight"), bias: hasBias ? try tensor(name + ".bias").floats() : nil)
        }
        self.configuration = configuration
        imageIn =
            configuration.bottleneckSize == nil
            ? [try linear("img_in", true)] : [try linear("img_in.0", true), try linear("img_in.1", true)]
        textIn = try linear("txt_in", true)
        timeIn = TwoLayerMLP(first: try linear("time_in.in_layer", true), second: try linear("time_in.out_layer", true))
        resolutionIn =
            configuration.hasResolutionEmbeds
            ? TwoLayerMLP(
                first: try linear("resolution_embedder.mlp.in_layer", true),
                second: try linear("resolution_embedder.mlp.out_layer", true)) : nil
        blocks = try (0..<configuration.depth).map { index in
            let name = "blocks.\(index)."
            return Block(
                qkv: try linear(name + "attention.img_qkv_proj", false),
                textKV: try linear(name + "attention.txt_kv_proj", false),
                normQ: try tensor(name + "attention.norm_q.weight").floats(),
                normK: try tensor(name + "attention.norm_k.weight").floats(),
                normAddedK: try tensor(name + "attention.norm_added_k.weight").floats(),
                out: try linear(name + "attention.to_out.0", false), gate: try linear(name + "gate_proj", false),
                up: try linear(name + "up_proj", false), down: try linear(name + "down_proj", false),
                modulation: try linear(name + "modulation.lin", true))
        }
        finalModulation = try linear("final_layer.adaLN_modulation.1", true)
        finalLinear = try linear("final_layer.linear", true)
    }
}
