internal import PackshotJobs

/// Models whose folders could not be opened: each is left out for a while, and then tried again.
struct LeftOutModels {
    private struct Absence {
        let reason: String
        let pause: Duration
        let until: ContinuousClock.Instant
    }

    private static let shortest = Duration.seconds(5)
    private static let longest = Duration.seconds(300)

    private var absences: [ModelFingerprint: Absence] = [:]

    /// Leaves a model out for five seconds, for twice as long each time in a row, for five minutes at most.
    /// - Returns: For how long.
    mutating func leaveOut(_ model: ModelFingerprint, because reason: String, at now: ContinuousClock.Instant)
        -> Duration
    {
        let pause = min(Self.longest, absences[model].map { $0.pause * 2 } ?? Self.shortest)
        absences[model] = Absence(reason: reason, pause: pause, until: now + pause)
        return pause
    }

    /// A model was opened: its next absence is a short one again.
    mutating func takeBack(_ model: ModelFingerprint) {
        absences[model] = nil
    }

    /// Those that are not to be tried yet.
    func all(at now: ContinuousClock.Instant) -> Set<ModelFingerprint> {
        Set(absences.filter { $0.value.until > now }.keys)
    }

    /// Why a model was left out the last time.
    func reason(for model: ModelFingerprint) -> String? { absences[model]?.reason }
}
