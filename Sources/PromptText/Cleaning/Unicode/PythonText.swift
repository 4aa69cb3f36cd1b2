/// Characters as Python 3.11 sees them (Unicode 14.0): what `\w`, `\d`, `\s`, `strip` and `lower` mean in the reference.
///
/// Source: Python's documentation of `str` and `re`, and the Unicode Character Database. Characters that newer versions
/// added count as unassigned, so that a result does not change with the toolchain.
enum PythonText {
    /// `str.isspace`: Unicode white space and the separators U+001C...U+001F.
    static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x80
            ? scalar.value == 0x20 || (0x09...0x0D).contains(scalar.value) || (0x1C...0x1F).contains(scalar.value)
            : flags(scalar) & space != 0
    }

    /// `\w`: a letter or a number of any kind, or the underscore; no combining mark.
    static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x80 ? isASCIIAlphanumeric(scalar) || scalar == "_" : flags(scalar) & word != 0
    }

    /// `\d`: a decimal digit of any script.
    static func isDecimal(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x80 ? ("0"..."9").contains(scalar) : flags(scalar) & decimal != 0
    }

    /// `[a-zA-Z]`.
    static func isASCIILetter(_ scalar: Unicode.Scalar) -> Bool {
        ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
    }

    /// `[0-9a-zA-Z]`.
    static func isASCIIAlphanumeric(_ scalar: Unicode.Scalar) -> Bool {
        isASCIILetter(scalar) || ("0"..."9").contains(scalar)
    }

    /// Whether the character was assigned in Unicode 14.0.
    static func isAssigned(_ properties: Unicode.Scalar.Properties) -> Bool {
        properties.age.map { $0.major <= 14 } ?? false
    }

    /// `str.strip`.
    static func strip(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        guard let first = text.firstIndex(where: { !isSpace($0) }),
            let last = text.lastIndex(where: { !isSpace($0) })
        else { return [] }
        return first == 0 && last == text.count - 1 ? text : Array(text[first...last])
    }

    /// `str.lower`: full case mapping (`İ` becomes two characters), the sigma at the end of a word `ς`.
    static func lower(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        var result: [Unicode.Scalar] = []
        result.reserveCapacity(text.count)
        // What the nearest character before that is not case-ignorable is: decides what a sigma becomes.
        var followsCased = false
        for (index, scalar) in text.enumerated() {
            if scalar.value < 0x80 {
                if ("A"..."Z").contains(scalar) {
                    result.append(Unicode.Scalar(UInt8(scalar.value) + 0x20))
                    followsCased = true
                } else {
                    result.append(scalar)
                    switch scalar {
                    case "a"..."z": followsCased = true
                    case "'", ".", ":", "^", "`": break
                    default: followsCased = false
                    }
                }
                continue
            }
            if scalar == "\u{3A3}" {
                result.append(followsCased && !precedesCased(text, index) ? "\u{3C2}" : "\u{3C3}")
            } else if isAssigned(scalar.properties) {
                result.append(contentsOf: scalar.properties.lowercaseMapping.unicodeScalars)
            } else {
                result.append(scalar)
            }
            switch casing(scalar) {
            case .cased: followsCased = true
            case .ignorable: break
            case .other: followsCased = false
            }
        }
        return result
    }

    private enum Casing { case cased, ignorable, other }

    private static func casing(_ scalar: Unicode.Scalar) -> Casing {
        // These two changed after Unicode 14.0.
        switch scalar.value {
        case 0x295: return .cased
        case 0x1171E: return .ignorable
        default: break
        }
        let properties = scalar.properties
        guard isAssigned(properties) else { return .other }
        if properties.isCaseIgnorable { return .ignorable }
        return properties.isCased ? .cased : .other
    }

    private static func precedesCased(_ text: [Unicode.Scalar], _ index: Int) -> Bool {
        for scalar in text[(index + 1)...] {
            switch casing(scalar) {
            case .cased: return true
            case .ignorable: continue
            case .other: return false
            }
        }
        return false
    }

    // MARK: Flags

    private static let word: UInt8 = 1
    private static let decimal: UInt8 = 2
    private static let space: UInt8 = 4

    private static func flags(_ scalar: Unicode.Scalar) -> UInt8 {
        scalar.value < 0x1_0000 ? planeZero[Int(scalar.value)] : computeFlags(scalar)
    }

    /// Flags of the Basic Multilingual Plane, computed once: the database is a binary search away for each property.
    private static let planeZero: [UInt8] = (0..<0x1_0000).map { value in
        Unicode.Scalar(UInt32(value)).map(computeFlags) ?? 0
    }

    private static func computeFlags(_ scalar: Unicode.Scalar) -> UInt8 {
        let properties = scalar.properties
        var flags: UInt8 = properties.isWhitespace ? space : 0
        switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: flags |= word
        default: if let numeric = properties.numericType { flags |= numeric == .decimal ? word | decimal : word }
        }
        return flags != 0 && isAssigned(properties) ? flags : 0
    }
}
