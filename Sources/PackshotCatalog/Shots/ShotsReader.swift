internal import PackshotJobs
internal import Yams

/// Turns YAML nodes into shots and collects what is wrong with them.
struct ShotsReader {
    private(set) var problems: [CatalogError.Problem] = []

    private static let shotKeys = [
        "name", "prompt", "prompt_by", "negative_prompt", "width", "height", "size", "steps", "guidance", "seed",
        "variants", "priority", "text_cleaning", "step_cache", "guidance_share", "solver_order",
        "activation_bits",
    ]
    /// A default prompt or name would make shots that do not say what they are.
    private static let defaultKeys = shotKeys.filter { !["name", "prompt", "prompt_by"].contains($0) }

    mutating func read(_ root: Node) -> [Shot] {
        guard let file = entries(root, "the file", keys: ["defaults", "shots"]) else { return [] }
        var defaults: [String: Node] = [:]
        if let node = file["defaults"] {
            defaults = entries(node, "defaults", keys: ShotsReader.defaultKeys) ?? [:]
        }
        guard let list = file["shots"]?.sequence, !list.isEmpty else {
            problem(file["shots"] ?? root, "a list of shots under the key \"shots\" is needed")
            return []
        }
        guard list.count <= ShotsFile.maxShots else {
            problem(root, "there are \(list.count) shots, \(ShotsFile.maxShots) are allowed")
            return []
        }
        let shots = list.enumerated().compactMap { shot($1, number: $0 + 1, defaults: defaults) }
        var seen: [String: String] = [:]
        for shot in shots {
            // File systems that ignore letter case would take two such shots for one file.
            if let other = seen.updateValue(shot.name, forKey: shot.name.lowercased()) {
                problems.append(
                    CatalogError.Problem(
                        message: "two shots are named \"\(other)\" and \"\(shot.name)\": names must differ"))
            }
        }
        return shots
    }

    /// nil for the model's own way and for what is neither.
    private mutating func cleaning(_ node: Node, _ place: String) -> PromptCleaning? {
        guard let value = node.scalar.flatMap({ PromptCleaning(rawValue: $0.string) }) else {
            problem(node, "\(place): expected full or light")
            return nil
        }
        return value == .full ? nil : value
    }

    private mutating func shot(_ node: Node, number: Int, defaults: [String: Node]) -> Shot? {
        let named = node.mapping?["name"]?.scalar?.string
        let place = named.map { "shot \($0.excerpt)" } ?? "shot \(number)"
        guard let own = entries(node, place, keys: ShotsReader.shotKeys) else { return nil }
        // A shot's own size in one form replaces the defaults' in the other.
        let ownSize = own.keys.contains { ["size", "width", "height"].contains($0) }
        let inherited = defaults.filter { !ownSize || !["size", "width", "height"].contains($0.key) }
        let values = inherited.merging(own) { $1 }

        let countBefore = problems.count
        guard let named, ShotsReader.isName(named) else {
            problem(node, "\(place), key name: 1 to 40 letters, digits, - and _ are needed")
            return nil
        }
        guard let prompt = values["prompt"].flatMap({ template($0, "\(place), key prompt") }) else {
            if values["prompt"] == nil { problem(node, "\(place), key prompt: is missing") }
            return nil
        }
        if prompt.source.allSatisfy(\.isWhitespace) { problem(node, "\(place), key prompt: is empty") }
        var shot = Shot(name: named, prompt: prompt)
        shot.promptChoice = values["prompt_by"].flatMap { choice($0, place) }
        shot.negativePrompt = values["negative_prompt"].flatMap { template($0, "\(place), key negative_prompt") }
        readSize(values, &shot, node, place)
        shot.steps = values["steps"].flatMap { integer($0, 1...1_000, "\(place), key steps") }
        shot.guidance = values["guidance"].flatMap { decimal($0, 1...100, "\(place), key guidance") }
        shot.variants = values["variants"].flatMap { integer($0, 1...10_000, "\(place), key variants") } ?? 1
        shot.priority = values["priority"].flatMap { integer($0, 0...9, "\(place), key priority") } ?? 4
        shot.textCleaning = values["text_cleaning"].flatMap { cleaning($0, "\(place), key text_cleaning") }
        shot.shortcuts = Shortcuts(
            stepCache: values["step_cache"].flatMap { decimal($0, Shortcuts.stepCaches, "\(place), key step_cache") },
            guidanceShare: values["guidance_share"].flatMap {
                decimal($0, Shortcuts.guidanceShares, "\(place), key guidance_share")
            },
            solverOrder: values["solver_order"].flatMap {
                integer($0, Shortcuts.solverOrders, "\(place), key solver_order")
            },
            activationBits: values["activation_bits"].flatMap { activationBits($0, "\(place), key activation_bits") })
        if let seed = values["seed"] { readSeed(seed, &shot, place) }
        return problems.count == countBefore ? shot : nil
    }

