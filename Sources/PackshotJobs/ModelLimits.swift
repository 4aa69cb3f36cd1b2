/// Bounds on how fast a model's jobs may be worked on by the whole fleet.
package struct ModelLimits: Hashable, Codable, Sendable {
    /// Jobs running at the same time; nil for any number.
    package var maxRunning: Int?
    /// Jobs begun in a minute, spread evenly; nil for any number.
    package var perMinute: Int?
    /// Nothing is claimed.
    package var isPaused: Bool

    package init(maxRunning: Int? = nil, perMinute: Int? = nil, isPaused: Bool = false) {
        self.maxRunning = maxRunning
        self.perMinute = perMinute
        self.isPaused = isPaused
    }
}
