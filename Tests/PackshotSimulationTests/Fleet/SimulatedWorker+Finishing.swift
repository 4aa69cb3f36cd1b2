import PackshotJobs
import PackshotTestSupport

/// After `Sources/PackshotWorker/AttemptFinisher.swift`: the file, then the ledger.
extension SimulatedWorker {
    func finish(_ attempt: HeldAttempt, _ failure: AttemptError?) async throws {
        let job = attempt.job
        do {
            if let failure { throw failure }
            try await world.step(process, "encoded an image", "of job \(job.id)")
            try attempt.check()
            let record = ImageRecord(
                relativePath: job.relativePath, sha256: [UInt8](repeating: 0, count: 32), byteCount: 1, width: 8,
                height: 8, effectivePrompt: job.spec.prompt, promptTokens: 1, version: "0")
            if world.sabotage?.worker == .settlesBeforeTheFileIsThere {
                try await settle(attempt, .completed(record))
                try await write(job)
            } else {
                try await write(job)
                try await settle(attempt, .completed(record))
            }
        } catch let error as AttemptError {
            try await end(attempt, error)
        }
    }

    func handBack(_ attempt: HeldAttempt, reason: String) async throws {
        try await settle(attempt, .handedBack(reason: reason))
    }

    func end(_ attempt: HeldAttempt, _ error: AttemptError) async throws {
        switch error {
        case .stopped(.cancelled): try await settle(attempt, .cancelled)
        case .stopped(.shutdown): try await settle(attempt, .handedBack(reason: "grace time over"))
        case .stopped(.lost):
            let failure = AttemptFailure(code: "lease_lost", message: "the lease was lost", isPermanent: false)
            try await settle(attempt, .failed(failure, retryAfter: .zero))
        case .diskFull:
            isDiskFull = true
            try await settle(attempt, .handedBack(reason: "disk full"))
        case .failed(let code, let isPermanent):
            let delay = RetryPolicy.standard.delay(
                afterAttempts: attempt.job.attemptNumber, random: world.random.unit())
            let failure = AttemptFailure(code: code, message: code, isPermanent: isPermanent)
            try await settle(attempt, .failed(failure, retryAfter: delay))
        }
    }

    private func settle(_ attempt: HeldAttempt, _ outcome: Settlement.Outcome) async throws {
        let (from, to) = timeline.charge(claimedAt: attempt.claimedAt)
        let settlement = Settlement(
            job: attempt.job.id, attempt: attempt.job.attempt, worker: id, outcome: outcome, busyFrom: from, busyTo: to,
            stages: StageTimes(), embeddingSources: [])
        do {
            _ = try await settlements.settle(settlement, of: attempt)
            inHand.removeAll { $0 === attempt }
        } catch is StoreError {
            inHand.removeAll { $0 === attempt }
        } catch is SimulatedSettlementWriter.GaveUp {
            world.counts["gave up settling"] += 1
            inHand.removeAll { $0 === attempt }
            world.executing.remove(attempt.job.attempt)
        }
    }

    // MARK: The file

    /// After `ImageFileStore.place`.
    private func write(_ job: ClaimedJob) async throws {
        let (folder, content) = (world.folder, OutputFolder.content(of: job.id))
        if world.sabotage?.worker == .writesUnderTheFinalName {
            _ = folder.place(content, at: job.relativePath, isWhole: false)
            try await world.step(process, "wrote half a file", job.relativePath)
            folder.complete(job.relativePath)
            folder.sync()
            return
        }
        let temporary = folder.makeTemporary()
        try await world.step(process, "wrote a temporary file", "for job \(job.id)")
        if world.has(.disk), world.random.once(in: 6) {
            let isFull = world.random.once(in: 2)
            world.counts[isFull ? "disk full" : "disk fault"] += 1
            folder.remove(temporary)
            throw isFull ? AttemptError.diskFull : .failed(code: "io_error", isPermanent: false)
        }
        try await world.step(process, "synced it")
        let placing = folder.place(content, at: job.relativePath)
        try await world.step(process, "named it", job.relativePath)
        folder.remove(temporary)
        switch placing {
        case .placed: break
        case .adopted: world.counts["file adopted"] += 1
        case .refused: throw AttemptError.failed(code: "different_file_exists", isPermanent: true)
        }
        if world.sabotage?.worker == .skipsTheFolderSync { return }
        try await world.step(process, "unlinked the temporary file")
        folder.sync()
        try await world.step(process, "synced the folder")
    }

    /// After `StorageHealth`.
    func waitUntilWritable() async throws {
        while isDiskFull, !isStopping {
            try await world.simulator.wait(process, until: world.simulator.now + .seconds(2), on: stopped)
            if !isStopping, world.random.once(in: 2) { isDiskFull = false }
        }
    }
}
