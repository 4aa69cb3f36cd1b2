import Foundation
import PRX
import PackshotTestSupport
import Tensors
import Testing

/// Configs that are consistent and not what the mathematics does: refused by file and key, never ignored.
@Suite("The gate between configs and mathematics")
struct ConfigGateTests {
    /// A change to one key of one file of a fixture, and what the refusal has to name.
    struct Change: Sendable, CustomTestStringConvertible {
        let model: String
        let file: String
        let key: String
        /// The new value as JSON; nil takes the key out.
        let value: String?

        init(_ model: String, _ file: String, _ key: String, _ value: String?) {
            self.model = model
            self.file = file
            self.key = key
            self.value = value
        }

        var testDescription: String { "\(model)/\(file): \(key) = \(value ?? "none")" }
    }

    private static let scheduler = "scheduler/scheduler_config.json"
    private static let transformer = "transformer/config.json"
    private static let encoder = "text_encoder/config.json"
    private static let vae = "vae/config.json"

    static let refused: [Change] = [
        // Schedules that upstream would follow and this library does not.
        Change("flux", scheduler, "use_karras_sigmas", "true"),
        Change("flux", scheduler, "use_exponential_sigmas", "true"),
        Change("flux", scheduler, "use_beta_sigmas", "true"),
        Change("flux", scheduler, "invert_sigmas", "true"),
        Change("flux", scheduler, "shift_terminal", "0.1"),
        Change("flux", scheduler, "stochastic_sampling", "true"),
        Change("flux", scheduler, "use_dynamic_shifting", "true"),
        Change("flux", scheduler, "_class_name", "\"DDIMScheduler\""),
        Change("flux", scheduler, "sigma_data", "0.5"),
        Change("flux", scheduler, "shift", "0"),
        Change("flux", scheduler, "shift", "\"3\""),
        Change("flux", "model_index.json", "scheduler", "[\"diffusers\", \"DDIMScheduler\"]"),
        Change("flux", "model_index.json", "transformer", "[\"diffusers\", \"FluxTransformer2DModel\"]"),
        Change("flux", "model_index.json", "vae", "[\"diffusers\", \"AutoencoderTiny\"]"),
        Change("flux", "model_index.json", "default_sample_size", "0"),
        Change("flux", "model_index.json", "prompt_enhancer", "[\"x\", \"Y\"]"),
        Change("pixel", "model_index.json", "noise_scale", "1e39"),
        Change("pixel", "model_index.json", "noise_scale", "0"),
        // Shapes and activations.
        Change("flux", transformer, "mlp_ratio", "0.003"),
        Change("flux", transformer, "mlp_ratio", "-1"),
        Change("flux", transformer, "theta", "1e400"),
        Change("flux", transformer, "qk_norm", "\"layer_norm\""),
        Change("flux", transformer, "axes_dim", "[5, 11]"),
        Change("flux", transformer, "hidden_size", "32.5"),
        Change("flux", transformer, "_class_name", "\"FluxTransformer2DModel\""),
        Change("pixel", encoder, "hidden_act", "\"gelu\""),
        Change("pixel", encoder, "attention_bias", "true"),
        Change("pixel", encoder, "rope_scaling", "{\"rope_type\": \"yarn\", \"factor\": 4}"),
        Change("pixel", encoder, "rope_scaling", "{\"rope_type\": \"default\", \"factor\": 4}"),
        Change("pixel", encoder, "use_sliding_window", "true"),
        Change("pixel", encoder, "mlp_bias", "true"),
        Change("flux", vae, "out_channels", "1"),
        Change("flux", vae, "in_channels", "4"),
        Change("flux", vae, "act_fn", "\"gelu\""),
        Change("flux", vae, "scaling_factor", "0"),
        Change("flux", vae, "scaling_factor", "1e-42"),
        Change("flux", vae, "use_tiling", "true"),
        Change("dcae", vae, "in_channels", "1"),
        Change("dcae", vae, "decoder_act_fns", "[\"silu\", \"gelu\"]"),
        Change("dcae", vae, "decoder_qkv_multiscales", "5"),
        Change("dcae", vae, "decoder_norm_eps", "0.1"),
    ]

    @Test(arguments: refused) func isRefusedByFileAndKey(_ change: Change) throws {
        try withChanged(change) { folder in
            let error = #expect(throws: PRXError.self) { try PRXCheckpoint(path: folder) }
            let message = error?.message ?? ""
            #expect(message.contains(change.file), "\(message)")
            #expect(message.contains(change.key) || change.value == "1e400", "\(message)")
            #expect(CheckpointInspection(path: folder).problems.contains(message))
        }
    }

    /// T5Gemma's config lies below `encoder`, and again beside it.
    @Test(arguments: [("hidden_activation", "gelu"), ("layer_types", "chunked_attention")])
    func isRefusedWithinANestedConfig(_ key: String, _ value: String) throws {
        try withFolder("flux") { folder in
            try edit("\(folder)/text_encoder/config.json") { top in
                var encoder = try #require(top["encoder"] as? [String: Any])
                encoder[key] = key == "layer_types" ? [value, value, value] : value
                top["encoder"] = encoder
            }
            let error = #expect(throws: PRXError.self) { try PRXCheckpoint(path: folder) }
            #expect(error?.message.contains("encoder.\(key)") == true, "\(error?.message ?? "")")
        }
    }

