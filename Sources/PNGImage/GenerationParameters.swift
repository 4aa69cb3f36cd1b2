/// What an image was generated with, in the one-text form that Stable Diffusion WebUI (AUTOMATIC1111) established and
/// most image viewers and model sites read: keyword `parameters`.
///
/// Ported from the behaviour of `create_infotext` and `parse_generation_parameters` in AUTOMATIC1111
/// `modules/processing.py` and `modules/infotext_utils.py`.
public struct GenerationParameters: Hashable, Sendable {
    /// The keyword of the text chunk.
    public static let keyword = "parameters"

    /// The prompt, as the model was given it; may have several lines.
    public var prompt: String
    /// The negative prompt; empty for none.
    public var negativePrompt: String
    /// The last line, in order, such as `Steps: 12`.
    public var settings: [Setting]

    /// One `name: value` of the last line.
    public struct Setting: Hashable, Sendable {
        /// Letters, digits, spaces, `-`, `_` and `/`, at least two, as readers expect.
        public var name: String
        /// Any text.
        public var value: String

        /// A setting.
        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// Parameters with settings of the caller's choice.
    public init(prompt: String, negativePrompt: String, settings: [Setting]) {
        self.prompt = prompt
        self.negativePrompt = negativePrompt
        self.settings = settings
    }

    /// Parameters with the settings every reader knows, in the usual order.
    /// - Parameters:
    ///   - steps: Denoising steps.
    ///   - sampler: Name of the sampler, such as `Euler`.
    ///   - guidance: Classifier-free guidance scale.
    ///   - seed: Seed of PyTorch's CPU generator.
    ///   - width: Pixels.
    ///   - height: Pixels.
    ///   - modelHash: Hash of the weights; readers show the first ten digits or so.
    ///   - model: Name of the checkpoint.
    ///   - version: Program and version, such as `packshot 0.1.0`.
    public init(
        prompt: String, negativePrompt: String, steps: Int, sampler: String, guidance: Double, seed: UInt64, width: Int,
        height: Int, modelHash: String, model: String, version: String
    ) {
        self.init(
            prompt: prompt, negativePrompt: negativePrompt,
            settings: [
                Setting("Steps", String(steps)), Setting("Sampler", sampler),
                Setting("CFG scale", GenerationParameters.number(guidance)), Setting("Seed", String(seed)),
                Setting("Size", "\(width)x\(height)"), Setting("Model hash", modelHash), Setting("Model", model),
                Setting("Version", version),
            ])
    }

    /// The text: the prompt, a line `Negative prompt: …` if there is one, and a last line `name: value, name: value`.
    ///
    /// Prompts are written as they are; readers tell them from the settings by the last line. Values with a comma, colon
    /// or line break are quoted as JSON strings.
    public var infotext: String {
        var lines = [prompt]
        if !negativePrompt.isEmpty { lines.append("Negative prompt: \(negativePrompt)") }
        if !settings.isEmpty {
            lines.append(settings.map { "\($0.name): \(GenerationParameters.quote($0.value))" }.joined(separator: ", "))
        }
        return lines.joined(separator: "\n")
    }

    /// A number without a needless `.0`, as the field writes it.
    private static func number(_ value: Double) -> String {
        let text = String(value)
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }

    private static func quote(_ value: String) -> String {
        guard value.unicodeScalars.contains(where: { ",:\n\r\"".unicodeScalars.contains($0) }) else { return value }
        var quoted = "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\r": quoted += "\\r"
            case "\t": quoted += "\\t"
            case let control where control.value < 0x20:
                let digits = String(control.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
