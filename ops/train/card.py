"""Writes the model card of a trained checkpoint from its score reports and its run.

    python card.py --checkpoint FOLDER --run RUN --report NAME=FILE ... > FOLDER/README.md

The first report is the checkpoint's own and is broken down by language, product and size; the others are compared with it.
"""

import argparse
import json
import os

import torch

from classifier import ATTRIBUTES
from words import LANGS, PRODUCTS

HEAD = """---
license: apache-2.0
library_name: diffusers
pipeline_tag: text-to-image
tags: [prx, pixel-space, flow-matching, demo]
language: [en, fr, de, es, it, pt, ja, zh]
---

# {name}

A toy text-to-image model in the exact file format of Photoroom's PRX-Pixel models (diffusers `PRXPixelPipeline`), small
enough to run anywhere. It exists so that a first run of Packshot produces pictures that can be recognised. It is **not**
a Photoroom model, contains no Photoroom weights, and says nothing about the quality of the real PRX models.

## What it is

| part | |
|---|---|
| transformer | `PRXTransformer2DModel`, pixel space (no VAE), patch {patch}, bottleneck {bottleneck}, hidden {hidden}, {heads} heads, {depth} blocks, {net:.2f} M parameters |
| text encoder | `Qwen3VLTextModel`, hidden {text_hidden}, {text_depth} layers, {text:.2f} M parameters, from scratch; frozen in the last run |
| tokenizer | Qwen2-style byte-level BPE, {vocabulary:,} entries |
| scheduler | `FlowMatchEulerDiscreteScheduler`, shift {shift:g}, 1000 train timesteps; noise scale {noise:g} |
| prediction | x0 (the pipeline turns it into a velocity, t clamped at 0.05) |
| weights | bfloat16 safetensors, {size:.1f} MB in all |

Sizes (height x width): 128x128, 96x160 and 160x96. Other multiples of {patch} run but were never trained.

```py
import torch
from diffusers import PRXPixelPipeline
pipe = PRXPixelPipeline.from_pretrained("{name}", torch_dtype=torch.float32)
pipe("a red ceramic mug on a white background, studio product photo", height=128, width=128,
     num_inference_steps={steps}, guidance_scale={guidance:g}, use_resolution_binning=False).images[0].save("mug.png")
```

## Training

Data: this project's own procedural drawings (`ops/train/drawings.py`, Skia), drawn fresh for every batch: 12 products, 12
colours, 4 patterns, 6 backgrounds, each with a caption in one of eight languages. No photographs, no scraped data, no
third-party pictures or captions. The words are in `vocabulary.json`. The recipe is `ops/train/`.

| run | pictures | compute (2.45 GHz EPYC, AVX2, no GPU) |
|---|---|---|
| first training, text encoder and transformer together | 64,752 | 80 minutes of two busy cores |
| {run} | {images:,} | {hours:.2f} core-hours |

{method}

"""

METHODS = {
    "flow": """Flow matching in pixel space, x-prediction, loss on the velocity (weight 1/t^2, t clamped at {tmin:g}), logit-normal times with
shift {shift:g}, captions dropped with probability 0.1, Muon for the blocks' matrices (rate {rate_muon:g}) and AdamW for the rest ({rate:g}),
constant rate then linear decay over the last {decay} of {steps} steps of {batch} pictures, EMA {ema:g}, float32.""",
    "distill": """Progressive distillation: each of {student_steps} student steps without guidance lands where {substeps} teacher steps with guidance {guidance:g} do;
{steps} steps of {batch} pictures, Muon and AdamW as for the teacher, EMA {ema:g}, float32.""",
}

