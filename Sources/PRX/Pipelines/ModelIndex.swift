/// `model_index.json`: which pipeline a checkpoint is for, and its defaults.
struct ModelIndex: Decodable {
    let className: String
    let defaultSampleSize: Int?
    let noiseScale: Double?
    let textEncoderClass: String?
    let vaeClass: String?

    private enum CodingKeys: String, CodingKey {
        case _class_name, default_sample_size, noise_scale, text_encoder, vae
    }

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        className = try values.decode(String.self, forKey: ._class_name)
        defaultSampleSize = try values.decodeIfPresent(Int.self, forKey: .default_sample_size)
        noiseScale = try values.decodeIfPresent(Double.self, forKey: .noise_scale)
        // Components are pairs of library and class; a part that is absent is [null, null].
        textEncoderClass = try values.decodeIfPresent([String?].self, forKey: .text_encoder)?.last ?? nil
        vaeClass = try values.decodeIfPresent([String?].self, forKey: .vae)?.last ?? nil
    }
}

/// `scheduler/scheduler_config.json`, as far as it changes anything.
struct SchedulerConfiguration: Decodable {
    let num_train_timesteps: Int?
    let shift: Double?
    let use_dynamic_shifting: Bool?
}
