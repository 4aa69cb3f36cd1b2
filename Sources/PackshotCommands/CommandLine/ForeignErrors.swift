internal import ArgumentParser
internal import Foundation
internal import PNGImage
internal import PRX
internal import PackshotCatalog
internal import PackshotJobs
internal import PackshotWorker
internal import PromptText
internal import Tensors

extension CommandError {
    /// Any error of ours or of the system's in the words and with the exit code of a command; nil for what belongs to the
    /// parser of the command line.
    init?(_ error: any Error) {
        switch error {
        case let error as CommandError: self = error
        case let error as StoreError: self.init(error.exitStatus, error.message)
        case let error as CatalogError: self.init(.invalidInput, error.description)
        case let error as PRXError: self.init(.invalidInput, error.message)
        case let error as PromptTextError: self.init(.invalidInput, error.message)
        case let error as TensorError: self.init(.invalidInput, error.message)
        case let error as PNGError: self.init(.failure, error.message)
        case let error as ImageFileStore.Failure: self.init(.failure, error.message)
        case let error as ChildProcess.SpawnError: self.init(.failure, error.description)
        case is CancellationError: self.init(.interrupted, "interrupted")
        case let error as DecodingError: self.init(.failure, "cannot be decoded: \(Self.place(of: error))")
        case is EncodingError: self.init(.failure, "the result has a number that JSON does not know")
        case is ExitCode, is ValidationError, is CleanExit: return nil
        default:
            // Errors of the parser's own are private types of its module.
            if String(reflecting: type(of: error)).hasPrefix("ArgumentParser.") { return nil }
            self.init(.failure, Self.words(for: error as NSError))
        }
    }

    /// An error of Foundation's as `PATH: reason`, instead of its domain, code and dictionary.
    private static func words(for error: NSError) -> String {
        let path = error.userInfo[NSFilePathErrorKey] as? String ?? (error.userInfo[NSURLErrorKey] as? URL)?.path
        let underlying = error.userInfo[NSUnderlyingErrorKey] as? NSError
        let posix = [error, underlying].compactMap { $0 }.first { $0.domain == NSPOSIXErrorDomain }
        let reason = posix.map { String(cString: strerror(Int32($0.code))) } ?? error.localizedDescription
        return path.map { "\($0): \(reason)" } ?? reason
    }

    private static func place(of error: DecodingError) -> String {
        switch error {
        case .keyNotFound(let key, _): "the key \(key.stringValue) is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            context.codingPath.isEmpty
                ? "it is no JSON" : "the value of \(context.codingPath.map(\.stringValue).joined(separator: "."))"
        @unknown default: "it is not as expected"
        }
    }
}
