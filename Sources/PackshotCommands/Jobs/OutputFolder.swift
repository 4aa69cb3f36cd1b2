internal import Foundation
internal import Glibc

/// Looks at the folder images are to go to before a night's work is submitted for it.
///
/// Workers write the files, perhaps on other machines and as other users, so what this process cannot do there may be no fault.
/// An error is what nobody can: a path through a file, or a folder that is not there in one that is and takes no folders.
enum OutputFolder {
    /// Tries to write where the folder is or would be made; leaves nothing behind.
    /// - Parameter path: Absolute.
    /// - Returns: What to tell the person who submits; nil when it can be written.
    /// - Throws: ``CommandError`` `.invalidInput`.
    static func check(_ path: String) throws -> String? {
        var ancestor = path
        var missing = 0
        var status = stat()
        while stat(ancestor, &status) != 0 {
            guard errno == ENOENT, ancestor != "/" else {
                throw CommandError(.invalidInput, "--out \(path): \(ancestor): \(String(cString: strerror(errno)))")
            }
            ancestor = URL(fileURLWithPath: ancestor).deletingLastPathComponent().path
            missing += 1
        }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw CommandError(.invalidInput, "--out \(path): \(ancestor) is a file, not a folder")
        }
        var probe = Array("\(ancestor)/.packshot-probe-XXXXXX".utf8CString)
        if mkdtemp(&probe) != nil {
            rmdir(probe)
            return nil
        }
        let why = String(cString: strerror(errno))
        if missing == 1 {
            throw CommandError(.invalidInput, "--out \(path): cannot be made: \(ancestor): \(why)")
        }
        return missing == 0
            ? "--out \(path) cannot be written from here: \(why); workers must be able to"
            : "--out \(path) is not there and cannot be made from here: \(ancestor): \(why); workers must have it"
    }
}
