"""Checks of the recipe itself: `python -m unittest test_recipe` (a few minutes of one core)."""

import csv
import io
import json
import os
import random
import subprocess
import sys
import tempfile
import unittest
from contextlib import redirect_stdout

import numpy as np
import torch

import model
import prompts
from captions import caption, sample_attributes
from drawings import SIZES, batch
from optimizer import Layout, adamw_step, orthogonalised
from words import BACKGROUNDS, LANGS, PRODUCTS

HERE = os.path.dirname(os.path.abspath(__file__))
CHECKPOINT = os.path.join(HERE, "..", "demo", "packshot-tiny")


class Data(unittest.TestCase):
    def test_prompt_file_is_what_the_program_writes(self):
        out = io.StringIO()
        with redirect_stdout(out):
            prompts.main()
        with open(os.path.join(HERE, "prompts.csv"), newline="") as file:
            self.assertEqual(file.read(), out.getvalue())

    def test_languages_say_the_same(self):
        with open(os.path.join(HERE, "prompts.csv"), newline="") as file:
            rows = list(csv.DictReader(file))
        said = {lang: [tuple(r.values())[1:-1] for r in rows if r["language"] == lang] for lang in LANGS}
        for lang in LANGS:
            self.assertEqual(said[lang], said["en"])

    def test_every_caption_fits_and_names_its_background(self):
        pipe = model.load(CHECKPOINT)
        rng = random.Random(5)
        texts = [caption(*sample_attributes(rng), rng) for _ in range(3000)]
        lengths = sorted(len(ids) for ids in pipe.tokenizer(texts)["input_ids"])
        self.assertLessEqual(lengths[int(len(lengths) * 0.999)], model.CAPTION_TOKENS)
        for lang in LANGS:
            bare = {caption("mug", "red", "plain", b, random.Random(1), lang, placed=True) for b in BACKGROUNDS}
            self.assertEqual(len(bare), len(BACKGROUNDS), lang)

    def test_the_same_seed_draws_the_same_pictures(self):
        for size in SIZES:
            (a, texts, _), (b, again, _) = (batch(6, size, random.Random(9)) for _ in range(2))
            self.assertTrue((a == b).all())
            self.assertEqual(texts, again)
        self.assertEqual(len(PRODUCTS), 12)


class Sampling(unittest.TestCase):
    def test_equals_the_pipeline(self):
        pipe = model.load(CHECKPOINT)
        for text, size, guidance in (
            ("a red mug, marble", (128, 128), 2.0),
            ("木桌上的红色条纹马克杯", (96, 160), 1.0),
        ):
            ours = model.generate(pipe, [text], size, 4, guidance, [7])[0].astype(int)
            theirs = pipe(
                text,
                height=size[0],
                width=size[1],
                num_inference_steps=4,
                guidance_scale=guidance,
                generator=torch.Generator().manual_seed(7),
                use_resolution_binning=False,
            ).images[0]
            self.assertLessEqual(np.abs(ours - np.asarray(theirs)).max(), 1)


class Optimizer(unittest.TestCase):
    def test_newton_schulz_gives_singular_values_near_one(self):
        torch.manual_seed(0)
        for shape in ((64, 64), (160, 64), (64, 160)):
            values = torch.linalg.svdvals(orthogonalised(torch.randn(shape), iterations=5))
            self.assertGreater(values.median(), 0.6)
            self.assertLess(values.max(), 1.3)

    def test_adamw_equals_torch(self):
        torch.manual_seed(0)
        start = torch.randn(40)
        ours, mean, square = start.clone(), torch.zeros(40), torch.zeros(40)
        theirs = torch.nn.Parameter(start.clone())
        reference = torch.optim.AdamW([theirs], lr=0.01, betas=(0.9, 0.98), weight_decay=0.01)
        for step in range(1, 6):
            gradient = torch.randn(40)
            adamw_step(slice(0, 40), ours, gradient, mean, square, step, 0.01, decaying=40)
            theirs.grad = gradient.clone()
            reference.step()
        torch.testing.assert_close(ours, theirs.data, rtol=1e-5, atol=1e-6)

    def test_layout_holds_every_parameter_once(self):
        net = model.load(CHECKPOINT).transformer
        before = {k: v.clone() for k, v in net.state_dict().items()}
        layout = Layout(net, world=2)
        weights, gradients = torch.zeros(layout.size), torch.zeros(layout.size)
        layout.store(weights)
        layout.attach(weights, gradients)
        self.assertEqual(len(layout.places), len(list(net.parameters())))
        for name, value in net.state_dict().items():
            self.assertTrue(torch.equal(value, before[name]), name)


class Resuming(unittest.TestCase):
    def test_stopped_and_resumed_equals_one_run(self):
        def train(folder, *more):
            command = [sys.executable, os.path.join(HERE, "train.py"), "--run", folder, "--init", CHECKPOINT]
            command += "--decay 1 --warmup 2 --micro 2 --micro-size 2 --workers 2 --no-compile".split()
            subprocess.run([*command, *more], check=True, capture_output=True)

        with tempfile.TemporaryDirectory() as folder:
            whole, parts = os.path.join(folder, "whole"), os.path.join(folder, "parts")
            train(whole, "--steps", "4")
            os.mkdir(parts)
            stop = os.path.join(parts, "stop")
            with open(stop, "w"):
                pass
            train(parts, "--steps", "4")
            os.remove(stop)
            state = torch.load(os.path.join(parts, "state.pt"))
            self.assertEqual(state["step"], 1)
            train(parts, "--steps", "4")
            a, b = (torch.load(os.path.join(f, "state.pt")) for f in (whole, parts))
            self.assertEqual((a["step"], a["images"]), (b["step"], b["images"]))
            # Sums of two workers' gradients depend on who took which micro-batch, in the last bits.
            torch.testing.assert_close(a["weights"], b["weights"], rtol=1e-2, atol=1e-3)
            with open(os.path.join(parts, "checkpoint", "model_index.json")) as file:
                self.assertEqual(json.load(file)["_class_name"], "PRXPixelPipeline")


if __name__ == "__main__":
    unittest.main()
