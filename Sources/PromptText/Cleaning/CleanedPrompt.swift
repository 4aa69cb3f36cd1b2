/// A prompt before and after cleaning, and what a person should know about the difference.
public struct CleanedPrompt: Hashable, Sendable {
    /// What the tokenizer gets.
    public let effective: String
    /// What was asked for.
    public let original: String
    /// Whether letters of a script other than Latin were in the prompt and are not in what is left of it: full cleaning
    /// deletes every Han character, and names after `@`. Letters of repaired text count, letter case does not.
    public let droppedLetters: Bool

    /// Whether nothing is left of a prompt that had more than white space.
    public var wasEmptied: Bool {
        effective.isEmpty && original.unicodeScalars.contains { !PythonText.isSpace($0) }
    }
}

extension TextCleaning {
    /// Cleans a prompt as ``clean(_:)`` does and says what was lost. Cost: ``clean(_:)``, and for a prompt with letters
    /// beyond Latin once more.
    public func cleanedPrompt(_ prompt: String) -> CleanedPrompt {
        let effective = clean(prompt)
        return CleanedPrompt(
            effective: effective, original: prompt,
            droppedLetters: self == .full && ScriptLetters.areMissing(of: prompt, in: effective))
    }
}

/// Letters of scripts other than Latin.
private enum ScriptLetters {
    /// Whether the text, its encoding repaired, has some such letter more often than what was made of it.
    static func areMissing(of text: String, in cleaned: String) -> Bool {
        guard text.utf8.contains(where: { $0 >= 0x80 }) || text.utf8.contains(UInt8(ascii: "&")) else { return false }
        var balance: [Unicode.Scalar: Int] = [:]
        for letter in letters(of: BasicCleaning.clean(Array(text.unicodeScalars))) { balance[letter, default: 0] += 1 }
        guard !balance.isEmpty else { return false }
        for letter in letters(of: Array(cleaned.unicodeScalars)) { balance[letter, default: 0] -= 1 }
        return balance.values.contains { $0 > 0 }
    }

    private static func letters(of text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        // The two small sigmas are one letter: which of them it is depends on what follows.
        PythonText.lower(text).filter(isBeyondLatin).map { $0 == "\u{3C2}" ? "\u{3C3}" : $0 }
    }

    private static func isBeyondLatin(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        // Latin and phonetic letters, their modifiers, mathematical and full-width forms.
        case 0...0x36F, 0x1D00...0x1DBF, 0x1E00...0x1EFF, 0x2070...0x214F, 0x2C60...0x2C7F, 0xA720...0xA7FF,
            0xAB30...0xAB6F, 0xFB00...0xFB06, 0xFF21...0xFF5A, 0x1_0780...0x1_07BF, 0x1_D400...0x1_D7FF,
            0x1_DF00...0x1_DFFF:
            return false
        default:
            switch scalar.properties.generalCategory {
            case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return true
            default: return false
            }
        }
    }
}
