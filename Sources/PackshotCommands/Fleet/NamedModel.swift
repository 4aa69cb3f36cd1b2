internal import Foundation
internal import PRX
internal import PackshotJobs
internal import PackshotPostgres

extension LedgerReports {
    /// The model a person means: by its name, its fingerprint (the beginning is enough), or its checkpoint folder.
    /// - Throws: ``StoreError`` `.notFound` with the names there are; ``CommandError`` for a folder that is no checkpoint.
    func namedModel(_ text: String) async throws -> ModelFingerprint {
        guard FileManager.default.fileExists(atPath: "\(text)/model_index.json") else {
            return try await findModel(text)
        }
        let fingerprint = ModelFingerprint(rawValue: try ModelFolder.open(text).fingerprint())
        guard try await model(fingerprint) != nil else {
            throw CommandError(.notFound, "the ledger knows no model with the weights in \(text)")
        }
        return fingerprint
    }
}
