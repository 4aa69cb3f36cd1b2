import PackshotCatalog
import Testing

@Suite("Paths that differ by case only")
struct CaseCollisionTests {
    @Test func twoSKUsThatWouldBeOneFileAreNamed() throws {
        var collisions = CaseCollisions(file: "shop.csv")
        try collisions.add("b/MUG-1/MUG-1.main.0.png")
        try collisions.add("b/MUG-1/MUG-1.main.1.png")
        try collisions.add("b/MUG-1/MUG-1.main.0.png")
        let error = #expect(throws: CatalogError.self) { try collisions.add("b/mug-1/mug-1.main.0.png") }
        #expect(error?.description.contains("MUG-1.main.0.png and b/mug-1/mug-1.main.0.png") == true)
        #expect(error?.description.hasPrefix("shop.csv") == true)
    }
}
