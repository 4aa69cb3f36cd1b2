"""Runs the reference and Packshot in turns and prints a table; see `run`."""
import argparse
import contextlib
import fcntl
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.environ.get("PACKSHOT_PROGRAM", "packshot")

# name: (part, arguments both sides take, rounds, bar of the ratio or None)
CASES = {
    "step-256": ("step", ["--size", "256"], 5, 0.60),
    "step-256-200-tokens": ("step", ["--size", "256", "--tokens", "200"], 3, None),
    "step-256-no-guidance": ("step", ["--size", "256", "--guidance", "1"], 5, None),
    "step-512": ("step", ["--size", "512"], 3, 0.68),
    "step-512-200-tokens": ("step", ["--size", "512", "--tokens", "200"], 2, None),
    "step-512-no-guidance": ("step", ["--size", "512", "--guidance", "1"], 3, None),
    "step-1024": ("step", ["--size", "1024"], 1, None),
    "encode-1": ("encode", ["--prompts", "1"], 5, None),
    "encode-16": ("encode", ["--prompts", "16"], 1, 0.50),
    "decode-512": ("decode", ["--size", "512"], 5, 0.70),
    "decode-1024": ("decode", ["--size", "1024"], 1, None),
    "decode-dc-512": ("decode", ["--size", "512", "--dc"], 3, None),
    "decode-dc-1024": ("decode", ["--size", "1024", "--dc"], 1, None),
    "image-512-8-steps": ("image", ["--size", "512", "--steps", "8", "--guidance", "1"], 1, 0.70),
    "image-512-8-steps-cached": ("image", ["--size", "512", "--steps", "8", "--guidance", "1", "--cached"], 1, 0.65),
}
QUICK = {"step-256": 2, "encode-1": 2, "decode-512": 2}


@contextlib.contextmanager
def machine():
    """The machine to ourselves, where PACKSHOT_BENCH_LOCK names the lock that says so."""
    path = os.environ.get("PACKSHOT_BENCH_LOCK")
    if not path:
        yield
        return
    with open(path, "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Side:
    """A process that makes a round for every line it is given."""

    def __init__(self, command):
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.expect("ready")

    def expect(self, word=None):
        for line in self.process.stdout:
            if line.strip() == word or (word is None and line.startswith("{")):
                return line
        self.log.seek(0)
        sys.exit(f"{' '.join(self.process.args)} ended:\n{self.log.read()[-3000:]}")

    def round(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.expect())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Image:
    """Packshot from exec to PNG. Cached means that the time the text encoder took, which it reports, is not counted."""

    def __init__(self, model, arguments):
        self.folder = tempfile.TemporaryDirectory()
        self.cached = "--cached" in arguments
        self.command = [PROGRAM, "generate", "--model", model, "--prompt", "a mug", "--seed", "1", "--no-resolution-binning",
                        "--json", "--output", self.folder.name + "/image.png"]
        for argument in arguments:
            self.command += {"--cached": [], "--size": ["--height", arguments[arguments.index("--size") + 1], "--width"]}.get(
                argument, [argument])

    def round(self):
        start = time.perf_counter()
        process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)
        report = json.loads(process.stdout.read())
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"{' '.join(self.command)} ended with {process.returncode}")
        seconds = time.perf_counter() - start - (report["embedSeconds"] if self.cached else 0)
        return {"seconds": seconds, "peakResidentBytes": usage.ru_maxrss * 1024}

    def close(self):
        self.folder.cleanup()


def step_pairs(their_command, our_command, rounds):
    """Both sides stay loaded; the order alternates, so that a drifting clock favours neither."""
    with machine():
        reference = Side(their_command)
    with machine():
        packshot = Side(our_command)
    pairs = []
    for number in range(rounds):
        with machine():
            if number % 2 == 0:
                theirs, ours = reference.round(), packshot.round()
            else:
                ours, theirs = packshot.round(), reference.round()
        pairs.append((theirs, ours))
    reference.close()
    packshot.close()
    return pairs


