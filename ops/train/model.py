"""The pipeline as a trainer sees it: load, encode captions, sample in batches, save as bf16."""

import contextlib
import copy
import json
import os
import shutil
import warnings

import numpy as np
import torch

warnings.filterwarnings("ignore")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
from diffusers import PRXPixelPipeline, PRXTransformer2DModel  # noqa: E402
from diffusers.utils import logging  # noqa: E402

logging.set_verbosity_error()
logging.disable_progress_bar()

CAPTION_TOKENS = 28  # the longest caption of captions.py has fewer; padding to a fixed length keeps shapes static
SMALLEST_T = 0.05  # PRXPixelPipeline divides by max(t, 0.05) to turn the predicted image into a velocity


def load(folder):
    """The diffusers pipeline in `folder`, in float32, with a frozen text encoder."""
    pipe = PRXPixelPipeline.from_pretrained(folder, torch_dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    pipe.text_encoder.requires_grad_(False).eval()
    return pipe


def fresh_transformer(config, **changes):
    """A new transformer of the same kind, its output layer zero, for training from scratch."""
    net = PRXTransformer2DModel(**{**{k: v for k, v in config.items() if not k.startswith("_")}, **changes})
    for layer in (net.final_layer.linear, net.final_layer.adaLN_modulation[1]):
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)
    return net


@torch.no_grad()
def encode(pipe, captions, keep=None):
    """Text states [N, CAPTION_TOKENS, width] and mask. Where `keep` is False, the empty prompt: zeros, nothing attended."""
    tokens = pipe.tokenizer(
        list(captions), padding="max_length", max_length=CAPTION_TOKENS, truncation=True, return_tensors="pt"
    )
    mask = tokens["attention_mask"].bool()
    states = pipe.text_encoder(input_ids=tokens["input_ids"], attention_mask=mask, use_cache=False).last_hidden_state
    if keep is not None:
        mask = mask & keep[:, None]
    # Padding is masked in every attention; zeroing it makes a masked position equal to an absent one.
    return states * mask[..., None], mask


@torch.no_grad()
def generate(pipe, prompts, size, steps, guidance, seeds, transformer=None):
    """PRXPixelPipeline's arithmetic with a true batch and a seed for each image: uint8 [N, height, width, 3]."""
    net = transformer if transformer is not None else pipe.transformer
    states, mask = encode(pipe, prompts)
    if guidance > 1:
        states, mask = torch.cat([torch.zeros_like(states), states]), torch.cat([torch.zeros_like(mask), mask])
    shape = (1, 3, *size)
    x = torch.cat([torch.randn(shape, generator=torch.Generator().manual_seed(s)) for s in seeds])
    x = x * pipe.config.noise_scale
    pipe.scheduler.set_timesteps(steps)
    for timestep in pipe.scheduler.timesteps:
        t = timestep.float() / 1000
        inputs = torch.cat([x, x]) if guidance > 1 else x
        out = net(
            hidden_states=inputs,
            timestep=t.repeat(len(inputs)),
            encoder_hidden_states=states,
            attention_mask=mask,
            return_dict=False,
        )[0]
        if guidance > 1:
            without, given = out.chunk(2)
            out = without + guidance * (given - without)
        x = pipe.scheduler.step((x - out) / max(t.item(), SMALLEST_T), timestep, x).prev_sample
    pixels = ((x / 2 + 0.5).clamp(0, 1) * 255).round().permute(0, 2, 3, 1)
    return pixels.numpy().astype(np.uint8)


def edit(name, remove=(), **values):
    """Changes values of a JSON file at its top level."""
    with open(name) as file:
        content = {k: v for k, v in json.load(file).items() if k not in remove}
    with open(name, "w") as file:
        json.dump({**content, **values}, file, indent=2, ensure_ascii=False)


def save(pipe, weights, folder):
    """Writes the pipeline with `weights` (a state dict of the transformer) to `folder` in bf16, replacing it at once."""
    net = copy.deepcopy(pipe.transformer)
    net.load_state_dict(weights)
    text = copy.deepcopy(pipe.text_encoder).to(torch.bfloat16)
    text.config.dtype = torch.bfloat16
    new = PRXPixelPipeline(
        transformer=net.to(torch.bfloat16),
        scheduler=pipe.scheduler,
        text_encoder=text,
        tokenizer=pipe.tokenizer,
        default_sample_size=pipe.config.default_sample_size,
        prompt_max_tokens=pipe.config.prompt_max_tokens,
        noise_scale=pipe.config.noise_scale,
    )
    part = folder + ".part"
    shutil.rmtree(part, ignore_errors=True)
    new.save_pretrained(part)
    # transformers writes the last call's padding and truncation into the one file, and how it was loaded into the other.
    edit(part + "/tokenizer/tokenizer.json", truncation=None, padding=None)
    edit(part + "/tokenizer/tokenizer_config.json", remove=("is_local", "local_files_only"))
    with contextlib.suppress(FileNotFoundError):
        os.rename(folder, folder + ".old")
    os.rename(part, folder)
    shutil.rmtree(folder + ".old", ignore_errors=True)
