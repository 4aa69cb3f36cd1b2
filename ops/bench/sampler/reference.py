"""The reference's side of the comparison: one case in a process of its own, a round for every line on standard input.

Prints `ready` when it has loaded and warmed up, then a JSON document a round, as `packshot bench --on-demand --json` does.
Runs under inference_mode. In float32 it computes what Packshot computes; in bfloat16, which rounds every activation, it is faster
on CPUs with instructions for that and slower on others.
"""
import argparse
import json
import os
import sys
import time

import torch


def peak_resident_bytes():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))


def products(config, rows):
    """The large matrix products of a step: rows, columns, inner dimension, how often."""
    hidden, wide, depth = config.hidden_size, int(config.hidden_size * config.mlp_ratio), config.depth
    return [(rows, 3 * hidden, hidden, depth), (rows, hidden, hidden, depth), (rows, wide, hidden, 2 * depth), (rows, hidden, wide, depth)]


def sgemm_gigaflops(sizes):
    """What PyTorch's own sgemm reaches on products of these sizes, the better of two runs each."""
    seconds = operations = 0
    for rows, columns, inner, times in sizes:
        a, b = torch.ones(rows, inner), torch.ones(columns, inner)
        runs = []
        for _ in range(3):
            start = time.perf_counter()
            torch.mm(a, b.t())
            runs.append(time.perf_counter() - start)
        seconds += times * min(runs[1:])
        operations += 2 * rows * columns * inner * times
    return operations / seconds / 1e9


def step(options):
    """A transformer step as PRXPipeline makes it: text padded to 256 tokens and masked, both texts in one batch."""
    from diffusers import PRXTransformer2DModel

    model = PRXTransformer2DModel.from_pretrained(options.model, subfolder="transformer", torch_dtype=options.dtype).eval()
    counts = [1, options.tokens] if options.guidance > 1 else [options.tokens]
    side = options.size // 8
    latents = torch.randn(1, model.config.in_channels, side, side, dtype=options.dtype).repeat(len(counts), 1, 1, 1)
    text = torch.randn(len(counts), 256, model.config.context_in_dim, dtype=options.dtype)
    mask = torch.zeros(len(counts), 256, dtype=torch.bool)
    for row, count in enumerate(counts):
        mask[row, :count] = True
    timestep = torch.full((len(counts),), 0.75)
    options.products = products(model.config, len(counts) * (side // model.config.patch_size) ** 2)
    return lambda: model(latents, timestep=timestep, encoder_hidden_states=text, attention_mask=mask, return_dict=False)


def decode(options):
    import diffusers

    with open(os.path.join(options.model, "vae", "config.json")) as file:
        kind = getattr(diffusers, json.load(file)["_class_name"])
    model = kind.from_pretrained(options.model, subfolder="vae", torch_dtype=options.dtype).eval()
    side = options.size // model.spatial_compression_ratio if hasattr(model, "spatial_compression_ratio") else options.size // 8
    latents = torch.randn(1, model.config.latent_channels, side, side, dtype=options.dtype)
    return lambda: model.decode(latents, return_dict=False)


def text_encoder(options):
    from transformers.models.t5gemma.modeling_t5gemma import T5GemmaEncoder
    from transformers import T5GemmaConfig

    with open(os.path.join(options.model, "text_encoder", "config.json")) as file:
        stored = json.load(file)
    config = T5GemmaConfig().encoder
    for key, value in stored.items():
        if key != "model_type":
            setattr(config, key, value)
    config._attn_implementation = "eager"
    model = T5GemmaEncoder.from_pretrained(os.path.join(options.model, "text_encoder"), config=config, dtype=options.dtype)
    return model.eval()


def encode(options):
    """Prompts padded to 256 tokens on the left, in one batch, as PRXPipeline encodes them."""
    model = text_encoder(options)
    ids = torch.zeros(options.prompts, 256, dtype=torch.long)
    mask = torch.zeros(options.prompts, 256, dtype=torch.long)
    ids[:, -options.tokens:] = torch.randint(3, 255_000, (options.prompts, options.tokens))
    mask[:, -options.tokens:] = 1
    return lambda: model(input_ids=ids, attention_mask=mask)


def image(options):
    """A call of PRXPipeline, with the prompt or with its embedding; loading is not counted."""
    from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, PRXPipeline, PRXTransformer2DModel
    from transformers import AutoTokenizer

    parts = {
        "transformer": PRXTransformer2DModel.from_pretrained(options.model, subfolder="transformer", torch_dtype=options.dtype),
        "vae": AutoencoderKL.from_pretrained(options.model, subfolder="vae", torch_dtype=options.dtype),
        "scheduler": FlowMatchEulerDiscreteScheduler.from_pretrained(options.model, subfolder="scheduler"),
        "tokenizer": AutoTokenizer.from_pretrained(os.path.join(options.model, "tokenizer")),
        "text_encoder": text_encoder(options),
    }
    pipeline = PRXPipeline(**parts)
    pipeline.set_progress_bar_config(disable=True)
    made = {"num_inference_steps": options.steps, "guidance_scale": options.guidance, "height": options.size,
            "width": options.size, "use_resolution_binning": False}
    if not options.cached:
        return lambda: pipeline(options.prompt, generator=torch.Generator().manual_seed(1), **made)
    with torch.inference_mode():
        embedded = pipeline.encode_prompt(options.prompt, do_classifier_free_guidance=options.guidance > 1)
    given = dict(zip(("prompt_embeds", "prompt_attention_mask", "negative_prompt_embeds", "negative_prompt_attention_mask"),
                     (embedded[0], embedded[1], embedded[2], embedded[3])))
    return lambda: pipeline(generator=torch.Generator().manual_seed(1), **given, **made)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("part", choices=["step", "encode", "decode", "image"])
    parser.add_argument("--model", required=True)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--tokens", type=int, default=30)
    parser.add_argument("--prompts", type=int, default=1)
    parser.add_argument("--guidance", type=float, default=5)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--prompt", default="a mug")
    parser.add_argument("--cached", action="store_true")
    parser.add_argument("--warmup", type=int, default=1)
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    options.dtype = getattr(torch, options.dtype)
    options.products = []
    torch.manual_seed(1)
    torch.set_num_threads(options.threads)
    run = globals()[options.part](options)
    with torch.inference_mode():
        for _ in range(options.warmup):
            run()
        print("ready", flush=True)
        for _ in sys.stdin:
            start = time.perf_counter()
            run()
            seconds = time.perf_counter() - start
            round = {"seconds": seconds, "peakResidentBytes": peak_resident_bytes()}
            if options.products:
                round["sgemmGigaflops"] = sgemm_gigaflops(options.products)
            print(json.dumps(round), flush=True)


if __name__ == "__main__":
    main()
