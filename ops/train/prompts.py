"""The fixed list of prompts that checkpoints are scored on: 72 combinations of attributes, each in eight languages.

    python prompts.py > prompts.csv

Every product, colour and background occurs equally often, and each language says the same things with the same seeds, so
that a difference between two languages is a difference of words.
"""

import csv
import random
import sys

from captions import caption
from drawings import SIZES
from words import BACKGROUNDS, COLOURS, LANGS, PATTERNS, PRODUCTS, SMALL

FIELDS = ("language", "height", "width", "seed", "product", "colour", "pattern", "background", "prompt")
COMBINATIONS = 72


def rows():
    colours, patterned = list(COLOURS), 0
    for i in range(COMBINATIONS):
        round_, product = divmod(i, len(PRODUCTS))
        name = PRODUCTS[product]
        if name in SMALL:
            pattern = ("plain", "twotone")[round_ % 2]
        else:
            pattern = PATTERNS[patterned % len(PATTERNS)]
            patterned += 1
        colour = colours[(product * 5 + round_ * 7) % len(colours)]
        background = BACKGROUNDS[(product + round_) % len(BACKGROUNDS)]
        height, width = SIZES[(round_ + product // 2) % len(SIZES)]
        for lang in LANGS:
            text = caption(name, colour, pattern, background, random.Random(f"{i} {lang}"), lang, placed=True)
            yield (lang, height, width, 1000 + i, name, colour, pattern, background, text)


def main():
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(FIELDS)
    writer.writerows(rows())


if __name__ == "__main__":
    main()
