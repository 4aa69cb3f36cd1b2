internal import Testing

/// One promise of a protocol, with the test of it that every driver passes.
package struct ConformanceCase<Fixture: Sendable>: Sendable, CustomTestStringConvertible {
    package let name: String
    /// Tests the promise on a fixture that nobody else uses.
    package let check: @Sendable (Fixture) async throws -> Void

    package init(_ name: String, check: @escaping @Sendable (Fixture) async throws -> Void) {
        self.name = name
        self.check = check
    }

    package var testDescription: String { name }
}
