import Foundation
import PRX
import PackshotTestSupport
import Tensors
import Testing

@Suite("Opening and running autoencoders")
struct AutoencoderFolderTests {
    private struct Cases: Decodable {
        struct Run: Decodable {
            let id: String
            let width: Int
            let height: Int
            let use_resolution_binning: Bool
            let expected: String
        }
        let runs: [Run]
    }

    /// The end of whole pipelines: the last latents, unscaled, decoded and, where the size was binned, resized and cropped.
    @Test(arguments: ["flux", "dcae", "bf16", "sharded"])
    func latentsOfPipelines(name: String) throws {
        let model = try AutoencoderFolder.load("\(Fixtures.parity)/pipelines/\(name)/model/vae")
        let pool = ThreadPool(threads: 2)
        for run in try Fixtures.json(Cases.self, "pipelines/\(name)/cases.json").runs {
            let tensors = try Fixtures.tensors("pipelines/\(name)/\(run.expected)")
            let latents = try #require(tensors["latents_final"])
            let images = try #require(tensors["image"])
            for row in 0..<latents.shape[0] {
                let input = FloatImage(
                    channels: latents.shape[1], height: latents.shape[2], width: latents.shape[3])
                latents.copy(from: row * input.values.count, count: input.values.count, to: input.values.pointer)
                var image = try model.decode(model.ownScale(input), on: pool) {}
                if run.use_resolution_binning {
                    image = image.resizedAndCropped(to: ImageSize(height: run.height, width: run.width))
                }
                let expected = FloatBuffer(count: image.values.count)
                images.copy(from: row * expected.count, count: expected.count, to: expected.pointer)
                let deviation = Deviation(image.values.array, expected.array, atol: 1e-4, rtol: 5e-5)
                #expect(deviation.excess <= 0, "\(name) \(run.id) image \(row): \(deviation)")
                #expect(deviation.relativeL2 <= 1e-4, "\(name) \(run.id) image \(row): \(deviation)")
            }
        }
    }

    /// Maps of several blocks, whose rows and columns are no multiples of a tile.
    @Test(arguments: ["vae_kl", "vae_dc", "vae_dc_shuffle"])
    func sameBytesOnAnyNumberOfThreads(name: String) throws {
        let model = try AutoencoderFolder.load("\(Fixtures.parity)/components/\(name)")
        var random = TorchGenerator(seed: 5)
        let (height, width) = (120 / model.spatialFactor, 152 / model.spatialFactor + 1)
        let latents = FloatImage(
            channels: model.latentChannels, height: height, width: width,
            values: FloatBuffer(Array(random.normal(count: model.latentChannels * height * width))))
        var images: [[Float]] = []
        var codes: [[Float]] = []
        for threads in [1, 2, 3] {
            let pool = ThreadPool(threads: threads)
            let image = try model.decode(latents, on: pool) {}
            images.append(image.values.array)
            codes.append(try model.encode(image, on: pool) {}.values.array)
        }
        for other in images.dropFirst() { #expect(other.map(\.bitPattern) == images[0].map(\.bitPattern)) }
        for other in codes.dropFirst() { #expect(other.map(\.bitPattern) == codes[0].map(\.bitPattern)) }
        #expect(images[0].allSatisfy(\.isFinite) && codes[0].allSatisfy(\.isFinite))
    }

    @Test func scalesLatentsBothWays() throws {
        let model = try AutoencoderFolder.load("\(Fixtures.parity)/components/vae_kl")
        let latents = FloatImage(channels: 1, height: 1, width: 3, values: FloatBuffer([-1, 0, 2.5]))
        let own = model.ownScale(latents)
        for (value, expected) in zip(own.values.array, [-1 / 0.3611 + 0.1159, 0.1159, 2.5 / 0.3611 + 0.1159]) {
            #expect(abs(Double(value) - expected) < 1e-6)
        }
        for (value, expected) in zip(model.diffusionScale(own).values.array, latents.values.array) {
            #expect(abs(value - expected) < 1e-6)
        }
    }

    @Test(arguments: ["vae_kl", "vae_dc"])
    func refusesOtherShapes(name: String) throws {
        let model = try AutoencoderFolder.load("\(Fixtures.parity)/components/\(name)")
        let pool = ThreadPool(threads: 1)
        for latents in [
            FloatImage(channels: model.latentChannels + 1, height: 2, width: 2),
            FloatImage(channels: model.latentChannels, height: 0, width: 2),
        ] {
            let error = #expect(throws: PRXError.self) { try model.decode(latents, on: pool) {} }
            #expect(error?.code == .badRequest)
        }
        let error = #expect(throws: PRXError.self) {
            try model.encode(FloatImage(channels: 3, height: model.spatialFactor, width: 5), on: pool) {}
        }
        #expect(error?.message.contains("multiples of \(model.spatialFactor)") == true)
    }

    @Test(arguments: ["vae_kl", "vae_dc"])
    func stopsBetweenLayers(name: String) throws {
        let model = try AutoencoderFolder.load("\(Fixtures.parity)/components/\(name)")
        var calls = 0
        #expect(throws: CancellationError.self) {
            try model.decode(
                FloatImage(channels: model.latentChannels, height: 1, width: 1), on: ThreadPool(threads: 1)
            ) {
                calls += 1
                if calls == 3 { throw CancellationError() }
            }
        }
        #expect(calls == 3)
    }

