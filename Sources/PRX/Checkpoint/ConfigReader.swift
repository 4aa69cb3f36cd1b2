internal import Foundation

/// A JSON config of a checkpoint, read key by key.
///
/// The one gate between configurations and mathematics: each value is asked for with upstream's default and what the mathematics
/// takes, and what nobody asked for is refused when reading ends. A key that is not understood may change the picture, so it is
/// never ignored. Errors name the file and the key.
final class ConfigReader {
    /// A value as JSON has it.
    enum Value: Hashable, Decodable, CustomStringConvertible {
        case null
        case flag(Bool)
        case number(Double)
        case text(String)
        case list([Value])
        case object([String: Value])

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if container.decodeNil() {
                self = .null
            } else if let flag = try? container.decode(Bool.self) {
                self = .flag(flag)
            } else if let number = try? container.decode(Double.self) {
                self = .number(number)
            } else if let text = try? container.decode(String.self) {
                self = .text(text)
            } else if let list = try? container.decode([Value].self) {
                self = .list(list)
            } else {
                self = .object(try container.decode([String: Value].self))
            }
        }

        /// As JSON writes it, long ones cut.
        var description: String {
            switch self {
            case .null: "null"
            case .flag(let flag): "\(flag)"
            case .number(let number): Int(exactly: number).map { "\($0)" } ?? "\(number)"
            case .text(let text): String(text.prefix(80)).debugDescription
            case .list(let list): "[" + list.prefix(8).map(\.description).joined(separator: ", ") + "]"
            case .object: "an object"
            }
        }
    }

    private static let maximumBytes = 4_000_000
    /// Positive numbers that float32, in which everything is computed, has.
    static let positive = Double(Float.leastNormalMagnitude)...Double(Float.greatestFiniteMagnitude)
    /// All numbers that float32 has.
    static let finite = -Double(Float.greatestFiniteMagnitude)...Double(Float.greatestFiniteMagnitude)

    let file: String
    /// Where the object stands in the file, such as `text_config.`.
    private let place: String
    private var values: [String: Value]

    /// Reads a file.
    /// - Throws: ``PRXError`` `.badCheckpoint` when it is missing, larger than 4 MB or no JSON object.
    convenience init(file: String) throws(PRXError) {
        // Through links: checkpoints in a download cache are made of them.
        let data = try PlainFile.contents(of: file, atMost: Self.maximumBytes, what: "a config")
        guard let values = try? JSONDecoder().decode([String: Value].self, from: data) else {
            throw PRXError(.badCheckpoint, "\(file) is no JSON object")
        }
        self.init(file: file, place: "", values: values)
    }

    private init(file: String, place: String, values: [String: Value]) {
        self.file = file
        self.place = place
        self.values = values
    }

    // MARK: Asking

    /// A whole number.
    /// - Parameter standard: What a missing key stands for; nil where upstream demands it.
    func int(_ key: String, _ standard: Int?, in range: ClosedRange<Int>) throws(PRXError) -> Int {
        guard let value = try take(key, isRequired: standard == nil) else { return standard ?? 0 }
        return try int(value, key, in: range)
    }

    /// A whole number that may be missing or null.
    func optionalInt(_ key: String, in range: ClosedRange<Int>) throws(PRXError) -> Int? {
        guard let value = try take(key, isRequired: false), value != .null else { return nil }
        return try int(value, key, in: range)
    }

    /// A number within a range.
    func number(_ key: String, _ standard: Double, in range: ClosedRange<Double>) throws(PRXError) -> Double {
        guard let value = try take(key, isRequired: false) else { return standard }
        return try number(value, key, in: range)
    }

    /// A number that may be null; a missing one has upstream's default.
    func optionalNumber(
        _ key: String, _ standard: Double?, in range: ClosedRange<Double>
    ) throws(PRXError) -> Double? {
        guard let value = try take(key, isRequired: false) else { return standard }
        return value == .null ? nil : try number(value, key, in: range)
    }

    func flag(_ key: String, _ standard: Bool) throws(PRXError) -> Bool {
        guard let value = try take(key, isRequired: false) else { return standard }
        guard case .flag(let flag) = value else { throw refusal(key, value, "true or false") }
        return flag
    }

    /// One of some words.
    func word(_ key: String, _ standard: String, among words: [String]) throws(PRXError) -> String {
        guard let value = try take(key, isRequired: false) else { return standard }
        guard case .text(let text) = value, words.contains(text) else {
            throw refusal(key, value, words.map(\.debugDescription).joined(separator: " or "), .unsupported)
        }
        return text
    }

    /// Whole numbers.
    func ints(_ key: String, _ standard: [Int], in range: ClosedRange<Int>) throws(PRXError) -> [Int] {
        guard let value = try take(key, isRequired: false) else { return standard }
        return try ints(value, key, in: range)
    }

    /// Lists of whole numbers.
    func intLists(_ key: String, _ standard: [[Int]], in range: ClosedRange<Int>) throws(PRXError) -> [[Int]] {
        guard let value = try take(key, isRequired: false) else { return standard }
        guard case .list(let lists) = value else { throw refusal(key, value, "lists of whole numbers") }
        var result: [[Int]] = []
        for list in lists { result.append(try ints(list, key, in: range)) }
        return result
    }

    /// Words, each one of `words`. Where upstream takes one word for all, that word stands alone in the answer.
    func words(_ key: String, _ standard: [String]?, among words: [String]) throws(PRXError) -> [String]? {
        guard let value = try take(key, isRequired: false), value != .null else { return standard }
        let list: [Value]
        switch value {
        case .text: list = [value]
        case .list(let values): list = values
        default: throw refusal(key, value, "a list of texts")
        }
        var result: [String] = []
        for entry in list {
            guard case .text(let text) = entry, words.contains(text) else {
                let choices = words.map(\.debugDescription).joined(separator: " or ")
                throw PRXError(.unsupported, "\(file): \(place)\(key) holds \(entry), expected \(choices)")
            }
            result.append(text)
        }
        return result
    }

    /// The last text of a list: the class of `[library, class]`, as `model_index.json` names components.
    func component(_ key: String) throws(PRXError) -> String? {
        guard let value = try take(key, isRequired: false), value != .null else { return nil }
        guard case .list(let pair) = value, let last = pair.last else {
            throw refusal(key, value, "a library and a class")
        }
        switch last {
        case .text(let name): return name
        case .null: return nil
        default: throw refusal(key, value, "a library and a class")
        }
    }

    /// An object within this one; nil when it is missing or null. It is to be finished, too.
    func object(_ key: String) throws(PRXError) -> ConfigReader? {
        guard let value = try take(key, isRequired: false), value != .null else { return nil }
        guard case .object(let values) = value else { throw refusal(key, value, "an object") }
        return ConfigReader(file: file, place: "\(place)\(key).", values: values)
    }

    /// Demands that a key is missing or has one of some values, because nothing else is implemented.
    func demand(_ key: String, _ allowed: Value...) throws(PRXError) {
        guard let value = try take(key, isRequired: false), !allowed.contains(value) else { return }
        throw refusal(key, value, allowed.map(\.description).joined(separator: " or "), .unsupported)
    }

    /// Hears keys that change no picture.
    func inert(_ keys: [String]) {
        for key in keys { values[key] = nil }
    }

    /// Hears everything that is left, where another object of the file counts instead.
    func leaveTheRest() {
        values = [:]
    }

    /// Ends reading. Keys that begin with `_` are upstream's own notes.
    /// - Throws: ``PRXError`` `.unsupported` naming the keys that nobody asked for.
    func finish() throws(PRXError) {
        let rest = values.keys.filter { !$0.hasPrefix("_") }.sorted()
        guard rest.isEmpty else {
            let names = rest.prefix(8).map { "\(place)\($0)" }.joined(separator: ", ")
            throw PRXError(
                .unsupported,
                "\(file): what \(names) \(rest.count == 1 ? "means" : "mean") is not known here, and it might change pictures; what changes none can be taken out of the file"
            )
        }
    }

    /// An error about a key.
    func error(_ key: String, _ message: String, _ code: PRXError.Code = .badCheckpoint) -> PRXError {
        PRXError(code, "\(file): \(place)\(key) \(message)")
    }

    // MARK: Values

    private func take(_ key: String, isRequired: Bool) throws(PRXError) -> Value? {
        let value = values.removeValue(forKey: key)
        guard value != nil || !isRequired else {
            throw PRXError(.badCheckpoint, "\(file): the key \(place)\(key) is missing")
        }
        return value
    }

    private func refusal(
        _ key: String, _ value: Value, _ expected: String, _ code: PRXError.Code = .badCheckpoint
    ) -> PRXError {
        error(key, "is \(value), expected \(expected)", code)
    }

    private func int(_ value: Value, _ key: String, in range: ClosedRange<Int>) throws(PRXError) -> Int {
        guard case .number(let number) = value, let int = Int(exactly: number), range.contains(int) else {
            throw refusal(key, value, "a whole number of \(range.lowerBound) to \(range.upperBound)")
        }
        return int
    }

    private func ints(_ value: Value, _ key: String, in range: ClosedRange<Int>) throws(PRXError) -> [Int] {
        guard case .list(let list) = value else { throw refusal(key, value, "a list of whole numbers") }
        var result: [Int] = []
        for entry in list { result.append(try int(entry, key, in: range)) }
        return result
    }

    private func number(_ value: Value, _ key: String, in range: ClosedRange<Double>) throws(PRXError) -> Double {
        guard case .number(let number) = value, range.contains(number) else {
            let bound =
                range == Self.positive
                ? "a number above 0 that float32 has"
                : range == Self.finite
                    ? "a number that float32 has" : "a number of \(range.lowerBound) to \(range.upperBound)"
            throw refusal(key, value, bound)
        }
        return number
    }
}
