internal import Foundation
internal import Logging

/// One line a message on standard error: time, level, message, and what belongs to it in order of the keys.
struct StandardErrorLog: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level

    init(label: String) {
        let level = ProcessInfo.processInfo.environment["PACKSHOT_LOG_LEVEL"]
        logLevel = level.flatMap(Logger.Level.init(rawValue:)) ?? .notice
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
        let details = all.map { " \($0.key)=\($0.value)" }.joined()
        Talk.note("\(Date().formatted(.iso8601)) \(event.level) \(event.message)\(details)")
    }
}
