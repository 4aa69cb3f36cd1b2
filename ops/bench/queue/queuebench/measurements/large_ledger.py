"""(g) Does the queue stay fast when the ledger is old and full? Ten million jobs, one million of them waiting."""

import json
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from .. import processes
from ..context import BENCH, Context
from ..engines.packshot import Packshot
from ..records import percentile
from ..servers import RedisClient

BATCHES = 100
#: PostgreSQL's log of a statement's time, and how each statement of interest is known.
_DURATION = re.compile(r"duration: ([\d.]+) ms  (?:execute|statement)[^:]*: (.*)")
_STATEMENTS = {"claim": "INSERT INTO attempts", "settle": "INSERT INTO images"}


def measure(context: Context) -> Iterator[dict[str, float]]:
    """The same measurements with a ledger of 100,000 jobs and of ten million (a twentieth of that with `--quick`)."""
    for jobs in (100_000, 500_000 if context.quick else 10_000_000):
        yield _with(context, jobs)


def _with(context: Context, jobs: int) -> dict[str, float]:
    numbers: dict[str, float] = {"jobs": jobs, "queued": jobs // 10}
    needed = jobs * 4 // 1000 + 2000
    if context.free_megabytes() < needed:
        raise RuntimeError(f"a ledger of {jobs} jobs needs about {needed} MB of disk; {context.free_megabytes()} MB are free")
    with Packshot(context) as engine:
        _one_real_job(engine)
        start = time.monotonic()
        _fill(engine, jobs)
        numbers["fill_s"] = time.monotonic() - start
        numbers["ledger_gb"] = int(engine.servers.sql("SELECT pg_database_size(current_database())")[0][0]) / 1e9
        with RedisClient(engine.servers.redis_path()) as redis:
            before = _memory(redis)
            with context.timed():
                numbers["dispatch_s"] = _seconds(engine, "reconcile", limit=600)
            numbers["queue_entries"] = engine.remaining()
            numbers["redis_bytes_per_job"] = (_memory(redis) - before) / max(1, numbers["queue_entries"])
            with context.timed():
                numbers["status_s"] = _seconds(engine, "status")
                numbers["status_batch_s"] = _seconds(engine, "status", "past-50")
                numbers["enqueue_bulk"] = engine.enqueue("bulk", 20_000, 0).rate
                numbers |= _claims(engine, redis, 10 if context.quick else 30)
    return numbers


def _one_real_job(engine: Packshot) -> None:
    """Lets the program itself make one image: the rows that all others are modelled on."""
    engine.submit(engine.catalog(1))
    worker = engine.start_worker(0)
    try:
        processes.wait_until(lambda: engine.servers.sql("SELECT count(*) FROM images") != [["0"]], 30, "one image", every=0.2)
    finally:
        worker.stop()


def _fill(engine: Packshot, jobs: int) -> None:
    """Rows of finished batches with their products, attempts, events and images, and of a tenth that waits."""
    script = (BENCH / "queuebench" / "measurements" / "large_ledger.sql").read_text()
    path = Path(engine.folder / "fill.sql")
    path.write_text(script)
    processes.run(
        ["psql", "-qAtX", "-v", "ON_ERROR_STOP=1", "-v", f"batches={BATCHES}", "-v", f"products={jobs // BATCHES // 10}",
         "-f", str(path), engine.servers.database_url],
        engine.log, engine.servers.environment, timeout=3600,
    )  # fmt: skip


def _claims(engine: Packshot, redis: RedisClient, seconds: float) -> dict[str, float]:
    """Four workers with images of 50 ms; each claim takes what it would in service. Times from the servers' own records."""
    engine.servers.sql("ALTER SYSTEM SET log_min_duration_statement = 0")
    engine.servers.sql("SELECT pg_reload_conf()")
    redis.command("CONFIG", "RESETSTAT")
    log = engine.servers.folder / "data" / "postgres.log"
    offset = log.stat().st_size
    workers = [engine.start_worker(0.05) for _ in range(4)]
    try:
        time.sleep(seconds)
    finally:
        for worker in workers:
            worker.stop(40)
    with log.open(errors="replace") as file:
        file.seek(offset)
        text = file.read()
    times: dict[str, list[float]] = {name: [] for name in _STATEMENTS}
    for entry in re.split(r"\n(?=\d{4}-\d\d-\d\d )", text):
        if found := _DURATION.search(entry):
            for name, mark in _STATEMENTS.items():
                if mark in entry:
                    times[name].append(float(found.group(1)))
                    break
    numbers = {}
    for name, values in times.items():
        if values:
            numbers |= {f"{name}_p50_ms": percentile(values, 50), f"{name}_p99_ms": percentile(values, 99)}
            numbers[f"{name}_count"] = len(values)
    script = redis.command("INFO", "latencystats")
    if found := re.search(r"latency_percentiles_usec_evalsha:p50=([\d.]+),p99=([\d.]+)", script):
        numbers["redis_script_p99_ms"] = float(found.group(2)) / 1000
    return numbers


def _memory(redis: RedisClient) -> int:
    found = re.search(r"used_memory:(\d+)", redis.command("INFO", "memory"))
    assert found
    return int(found.group(1))


def _seconds(engine: Packshot, *arguments: str, limit: float = 240) -> float:
    """The time a command takes, or infinity when it is not done within the limit."""
    start = time.perf_counter()
    try:
        answer = processes.run(
            [str(engine.context.packshot), *arguments, "--json"], engine.log, engine.servers.environment, timeout=limit
        )
    except subprocess.TimeoutExpired:
        return float("inf")
    elapsed = time.perf_counter() - start
    json.loads(answer)
    return elapsed
