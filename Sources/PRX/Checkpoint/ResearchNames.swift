/// The tensor names of PRX checkpoints before their conversion to diffusers, as Photoroom's research code saves them: projections
/// and norms at the block's level instead of in its attention.
///
/// The renaming is that of `create_parameter_mapping` in diffusers' `scripts/convert_prx_to_diffusers.py`.
enum ResearchNames {
    private static let parts = [
        "img_qkv_proj.weight": "attention.img_qkv_proj.weight", "txt_kv_proj.weight": "attention.txt_kv_proj.weight",
        "qk_norm.query_norm.scale": "attention.norm_q.weight", "qk_norm.query_norm.weight": "attention.norm_q.weight",
        "qk_norm.key_norm.scale": "attention.norm_k.weight", "qk_norm.key_norm.weight": "attention.norm_k.weight",
        "k_norm.scale": "attention.norm_added_k.weight", "k_norm.weight": "attention.norm_added_k.weight",
        "attn_out.weight": "attention.to_out.0.weight",
    ]

    /// The name a tensor has after conversion; a converted name stays as it is.
    static func converted(_ name: String) -> String {
        let pieces = name.split(separator: ".", maxSplits: 2, omittingEmptySubsequences: false)
        guard pieces.count == 3, pieces[0] == "blocks", let part = parts[String(pieces[2])] else { return name }
        return "blocks.\(pieces[1]).\(part)"
    }
}
