internal import Foundation

/// A config of a checkpoint, read with a bound on its size and with errors that name file and key.
enum ConfigFile {
    private static let maximumBytes = 4_000_000

    /// Decodes a JSON file.
    /// - Throws: ``PRXError`` `.badCheckpoint`.
    static func read<Value: Decodable>(_ type: Value.Type, at path: String) throws(PRXError) -> Value {
        let data: Data
        do {
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            guard let size = attributes[.size] as? NSNumber, size.intValue <= maximumBytes else {
                throw PRXError(.badCheckpoint, "\(path): too large for a config")
            }
            data = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch let error as PRXError {
            throw error
        } catch {
            throw PRXError(.badCheckpoint, "\(path) is missing or cannot be read")
        }
        do {
            return try JSONDecoder().decode(type, from: data)
        } catch let DecodingError.keyNotFound(key, _) {
            throw PRXError(.badCheckpoint, "\(path): the key \(key.stringValue) is missing")
        } catch let DecodingError.typeMismatch(_, context), let DecodingError.valueNotFound(_, context) {
            let key = context.codingPath.map(\.stringValue).joined(separator: ".")
            throw PRXError(.badCheckpoint, "\(path): the value of \(key) has the wrong type")
        } catch {
            throw PRXError(.badCheckpoint, "\(path) is no JSON")
        }
    }

    /// Refuses a dimension outside of what any published checkpoint has by far.
    static func check(_ value: Int, _ key: String, in range: ClosedRange<Int>, file: String) throws(PRXError) {
        guard range.contains(value) else {
            throw PRXError(
                .badCheckpoint, "\(file): \(key) is \(value), expected \(range.lowerBound) to \(range.upperBound)")
        }
    }
}
