"""What a step minimises: flow matching on drawings, or distillation of a teacher into few steps without guidance."""

import random

import torch

import drawings
from model import SMALLEST_T, encode

LOSS_T = 0.2  # the velocity loss divides by max(t, this)^2: below it, single pictures dominate the gradient
SIZE_SHARES = (0.6, 0.2, 0.2)
CAPTION_DROPOUT = 0.1
FINISH = (0.05, 0.45)


def pictures(count, seed):
    """`count` fresh drawings of one size as float [N, 3, H, W] in -1...1, with captions."""
    rng = random.Random(seed)
    size = rng.choices(drawings.SIZES, SIZE_SHARES)[0]
    pixels, captions, _ = drawings.batch(count, size, rng)
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1, captions


def timesteps(count, shift, finish):
    """Logit-normal (90 %) and uniform (10 %, one in thirty of them pure noise) times, shifted, stratified over the batch.

    The scheduler applies its shift twice, so that half of the sampling steps lie above 0.9: a `shift` above the
    scheduler's own keeps training from neglecting them. A share of `finish` is uniform over FINISH instead: the last
    step's prediction is the picture, and the shifted times fall there once in thirty, each with a large weight.
    """
    u = (torch.randperm(count) + torch.rand(count)) / count
    t = torch.sigmoid(torch.special.ndtri(u.clamp(1e-4, 1 - 1e-4)))
    t = shift * t / (1 + (shift - 1) * t)
    t = torch.where(torch.rand(count) < 0.1, torch.rand(count) * 1.03, t)
    low, high = FINISH
    return torch.where(torch.rand(count) < finish, low + (high - low) * torch.rand(count), t).clamp(1e-3, 1.0)


def darkness(clean):
    """1 for a picture of mean 0.25 (of 0...1) or below, 0 for one of 0.45 or above: those in the dark studio are 1.

    What an eye sees in the dark is smaller than what it sees in the light: without a weight the outline of a black
    product on the dark ground is learnt last of all.
    """
    mean = (clean.mean((1, 2, 3)) + 1) / 2
    return ((0.45 - mean) / 0.2).clamp(0, 1)


def roughness(difference):
    """Mean absolute step between neighbouring pixels of an error, by picture.

    A squared error hardly counts the faint speckle of flat areas, which is what an eye sees first; this does. Faint in
    high noise, where it would pull the prediction from the mean, which sampling needs, towards the median.
    """
    return difference.diff(dim=3).abs().mean((1, 2, 3)) + difference.diff(dim=2).abs().mean((1, 2, 3))


class Flow:
    """Flow matching: the network predicts the clean picture, the loss is taken on the velocity it implies."""

    def __init__(self, pipe, settings):
        self.pipe, self.shift, self.texture = pipe, settings.shift, settings.texture
        self.finish, self.dark = settings.finish, settings.dark

    def __call__(self, net, count, seed):
        clean, captions = pictures(count, seed)
        states, mask = encode(self.pipe, captions, keep=torch.rand(count) >= CAPTION_DROPOUT)
        t = timesteps(count, self.shift, self.finish)
        s = t.view(-1, 1, 1, 1)
        noisy = (1 - s) * clean + s * torch.randn_like(clean)
        out = net(
            hidden_states=noisy, timestep=t, encoder_hidden_states=states, attention_mask=mask, return_dict=False
        )[0]
        error = (out - clean).square().mean((1, 2, 3))
        loss = error
        if self.texture:
            loss = error + self.texture * (1 - t) * roughness(out - clean)
        weight = (1 + self.dark * darkness(clean)) / t.clamp(min=LOSS_T).square()
        return (weight * loss).mean(), t, error.detach()


class Distillation:
    """Progressive distillation of a guided teacher: one student step without guidance lands where several guided teacher
    steps do (Salimans and Ho 2022, arXiv:2202.00512; guidance as in Meng et al. 2022, arXiv:2210.03142).

    Times are those of the student's own schedule, so the student is trained exactly where it is sampled.
    """

    def __init__(self, pipe, settings):
        self.pipe, self.guidance, self.substeps = pipe, settings.guidance, settings.substeps
        import copy

        self.teacher = copy.deepcopy(pipe.transformer).requires_grad_(False).eval()
        pipe.scheduler.set_timesteps(settings.student_steps)
        self.grid = pipe.scheduler.sigmas.tolist()  # student_steps + 1 values, the last is 0

    @torch.no_grad()
    def guided(self, x, t, states, mask):
        out = self.teacher(
            hidden_states=torch.cat([x, x]),
            timestep=torch.cat([t, t]),
            encoder_hidden_states=torch.cat([torch.zeros_like(states), states]),
            attention_mask=torch.cat([torch.zeros_like(mask), mask]),
            return_dict=False,
        )[0]
        without, given = out.chunk(2)
        return without + self.guidance * (given - without)

    def __call__(self, net, count, seed):
        clean, captions = pictures(count, seed)
        states, mask = encode(self.pipe, captions)
        # The last point of the grid is all but noiseless; its step changes nothing and is not trained.
        index = torch.randint(0, len(self.grid) - 2, (count,))
        grid = torch.tensor(self.grid)
        start, end = grid[index], grid[index + 1]
        s = start.view(-1, 1, 1, 1)
        noisy = (1 - s) * clean + s * torch.randn_like(clean)
        x = noisy
        for k in range(self.substeps):
            # Substeps are even in the scheduler's unshifted time, as a finer schedule's would be.
            now, then = (self.between(start, end, (k + j) / self.substeps) for j in (0, 1))
            velocity = (x - self.guided(x, now, states, mask)) / now.clamp(min=SMALLEST_T).view(-1, 1, 1, 1)
            x = x + (then - now).view(-1, 1, 1, 1) * velocity
        target = noisy - s * (noisy - x) / (s - end.view(-1, 1, 1, 1))
        out = net(
            hidden_states=noisy, timestep=start, encoder_hidden_states=states, attention_mask=mask, return_dict=False
        )[0]
        error = (out - target).square().mean((1, 2, 3))
        return (error / start.clamp(min=LOSS_T).square()).mean(), start, error.detach()

    def between(self, start, end, part):
        return start + (end - start) * part


OBJECTIVES = {"flow": Flow, "distill": Distillation}
