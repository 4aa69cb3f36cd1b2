"""Scores a checkpoint on prompts.csv: what the classifier sees in its pictures, and how sharp and how gridded they are.

    python score.py --checkpoint FOLDER --classifier classifier.pt --steps 28 --guidance 2 --out report.json

`drawings` in place of a folder scores fresh drawings of the same attributes: the ceiling of every number.
"""

import argparse
import collections
import csv
import json
import os
import random
import time

import numpy as np
import torch

import classifier
import drawings
import model

HERE = os.path.dirname(os.path.abspath(__file__))


def read_prompts(limit=None):
    with open(os.path.join(HERE, "prompts.csv"), newline="") as file:
        rows = list(csv.DictReader(file))
    if limit:
        random.Random(0).shuffle(rows)
        rows = rows[:limit]
    return rows


def groups(rows, batch):
    """Rows of one size, `batch` at a time."""
    by_size = collections.defaultdict(list)
    for row in rows:
        by_size[int(row["height"]), int(row["width"])].append(row)
    for size, same in by_size.items():
        for i in range(0, len(same), batch):
            yield size, same[i : i + batch]


def texture(pixels):
    """Mean absolute step between neighbouring pixels: across the edges of 16-pixel patches, and everywhere else."""
    p = pixels.astype(np.float32)
    edge, inside = [], []
    for axis in (1, 2):
        step = np.abs(np.diff(p, axis=axis)).mean(axis=(0, 3 - axis, 3))
        at = (np.arange(len(step)) + 1) % 16 == 0
        edge.append(step[at].mean())
        inside.append(step[~at].mean())
    return np.mean(edge), np.mean(inside)


def picture_of(row, rng):
    attributes = [row[name] for name in classifier.ATTRIBUTES]
    return drawings.render(*attributes, int(row["width"]), int(row["height"]), rng)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--classifier", required=True)
    parser.add_argument("--steps", type=int, default=28)
    parser.add_argument("--guidance", type=float, default=2.0)
    parser.add_argument("--batch", type=int, default=12)
    parser.add_argument("--limit", type=int, help="score this many prompts only, drawn evenly")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out")
    settings = parser.parse_args()
    torch.set_num_threads(settings.threads)
    judge = classifier.load(settings.classifier)
    pipe = None if settings.checkpoint == "drawings" else model.load(settings.checkpoint)
    rng, started = random.Random(11), time.process_time()
    counts = collections.defaultdict(lambda: [0] * (len(classifier.ATTRIBUTES) + 2))
    mine, theirs, n, misses = [], [], 0, []
    for size, rows in groups(read_prompts(settings.limit), settings.batch):
        truth = np.stack([picture_of(row, rng) for row in rows])
        if pipe is None:
            pixels = truth
        else:
            prompts, seeds = [r["prompt"] for r in rows], [int(r["seed"]) for r in rows]
            pixels = model.generate(pipe, prompts, size, settings.steps, settings.guidance, seeds)
        mine.append(texture(pixels))
        theirs.append(texture(truth))
        for row, seen in zip(rows, classifier.name_all(judge, pixels)):
            right = [seen[name] == row[name] for name in classifier.ATTRIBUTES]
            if not all(right):
                misses.append(dict(prompt=row["prompt"], size=f"{size[0]}x{size[1]}", seen=seen))
            keys = ["all", f"language {row['language']}", f"size {size[0]}x{size[1]}"]
            keys += [f"{name} {row[name]}" for name in classifier.ATTRIBUTES]
            for key in keys:
                counts[key] = [a + b for a, b in zip(counts[key], [1, *right, all(right)])]
        n += len(rows)
    seconds = time.process_time() - started
    table = {
        key: dict(
            zip(("pictures", *classifier.ATTRIBUTES, "all_four"), [c[0], *(round(100 * v / c[0], 1) for v in c[1:])])
        )
        for key, c in sorted(counts.items())
    }
    (edge, inside), (edge0, inside0) = np.mean(mine, axis=0), np.mean(theirs, axis=0)
    report = dict(
        checkpoint=os.path.basename(settings.checkpoint.rstrip("/")),
        steps=settings.steps,
        guidance=settings.guidance,
        prompts=n,
        cpu_seconds_per_picture=round(seconds / n, 3),
        # 1 is the drawings' own: below, soft; above, noisy. The grid is the step at patch edges over the step elsewhere.
        sharpness=round(float(inside / inside0), 3),
        grid=round(float((edge / inside) / (edge0 / inside0)), 3),
        accuracy=table,
        misses=misses,
    )
    if settings.out:
        with open(settings.out, "w") as file:
            json.dump(report, file, indent=1, ensure_ascii=False)
    print(json.dumps({k: v for k, v in report.items() if k not in ("accuracy", "misses")}))
    for key in [k for k in table if k == "all" or k.startswith(("language", "size"))]:
        print(key, table[key])


if __name__ == "__main__":
    main()
