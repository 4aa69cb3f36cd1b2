"""A contact sheet of 96 generated pictures, chosen by number and never by eye.

    python sheet.py --checkpoint FOLDER --out sheet.png

Six rows of 128x128 in English, French, German, Spanish, Italian and Portuguese, a row of 160x96 in Japanese, a row of
96x160 in Chinese; every column of the six is one product, colours, patterns and backgrounds rotate, seeds count up.
"""

import argparse
import random

import numpy as np
import torch
from PIL import Image

import model
from captions import caption
from words import BACKGROUNDS, COLOURS, LANGS, PATTERNS, PRODUCTS, SMALL

ROWS = [(lang, (128, 128), 12) for lang in LANGS[:6]] + [("ja", (160, 96), 15), ("zh", (96, 160), 9)]
GAP, SHADE = 4, (60, 60, 64)


def prompts(row, lang, count):
    rng, colours = random.Random(f"sheet {row}"), list(COLOURS)
    for i in range(count):
        product = PRODUCTS[(i + (5 * row if row >= 6 else 0)) % len(PRODUCTS)]
        allowed = ("plain", "twotone") if product in SMALL else PATTERNS
        colour, background = colours[(5 * i + row) % len(colours)], BACKGROUNDS[(i + row) % len(BACKGROUNDS)]
        yield caption(product, colour, allowed[(i + row) % len(allowed)], background, rng, lang, placed=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--steps", type=int, default=28)
    parser.add_argument("--guidance", type=float, default=2.0)
    parser.add_argument("--threads", type=int, default=1)
    settings = parser.parse_args()
    torch.set_num_threads(settings.threads)
    pipe, strips, seed = model.load(settings.checkpoint), [], 0
    width = GAP + 12 * (128 + GAP)
    for row, (lang, size, count) in enumerate(ROWS):
        texts = list(prompts(row, lang, count))
        seeds = range(seed, seed + count)
        seed += count
        pictures = model.generate(pipe, texts, size, settings.steps, settings.guidance, seeds)
        strip = np.full((size[0] + GAP, width, 3), SHADE, np.uint8)
        left = (width - count * (size[1] + GAP) + GAP) // 2
        for i, picture in enumerate(pictures):
            x = left + i * (size[1] + GAP)
            strip[: size[0], x : x + size[1]] = picture
        strips.append(strip)
    sheet = np.concatenate([np.full((GAP, width, 3), SHADE, np.uint8), *strips])
    Image.fromarray(sheet).save(settings.out, optimize=True)


if __name__ == "__main__":
    main()
