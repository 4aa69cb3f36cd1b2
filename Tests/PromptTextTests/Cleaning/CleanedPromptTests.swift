import PromptText
import Testing

@Suite("What cleaning says it lost")
struct CleanedPromptTests {
    @Test func keepsWhatWasAskedFor() {
        let prompt = TextCleaning.full.cleanedPrompt("A Red Mug, 120x60")
        #expect(prompt.original == "A Red Mug, 120x60")
        #expect(prompt.effective == "a red mug,")
        #expect(!prompt.droppedLetters)
        #expect(!prompt.wasEmptied)
    }

    @Test(arguments: [
        ("红色的椅子", true, true),
        ("a chair 椅子 in a room", true, false),
        ("カメラで撮影した赤いバラ", true, false),
        ("&#x7EA2;&#x8272; chair", true, false),
        ("photo by @фотограф", true, false),
        ("Ð¿Ñ€Ð¸Ð²ÐµÑ‚", true, false),
        ("Красная КРУЖКА", false, false),
        ("ΟΔΟΣ ΣΊΣΥΦΟΣ", false, false),
        ("빨간 사과", false, false),
        ("हिन्दी ภาษาไทย العربية", false, false),
        ("Café “Zoë” 120x60 ®", false, false),
        ("AB12345 #123456", false, true),
        (" \n\u{3000}", false, false),
        ("", false, false),
    ])
    func fullCleaning(text: String, droppedLetters: Bool, wasEmptied: Bool) {
        let prompt = TextCleaning.full.cleanedPrompt(text)
        #expect(prompt.droppedLetters == droppedLetters, "\(prompt.effective)")
        #expect(prompt.wasEmptied == wasEmptied, "\(prompt.effective)")
        #expect(prompt.effective == TextCleaning.full.clean(text))
    }

    @Test(arguments: ["红色的椅子 #100234 120x60", "Ð¿Ñ€Ð¸Ð²ÐµÑ‚", "AB12345 Ünï"])
    func lightCleaningLosesNothing(text: String) {
        let prompt = TextCleaning.light.cleanedPrompt(text)
        #expect(!prompt.droppedLetters)
        #expect(!prompt.wasEmptied)
    }
}
