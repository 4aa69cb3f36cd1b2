/// Tells trouble that lasts, of which a person should hear, from trouble that passes.
package struct LastingTrouble {
    private let time: Duration
    private var since: Duration?

    /// - Parameter time: Trouble that is there for this long lasts.
    package init(lasts time: Duration) {
        self.time = time
    }

    /// All is well.
    package mutating func isOver() {
        since = nil
    }

    /// There is trouble at this moment.
    /// - Returns: True when it lasts; then it takes as long again until it says so again.
    package mutating func isThere(at now: Duration) -> Bool {
        let began = since ?? now
        let lasts = now - began >= time
        since = lasts ? now : began
        return lasts
    }
}
