import PackshotJobs

extension ReferenceModel {
    /// Compares every job and attempt with the ledger's, and the ledger's images with the files.
    func compare(with ledger: MemoryLedger, _ folder: OutputFolder) throws {
        let rows = ledger.jobs
        try expect(rows.count == jobs.count, "the ledger has \(rows.count) jobs, not \(jobs.count)")
        for row in rows {
            guard let job = jobs[row.id] else { throw Disagreement("job \(row.id) came from nowhere") }
            let machine = row.machine
            try expect(
                machine.state == job.state, "job \(row.id) is \(machine.state.rawValue), not \(job.state.rawValue)")
            try expect(machine.attempts == job.attempts, "job \(row.id) has \(machine.attempts) attempts")
            try expect(row.currentAttempt == job.fence, "the fence of job \(row.id)")
            try expect((row.image != nil) == (job.image != nil), "the image of job \(row.id)")
            try expect(job.state != .running || row.leaseEnd == job.leaseEnd, "the lease of job \(row.id)")
            try expect(row.dueAt == job.due, "when job \(row.id) is due")
            try expect(job.state != .discarded || row.lastFailure?.code == job.reason, "why job \(row.id) is discarded")
            if let image = row.image { try folder.holds(image, of: row.id) }
        }
        let tries = ledger.attempts
        try expect(tries.count == attempts.count, "the ledger has \(tries.count) attempts, not \(attempts.count)")
        var completed: Set<JobID> = []
        for row in tries {
            guard let attempt = attempts[row.id] else { throw Disagreement("attempt \(row.id) came from nowhere") }
            try expect(
                row.job == attempt.job && row.worker == attempt.worker && row.number == attempt.number,
                "attempt \(row.id) is somebody else's")
            try expect(
                row.state == attempt.state, "attempt \(row.id) is \(row.state.rawValue), not \(attempt.state.rawValue)")
            if row.state == .completed {
                try expect(completed.insert(row.job).inserted, "job \(row.job) was completed twice")
                try expect(jobs[row.job]?.image == row.id, "the image of job \(row.job) has another maker")
            }
        }
        try expect(ledger.staleSettlements == staleSettlements, "the ledger counts refusals wrongly")
    }

    /// Every microsecond of every worker is an image, waste or idle time, once, and their prices add up to its life's.
    static func account(_ ledger: MemoryLedger) throws -> (images: Int64, waste: Int64, idle: Int64) {
        let byWorker = Dictionary(grouping: ledger.attempts, by: \.worker)
        var sum = (images: Int64(0), waste: Int64(0), idle: Int64(0))
        for (id, worker) in ledger.workers.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            /// The price of the time line up to a moment, rounded down.
            func price(_ time: Int64) -> Int64 {
                Int64(Int128(time) * Int128(worker.registration.rateCard.perHour.rawValue) / 3_600_000_000)
            }
            var stretches: [(from: Int64, to: Int64, isImage: Bool)] = []
            for attempt in byWorker[id] ?? [] where attempt.state != .running {
                guard let stretch = worker.charges[attempt.id] else {
                    throw Disagreement("attempt \(attempt.id) ended and is not charged")
                }
                try expect(0 <= stretch.from && stretch.from <= stretch.to, "attempt \(attempt.id) runs backwards")
                let cost = worker.cost(of: attempt.id).rawValue
                try expect(cost == price(stretch.to) - price(stretch.from), "attempt \(attempt.id) costs \(cost)")
                stretches.append((stretch.from, stretch.to, attempt.state == .completed))
            }
            var (end, images, waste, idle) = (Int64(0), Int64(0), Int64(0), Int64(0))
            for stretch in stretches.sorted(by: { ($0.from, $0.to) < ($1.from, $1.to) }) where stretch.from < stretch.to
            {
                try expect(stretch.from >= end, "\(id) is charged twice for the same time, before \(end) us")
                idle += price(stretch.from) - price(end)
                if stretch.isImage {
                    images += price(stretch.to) - price(stretch.from)
                } else {
                    waste += price(stretch.to) - price(stretch.from)
                }
                end = stretch.to
            }
            let life = worker.charges.uptime
            try expect(end <= life, "\(id) is charged for longer than it lived")
            idle += price(life) - price(end)
            try expect(images + waste + idle == price(life), "the money of \(id) does not add up")
            sum = (sum.images + images, sum.waste + waste, sum.idle + idle)
        }
        return sum
    }
}
