internal import Glibc
package import PackshotJobs

/// Every fault a worker meets, and whose it is: the one place that decides it. The operator's guide shows the same table.
///
/// A fault that is not in it is the job's: it counts, so that what never succeeds comes to an end and is paid for a
/// limited number of times.
package enum FaultTable {
    /// What a worker does about a fault.
    package enum Remedy: String, Sendable {
        case discard = "discards the job at once; `retry` when it is mended"
        case count = "counts an attempt and tries again later, up to `--max-attempts`"
        case writeAgain =
            "keeps the image and writes it again for some seconds; then counts an attempt and tries again later"
        case hold =
            "keeps the image, claims nothing for the folder and says why, until a file can be written there; then writes the image. If files can be written and this one cannot, for some seconds: counts an attempt"
        case wait = "keeps what is finished, hands back what is not, and asks again with growing pauses"
        case leaveOut = "hands back, serves other models, tries this one again with growing pauses"
    }

    package struct Row: Sendable {
        /// In words or, for the errors of files, by their names in errno.h.
        package let faults: [String]
        package let owner: FaultOwner
        package let remedy: Remedy
    }

    package static let rows: [Row] =
        [
            Row(faults: ["a prompt that cannot be used (`bad_prompt`)"], owner: .job, remedy: .discard),
            Row(faults: ["settings the model cannot take (`bad_settings`)"], owner: .job, remedy: .discard),
            Row(faults: ["a picture that is not finite (`not_finite`)"], owner: .job, remedy: .discard),
            Row(faults: ["a path that leads out of the folder (`path_refused`)"], owner: .job, remedy: .discard),
            Row(
                faults: ["something else has the image's name (`different_file_exists`)"], owner: .job, remedy: .discard
            ),
        ]
        + FileFault.kinds.map { kind in
            Row(faults: kind.errors.map { "`\($0.name)`" }, owner: kind.owner, remedy: kind.remedy)
        } + [
            Row(
                faults: ["the output folder itself cannot be made or opened, whatever the reason"], owner: .machine,
                remedy: .hold),
            Row(faults: ["PostgreSQL or Redis is away or refuses for now"], owner: .store, remedy: .wait),
            Row(
                faults: ["a model's folder is gone, broken, or holds other weights than it did"],
                owner: .configuration, remedy: .leaveOut),
            Row(faults: ["anything else"], owner: .job, remedy: .count),
        ]

    /// The table in Markdown, as the operator's guide shows it.
    package static var markdown: String {
        (["| fault | whose it is | the worker |", "|---|---|---|"]
            + rows.map { "| \($0.faults.joined(separator: ", ")) | \($0.owner.rawValue) | \($0.remedy.rawValue) |" })
            .joined(separator: "\n")
    }
}

/// What the errors of the operating system mean for a file below an output folder.
///
/// An error only suggests whose fault it is; for the machine's, a probe decides (``FaultTable/Remedy/hold``). One that is in no
/// list is taken for the machine's on those terms: a probe that passes shows that it is not.
package enum FileFault {
    package struct Named: Hashable, Sendable {
        package let code: Int32
        package let name: String
    }

    package struct Kind: Sendable {
        package let errors: [Named]
        package let owner: FaultOwner
        package let remedy: FaultTable.Remedy
        /// The failure code of attempts that end by it.
        package let failureCode: ImageFileStore.Failure.Code
    }

    package static let kinds = [
        Kind(
            errors: [.init(code: ENAMETOOLONG, name: "ENAMETOOLONG")], owner: .job, remedy: .discard,
            failureCode: .pathRefused),
        // A link or a file where the job's folder belongs, or a folder that is taken away at this moment: it may pass.
        Kind(
            errors: [
                .init(code: ELOOP, name: "ELOOP"), .init(code: ENOTDIR, name: "ENOTDIR"),
                .init(code: ENOENT, name: "ENOENT"), .init(code: ETXTBSY, name: "ETXTBSY"),
            ], owner: .job, remedy: .writeAgain, failureCode: .pathRefused),
        Kind(
            errors: [
                .init(code: EEXIST, name: "EEXIST"), .init(code: EISDIR, name: "EISDIR"),
                .init(code: ENOTEMPTY, name: "ENOTEMPTY"),
            ], owner: .job, remedy: .discard, failureCode: .differentFileExists),
        Kind(
            errors: [.init(code: ENOSPC, name: "ENOSPC"), .init(code: EDQUOT, name: "EDQUOT")], owner: .machine,
            remedy: .hold, failureCode: .diskFull),
        Kind(
            errors: [
                .init(code: EROFS, name: "EROFS"), .init(code: EACCES, name: "EACCES"),
                .init(code: EPERM, name: "EPERM"), .init(code: EIO, name: "EIO"), .init(code: ESTALE, name: "ESTALE"),
                .init(code: EMFILE, name: "EMFILE"), .init(code: ENFILE, name: "ENFILE"),
                .init(code: ENOMEM, name: "ENOMEM"), .init(code: EFBIG, name: "EFBIG"),
                .init(code: EMLINK, name: "EMLINK"), .init(code: EBUSY, name: "EBUSY"),
                .init(code: EAGAIN, name: "EAGAIN"), .init(code: EINTR, name: "EINTR"),
                .init(code: ENODEV, name: "ENODEV"), .init(code: ENXIO, name: "ENXIO"),
                .init(code: ENOTCONN, name: "ENOTCONN"), .init(code: ETIMEDOUT, name: "ETIMEDOUT"),
                .init(code: EHOSTDOWN, name: "EHOSTDOWN"), .init(code: EHOSTUNREACH, name: "EHOSTUNREACH"),
                .init(code: ENETDOWN, name: "ENETDOWN"), .init(code: ENETUNREACH, name: "ENETUNREACH"),
                .init(code: ECONNREFUSED, name: "ECONNREFUSED"), .init(code: ECONNRESET, name: "ECONNRESET"),
                .init(code: ECONNABORTED, name: "ECONNABORTED"), .init(code: EREMOTEIO, name: "EREMOTEIO"),
                .init(code: ENOLCK, name: "ENOLCK"), .init(code: EDEADLK, name: "EDEADLK"),
                .init(code: EUCLEAN, name: "EUCLEAN"), .init(code: ENOMEDIUM, name: "ENOMEDIUM"),
                .init(code: EKEYEXPIRED, name: "EKEYEXPIRED"), .init(code: EOPNOTSUPP, name: "EOPNOTSUPP"),
                .init(code: ENOSYS, name: "ENOSYS"), .init(code: EXDEV, name: "EXDEV"),
                .init(code: EINVAL, name: "EINVAL"), .init(code: EOVERFLOW, name: "EOVERFLOW"),
            ], owner: .machine, remedy: .hold, failureCode: .ioError),
    ]

    private static let unlisted = Kind(errors: [], owner: .machine, remedy: .hold, failureCode: .ioError)

    /// What an error is below an output folder.
    package static func kind(of code: Int32) -> Kind {
        kinds.first { $0.errors.contains { $0.code == code } } ?? unlisted
    }
}