    private mutating func readSize(_ values: [String: Node], _ shot: inout Shot, _ node: Node, _ place: String) {
        if let size = values["size"] {
            let sides = size.scalar?.string.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
            guard let sides, sides.count == 2, let width = sides[0], let height = sides[1] else {
                return problem(size, "\(place), key size: must be like 1024x768 (width x height)")
            }
            if values["width"] != nil || values["height"] != nil {
                return problem(size, "\(place), key size: give either size, or width and height")
            }
            (shot.width, shot.height) = (width, height)
        } else if let width = values["width"], let height = values["height"] {
            shot.width = integer(width, 16...16_384, "\(place), key width")
            shot.height = integer(height, 16...16_384, "\(place), key height")
        } else if values["width"] != nil || values["height"] != nil {
            return problem(node, "\(place): width and height go together")
        }
        guard let width = shot.width, let height = shot.height else { return }
        let sides = 16...16_384
        if !sides.contains(width) || !sides.contains(height) || width * height > 64 << 20 {
            problem(
                node, "\(place): a size of \(width)x\(height) pixels is out of range (sides 16 to 16384, 64 Mi pixels)")
        }
    }

    private mutating func readSeed(_ node: Node, _ shot: inout Shot, _ place: String) {
        var node = node
        if node.scalar?.string == "derived" { return }
        if let fixed = entries(node, nil, keys: ["fixed"])?["fixed"] { node = fixed }
        guard let number = node.scalar.flatMap({ UInt32($0.string) }),
            Int(number) + shot.variants - 1 <= Int(UInt32.max)
        else {
            return problem(
                node,
                "\(place), key seed: must be \"derived\" or a whole number up to 4294967295 (the last variant's too)")
        }
        shot.seed = .fixed(number)
    }

    private mutating func choice(_ node: Node, _ place: String) -> Shot.PromptChoice? {
        let place = "\(place), key prompt_by"
        guard let columns = node.mapping, columns.count == 1, let column = columns.first,
            let name = column.key.scalar?.string, let values = column.value.mapping, !values.isEmpty
        else {
            problem(node, "\(place): must be one column, and under it a prompt for each value")
            return nil
        }
        guard values.count <= ShotsFile.maxChoices else {
            problem(node, "\(place): has \(values.count) values, \(ShotsFile.maxChoices) are allowed")
            return nil
        }
        var prompts: [String: PromptTemplate] = [:]
        for (key, value) in values {
            guard let text = key.scalar?.string else {
                problem(key, "\(place): a value must be a text")
                continue
            }
            guard let prompt = template(value, "\(place), value \(text.excerpt)") else { continue }
            if prompts.updateValue(prompt, forKey: text.lowercased()) != nil {
                problem(key, "\(place): the value \(text.excerpt) is there twice")
            }
        }
        return Shot.PromptChoice(column: name, prompts: prompts)
    }

    // MARK: Values

    /// The entries of a mapping with known keys. With no `place`, a node that is no mapping is no problem.
    private mutating func entries(_ node: Node, _ place: String?, keys: [String]) -> [String: Node]? {
        guard let mapping = node.mapping else {
            if let place { problem(node, "\(place): keys and values are needed (\(keys.joined(separator: ", ")))") }
            return nil
        }
        var entries: [String: Node] = [:]
        for (key, value) in mapping {
            let name = key.scalar?.string ?? "?"
            if keys.contains(name) {
                entries[name] = value
            } else {
                let hint = Spelling.hint(for: name, among: keys)
                problem(
                    key,
                    "\(place.map { "\($0): " } ?? "")unknown key \(name.excerpt)\(hint); "
                        + "known are \(keys.joined(separator: ", "))")
            }
        }
        return entries
    }

    private mutating func template(_ node: Node, _ place: String) -> PromptTemplate? {
        guard let text = node.scalar?.string else {
            problem(node, "\(place): must be a text; put it between quotes, such as '{{title}} on a table'")
            return nil
        }
        do throws(PromptTemplate.Failure) {
            return try PromptTemplate(text, line: node.mark?.line)
        } catch {
            problem(node, "\(place): \(error.message)")
            return nil
        }
    }

    private mutating func integer(_ node: Node, _ range: ClosedRange<Int>, _ place: String) -> Int? {
        guard let number = node.scalar.flatMap({ Int($0.string) }), range.contains(number) else {
            problem(node, "\(place): must be a whole number from \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return number
    }

    private mutating func activationBits(_ node: Node, _ place: String) -> Int? {
        guard let number = node.scalar.flatMap({ Int($0.string) }), Shortcuts.activationBits.contains(number) else {
            problem(node, "\(place): must be 24, 16 or 8")
            return nil
        }
        return number
    }

    private mutating func decimal(_ node: Node, _ range: ClosedRange<Double>, _ place: String) -> Double? {
        guard let number = node.scalar.flatMap({ Double($0.string) }), range.contains(number) else {
            problem(node, "\(place): must be a number from \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return number
    }

    private static func isName(_ name: String) -> Bool {
        (1...40).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == 45
                    || byte == 95
            }
    }

    private mutating func problem(_ node: Node, _ message: String) {
        guard problems.count < CatalogLimits.standard.problems else { return }
        problems.append(CatalogError.Problem(line: node.mark?.line, message: message))
    }
}
