internal import Foundation
internal import PRX
internal import Tensors

/// Opening checkpoint folders for commands.
enum ModelFolder {
    /// Opens and checks a folder.
    /// - Throws: ``CommandError`` `.invalidInput` naming the file and what is wrong with it.
    static func open(_ path: String) throws -> PRXCheckpoint {
        do {
            return try PRXCheckpoint(path: path)
        } catch let error as PRXError {
            throw CommandError(.invalidInput, error.message)
        } catch let error as TensorError {
            throw CommandError(.invalidInput, error.message)
        }
    }

    /// Threads a generation uses when nobody says otherwise: the CPUs this process may run on.
    static var defaultThreads: Int { max(1, ProcessInfo.processInfo.activeProcessorCount) }
}
