/// `basic_clean` of diffusers' PRX pipelines.
///
/// Source: `TextPreprocessor.basic_clean`, diffusers `pipelines/prx/pipeline_prx.py` (Apache-2.0).
enum BasicCleaning {
    /// Broken encodings repaired, HTML read twice, no white space at the ends.
    static func clean(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        let repaired = TextRepair.fix(text)
        return PythonText.strip(HTMLUnescape.unescape(HTMLUnescape.unescape(repaired)))
    }
}
