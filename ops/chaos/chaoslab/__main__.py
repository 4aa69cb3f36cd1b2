"""Runs scenarios and prints what became of them; see ops/chaos/run."""

import argparse
import json
import multiprocessing
import multiprocessing.connection
import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from .lifetime import end_with_parent
from .machine import LEASE
from .scenarios import ALL
from .site import Broken, Site, Skipped


def main() -> None:
    parser = argparse.ArgumentParser(prog="ops/chaos/run", description=__doc__)
    parser.add_argument("--program", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--data", required=True, type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--scenario", action="append", choices=sorted(ALL), default=[])
    parser.add_argument("--all", action="store_true", help="every scenario")
    parser.add_argument("--list", action="store_true", help="name the scenarios and stop")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full numbers")
    parser.add_argument("--seed", type=int, help="default: drawn, and printed")
    parser.add_argument("--at-once", type=int, default=1, help="scenarios side by side; those that measure run alone after them")
    parser.add_argument("--must-run", action="store_true", help="as root, a scenario that this machine does not allow is a failure")
    parser.add_argument("--judge-times", action="store_true", help="what is slower than promised is broken; for idle machines")
    parser.add_argument("--keep", type=Path, help="a folder for the ledger and the logs of what breaks")
    parser.add_argument("--seconds", type=float, help="of the random campaign (default: 600 x scale)")
    parser.add_argument("--jobs", type=int, help="of the random campaign at a time (default: 2000 x scale)")
    parser.add_argument("--workers", type=int, default=4, help="of the random campaign")
    options = parser.parse_args()
    if options.list:
        for name, scenario in ALL.items():
            print(f"{name:14} {scenario.__doc__.splitlines()[0]}")
        return
    # A scenario that is told to stop takes its workers and servers with it.
    signal.signal(signal.SIGTERM, _stop)
    end_with_parent()
    options.seed = random.randrange(1 << 31) if options.seed is None else options.seed
    print(f"seed {options.seed}, scale {options.scale}, leases of {LEASE} s", flush=True)
    names = list(ALL) if options.all else options.scenario or ["random"]
    results = {}
    for group, at_once in (([n for n in names if not _is_alone(n)], options.at_once), ([n for n in names if _is_alone(n)], 1)):
        for name, facts, verdict, seconds in each(group, at_once, options):
            results[name] = facts, verdict, seconds
            print(json.dumps({"scenario": name, **facts, "seconds": round(seconds, 1), "verdict": verdict}), flush=True)
    print(f"\n{'scenario':14} {'seconds':>7} {'jobs':>6} {'made':>6} {'attempts':>8} {'lost':>5} {'stale refused':>13}  verdict")
    for name in names:
        facts, verdict, seconds = results[name]
        columns = [facts.get(key, "") for key in ("jobs", "completed", "attempts", "attempts lost", "stale refused")]
        print(f"{name:14} {seconds:7.0f} {columns[0]:>6} {columns[1]:>6} {columns[2]:>8} {columns[3]:>5} {columns[4]:>13}  {verdict}")
    if any(verdict.startswith("BROKEN") for _, verdict, _ in results.values()):
        sys.exit(1)
    for name in names:
        for slow in results[name][0].get("slower than promised", []):
            print(f"slower than promised of an idle machine: {name}: {slow}")
    print("EVERYTHING HELD")


def _stop(*_) -> None:
    """Once: putting things away takes a while, and is not to be broken off."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(143)


def _is_alone(name: str) -> bool:
    """Whether a scenario judges how fast something is."""
    return getattr(ALL[name], "ALONE", False)


def each(names: list[str], at_once: int, options: argparse.Namespace) -> Iterator[tuple[str, dict, str, float]]:
    """Plays scenarios side by side and gives what became of each as it ends. Each has a process of its own: it sets what its programs
    see in the environment, and mounts for itself. However this ends, they have put everything away then."""
    waiting, running = list(names), {}
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                name = waiting.pop(0)
                answer, end = multiprocessing.Pipe(duplex=False)
                process = multiprocessing.get_context("fork").Process(target=play, args=(name, options, end))
                process.start()
                end.close()
                running[answer] = process, name, time.monotonic()
            for answer in multiprocessing.connection.wait(list(running)):
                process, name, began = running.pop(answer)
                try:
                    facts, verdict = answer.recv()
                except EOFError:
                    facts, verdict = {}, "BROKEN: the lab's own process died"
                process.join()
                yield name, facts, verdict, time.monotonic() - began
    finally:
        for process, *_ in running.values():
            process.terminate()
        for process, *_ in running.values():
            process.join()


def play(name: str, options: argparse.Namespace, answer: multiprocessing.connection.Connection) -> None:
    end_with_parent()
    site = Site(name, options)
    try:
        with site:
            try:
                ALL[name].run(site)
                site.proof()
            except Exception:
                if options.keep:
                    site.keep(options.keep / name)
                raise
        verdict = "held"
    except Skipped as reason:
        verdict = f"BROKEN: skipped: {reason}" if options.must_run and os.getuid() == 0 else f"skipped: {reason}"
    except Exception as reason:
        # Also what breaks in the lab itself: the others are to have their turn.
        verdict = f"BROKEN: {reason}" if isinstance(reason, Broken) else f"BROKEN: {reason!r}"
    answer.send((site.facts, verdict))


if __name__ == "__main__":
    main()
