"""Trains the demo model on CPU cores that others use too.

    python train.py --run RUN --init CHECKPOINT --steps 2500            flow matching
    python train.py --run RUN --init CHECKPOINT --objective distill     few steps, no guidance

Running the same command again resumes from RUN/state.pt. Workers are single-threaded processes over shared memory; they
take micro-batches from a common counter, so a core that somebody else takes for a while delays a step by one micro-batch
at most. What a micro-batch holds follows from the seed, the step and its number alone, not from who computes it.
"""

import argparse
import json
import math
import multiprocessing
import os
import signal
import time


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", required=True, help="folder of state.pt, log.jsonl and the checkpoint")
    parser.add_argument("--init", required=True, help="pipeline folder to start from (and the distillation's teacher)")
    parser.add_argument("--continue-from", help="a state.pt or stable.pt of another run, to start from its weights")
    parser.add_argument("--objective", default="flow", choices=["flow", "distill"])
    parser.add_argument("--scratch", action="store_true", help="fresh transformer of the init's configuration")
    parser.add_argument("--steps", type=int, default=2500, help="of the whole schedule")
    parser.add_argument("--decay", type=int, default=900, help="steps at the end over which the rate falls to zero")
    parser.add_argument("--warmup", type=int, default=60)
    parser.add_argument("--micro", type=int, default=4, help="micro-batches in a step")
    parser.add_argument("--micro-size", type=int, default=16, help="pictures in a micro-batch")
    parser.add_argument("--rate-muon", type=float, default=0.02)
    parser.add_argument("--rate", type=float, default=1e-3, help="of AdamW")
    parser.add_argument("--clip", type=float, default=1.0)
    parser.add_argument("--ema", type=float, default=0.995)
    parser.add_argument("--shift", type=float, default=5.0, help="of the training times")
    parser.add_argument(
        "--texture", type=float, default=0.0, help="weight of the error's roughness; 0.03 for a last stage"
    )
    parser.add_argument("--finish", type=float, default=0.0, help="share of times drawn from those of the last steps")
    parser.add_argument("--dark", type=float, default=0.0, help="additional weight of dark pictures")
    parser.add_argument("--guidance", type=float, default=2.0, help="of the distillation's teacher")
    parser.add_argument("--substeps", type=int, default=2, help="teacher steps in one student step")
    parser.add_argument("--student-steps", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--save-every", type=float, default=240, help="seconds between saved states")
    parser.add_argument("--no-compile", action="store_true")
    return parser.parse_args()


def rate_factor(step, warmup, steps, decay):
    """Warm-up, constant, then linear to zero: a run can be lengthened from the state before its decay."""
    return max(0.0, min(1.0, (step + 1) / warmup, (steps - step) / max(1, decay)))


def schedule(settings):
    """Steps and decay: the command line's, or those of RUN/schedule, which may be written while the run goes on."""
    try:
        with open(os.path.join(settings.run, "schedule")) as file:
            steps, decay = (int(n) for n in file.read().split())
        return steps, decay
    except (FileNotFoundError, ValueError):
        return settings.steps, settings.decay


def worker(rank, settings, shared, barrier, counter):
    import torch

    torch.set_num_threads(1)
    import model
    from objectives import OBJECTIVES
    from optimizer import Layout, adamw_step, muon_step

    weights, average, moment, square, gradients, numbers = shared
    pipe = model.load(settings.init)
    objective = OBJECTIVES[settings.objective](pipe, settings)
    net = pipe.transformer
    if settings.scratch:
        torch.manual_seed(settings.seed)
        net = model.fresh_transformer(net.config)
    net.train()
    layout = Layout(net, settings.workers)
    step, images, cpu_before, updates = 0, 0, 0.0, 0
    state_file = os.path.join(settings.run, "state.pt")
    source = state_file if os.path.exists(state_file) else settings.continue_from
    if rank == 0:
        if source:
            state = torch.load(source)
            for name, buffer in zip(("weights", "average", "moment", "square"), (weights, average, moment, square)):
                buffer.copy_(state[name])
            updates = state["step"]
            if source == state_file:
                step, images, cpu_before = state["step"], state["images"], state["cpu_seconds"]
            print(f"from {source}, step {step}", flush=True)
        else:
            layout.store(weights)
            average.copy_(weights)
        numbers[:2] = torch.tensor([step, updates])
        numbers[2:4] = torch.tensor(schedule(settings))
    barrier.wait()
    step, updates = (int(n) for n in numbers[:2])
    layout.attach(weights, gradients[rank])
    forward = net if settings.no_compile else torch.compile(net, dynamic=False)
    cut = [layout.adam * r // settings.workers for r in range(settings.workers + 1)]
    mine = [slice(cut[rank], cut[rank + 1])] + [
        slice(o, o + shape[0] * shape[1]) for o, shape, owner in layout.hidden if owner == rank
    ]
    buckets, saved, logged = [[0.0, 0] for _ in range(8)], time.time(), time.time()

    def cpu_seconds():
        numbers[8 + rank] = time.process_time()
        return cpu_before + float(numbers[8 : 8 + settings.workers].sum())

    def save(name):
        state = dict(weights=weights, average=average, moment=moment, square=square)
        state.update(step=step, images=images, cpu_seconds=cpu_seconds(), settings=vars(settings))
        torch.save(state, state_file + ".part")
        os.rename(state_file + ".part", os.path.join(settings.run, name))

    def save_checkpoint():
        flat = {}
        for (key, _), (_, offset) in zip(names(net, layout), layout.places):
            p = net.get_parameter(key)
            flat[key] = average[offset : offset + p.numel()].view(p.shape)
        full = {**{k: v for k, v in net.state_dict().items() if k not in flat}, **flat}
        model.save(pipe, full, os.path.join(settings.run, "checkpoint"))

    while step < numbers[2] and numbers[31] == 0:
        gradients[rank].zero_()
        if rank == 0:
            counter.value = 0
        barrier.wait()
        while True:
            with counter.get_lock():
                number = counter.value
                counter.value += 1
            if number >= settings.micro:
                break
            seed = (settings.seed * 1_000_003 + step) * 64 + number
            torch.manual_seed(seed)
            loss, t, error = objective(forward, settings.micro_size, seed)
            (loss / settings.micro).backward()
            for value, e in zip(t.tolist(), error.tolist()):
                bucket = buckets[min(7, int(value * 8))]
                bucket[0] += e
                bucket[1] += 1
        cpu_seconds()
        barrier.wait()
        low, high = layout.size * rank // settings.workers, layout.size * (rank + 1) // settings.workers
        total = gradients[0][low:high]
        for other in gradients[1:]:
            total += other[low:high]
        numbers[16 + rank] = total.square().sum()
        barrier.wait()
        norm = math.sqrt(float(numbers[16 : 16 + settings.workers].sum()))
        factor = rate_factor(step, settings.warmup, *numbers[2:4].tolist())
        total *= min(1.0, settings.clip / (norm + 1e-6))
        barrier.wait()
        gradient = gradients[0]
        updates += 1
        adamw_step(mine[0], weights, gradient, moment, square, updates, settings.rate * factor, layout.decaying)
        for offset, shape, owner in layout.hidden:
            if owner == rank:
                muon_step(offset, shape, weights, gradient, moment, settings.rate_muon * factor)
        decay = min(settings.ema, (1 + step) / (10 + step))
        for part in mine:
            average[part].lerp_(weights[part], 1 - decay)
        step += 1
        images += settings.micro * settings.micro_size
        barrier.wait()
        if rank == 0:
            if step % 20 == 0:
                quality = [round(10 * math.log10(4 * n / e), 2) if n else None for e, n in buckets]
                line = dict(step=step, images=images, psnr_by_eighth_of_t=quality, norm=round(norm, 3))
                line.update(rate=round(factor, 4), seconds_per_step=round((time.time() - logged) / 20, 2))
                line.update(core_hours=round(cpu_seconds() / 3600, 3), clock=time.strftime("%H:%M:%S"))
                with open(os.path.join(settings.run, "log.jsonl"), "a") as log:
                    log.write(json.dumps(line) + "\n")
                buckets, logged = [[0.0, 0] for _ in range(8)], time.time()
            steps, decay = schedule(settings)
            numbers[2:4] = torch.tensor([steps, decay])
            if step == steps - decay:
                save("stable.pt")
            if time.time() - saved > settings.save_every:
                save("state.pt")
                saved = time.time()
            if os.path.exists(os.path.join(settings.run, "stop")):
                numbers[31] = 1
        barrier.wait()
    if rank == 0:
        save("state.pt")
        save_checkpoint()
        print(f"done at step {step}", flush=True)


def names(net, layout):
    """The parameters' names in the layout's order."""
    by_identity = {id(p): n for n, p in net.named_parameters()}
    return [(by_identity[id(p)], p) for p, _ in layout.places]


def main():
    settings = arguments()
    os.makedirs(settings.run, exist_ok=True)
    import torch

    import model
    from optimizer import Layout

    size = Layout(model.load(settings.init).transformer, settings.workers).size
    context = multiprocessing.get_context("spawn")
    buffers = [torch.zeros(size).share_memory_() for _ in range(4)]
    gradients = [torch.zeros(size).share_memory_() for _ in range(settings.workers)]
    shared = (*buffers, gradients, torch.zeros(32, dtype=torch.float64).share_memory_())
    barrier, counter = context.Barrier(settings.workers), context.Value("i", 0)
    team = [
        context.Process(target=worker, args=(rank, settings, shared, barrier, counter), daemon=True)
        for rank in range(settings.workers)
    ]
    for process in team:
        process.start()
    signal.signal(signal.SIGTERM, lambda *_: [p.kill() for p in team] and os._exit(1))
    for process in team:
        process.join()
    raise SystemExit(max(abs(p.exitcode) for p in team))


if __name__ == "__main__":
    main()
