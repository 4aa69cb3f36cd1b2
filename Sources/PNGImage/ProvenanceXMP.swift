/// An XMP packet that says an image was made by a trained model, and by which.
///
/// Properties of the IPTC Photo Metadata Standard 2025.1 (namespace `Iptc4xmpExt`). Google Merchant Center asks for
/// `DigitalSourceType` on generated product images.
public struct ProvenanceXMP: Hashable, Sendable {
    /// The keyword of the iTXt chunk that holds XMP (XMP specification part 3, 1.1.5).
    public static let keyword = "XML:com.adobe.xmp"

    /// IPTC's vocabulary of digital sources, as far as this program makes them.
    public struct DigitalSourceType: Hashable, Sendable {
        /// The full URI.
        public let uri: String

        /// Made by a model from a prompt alone.
        public static let trainedAlgorithmicMedia = DigitalSourceType(term: "trainedAlgorithmicMedia")
        /// A real picture with generated parts, such as a cut-out before a generated scene.
        public static let compositeWithTrainedAlgorithmicMedia = DigitalSourceType(
            term: "compositeWithTrainedAlgorithmicMedia")

        private init(term: String) {
            uri = "http://cv.iptc.org/newscodes/digitalsourcetype/\(term)"
        }
    }

    /// How the image came to be.
    public var sourceType: DigitalSourceType
    /// `AISystemUsed`: the engine and the model, such as `packshot, prx-512-t2i`.
    public var system: String
    /// `AISystemVersionUsed`: versions, such as the program's and the weights' fingerprint. nil leaves it out.
    public var systemVersion: String?
    /// `AIPromptInformation`: the prompt; nil leaves it out, for prompts that are business secrets.
    public var prompt: String?
    /// `dc:description`, in the default language. nil leaves it out.
    public var description: String?

    /// A packet's contents.
    public init(
        sourceType: DigitalSourceType = .trainedAlgorithmicMedia, system: String, systemVersion: String? = nil,
        prompt: String? = nil, description: String? = nil
    ) {
        self.sourceType = sourceType
        self.system = system
        self.systemVersion = systemVersion
        self.prompt = prompt
        self.description = description
    }

    /// The packet: XML in UTF-8, read-only wrapper, the same text for the same contents.
    ///
    /// Values are escaped; characters XML 1.0 cannot hold (most controls) become U+FFFD.
    public var packet: String {
        var properties = [element("Iptc4xmpExt:DigitalSourceType", sourceType.uri)]
        properties.append(element("Iptc4xmpExt:AISystemUsed", system))
        if let systemVersion { properties.append(element("Iptc4xmpExt:AISystemVersionUsed", systemVersion)) }
        if let prompt { properties.append(element("Iptc4xmpExt:AIPromptInformation", prompt)) }
        if let description {
            let text = ProvenanceXMP.escape(description)
            properties.append(
                "   <dc:description><rdf:Alt><rdf:li xml:lang=\"x-default\">\(text)</rdf:li></rdf:Alt></dc:description>"
            )
        }
        return """
            <?xpacket begin="\u{FEFF}" id="W5M0MpCehiHzreSzNTczkc9d"?>
            <x:xmpmeta xmlns:x="adobe:ns:meta/">
             <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
              <rdf:Description rdf:about=""
                xmlns:dc="http://purl.org/dc/elements/1.1/"
                xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">
            \(properties.joined(separator: "\n"))
              </rdf:Description>
             </rdf:RDF>
            </x:xmpmeta>
            <?xpacket end="r"?>
            """
    }

    /// The packet as the text chunk of a PNG.
    public var text: PNGText {
        PNGText(keyword: ProvenanceXMP.keyword, text: packet, isInternational: true)
    }

    private func element(_ name: String, _ value: String) -> String {
        "   <\(name)>\(ProvenanceXMP.escape(value))</\(name)>"
    }

    /// Text as XML 1.0 element content (sections 2.2 and 2.4).
    private static func escape(_ text: String) -> String {
        var escaped = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped.append(contentsOf: "&amp;".unicodeScalars)
            case "<": escaped.append(contentsOf: "&lt;".unicodeScalars)
            case ">": escaped.append(contentsOf: "&gt;".unicodeScalars)
            case "\r": escaped.append(contentsOf: "&#xD;".unicodeScalars)
            case "\t", "\n": escaped.append(scalar)
            case _ where scalar.value < 0x20 || scalar.value == 0xFFFE || scalar.value == 0xFFFF:
                escaped.append("\u{FFFD}")
            default: escaped.append(scalar)
            }
        }
        return String(escaped)
    }
}