def image_pair(their_command, model, arguments):
    """The reference is gone before Packshot begins, and the checkpoint in the page cache again: with both in memory, 24 GB hold
    the one's weights or the other's."""
    with machine():
        reference = Side(their_command)
        theirs = reference.round()
        reference.close()
        subprocess.run(["find", "-L", model, "-type", "f", "-exec", "cat", "{}", "+"], stdout=subprocess.DEVNULL, check=True)
        packshot = Image(model, arguments)
        ours = packshot.round()
        packshot.close()
    return theirs, ours


def compare(name, model, rounds, dtype):
    part, arguments, standard, bar = CASES[name]
    if "--dc" in arguments:
        model, arguments = model + "-dc", [argument for argument in arguments if argument != "--dc"]
    # What takes minutes is not warmed up, on either side.
    warmup = ["--warmup", "0" if standard == 1 else "1"]
    their_command = [sys.executable, HERE + "/reference.py", part, "--model", model, "--dtype", dtype, *warmup, *arguments]
    our_command = [PROGRAM, "bench", part, "--model", model, "--json", "--on-demand", *warmup, *arguments]
    if part == "image":
        pairs = [image_pair(their_command, model, arguments) for _ in range(rounds)]
    else:
        pairs = step_pairs(their_command, our_command, rounds)
    ratios = sorted(ours["seconds"] / theirs["seconds"] for theirs, ours in pairs)
    median = statistics.median
    result = {
        "case": name, "dtype": dtype, "rounds": rounds, "referenceSeconds": median(t["seconds"] for t, _ in pairs),
        "seconds": median(o["seconds"] for _, o in pairs), "ratio": median(ratios), "ratioLow": ratios[0], "ratioHigh": ratios[-1],
        "bar": bar if dtype == "float32" else None, "referencePeakBytes": max(t["peakResidentBytes"] for t, _ in pairs),
        "peakBytes": max(o["peakResidentBytes"] for _, o in pairs),
    }
    if pairs[0][1].get("gigaflops"):
        result["gigaflops"] = median(o["gigaflops"] for _, o in pairs)
        # The faster one is the yardstick: an old OpenBLAS may not know a new CPU.
        result["sgemmGigaflops"] = max(median(side["sgemmGigaflops"] for side in sides) for sides in zip(*pairs))
    return result


def row(result):
    rate = ""
    if "gigaflops" in result:
        rate = f"{result['gigaflops']:.0f} of {result['sgemmGigaflops']:.0f} ({result['gigaflops'] / result['sgemmGigaflops']:.0%})"
    spread = f"{result['ratioLow']:.2f}-{result['ratioHigh']:.2f}"
    bar = f"<= {result['bar']:.2f}" if result["bar"] else ""
    memory = f"{result['peakBytes'] / 1e9:.1f} / {result['referencePeakBytes'] / 1e9:.1f}"
    return (f"{result['case']:26} {result['referenceSeconds']:9.2f} {result['seconds']:9.2f} {result['ratio']:6.2f} {spread:>10} "
            f"{bar:8} {rate:18} {memory}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--quick", action="store_true", help="a few cases, under 10 minutes")
    parser.add_argument("--cases", help="names separated by commas: " + ", ".join(CASES))
    parser.add_argument("--rounds", type=int, help="instead of each case's own number")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32", help="what the reference computes in")
    parser.add_argument("--json", help="a file for the results")
    options = parser.parse_args()
    names = options.cases.split(",") if options.cases else list(QUICK if options.quick else CASES)
    if unknown := [name for name in names if name not in CASES]:
        parser.error(f"no such case: {', '.join(unknown)}")
    print(f"the reference computes in {options.dtype}")
    print(f"{'case':26} {'diffusers':>9} {'Packshot':>9} {'ratio':>6} {'spread':>10} {'bar':8} {'GFLOP/s of sgemm':18} peak GB ours / theirs")
    results = []
    for name in names:
        rounds = options.rounds or (QUICK.get(name) if options.quick else None) or CASES[name][2]
        results.append(compare(name, options.model, rounds, options.dtype))
        print(row(results[-1]), flush=True)
        if options.json:
            with open(options.json, "w") as file:
                json.dump(results, file, indent=1)


if __name__ == "__main__":
    main()
