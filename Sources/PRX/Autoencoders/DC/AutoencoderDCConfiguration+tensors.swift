extension AutoencoderDCConfiguration {
    /// Shapes of all tensors by name.
    var expectedTensors: [String: [Int]] {
        var shapes: [String: [Int]] = [:]
        func convolution(_ name: String, _ inputs: Int, _ outputs: Int) {
            shapes[name + ".weight"] = [outputs, inputs, 3, 3]
            shapes[name + ".bias"] = [outputs]
        }
        func vector(_ name: String, _ channels: Int) {
            shapes[name + ".weight"] = [channels]
            shapes[name + ".bias"] = [channels]
        }
        func residual(_ name: String, _ channels: Int) {
            convolution(name + ".conv1", channels, channels)
            shapes[name + ".conv2.weight"] = [channels, channels, 3, 3]
            vector(name + ".norm", channels)
        }
        func efficientViT(_ name: String, _ stage: Stage) {
            let channels = stage.channels
            for part in ["to_q", "to_k", "to_v"] { shapes["\(name).attn.\(part).weight"] = [channels, channels] }
            for (index, size) in stage.multiscales.enumerated() {
                let scale = "\(name).attn.to_qkv_multiscale.\(index)"
                shapes[scale + ".proj_in.weight"] = [3 * channels, 1, size, size]
                shapes[scale + ".proj_out.weight"] = [3 * channels, headWidth, 1, 1]
            }
            shapes[name + ".attn.to_out.weight"] = [channels, channels * (1 + stage.multiscales.count)]
            vector(name + ".attn.norm_out", channels)
            shapes[name + ".conv_out.conv_inverted.weight"] = [8 * channels, channels, 1, 1]
            shapes[name + ".conv_out.conv_inverted.bias"] = [8 * channels]
            shapes[name + ".conv_out.conv_depth.weight"] = [8 * channels, 1, 3, 3]
            shapes[name + ".conv_out.conv_depth.bias"] = [8 * channels]
            shapes[name + ".conv_out.conv_point.weight"] = [channels, 4 * channels, 1, 1]
            vector(name + ".conv_out.norm", channels)
        }
        func block(_ name: String, _ stage: Stage) {
            switch stage.blockType {
            case .residual: residual(name, stage.channels)
            case .efficientViT: efficientViT(name, stage)
            }
        }
        let (top, bottom) = (0, encoderStages.count - 1)
        convolution("encoder.conv_in", inChannels, encoderStages[top].channels)
        convolution("encoder.conv_out", encoderStages[bottom].channels, latentChannels)
        convolution("decoder.conv_in", latentChannels, decoderStages[bottom].channels)
        convolution("decoder.conv_out", decoderStages[top].channels, inChannels)
        vector("decoder.norm_out", decoderStages[top].channels)
        for index in top...bottom {
            let down = encoderStages[index]
            for layer in 0..<down.layers { block("encoder.down_blocks.\(index).\(layer)", down) }
            let up = decoderStages[index]
            let first = index < bottom ? 1 : 0
            for layer in 0..<up.layers { block("decoder.up_blocks.\(index).\(first + layer)", up) }
            if index < bottom {
                let lower = encoderStages[index + 1].channels
                convolution(
                    "encoder.down_blocks.\(index).\(down.layers).conv", down.channels,
                    downsamplesByUnshuffling ? lower / 4 : lower)
                convolution(
                    "decoder.up_blocks.\(index).0.conv", decoderStages[index + 1].channels,
                    upsamplesByShuffling ? 4 * up.channels : up.channels)
            }
        }
        return shapes
    }
}
