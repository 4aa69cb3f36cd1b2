import Foundation
import PRX
import PackshotTestSupport
import Tensors
import Testing

@Suite("Checkpoints with the research code's names")
struct ResearchLayoutTests {
    /// The demo checkpoint with its tensors renamed back, and nothing else changed: the same picture.
    @Test func theSameWeightsUnderTheirOldNamesMakeTheSamePicture() throws {
        let copy = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        try FileManager.default.copyItem(atPath: Fixtures.demoModel, toPath: copy)
        defer { try? FileManager.default.removeItem(atPath: copy) }
        let path = URL(fileURLWithPath: "\(copy)/transformer/diffusion_pytorch_model.safetensors")
        let bytes = try Data(contentsOf: path)
        let length = Int(bytes.prefix(8).enumerated().reduce(UInt64(0)) { $0 | UInt64($1.element) << (8 * $1.offset) })
        var header = String(decoding: bytes[8..<(8 + length)], as: UTF8.self)
        for (new, old) in [
            ("attention.img_qkv_proj.weight", "img_qkv_proj.weight"),
            ("attention.txt_kv_proj.weight", "txt_kv_proj.weight"),
            ("attention.norm_q.weight", "qk_norm.query_norm.scale"),
            ("attention.norm_k.weight", "qk_norm.key_norm.scale"),
            ("attention.norm_added_k.weight", "k_norm.scale"), ("attention.to_out.0.weight", "attn_out.weight"),
        ] {
            #expect(header.contains(new))
            header = header.replacingOccurrences(of: new, with: old)
        }
        let size = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) }
        try (size + Data(header.utf8) + bytes[(8 + length)...]).write(to: path)

        let pool = ThreadPool(threads: 2)
        let request = GenerationRequest(seed: 3, steps: 2, guidance: 2, width: 64, height: 64)
        let pictures = try [Fixtures.demoModel, copy].map { folder in
            let checkpoint = try PRXCheckpoint(path: folder)
            let prompt = checkpoint.embed(try checkpoint.prepare("a red ceramic mug"), pool: pool)
            return try checkpoint.generate(request, prompt: prompt, negative: nil, pool: pool) { _, _ in }.images[0]
        }
        #expect(pictures[0] == pictures[1])
    }
}
