import Foundation
import PackshotJobs
import PackshotWorker
import Testing

@Suite("Whose fault it is")
struct FaultTableTests {
    @Test func theOperatorsGuideShowsTheTable() throws {
        let guide = try String(
            contentsOf: URL(fileURLWithPath: #filePath).appending(path: "../../../ops/operators-guide.md").standardized,
            encoding: .utf8)
        #expect(guide.contains(FaultTable.markdown), "put this into the guide:\n\(FaultTable.markdown)")
    }

    @Test func everyErrorIsInOneRow() {
        let errors = FileFault.kinds.flatMap(\.errors)
        #expect(Set(errors.map(\.code)).count == errors.count)
        #expect(Set(errors.map(\.name)).count == errors.count)
    }

    @Test func onlyTheJobsOwnFaultsCount() {
        for row in FaultTable.rows {
            let counts = [FaultTable.Remedy.discard, .count, .writeAgain].contains(row.remedy)
            #expect(counts == (row.owner == .job), "\(row.faults)")
        }
    }

    /// What open(2), mkdir(2), write(2), fsync(2) and link(2) name and what network file systems say besides.
    @Test(arguments: [
        EROFS, EACCES, EPERM, EIO, ESTALE, EDQUOT, ENOSPC, EMFILE, ENFILE, ENODEV, ENXIO, ETIMEDOUT, ENOTCONN, EBUSY,
        EFBIG,
        ENOMEM, EMLINK, EHOSTDOWN, EHOSTUNREACH, ENETUNREACH, ECONNREFUSED, ECONNRESET, EREMOTEIO, ENOLCK, EUCLEAN,
    ])
    func faultsOfMachinesAreNoJobs(error: Int32) {
        #expect(FileFault.kind(of: error).owner == .machine)
    }
}