    // MARK: Bad folders

    @Test(arguments: [
        ("vae_kl", "\"AutoencoderKL\"", "\"AutoencoderTiny\"", "_class_name"),
        ("vae_kl", "\"use_quant_conv\": false", "\"use_quant_conv\": true", "use_quant_conv"),
        ("vae_kl", "\"act_fn\": \"silu\"", "\"act_fn\": \"mish\"", "act_fn"),
        ("vae_kl", "\"norm_num_groups\": 4", "\"norm_num_groups\": 5", "norm_num_groups"),
        ("vae_kl", "\"layers_per_block\": 2", "\"layers_per_block\": 20000000", "layers_per_block"),
        ("vae_kl", "\"latent_channels\": 16", "\"latent_channels\": \"16\"", "latent_channels"),
        ("vae_kl", "\"scaling_factor\": 0.3611", "\"scaling_factor\": 0", "scaling_factor"),
        (
            "vae_dc", "\"upsample_block_type\": \"interpolate\"", "\"upsample_block_type\": \"bicubic\"",
            "upsample_block_type"
        ),
        (
            "vae_dc", "\"decoder_norm_types\": \"rms_norm\"", "\"decoder_norm_types\": \"batch_norm\"",
            "decoder_norm_types"
        ),
        ("vae_dc", "\"attention_head_dim\": 8", "\"attention_head_dim\": 12", "attention_head_dim"),
        ("vae_dc", "\"latent_channels\": 16", "\"latent_channels\": 15", "latent_channels"),
        ("vae_dc", "\"decoder_conv_act_fn\": \"relu\"", "\"decoder_conv_act_fn\": \"gelu\"", "decoder_conv_act_fn"),
        ("vae_dc", "\"EfficientViTBlock\"", "\"OtherBlock\"", "encoder_block_types"),
    ])
    func namesTheKeyOfABadConfig(name: String, original: String, changed: String, mention: String) throws {
        try withCopy(of: name) { folder in
            let path = "\(folder)/config.json"
            let text = try String(contentsOfFile: path, encoding: .utf8)
            #expect(text.contains(original))
            try text.replacingOccurrences(of: original, with: changed).write(
                toFile: path, atomically: true, encoding: .utf8)
            let error = #expect(throws: PRXError.self) { try AutoencoderFolder.load(folder) }
            #expect(
                error?.message.contains(mention) == true && error?.message.contains(path) == true,
                "\(error?.message ?? "")")
        }
    }

    @Test(arguments: [
        ("vae_kl", "decoder.up_blocks.2.resnets.0.conv_shortcut.weight"),
        ("vae_dc", "decoder.up_blocks.3.1.attn.to_q.weight"),
    ])
    func namesTheTensorThatIsMissing(name: String, tensor: String) throws {
        try withCopy(of: name) { folder in
            // A name of the same length keeps the header's length right.
            try rename(tensor, to: "x" + tensor.dropFirst(), in: folder)
            let error = #expect(throws: TensorError.self) { try AutoencoderFolder.load(folder) }
            #expect(error?.message.contains("\(tensor) ") == true && error?.message.contains("missing") == true)
        }
    }

    @Test func readsOlderAttentionNames() throws {
        let latents = try AutoencoderFixture("components/vae_kl").image("decode.in.latents", row: 0)
        let pool = ThreadPool(threads: 1)
        let expected = try AutoencoderFolder.load("\(Fixtures.parity)/components/vae_kl").decode(latents, on: pool) {}
        try withCopy(of: "vae_kl") { folder in
            for (name, older) in [("to_q", "query"), ("to_k", "key"), ("to_v", "value"), ("to_out.0", "proj_attn")] {
                for side in ["encoder", "decoder"] {
                    for part in ["weight", "bias"] {
                        let prefix = "\(side).mid_block.attentions.0."
                        try rename("\(prefix)\(name).\(part)", to: "\(prefix)\(older).\(part)", in: folder)
                    }
                }
            }
            let image = try AutoencoderFolder.load(folder).decode(latents, on: pool) {}
            #expect(image.values.array == expected.values.array)
        }
    }

    private func withCopy(of name: String, _ body: (_ folder: String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("packshot-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for file in ["config.json", "diffusion_pytorch_model.safetensors"] {
            try FileManager.default.copyItem(
                at: URL(fileURLWithPath: "\(Fixtures.parity)/components/\(name)/\(file)"),
                to: folder.appendingPathComponent(file))
        }
        try body(folder.path)
    }

    /// Changes a key of a safetensors file's header.
    private func rename(_ name: String, to other: String, in folder: String) throws {
        let file = URL(fileURLWithPath: "\(folder)/diffusion_pytorch_model.safetensors")
        let data = try Data(contentsOf: file)
        let length = data.prefix(8).enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
        let header = try #require(String(data: data.dropFirst(8).prefix(length), encoding: .utf8))
        #expect(header.contains("\"\(name)\""))
        let changed = Data(header.replacingOccurrences(of: "\"\(name)\"", with: "\"\(other)\"").utf8)
        var result = withUnsafeBytes(of: UInt64(changed.count).littleEndian) { Data($0) }
        result += changed
        result += data.dropFirst(8 + length)
        try result.write(to: file)
    }
}
