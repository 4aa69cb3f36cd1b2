"""F1: eight producers submit the same images at once, ten times; others are killed amid a batch and run again: each image once."""

import shutil
import subprocess
import time

from ..site import Site

PRODUCERS = 8


def run(site: Site) -> None:
    specs, rounds, kills = site.scaled(1_000), 10 if site.options.scale >= 0.5 else 3, site.scaled(200)
    site.fleet(3, "1ms")
    command = site.enqueue_command(specs, "same")
    for _ in range(rounds):
        running = []
        for producer in range(PRODUCERS):
            own = list(command)
            own[own.index("--manifest") + 1] = str(site.folder / f"same-{producer}.jsonl")
            running.append(subprocess.Popen(own, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True))
        for process in running:
            message = process.communicate()[1]
            site.expect(process.returncode == 0, f"one of {PRODUCERS} producers at once ended with {process.returncode}: {message}")
    for producer in range(PRODUCERS):
        site.manifests.append(site.folder / f"same-{producer}.jsonl")
    made = site.count("SELECT count(*) FROM job_specs")
    site.expect(made == specs, f"{PRODUCERS} producers {rounds} times made {made} jobs of {specs} images")
    # As long as one takes that is left alone.
    began = time.monotonic()
    site.enqueue(specs, "measured")
    whole = time.monotonic() - began
    died, finished = 0, 0
    for number in range(kills):
        batch = site.enqueue_command(specs, f"killed-{number}")
        killed = subprocess.Popen(batch, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            killed.wait(site.rng.uniform(0.05, whole))
            finished += 1
        except subprocess.TimeoutExpired:
            killed.kill()
            died += 1
        killed.wait()
        # What it said was accepted is held to, even if nobody runs it again.
        said = site.folder / f"killed-{number}.jsonl"
        if said.exists():
            shutil.copy(said, site.folder / f"said-{number}.jsonl")
            site.manifests.append(site.folder / f"said-{number}.jsonl")
        subprocess.run(batch, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    expected = specs * (kills + 2)
    made = site.count("SELECT count(*) FROM job_specs")
    site.expect(made == expected, f"{made} jobs of {expected} images")
    site.wait_until_done()
    site.facts.update({"producers killed": died, "producers that were quicker": finished})
    site.expect(died > 0, "no producer was killed in time")