SCORES = """## Scores

A small classifier (`ops/train/classifier.py`), trained on drawings only and never used in training the model, names what
the {prompts} pictures of `ops/train/prompts.csv` show. Percent right; "all four" is product, colour, pattern and background
right in one picture. Sharpness is the mean step between neighbouring pixels, 1 as in the drawings; grid is the step across
patch edges over the step elsewhere, 1 as in the drawings.

| checkpoint | steps | guidance | product | colour | pattern | background | all four | sharpness | grid |
|---|---|---|---|---|---|---|---|---|---|
{rows}

| {name}: language | product | colour | pattern | background | all four |
|---|---|---|---|---|---|
{languages}

| size | product | colour | pattern | background | all four |
|---|---|---|---|---|---|
{sizes}

| product | product | colour | pattern | background | all four |
|---|---|---|---|---|---|
{products}

## Limits

- It knows only the words of `vocabulary.json`. Anything else is ignored or gives a random product.
- Seeds of one prompt differ in light, shade and shadow only: the drawings have one pose for each product.
- It was trained for hours of a shared CPU, not days of a GPU. It is for demonstrations and tests only.
"""


def cells(scores):
    return " | ".join(f"{scores[k]:.1f}" for k in (*ATTRIBUTES, "all_four"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--run", required=True)
    parser.add_argument("--report", action="append", required=True, metavar="NAME=FILE")
    settings = parser.parse_args()

    def read(*path):
        with open(os.path.join(settings.checkpoint, *path)) as file:
            return json.load(file)

    net, text, index = read("transformer", "config.json"), read("text_encoder", "config.json"), read("model_index.json")
    files = [os.path.join(d, f) for d, _, names in os.walk(settings.checkpoint) for f in names]
    state = torch.load(os.path.join(settings.run, "state.pt"))
    recipe = state["settings"]
    reports = {}
    for item in settings.report:
        name, file = item.split("=", 1)
        with open(file) as handle:
            reports[name] = json.load(handle)
    own = next(iter(reports.values()))
    name = os.path.basename(settings.checkpoint.rstrip("/"))

    def millions(folder, file):
        return os.path.getsize(os.path.join(settings.checkpoint, folder, file)) / 2e6

    print(
        HEAD.format(
            name=name,
            patch=net["patch_size"],
            bottleneck=net["bottleneck_size"],
            hidden=net["hidden_size"],
            heads=net["num_heads"],
            depth=net["depth"],
            net=millions("transformer", "diffusion_pytorch_model.safetensors"),
            text_hidden=text["hidden_size"],
            text_depth=text["num_hidden_layers"],
            text=millions("text_encoder", "model.safetensors"),
            vocabulary=text["pad_token_id"] + 3,
            shift=read("scheduler", "scheduler_config.json")["shift"],
            noise=index["noise_scale"],
            size=sum(os.path.getsize(f) for f in files if not f.endswith("README.md")) / 1e6,
            steps=own["steps"],
            guidance=own["guidance"],
            run="this training, transformer alone" if recipe["objective"] == "flow" else "distillation",
            images=state["images"],
            hours=state["cpu_seconds"] / 3600,
            method=METHODS[recipe["objective"]].format(
                **{**recipe, "steps": state["step"]}, batch=recipe["micro"] * recipe["micro_size"], tmin=0.2
            ),
        ),
        end="",
    )
    table = own["accuracy"]
    rows = [
        f"| {n} | {r['steps'] if n != 'drawings' else '-'} | {r['guidance'] if n != 'drawings' else '-'} "
        f"| {cells(r['accuracy']['all'])} | {r['sharpness']:.2f} | {r['grid']:.2f} |"
        for n, r in reports.items()
    ]
    print(
        SCORES.format(
            prompts=own["prompts"],
            name=name,
            rows="\n".join(rows),
            languages="\n".join(f"| {k} | {cells(table['language ' + k])} |" for k in LANGS),
            sizes="\n".join(f"| {k[5:]} | {cells(v)} |" for k, v in table.items() if k.startswith("size ")),
            products="\n".join(f"| {k} | {cells(table['product ' + k])} |" for k in PRODUCTS),
        ),
        end="",
    )


if __name__ == "__main__":
    main()
