/// What the configs of transformers' text models have in common.
enum TextEncoderConfig {
    /// Keys of transformers' `PretrainedConfig` and of training and text generation, which change no embedding: the ends of
    /// dropout, the output layer's, the names of labels, how a model is kept in memory.
    private static let inert = [
        "add_cross_attention", "architectures", "attention_dropout", "bad_words_ids", "begin_suppress_tokens",
        "bos_token_id", "chunk_size_feed_forward", "classifier_dropout_rate", "cross_attention_hidden_size",
        "decoder_start_token_id", "diversity_penalty", "do_sample", "dropout_rate", "dtype", "early_stopping",
        "encoder_no_repeat_ngram_size", "eos_token_id", "exponential_decay_length_penalty", "final_logit_softcapping",
        "finetuning_task", "forced_bos_token_id", "forced_eos_token_id", "id2label", "initializer_range",
        "is_encoder_decoder", "label2id", "length_penalty", "max_length", "max_position_embeddings",
        "max_window_layers", "min_length", "model_type", "name_or_path", "no_repeat_ngram_size", "num_beam_groups",
        "num_beams", "num_labels", "num_return_sequences", "output_attentions", "output_hidden_states", "output_scores",
        "pad_token_id", "prefix", "problem_type", "pruned_heads", "remove_invalid_values", "repetition_penalty",
        "return_dict", "return_dict_in_generate", "sep_token_id", "suppress_tokens", "task_specific_params",
        "temperature", "tf_legacy_loss", "tie_encoder_decoder", "tie_word_embeddings", "tokenizer_class", "top_k",
        "top_p", "torch_dtype", "torchscript", "transformers_version", "typical_p", "use_bfloat16", "use_cache",
    ]

    /// The base of the rotary frequencies, from `rope_parameters` (transformers 5) or `rope_theta` (4).
    ///
    /// Of sections, which tell rows and columns of pictures from each other, text makes no use: its positions are equal in all.
    /// - Throws: ``PRXError`` for frequencies that are scaled.
    static func ropeTheta(_ config: ConfigReader, standard: Double) throws(PRXError) -> Double {
        var theta = try config.number("rope_theta", standard, in: ConfigReader.positive)
        for key in ["rope_scaling", "rope_parameters"] {
            guard let parameters = try config.object(key) else { continue }
            try parameters.demand("rope_type", .text("default"))
            try parameters.demand("type", .text("default"))
            parameters.inert(["mrope_section", "mrope_interleaved"])
            theta = try parameters.number("rope_theta", theta, in: ConfigReader.positive)
            try parameters.finish()
        }
        return theta
    }

    /// Ends reading a config.
    static func finish(_ config: ConfigReader) throws(PRXError) {
        try config.demand("attention_bias", .flag(false))
        config.inert(inert)
        try config.finish()
    }
}
