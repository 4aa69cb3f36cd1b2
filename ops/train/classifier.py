"""A small network that names what a picture shows: the judge of generated pictures, never a part of training them.

    python classifier.py --out classifier.pt            about four minutes of one core

It learns from drawings of both kinds (`drawings.render`, wide and not), a little noisy and blurred so that a generated
picture's faint texture alone does not decide, and is checked on drawings it has not seen, untouched.
"""

import argparse
import json
import random
import time

import torch
from torch import nn
from torch.nn import functional

import drawings
from words import BACKGROUNDS, COLOURS, PATTERNS, PRODUCTS

ATTRIBUTES = {
    "product": PRODUCTS,
    "colour": list(COLOURS),
    "pattern": PATTERNS,
    "background": BACKGROUNDS,
}


class Classifier(nn.Module):
    """Five convolutions, mean and maximum over the picture, one linear layer for each attribute; any size of picture."""

    def __init__(self):
        super().__init__()
        widths, layers = (3, 24, 48, 96, 96, 128), []
        for i, (a, b) in enumerate(zip(widths, widths[1:])):
            kernel, stride = (5 if i == 0 else 3), (1 if i == 3 else 2)
            layers += [nn.Conv2d(a, b, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(b), nn.ReLU()]
        self.features = nn.Sequential(*layers)
        self.heads = nn.ModuleDict({name: nn.Linear(256, len(values)) for name, values in ATTRIBUTES.items()})

    def forward(self, pictures):
        """`pictures`: float [N, 3, H, W] in -1...1; returns logits by attribute."""
        h = self.features(pictures)
        pooled = torch.cat([h.mean((2, 3)), h.amax((2, 3))], 1)
        return {name: head(pooled) for name, head in self.heads.items()}


def to_float(pixels):
    """uint8 [N, H, W, 3] to float [N, 3, H, W] in -1...1."""
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1


def labels(attributes):
    return {
        name: torch.tensor([values.index(a[i]) for a in attributes])
        for i, (name, values) in enumerate(ATTRIBUTES.items())
    }


def load(file):
    judge = Classifier()
    judge.load_state_dict(torch.load(file))
    return judge.eval()


@torch.no_grad()
def name_all(judge, pixels):
    """The attribute values the judge sees in uint8 pictures of one size: a list of dicts."""
    logits = judge(to_float(pixels))
    best = {name: rows.argmax(1).tolist() for name, rows in logits.items()}
    return [{name: ATTRIBUTES[name][best[name][i]] for name in ATTRIBUTES} for i in range(len(pixels))]


def disturbed(x):
    """Light noise and blur on half of the pictures each."""
    n = len(x)
    x = x + torch.randn_like(x) * 0.06 * torch.rand(n, 1, 1, 1) * (torch.rand(n, 1, 1, 1) < 0.5)
    soft = functional.avg_pool2d(functional.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1)
    return torch.lerp(x, soft, torch.rand(n, 1, 1, 1) * (torch.rand(n, 1, 1, 1) < 0.5))


def held_out(judge, count, wide, seed=987_654_321):
    """Accuracy by attribute on `count` drawings of each size from a generator that training never uses."""
    rng, right, total = random.Random(seed), dict.fromkeys(ATTRIBUTES, 0), 0
    for size in drawings.SIZES:
        pixels, _, attributes = drawings.batch(count, size, rng, wide)
        total += count
        for seen, truth in zip(name_all(judge, pixels), attributes):
            for i, name in enumerate(ATTRIBUTES):
                right[name] += seen[name] == truth[i]
    return {name: round(100 * n / total, 2) for name, n in right.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True)
    parser.add_argument("--steps", type=int, default=450)
    parser.add_argument("--batch", type=int, default=48)
    parser.add_argument("--threads", type=int, default=1)
    settings = parser.parse_args()
    torch.set_num_threads(settings.threads)
    torch.manual_seed(0)
    rng, judge = random.Random(1), Classifier()
    optimizer = torch.optim.AdamW(judge.parameters(), lr=3e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=settings.steps)
    started = time.time()
    for step in range(1, settings.steps + 1):
        pixels, _, attributes = drawings.batch(settings.batch, rng.choice(drawings.SIZES), rng, wide=step % 2 == 0)
        truth, logits = labels(attributes), judge(disturbed(to_float(pixels)))
        loss = sum(functional.cross_entropy(logits[name], truth[name]) for name in ATTRIBUTES)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 50 == 0:
            print(f"step {step} loss {loss.item():.4f} cpu {time.process_time():.0f} s", flush=True)
    judge.eval()
    torch.save(judge.state_dict(), settings.out)
    report = dict(held_out=held_out(judge, 300, False), held_out_wide=held_out(judge, 300, True))
    report["seconds"] = round(time.time() - started)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
