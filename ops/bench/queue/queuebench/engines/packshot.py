"""Packshot: jobs in PostgreSQL, dispatched through Redis."""

import csv
import functools
import json
import subprocess
import time
from pathlib import Path

from ..context import Context
from ..processes import Child, run, wait_until
from ..records import Record
from ..servers import PsqlSession, RedisClient
from .base import Engine, Enqueued


class Packshot(Engine):
    """Its own commands on a generated catalog; `packshot worker --simulate` in place of a model."""

    name = "packshot"
    durable = "PostgreSQL commit"

    def __init__(self, context: Context, concurrency: int = 1, lease: str = "15s"):
        super().__init__(context)
        self.concurrency = concurrency
        self.lease = lease
        self.out = self.folder / "images"
        self._batches = 0

    @classmethod
    def version(cls, context: Context) -> str:
        answer = subprocess.run([context.packshot, "--version"], capture_output=True, text=True, check=True).stdout.strip()
        return answer + ("" if writes_no_files(context.packshot) else " (with files)")

    @property
    def log(self) -> Path:
        return self.folder / "packshot.log"

    def catalog(self, count: int) -> Path:
        """A new catalog of so many products, with titles and attributes of ordinary length."""
        self._batches += 1
        path = self.folder / f"batch-{self._batches}.csv"
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["sku", "title", "category", "color", "material"])
            for number in range(count):
                writer.writerow([
                    f"SKU-{self._batches}-{number:08d}", f"Stoneware mug with a wide handle, no. {number % 500}",
                    "Kitchen > Mugs", ("red", "blue", "sand", "black")[number % 4], "stoneware",
                ])  # fmt: skip
        return path

    def submit(self, catalog: Path) -> int:
        """Runs `packshot enqueue` and returns how many jobs it created."""
        report = json.loads(
            run(
                [str(self.context.packshot), "enqueue", str(catalog), "--model", str(self.context.model), "--out",
                 str(self.out), "--json"], self.log, self.servers.environment,
            ))  # fmt: skip
        return report["created"]

    def enqueue(self, mode: str, count: int, seconds: float, limit: float | None = None) -> Enqueued:
        """`bulk` is one catalog of `count` products; `single` is a catalog of one product, again and again."""
        if mode == "bulk":
            catalogs = [self.catalog(count)]
        else:
            catalogs = [self.catalog(1) for _ in range(min(count, 50))]
        jobs = 0
        start = time.perf_counter()
        for catalog in catalogs:
            jobs += self.submit(catalog)
            if limit and time.perf_counter() - start > limit:
                break
        return Enqueued(jobs, time.perf_counter() - start)

    def start_worker(self, seconds: float) -> Child:
        return Child(
            [str(self.context.packshot), "worker", "--model", str(self.context.model), "--simulate", f"{seconds}s",
             "--out", str(self.out), "--lease", self.lease, "--concurrency", str(self.concurrency)]
            + (["--no-files"] if writes_no_files(self.context.packshot) else []),
            self.log, self.servers.environment | {"NO_COLOR": "1"},
        )  # fmt: skip

    def remaining(self) -> int:
        """Jobs in the queue that are not acknowledged yet."""
        with RedisClient(self.servers.redis_path()) as redis:
            waiting = [key for key in self._keys(redis, "zset") if ":waiting:" in key]
            return sum(redis.command("XLEN", key) for key in self.streams(redis)) + sum(
                _jobs_of(run) for key in waiting for run in redis.command("ZRANGE", key, 0, -1)
            )

    def streams(self, redis: RedisClient) -> list[str]:
        """The queue's streams."""
        return self._keys(redis, "stream")

    def _keys(self, redis: RedisClient, kind: str) -> list[str]:
        found: list[str] = []
        cursor = "0"
        while True:
            cursor, keys = redis.command("SCAN", cursor, "COUNT", 1000, "TYPE", kind)
            found += keys
            if cursor == "0":
                return found

    def finished_lines(self) -> int:
        with RedisClient(self.servers.redis_path()) as redis:
            streams = self.streams(redis)
            added = sum(_field(redis.command("XINFO", "STREAM", key), "entries-added") for key in streams)
            return added - sum(redis.command("XLEN", key) for key in streams)

    def records(self) -> list[Record]:
        rows = self.servers.sql(
            """
            SELECT a.job_id, a.worker_id, extract(epoch FROM j.available_at), extract(epoch FROM a.started_at),
                CASE a.state WHEN 'completed' THEN extract(epoch FROM a.finished_at) END
            FROM attempts a JOIN jobs j ON j.id = a.job_id
            """
        )
        return [
            Record(int(job), worker, float(sent), float(started), float(finished) if finished else None)
            for job, worker, sent, started, finished in rows
        ]

    def audit(self) -> dict[str, float]:
        """What the ledger and the folder say: one image row and one file a job, and how often late work was refused."""
        ((rows, refused),) = self.servers.sql(
            "SELECT (SELECT count(*) FROM images), (SELECT coalesce(sum(stale_settlements), 0) FROM attempts)"
        )
        unfinished = self.servers.sql("SELECT state, count(*) FROM jobs WHERE state <> 'completed' GROUP BY 1 ORDER BY 1")
        files = [path.name for path in self.out.rglob("*") if path.is_file()]
        temporary = sum(name.startswith(".") for name in files)
        return {
            "kill_image_rows": int(rows),
            "kill_files": len(files) - temporary,
            "kill_temporary_files_left": temporary,
            "kill_refused_as_stale": int(refused),
        } | {f"kill_{state}": int(count) for state, count in unfinished}

    def pickup(self, count: int) -> list[float]:
        """From the commit of a job's row to the start of its attempt, both by PostgreSQL's clock.

        The row is a copy of a real job's and the entry one like it: `packshot enqueue` is a process that takes longer to
        start than what is to be measured. PostgreSQL's clock is read after the commit and before the entry is added.
        """
        return [started for started, _ in self.pickup_and_finish(count)]

    def pickup_and_finish(self, count: int) -> list[tuple[float, float]]:
        """Seconds from the commit to the attempt's start, and to its end in the ledger."""
        self.submit(self.catalog(1))
        template = int(self.servers.sql("SELECT max(id) FROM jobs")[0][0])
        sent: dict[int, float] = {}
        with RedisClient(self.servers.redis_path()) as redis, PsqlSession(self.servers) as psql:
            wait_until(lambda: self.remaining() == 0, 30, "the first job")
            # The one the first job went through; the others are empty lanes of other priorities.
            lane = max(self.streams(redis), key=lambda key: _field(redis.command("XINFO", "STREAM", key), "entries-added"))
            start = time.perf_counter()
            for number in range(count):
                time.sleep(max(0.0, start + number * 0.03 - time.perf_counter()))
                job = psql.row(_COPY_OF_JOB.format(template=template, number=number + 1))[0]
                sent[int(job)] = float(psql.row("SELECT extract(epoch FROM clock_timestamp())")[0])
                redis.command("XADD", lane, "*", "j", job)
            wait_until(lambda: self.remaining() == 0, 60, "the last paced job")
        return [
            (record.started - sent[record.job], record.finished - sent[record.job])
            for record in sorted(self.records(), key=lambda record: record.job)
            if record.job in sent and record.finished
        ]


_COPY_OF_JOB = """
    WITH specified AS (
        INSERT INTO job_specs (batch_id, product_id, shot, variant, priority, prompt, negative_prompt, seed,
            width, height, steps, guidance, relative_path, unique_key)
        SELECT batch_id, product_id, shot, {number}, priority, prompt, negative_prompt, seed, width, height,
            steps, guidance, '{number}/' || relative_path, sha256(convert_to('{number}', 'UTF8'))
        FROM job_specs WHERE id = {template} RETURNING id, batch_id
    )
    INSERT INTO job_states (job_id, batch_id, state, max_attempts) SELECT id, batch_id, 'available', 3 FROM specified
    RETURNING job_id
"""


@functools.cache
def writes_no_files(packshot: Path) -> bool:
    """True when its simulated worker can leave the files out."""
    answer = subprocess.run([packshot, "help", "worker"], capture_output=True, text=True, check=True)
    return "--no-files" in answer.stdout


def _jobs_of(run: str) -> int:
    """How many jobs a member of a lane's zset stands for: `17`, or `17-4200/1`."""
    first, _, last = run.partition("/")[0].partition("-")
    return int(last or first) - int(first) + 1


def _field(pairs: list, name: str) -> int:
    return pairs[pairs.index(name) + 1]
