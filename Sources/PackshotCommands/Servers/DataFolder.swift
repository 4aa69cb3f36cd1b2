internal import Digests
internal import Foundation
internal import Glibc

/// The folders of `packshot up`, for their owner alone, and its locks.
///
/// ```
/// DATA/up.lock          held while an `up` runs: the second is refused
/// DATA/servers.lock     held by the servers themselves: after an `up` was killed, the next waits for them to be gone
/// DATA/run              sockets (Redis's alone when root runs it)
/// DATA/redis            Redis's files
/// HOME/postgres         PostgreSQL's cluster, HOME/postgres-run its sockets when root runs it
/// HOME/pg_hba.conf      who gets in, written anew with every start
/// ```
/// `HOME` is `DATA`, unless root keeps it where the user `postgres` cannot reach it: then it is a folder below `/var/lib/packshot`.
final class DataFolder {
    /// A user of the system.
    struct User {
        let id: uid_t
        let group: gid_t
        let name: String
        var isRoot: Bool { id == 0 }
    }

    let data: String
    let cluster: String
    /// Who runs `up`, and so who may use the servers.
    let owner: User
    private(set) var postgresSockets = ""
    private(set) var redisSockets = ""
    private(set) var serversLock: Int32 = -1
    private let home: String
    /// Who PostgreSQL runs as.
    private let server: User
    private var lock: Int32 = -1
    private var temporary: [String] = []

    /// PostgreSQL's superuser, and the only name to log in with.
    var databaseUser: String { server.name }

