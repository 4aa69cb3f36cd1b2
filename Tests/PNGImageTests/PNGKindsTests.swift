import Foundation
import PNGImage
import Testing

/// Files of every kind, composed byte by byte with Python's zlib (not libpng), and the pixels they stand for.
@Suite("Decoding every kind of PNG")
struct PNGKindsTests {
    struct Sample: Sendable, CustomTestStringConvertible {
        let kind: String
        let width: Int
        let height: Int
        let channels: Int
        /// Base64.
        let png: String
        /// Hexadecimal.
        let pixels: String

        var testDescription: String { kind }
    }

    @Test(arguments: samples)
    func decodesToTheSamePixels(_ sample: Sample) throws {
        let png = try #require(Data(base64Encoded: sample.png))
        let bitmap = try PNGDecoder.decode([UInt8](png)).bitmap
        #expect(bitmap.width == sample.width)
        #expect(bitmap.height == sample.height)
        #expect(bitmap.format.channels == sample.channels)
        let hexadecimal = bitmap.pixels.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        #expect(hexadecimal == sample.pixels)
    }

    static let samples = [
        Sample(
            kind: "interlaced RGB", width: 5, height: 4, channels: 3,
            png: "iVBORw0KGgoAAAANSUhEUgAAAAUAAAAECAIAAAG+VlKBAAAAT0lEQVR42gFEALv/AKVNygDWI3sAux1tAJ1cNCAeae"
                + "7ouQAYJTATLN4AYL4x/tqgAC7ZHj9yH8sZcRdElNZJPACZf1x8KZn9r+WTJTzWVK98ERvOhqPOqAAAAABJRU5ErkJg"
                + "gg==",
            pixels: "a54dca182530bb1d6d132cded6237b2ed91e3f721fcb1971174494d6493c9d5c3460be31201e69fedaa0eee8b9"
                + "997f5c7c2999fdafe593253cd654af"),
        Sample(
            kind: "palette of 2 bits with transparency", width: 5, height: 4, channels: 4,
            png: "iVBORw0KGgoAAAANSUhEUgAAAAUAAAAEAgMAAAA7XR3TAAAACVBMVEUKFB7IZDIA/wCBUjsQAAAAAnRSTlP/gAgPs2"
                + "oAAAAUSURBVHjaYxBpYNB0YJjZwODoAAAOrwKYN4AuQwAAAABJRU5ErkJggg==",
            pixels: "0a141effc8643280c86432800a141eff00ff00ff0a141eff00ff00ff00ff00ffc8643280c864328000ff00ffc8"
                + "64328000ff00ffc864328000ff00ffc86432800a141eff0a141effc8643280c8643280"),
        Sample(
            kind: "grey of 1 bit", width: 5, height: 4, channels: 3,
            png: "iVBORw0KGgoAAAANSUhEUgAAAAUAAAAEAQAAAABuSMjtAAAAEElEQVR42mOwYLjBoMAwAwAGwAHJ8w8L3gAAAABJRU"
                + "5ErkJggg==",
            pixels: "000000000000ffffffffffffffffffffffffffffff000000ffffffffffff000000000000ffffff000000000000"
                + "ffffff000000000000ffffffffffff"),
        Sample(
            kind: "grey with alpha", width: 5, height: 4, channels: 4,
            png: "iVBORw0KGgoAAAANSUhEUgAAAAUAAAAECAQAAADsOj3LAAAAN0lEQVR42gEsANP/AP4pVeXNjkbcjtQAt8J2TSpaTX"
                + "Z3BgD4XYaQAkrWvaNAABvpyMvMyTX2zR/bxRWxr+72+wAAAABJRU5ErkJggg==",
            pixels: "fefefe29555555e5cdcdcd8e464646dc8e8e8ed4b7b7b7c27676764d2a2a2a5a4d4d4d7677777706f8f8f85d86"
                + "8686900202024ad6d6d6bda3a3a3401b1b1be9c8c8c8cbccccccc9353535f6cdcdcd1f"),
        Sample(
            kind: "RGB of 16 bits", width: 5, height: 4, channels: 3,
            png: "iVBORw0KGgoAAAANSUhEUgAAAAUAAAAEEAIAAACZwb5UAAAAh0lEQVR42gF8AIP/AGGXIntq4+GZUxk4SK4bGus0aw"
                + "AeTXIz87orDQ4kAABqeMChTA6BJ7HdunPywz7lOw/55O6W9fb3uZ+rK/kASck0Ua9th471DVKoC9NpEbk3Sw8N2Jif"
                + "LpiFsLvAAFWGth1yEajJcjJj6nqRzSZ0F2Zb/E22DA7WDk2PD4hbOCZYekEqAAAAAElFTkSuQmCC",
            pixels: "61226ae15338ad1b34004d34b90d246ac04c81b1baf23f3bf9eef5f79f2c4934af87f4520c69b84b0e982e85bb"
                + "55b572a872647acc7466fbb50f0e8f"),
        Sample(
            kind: "RGBA with all five filters", width: 5, height: 5, channels: 4,
            png: "iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAdElEQVR42gFpAJb/APGEY7DksropcDR08GSsaPcA9b"
                + "ArAT3GZvQeGEQ4bw8j/4dqdOP8lwnkAnaJ3RasVp2ymX9BVRs+Opg36PktA1zDtj3velLNqhLh2rvNti88rewdBKyj"
                + "PvCaBQugvxptBQIyLIDuyFHXlNkya8sMSwoAAAAASUVORK5CYII=",
            pixels: "f18463b0e4b2ba29703474f064ac68f700f5b02b3dc666f45bdeaa2ccaedcd2b5157410e4dee4af2b34f430a07"
                + "3447de636c0e806c957ba684d6431fb5ead7424d09e15d024c5848f23d1fa6f7361d7f618d1532e70e20e2a666"
                + "8de7f47e8467e546d53e"),
    ]
}
