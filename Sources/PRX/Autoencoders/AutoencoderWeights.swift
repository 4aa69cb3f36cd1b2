internal import Tensors

/// The tensors of a `vae/` folder as layers ask for them.
struct AutoencoderWeights {
    let folder: WeightFolder

    /// - Throws: ``TensorError`` naming the tensor.
    func tensor(_ name: String) throws(TensorError) -> StoredTensor {
        guard let tensor = folder.tensors[name] else {
            throw TensorError(.mismatch, "\(folder.path): \(name) is missing")
        }
        return tensor
    }

    /// A convolution or a linear map without groups, with its bias if the file has one.
    func convolution(_ name: String) throws(TensorError) -> ConvolutionWeights {
        ConvolutionWeights(weight: try tensor(name + ".weight"), bias: folder.tensors[name + ".bias"])
    }

    /// A group normalisation.
    func groupNorm(_ name: String, groups: Int) throws(TensorError) -> GroupNorm {
        GroupNorm(weight: try tensor(name + ".weight"), bias: try tensor(name + ".bias"), groups: groups)
    }

    /// A normalisation over channels.
    func channelNorm(_ name: String) throws(TensorError) -> ChannelRMSNorm {
        ChannelRMSNorm(weight: try tensor(name + ".weight"), bias: try tensor(name + ".bias"))
    }
}
