"""Muon for the matrices of the transformer blocks, AdamW for everything else, over one flat buffer shared by all workers.

Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/): momentum, then the update's singular values are set
to about one by a Newton-Schulz iteration, so that rare directions learn as fast as common ones.
"""

import torch

COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # Jordan's quintic
ALIGNMENT = 16  # floats: every parameter starts on a cache line


def orthogonalised(update, iterations=4):
    """The nearest semi-orthogonal matrix to `update`, roughly (singular values between about 0.7 and 1.2)."""
    a, b, c = COEFFICIENTS
    x = update / (update.norm() + 1e-7)
    tall = x.shape[0] > x.shape[1]
    if tall:
        x = x.T
    for _ in range(iterations):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if tall else x


def is_muon(name, parameter):
    """Whether a parameter is a hidden matrix: the blocks' projections, not their modulation, norms or the two ends."""
    return parameter.ndim == 2 and "blocks." in name and "modulation" not in name


class Layout:
    """Where each parameter of a network lies in the flat buffer, and which worker updates it.

    Order: AdamW's matrices (they decay), AdamW's vectors, Muon's matrices. AdamW's range is cut evenly between the
    workers, Muon's matrices are dealt out by size.
    """

    def __init__(self, net, world):
        named = list(net.named_parameters())
        matrices = [p for n, p in named if not is_muon(n, p) and p.ndim >= 2]
        vectors = [p for n, p in named if not is_muon(n, p) and p.ndim < 2]
        hidden = [p for n, p in named if is_muon(n, p)]
        self.places, offset = [], 0
        load = [0] * world
        self.hidden = []
        for group in (matrices, vectors, hidden):
            for p in group:
                self.places.append((p, offset))
                if group is hidden:
                    least = load.index(min(load))
                    load[least] += p.numel()
                    self.hidden.append((offset, tuple(p.shape), least))
                offset += -(-p.numel() // ALIGNMENT) * ALIGNMENT
            if group is matrices:
                self.decaying = offset
            if group is vectors:
                self.adam = offset
        self.size = offset

    def attach(self, weights, gradients):
        """Moves the network's parameters and gradients into the flat buffers; `weights` keeps what it holds."""
        for p, offset in self.places:
            p.data = weights[offset : offset + p.numel()].view(p.shape)
            p.grad = gradients[offset : offset + p.numel()].view(p.shape)

    @torch.no_grad()
    def store(self, buffer):
        """Copies the network's parameters into a flat buffer."""
        for p, offset in self.places:
            buffer[offset : offset + p.numel()].copy_(p.reshape(-1))


@torch.no_grad()
def adamw_step(part, weights, gradient, mean, square, step, rate, decaying, betas=(0.9, 0.98), decay=0.01):
    """AdamW on `part` (a slice of the flat buffers); positions below `decaying` are matrices and decay."""
    w, g, m, v = weights[part], gradient[part], mean[part], square[part]
    m.lerp_(g, 1 - betas[0])
    v.lerp_(g * g, 1 - betas[1])
    end = min(max(decaying - part.start, 0), w.numel())
    w[:end].mul_(1 - rate * decay)
    scale = (1 - betas[1] ** step) ** 0.5
    w.addcdiv_(m, v.sqrt().div_(scale).add_(1e-8), value=-rate / (1 - betas[0] ** step))


@torch.no_grad()
def muon_step(offset, shape, weights, gradient, momentum, rate, beta=0.95, decay=0.02):
    """Muon on one matrix of the flat buffers."""
    end = offset + shape[0] * shape[1]
    w, g, m = (b[offset:end].view(shape) for b in (weights, gradient, momentum))
    m.lerp_(g, 1 - beta)
    update = g.lerp(m, beta)
    rows, columns = shape
    if rows >= 2 * columns and rows % columns == 0:
        # Fused query, key and value: each is a matrix of its own.
        update = torch.cat([orthogonalised(u) for u in update.split(columns)])
    else:
        update = orthogonalised(update) * max(1.0, rows / columns) ** 0.5
    w.mul_(1 - rate * decay).add_(update, alpha=-rate)
