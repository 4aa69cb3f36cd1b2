internal import Foundation
package import Tensors

/// The files tests compare with, found from this file's place in the repository.
package enum Fixtures {
    /// Folder of the cases made with diffusers.
    package static let parity = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Fixtures/parity").path

    /// A ledger's database as it was before migration 0005, filled by the program of then, in SQL.
    package static let oldLedger = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent()
        .appendingPathComponent("Fixtures/ledger/0004.sql").path

    /// The demo checkpoint.
    package static let demoModel = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("ops/demo/packshot-tiny").path

    /// Decodes a JSON file below `parity`.
    package static func json<Value: Decodable>(_ type: Value.Type, _ path: String) throws -> Value {
        try JSONDecoder().decode(type, from: Data(contentsOf: URL(fileURLWithPath: "\(parity)/\(path)")))
    }

    /// The tensors of a safetensors file below `parity`.
    package static func tensors(_ path: String) throws -> [String: StoredTensor] {
        try SafetensorsFile(path: "\(parity)/\(path)").tensors
    }
}

/// How far numbers are from what they should be.
package struct Deviation: CustomStringConvertible {
    /// Largest absolute difference, and the largest excess over `atol + rtol * |expected|` (0 or less is within).
    package private(set) var largest: Double = 0
    package private(set) var excess: Double = -.infinity
    /// Root of the squared differences over the root of the squared expectations.
    package let relativeL2: Double

    package init(_ actual: [Float], _ expected: [Float], atol: Double, rtol: Double) {
        var difference = 0.0
        var norm = 0.0
        for (a, e) in zip(actual, expected) {
            let delta = abs(Double(a) - Double(e))
            largest = max(largest, delta.isNaN ? .infinity : delta)
            excess = max(excess, delta.isNaN ? .infinity : delta - atol - rtol * abs(Double(e)))
            difference += delta * delta
            norm += Double(e) * Double(e)
        }
        if actual.count != expected.count { excess = .infinity }
        relativeL2 = (difference / max(norm, 1e-30)).squareRoot()
    }

    package var description: String { "max |Δ| \(largest), relative L2 \(relativeL2)" }
}
