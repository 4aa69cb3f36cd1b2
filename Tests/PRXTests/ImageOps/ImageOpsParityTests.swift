import PRX
import PackshotTestSupport
import Tensors
import Testing

@Suite("Image operations against diffusers")
struct ImageOpsParityTests {
    private struct Cases: Decodable {
        struct Bin: Decodable {
            let height: Int
            let width: Int
            let bySampleSize: [Int: [Int]]

            private struct Key: CodingKey {
                let stringValue: String
                let intValue: Int?
                init(stringValue: String) {
                    self.stringValue = stringValue
                    intValue = Int(stringValue)
                }
                init?(intValue: Int) { return nil }
            }

            init(from decoder: any Decoder) throws {
                let values = try decoder.container(keyedBy: Key.self)
                height = try values.decode(Int.self, forKey: Key(stringValue: "height"))
                width = try values.decode(Int.self, forKey: Key(stringValue: "width"))
                var sizes: [Int: [Int]] = [:]
                for key in values.allKeys {
                    if let size = key.intValue { sizes[size] = try values.decode([Int].self, forKey: key) }
                }
                bySampleSize = sizes
            }
        }
        struct Resize: Decodable {
            let i: Int
            let new_height: Int
            let new_width: Int
        }
        struct Truncation: Decodable {
            struct Example: Decodable {
                let from: [Int]
                let requested: [Int]
            }
            let examples: [Example]
        }
        let bins: [Bin]
        let resize: [Resize]
        let reference_truncation_bug: Truncation
    }

    private let cases: Cases
    private let tensors: [String: StoredTensor]

    init() throws {
        cases = try Fixtures.json(Cases.self, "components/image_ops/image_ops.json")
        tensors = try Fixtures.tensors("components/image_ops/image_ops.safetensors")
    }

    @Test func nearestBins() throws {
        for bin in cases.bins {
            #expect(bin.bySampleSize.keys.sorted() == ResolutionBins.sampleSizes)
            for (sampleSize, expected) in bin.bySampleSize {
                let size = try #require(ResolutionBins(sampleSize: sampleSize)).nearest(
                    height: bin.height, width: bin.width)
                #expect([size.height, size.width] == expected, "\(bin.height) x \(bin.width) at \(sampleSize)")
            }
        }
    }

    @Test func otherSampleSizesHaveNoBins() {
        for size in [0, 255, 768, 2048] { #expect(ResolutionBins(sampleSize: size) == nil) }
    }

    @Test func resizedAndCropped() throws {
        for run in cases.resize {
            let input = try #require(tensors["resize\(run.i).in"])
            let expected = try #require(tensors["resize\(run.i).out"]).floats().array
            let (batch, channels, height, width) = (
                input.shape[0], input.shape[1], input.shape[2], input.shape[3]
            )
            // Planes do not mix, so a batch is an image of more channels.
            let image = FloatImage(channels: batch * channels, height: height, width: width, values: input.floats())
            let result = image.resizedAndCropped(to: ImageSize(height: run.new_height, width: run.new_width))
            let deviation = Deviation(result.values.array, expected, atol: 1e-5, rtol: 0)
            #expect(deviation.excess <= 0, "resize\(run.i): \(deviation)")
        }
    }

    @Test func neverOnePixelShort() throws {
        let examples = cases.reference_truncation_bug.examples
        #expect(!examples.isEmpty)
        for example in examples {
            let image = FloatImage(channels: 1, height: example.from[0], width: example.from[1])
            for index in 0..<image.values.count { image.values.pointer[index] = 1 }
            let size = ImageSize(height: example.requested[0], width: example.requested[1])
            let result = image.resizedAndCropped(to: size)
            #expect(result.height == size.height && result.width == size.width)
            // Every pixel is a mean of ones: none was read from outside.
            #expect(result.values.array.allSatisfy { abs($0 - 1) < 1e-6 })
        }
    }

    @Test func bytes() throws {
        let input = try #require(tensors["post.in"])
        let expected = try #require(tensors["post.uint8"]).integers()
        let values = input.floats().array
        let (height, width) = (input.shape[2], input.shape[3])
        let count = 3 * height * width
        for image in 0..<input.shape[0] {
            let planes = FloatBuffer(Array(values[(image * count)..<((image + 1) * count)]))
            let rgb = try RGBImage(FloatImage(channels: 3, height: height, width: width, values: planes))
            #expect(rgb.pixels.map(Int.init) == Array(expected[(image * count)..<((image + 1) * count)]))
        }
    }
}