    /// diffusers 0.42.1: `shift: float = 1.0`, `default_sample_size` 512 or, for pixels, 1024.
    @Test func missingKeysHaveUpstreamsDefaults() throws {
        var pictures: [String: [UInt8]] = [:]
        for shift in [nil, "1.0", "3.0"] {
            try withChanged(Change("flux", Self.scheduler, "shift", shift)) { folder in
                pictures[shift ?? "none"] = try picture(folder)
            }
        }
        #expect(pictures["none"] == pictures["1.0"])
        #expect(pictures["none"] != pictures["3.0"])
        for (model, size) in [("flux", 512), ("pixel", 1024)] {
            try withChanged(Change(model, "model_index.json", "default_sample_size", nil)) { folder in
                let checkpoint = try PRXCheckpoint(path: folder)
                #expect(checkpoint.defaultSize == size)
            }
        }
    }

    /// Consistent weights without a middle: a product over nothing, which once ended the process.
    @Test func anMLPWithoutChannelsIsRefused() throws {
        try withChanged(Change("flux", Self.transformer, "mlp_ratio", "0.003")) { folder in
            let problems = CheckpointInspection(path: folder).problems
            #expect(problems.contains { $0.contains("mlp_ratio") }, "\(problems)")
        }
    }

    /// Weights that are no numbers make an error, not a black picture.
    @Test(arguments: ["flux", "pixel", "dcae"]) func aPictureThatIsNotFiniteIsAnError(_ model: String) throws {
        try withFolder(model) { folder in
            let names = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/transformer")
            let file = "\(folder)/transformer/\(try #require(names.first { $0.hasSuffix(".safetensors") }))"
            try poison("final_layer.linear.bias", in: file)
            let error = #expect(throws: PRXError.self) { try picture(folder) }
            #expect(error?.code == .notFinite)
        }
    }

    // MARK: Means

    private func picture(_ folder: String) throws -> [UInt8] {
        let pool = ThreadPool(threads: 1)
        let checkpoint = try PRXCheckpoint(path: folder)
        let side = 2 * checkpoint.sizeMultiple
        let request = GenerationRequest(
            seed: 1, steps: 2, guidance: 1, width: side, height: side, usesResolutionBinning: false)
        let prompt = checkpoint.embed(try checkpoint.prepare("a red mug"), pool: pool)
        return try checkpoint.generate(request, prompt: prompt, negative: nil, pool: pool) { _, _ in }.images[0].pixels
    }

    private func withFolder(_ model: String, _ body: (String) throws -> Void) throws {
        let copy = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        try FileManager.default.copyItem(atPath: "\(Fixtures.parity)/pipelines/\(model)/model", toPath: copy)
        defer { try? FileManager.default.removeItem(atPath: copy) }
        try body(copy)
    }

    private func withChanged(_ change: Change, _ body: (String) throws -> Void) throws {
        try withFolder(change.model) { folder in
            if change.value == "1e400" {
                // No JSON library writes this one.
                let url = URL(fileURLWithPath: "\(folder)/\(change.file)")
                let text = try String(contentsOf: url, encoding: .utf8)
                try text.replacingOccurrences(
                    of: "\"\(change.key)\": [0-9.]+", with: "\"\(change.key)\": 1e400", options: .regularExpression
                ).write(to: url, atomically: true, encoding: .utf8)
            } else {
                try edit("\(folder)/\(change.file)") { object in
                    object[change.key] = try change.value.map {
                        try JSONSerialization.jsonObject(with: Data($0.utf8), options: .fragmentsAllowed)
                    }
                }
            }
            try body(folder)
        }
    }

    private func edit(_ path: String, _ change: (inout [String: Any]) throws -> Void) throws {
        let url = URL(fileURLWithPath: path)
        var object = try #require(
            try JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: Any], "\(path)")
        try change(&object)
        try JSONSerialization.data(withJSONObject: object).write(to: url)
    }

    /// Writes NaN into the first element of a tensor.
    private func poison(_ tensor: String, in path: String) throws {
        let url = URL(fileURLWithPath: path)
        var bytes = try Data(contentsOf: url)
        let length = Int(bytes.prefix(8).enumerated().reduce(UInt64(0)) { $0 | UInt64($1.element) << (8 * $1.offset) })
        let header = try #require(
            try JSONSerialization.jsonObject(with: bytes[8..<(8 + length)]) as? [String: Any])
        let entry = try #require(header[tensor] as? [String: Any])
        let offsets = try #require(entry["data_offsets"] as? [Int])
        let nan: [UInt8] = entry["dtype"] as? String == "F32" ? [0, 0, 0xC0, 0x7F] : [0xC0, 0x7F]
        let start = 8 + length + offsets[0]
        bytes.replaceSubrange(start..<(start + nan.count), with: nan)
        try bytes.write(to: url)
    }
}
