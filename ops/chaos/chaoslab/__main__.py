"""Runs scenarios one after the other and prints what became of them; see ops/chaos/run."""

import argparse
import json
import random
import sys
import time
from pathlib import Path

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
    parser.add_argument("--seconds", type=float, help="of the random campaign (default: 600 x scale)")
    parser.add_argument("--jobs", type=int, help="of the random campaign (default: 20000 x scale)")
    parser.add_argument("--workers", type=int, default=4, help="of the random campaign")
    options = parser.parse_args()
    if options.list:
        for name, scenario in ALL.items():
            print(f"{name:12} {scenario.__doc__.splitlines()[0]}")
        return
    options.seed = random.randrange(1 << 31) if options.seed is None else options.seed
    print(f"seed {options.seed}, scale {options.scale}", flush=True)
    lines = []
    for name in list(ALL) if options.all else options.scenario or ["random"]:
        began = time.monotonic()
        with Site(name, options) as site:
            try:
                ALL[name].run(site)
                site.proof()
                verdict = "held"
            except Skipped as reason:
                verdict = f"skipped: {reason}"
            except Broken as reason:
                verdict = f"BROKEN: {reason}"
            print(json.dumps({"scenario": name, **site.facts, "verdict": verdict}), flush=True)
            lines.append((name, site.facts, verdict, time.monotonic() - began))
    print(f"\n{'scenario':12} {'seconds':>7} {'jobs':>6} {'made':>6} {'attempts':>8} {'lost':>5} {'stale refused':>13}  verdict")
    for name, facts, verdict, seconds in lines:
        columns = [facts.get(key, "") for key in ("jobs", "completed", "attempts", "attempts lost", "stale refused")]
        print(f"{name:12} {seconds:7.0f} {columns[0]:>6} {columns[1]:>6} {columns[2]:>8} {columns[3]:>5} {columns[4]:>13}  {verdict}")
    if any(verdict.startswith("BROKEN") for _, _, verdict, _ in lines):
        sys.exit(1)
    print("EVERYTHING HELD")


if __name__ == "__main__":
    main()
