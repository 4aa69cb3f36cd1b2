extension Duration {
    /// The duration in microseconds, rounded towards zero: what ledger and workers count in.
    package var wholeMicroseconds: Int64 {
        components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000
    }
}