    /// Makes what is missing, and takes the locks.
    /// - Throws: ``CommandError`` `.invalidInput` when the folder cannot be used, `.failure` when it is in use.
    init(_ data: String) throws(CommandError) {
        guard let own = getpwuid(geteuid()).map({ User($0.pointee) }) else {
            throw CommandError(
                .invalidInput, "user \(geteuid()) has no name on this system (/etc/passwd): PostgreSQL needs one")
        }
        owner = own
        self.data = data
        try Self.makeData(data)
        if own.isRoot {
            guard let postgres = getpwnam("postgres").map({ User($0.pointee) }) else {
                throw CommandError(
                    .failure,
                    "PostgreSQL does not run as root and there is no user `postgres`: install Debian's postgresql, or run as an ordinary user"
                )
            }
            server = postgres
            home = Self.isReachableByOthers(data) ? data : Self.systemFolder(for: data)
        } else {
            server = own
            home = data
        }
        cluster = "\(home)/postgres"
        lock = try Self.open("\(data)/up.lock")
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            throw CommandError(
                .failure, "\(data) is in use by another `packshot up`: stop that one, or give another --data")
        }
        try waitForServers()
        try makeFolders()
    }

    deinit {
        for file in [lock, serversLock] where file >= 0 { close(file) }
    }

    /// A folder that is not there yet, to make a cluster in.
    func freshCluster() throws(CommandError) -> String {
        let fresh = "\(cluster).new"
        try? FileManager.default.removeItem(atPath: fresh)
        try Self.makePrivate(fresh, server)
        return fresh
    }

    /// Writes who gets in: the owner, as the kernel vouches for, under the one name there is. Other rules of the cluster, such as
    /// those an earlier version made, do not count.
    /// - Returns: The paths of `pg_hba.conf` and `pg_ident.conf`.
    func writeAccessRules() throws(CommandError) -> (access: String, names: String) {
        let (access, names) = ("\(home)/pg_hba.conf", "\(home)/pg_ident.conf")
        try Self.write("local all all peer map=owner\nlocal replication all peer map=owner\n", to: access)
        try Self.write("owner \"\(owner.name)\" \"\(server.name)\"\n", to: names)
        return (access, names)
    }

    /// Removes what is of no use after the servers have ended.
    func removeTemporary() {
        for folder in temporary { try? FileManager.default.removeItem(atPath: folder) }
        temporary = []
    }

    // MARK: Parts

    /// Servers that an `up` left behind when it was killed are ending; beside them a second Redis would write the same files.
    private func waitForServers() throws(CommandError) {
        serversLock = try Self.open("\(data)/servers.lock")
        let deadline = ContinuousClock().now + .seconds(60)
        var hasSaid = false
        while flock(serversLock, LOCK_EX | LOCK_NB) != 0 {
            guard ContinuousClock().now < deadline else {
                throw CommandError(
                    .failure, "servers of an earlier `packshot up` still run in \(data) and do not end: kill them")
            }
            if !hasSaid { Talk.note("packshot: waiting for the servers of an `up` that was killed to end") }
            hasSaid = true
            usleep(20_000)
        }
    }

    private func makeFolders() throws(CommandError) {
        if home != data {
            try Self.makeFolder("/var/lib/packshot", mode: 0o755)
            try Self.makeFolder(home, mode: 0o755)
        }
        try Self.makePrivate("\(data)/redis", owner)
        if FileManager.default.fileExists(atPath: cluster) { try Self.makePrivate(cluster, server) }
        redisSockets = try socketFolder("\(data)/run", owner)
        postgresSockets = owner.isRoot ? try socketFolder("\(home)/postgres-run", server) : redisSockets
    }

    /// A folder for sockets: the one wished for, or one of temporary files' where its path is too long for a socket (107 bytes
    /// with the socket's own name) or means something else to libpq, which takes a comma for the end of a name.
    private func socketFolder(_ path: String, _ user: User) throws(CommandError) -> String {
        if path.utf8.count <= 85, !path.contains(",") {
            try Self.makePrivate(path, user)
            return path
        }
        var name = Array("/tmp/packshot-XXXXXX".utf8CString)
        guard mkdtemp(&name) != nil else { throw Self.cannot("make a folder in /tmp") }
        let folder = String(decoding: name.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        temporary.append(folder)
        try Self.makePrivate(folder, user)
        return folder
    }

    /// The data folder itself: ours, and not writable by others, who could put links in place of what we write.
    private static func makeData(_ path: String) throws(CommandError) {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            let reason = CommandError(error)?.message ?? "\(error)"
            throw CommandError(.invalidInput, "cannot make the folder of --data: \(reason)")
        }
        var status = stat()
        guard stat(path, &status) == 0 else { throw cannot("use \(path)") }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw CommandError(.invalidInput, "cannot use --data \(path): it is no folder")
        }
        guard status.st_uid == geteuid() else {
            throw CommandError(
                .invalidInput,
                "\(path) belongs to another user, who could use the servers: give a folder of your own as --data")
        }
        let others = status.st_mode & (S_IWGRP | S_IWOTH)
        if others == 0 { return }
        // One that an earlier `up` made under a generous umask is put right; another's rights are not ours to change.
        guard FileManager.default.fileExists(atPath: "\(path)/up.lock"), others & S_IWOTH == 0,
            chmod(path, status.st_mode & 0o7755) == 0
        else {
            throw CommandError(
                .invalidInput,
                "other users can write in \(path), and so use the servers: chmod go-w it, or give another --data")
        }
    }

    /// A folder that only a user may enter, whether it was there or not.
    private static func makePrivate(_ path: String, _ user: User) throws(CommandError) {
        try makeFolder(path, mode: 0o700)
        guard lchown(path, user.id, user.group) == 0, chmod(path, 0o700) == 0 else {
            throw cannot("make \(path) private")
        }
    }

    private static func makeFolder(_ path: String, mode: mode_t) throws(CommandError) {
        if mkdir(path, mode) == 0 {
            // Whatever the umask takes away.
            chmod(path, mode)
        } else if errno != EEXIST {
            throw cannot("make the folder \(path)")
        }
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw CommandError(.invalidInput, "\(path) is no folder")
        }
    }

    private static func open(_ path: String) throws(CommandError) -> Int32 {
        let file = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw cannot("write \(path)") }
        // Whoever may open it could hold it.
        fchmod(file, 0o600)
        return file
    }

    private static func write(_ text: String, to path: String) throws(CommandError) {
        unlink(path)
        let file = Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o644)
        guard file >= 0 else { throw cannot("write \(path)") }
        defer { close(file) }
        // The user `postgres` reads it, whatever our umask is.
        guard fchmod(file, 0o644) == 0, StandardStreams.write(text, to: file) == 0 else {
            throw cannot("write \(path)")
        }
    }

    private static func cannot(_ what: String) -> CommandError {
        CommandError(.invalidInput, "cannot \(what): \(String(cString: strerror(errno)))")
    }

    /// True when a user without rights of its own can reach a folder: every part of its path may be searched by all.
    private static func isReachableByOthers(_ path: String) -> Bool {
        var current = (path as NSString).standardizingPath
        while true {
            var status = stat()
            guard stat(current, &status) == 0, status.st_mode & S_IXOTH != 0 else { return false }
            if current == "/" { return true }
            current = (current as NSString).deletingLastPathComponent
        }
    }

    /// A folder of its own for each data folder that only root can reach, such as one below `/root`.
    private static func systemFolder(for data: String) -> String {
        "/var/lib/packshot/\(SHA256Digest.hash(data.utf8).prefix(8).hexadecimal)"
    }
}

extension DataFolder.User {
    fileprivate init(_ entry: passwd) {
        self.init(id: entry.pw_uid, group: entry.pw_gid, name: String(cString: entry.pw_name))
    }
}
