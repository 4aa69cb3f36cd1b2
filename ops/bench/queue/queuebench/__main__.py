"""The command line: `ops/bench/queue/run`."""

import argparse
import contextlib
import functools
import json
import os
import shutil
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

from . import engines, machine, processes, report
from .context import BENCH, Context
from .engines.base import NotAvailable
from .engines.packshot import Packshot
from .measurements import end_to_end, enqueue, idle, kill, large_ledger, pickup, scaling

PIECES = ("enqueue", "endtoend", "pickup", "kill", "idle", "scaling", "ledger")


def main() -> None:
    arguments = _arguments()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(128 + signal.SIGTERM))
    folder = Path(tempfile.mkdtemp(prefix="packshot-bench-", dir=arguments.folder))
    # PostgreSQL does not run as root and must be able to reach its folder.
    folder.chmod(0o755)
    try:
        # A copy, so that a build under way does not change what is measured.
        program = Path(shutil.copy(arguments.packshot, folder / "packshot"))
        context = Context(
            packshot=program,
            model=BENCH.parents[1] / "demo" / "packshot-tiny",
            folder=folder,
            peers_python=arguments.peers_python,
            quick=arguments.quick,
            lock=arguments.lock,
            keep=arguments.keep,
        )
        results = _measure(context, arguments)
        print(json.dumps(results, indent=1) if arguments.json else report.markdown(results))
    finally:
        processes.kill_all()
        if arguments.keep:
            _note(f"kept {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _measure(context: Context, arguments: argparse.Namespace) -> dict:
    every = engines.every()
    results: dict = {
        "machine": machine.description(),
        "fdatasync_ms": machine.fdatasync_milliseconds(context.folder),
        "rounds": arguments.rounds,
        "quick": context.quick,
        "engines": {},
        "not_measured": {},
    }
    for name in arguments.engines or every:
        try:
            version = every[name].version(context)
            results["engines"][name] = {"version": version, "durable": every[name].durable, "rounds": [], "pickup_ms": []}
        except NotAvailable as reason:
            results["not_measured"][name] = str(reason)
            _note(f"{name} is not measured: {reason}")
    for round in range(arguments.rounds):
        order = list(results["engines"])
        for name in order if round % 2 == 0 else reversed(order):
            entry = results["engines"][name]
            entry["rounds"].append(_round(name, every[name], context, arguments.only, entry, first=round == 0))
            results["load_average"] = os.getloadavg()[1]
            if arguments.save:
                arguments.save.write_text(json.dumps(results, indent=1))
    if "packshot" in results["engines"]:
        for title, module in (("scaling", scaling), ("ledger", large_ledger)):
            if title in arguments.only:
                results[title] = []
                for row in module.measure(context):
                    results[title].append(row)
                    _note(f"packshot: {title}: {report.brief(row)}")
                    if arguments.save:
                        arguments.save.write_text(json.dumps(results, indent=1))
    results["load_average"] = os.getloadavg()[1]
    if arguments.save:
        arguments.save.write_text(json.dumps(results, indent=1))
    return results


def _round(name: str, make, context: Context, only: list[str], entry: dict, first: bool) -> dict:
    numbers: dict = {}

    def piece(title: str, measure, engine=make) -> None:
        """Measures one thing on fresh servers; a queue that fails is reported and does not end the run."""
        start = time.monotonic()
        try:
            with engine(context) as running:
                found = measure(running)
        except Exception as failure:
            found = {f"{title}_failed": f"{type(failure).__name__}: {failure}"}
        numbers.update(found)
        _note(f"{name}: {title} in {time.monotonic() - start:.0f} s: {report.brief(found)}")

    def paced(engine) -> dict:
        waits = pickup.measure(engine, context)
        entry["pickup_ms"] += waits
        return {"pickup_p50_ms": statistics.median(waits)}

    if "enqueue" in only:
        piece("enqueue", lambda engine: enqueue.measure(engine, context))
    if "endtoend" in only:
        for workers in (1, 2):
            piece(f"workers_{workers}", lambda engine, workers=workers: end_to_end.measure(engine, context, workers))
    if "pickup" in only:
        piece("pickup", paced)
    if "kill" in only and first:
        # As many images at once as most peers work on by default, so that each kill hits as many jobs.
        wide = functools.partial(Packshot, concurrency=10) if make is Packshot else make
        piece("kill", lambda engine: kill.measure(engine, context), wide)
    if "idle" in only and first:
        piece("idle", lambda engine: idle.measure(engine, context))
    return numbers


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="ops/bench/queue/run", description="Measure Packshot's queue beside others.")
    parser.add_argument("--quick", action="store_true", help="fewer jobs and shorter limits; for a look, not for a table")
    parser.add_argument("--rounds", type=int, help="rounds, every other one in reversed order (default: 3, with --quick 1)")
    parser.add_argument("--engines", type=lambda text: text.split(","), help="only these, with commas between")
    parser.add_argument(
        "--only", type=lambda text: text.split(","), default=list(PIECES), help=f"only these of {', '.join(PIECES)}"
    )
    parser.add_argument("--json", action="store_true", help="print everything as JSON instead of the tables")
    parser.add_argument("--save", type=Path, help="also write the JSON here after each step")
    parser.add_argument("--lock", type=Path, help="hold this file's lock (flock) while something is timed")
    parser.add_argument("--folder", type=Path, help="where to work (default: the system's temporary folder)")
    parser.add_argument("--keep", action="store_true", help="keep the working folder")
    parser.add_argument("--packshot", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--peers-python", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.rounds = arguments.rounds or (1 if arguments.quick else 3)
    unknown = set(arguments.only) - set(PIECES) | set(arguments.engines or ()) - set(engines.every())
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    return arguments


def _note(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
