internal import Foundation
internal import Logging

/// One line a message on standard error: time, level, message, and what belongs to it in order of the keys.
struct StandardErrorLog: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level

    init(label: String) {
        logLevel = Self.level ?? .notice
    }

    private static var setting: String { ProcessInfo.processInfo.environment["PACKSHOT_LOG_LEVEL"] ?? "" }
    private static var level: Logger.Level? { Logger.Level(rawValue: setting.lowercased()) }

    /// What is wrong with `PACKSHOT_LOG_LEVEL`, or nil.
    static var problem: String? {
        guard !setting.isEmpty, level == nil else { return nil }
        let choices = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
        return "PACKSHOT_LOG_LEVEL is \(setting.debugDescription); it can be \(choices)"
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
        let details = all.map { " \($0.key)=\($0.value)" }.joined()
        Talk.log("\(Date().formatted(.iso8601)) \(event.level) \(event.message)\(details)")
    }
}
