internal import Foundation

/// A JSON file of a checkpoint, read with a bound on its size.
enum JSONFile {
    /// Large vocabularies have tens of megabytes.
    private static let maximumBytes = 128_000_000

    /// - Throws: ``PromptTextError`` `.badCheckpoint`.
    static func object(at path: String) throws(PromptTextError) -> [String: Any] {
        let object = try? JSONSerialization.jsonObject(with: contents(of: path))
        guard let object = object as? [String: Any] else {
            throw PromptTextError(.badCheckpoint, "\(path) is no JSON object or cannot be read")
        }
        return object
    }

    /// - Throws: ``PromptTextError`` `.badCheckpoint`.
    static func contents(of path: String) throws(PromptTextError) -> Data {
        do {
            // Through links, as checkpoints in a download cache are made of them; a pipe or a device would be read for ever.
            let attributes = try FileManager.default.attributesOfItem(
                atPath: URL(fileURLWithPath: path).resolvingSymlinksInPath().path)
            guard attributes[.type] as? FileAttributeType == .typeRegular else {
                throw PromptTextError(.badCheckpoint, "\(path) is no regular file")
            }
            if let size = attributes[.size] as? NSNumber, size.intValue <= maximumBytes {
                return try Data(contentsOf: URL(fileURLWithPath: path))
            }
        } catch let error as PromptTextError {
            throw error
        } catch {
            throw PromptTextError(.badCheckpoint, "\(path) cannot be read")
        }
        throw PromptTextError(.badCheckpoint, "\(path): too large for a tokenizer")
    }
}
