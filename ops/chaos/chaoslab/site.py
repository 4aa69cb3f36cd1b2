"""What a scenario works with: a database and a Redis of its own, a catalog, fleets, and the proof at the end."""

import json
import math
import os
import random
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

from .fleet import Fleet
from .lifetime import mount_for_itself
from .machine import LEASE, PATIENCE
from .network import Host, Network
from .reckoning import Deed, Reckoning
from .servers import Postgres, Redis

FINAL = "('completed', 'discarded', 'cancelled')"


SHOTS = "shots:\n  - name: main\n    prompt: a ceramic {{title}}\n    steps: 4\n    guidance: 1\n"


class Broken(Exception):
    """Something that was promised did not hold."""


class Skipped(Exception):
    """This machine does not let the scenario happen."""


class Site:
    def __init__(self, name: str, options):
        self.options, self.program = options, options.program
        self.rng = random.Random(f"{options.seed} {name}")
        self.folder = options.data / name
        self.folder.mkdir(mode=0o755)
        self.out, self.manifests = self.folder / "out", []
        self.model = str(Path("ops/demo/packshot-tiny").resolve())
        self.facts: dict = {}
        self.fleets: list[Fleet] = []
        self.name, self.proven = name, False
        # How often a job may be tried: once, unless the scenario takes jobs from workers.
        self.attempts = 1
        # What is meant to be given up, and how many attempts to fail by the job's own fault; whether workers may end by themselves.
        self.expected_discarded, self.expected_failed, self.workers_may_end = 0, 0, False
        self.reckoning = Reckoning()
        # How many jobs people cancelled; None where the scenario's own end cuts the rest off.
        self.expected_cancelled: int | None = 0
        self.network: Network | None = None
        self.batches = 0
        self.servers: list[Postgres | Redis] = []
        self.mounts_are_own = False
        # Where the witness asks, if not where everybody does.
        self.witness: str | None = None

    def __enter__(self):
        self.redis = Redis(self.folder / "redis")
        os.environ["REDIS_URL"] = self.redis.url
        self.admin = os.environ["DATABASE_URL"]
        self.use_database(self.new_database("chaos"))
        return self

    def __exit__(self, *_):
        for fleet in self.fleets:
            fleet.stop()
        self.redis.end()
        for server in self.servers:
            server.end()
        if self.network:
            self.network.close()
        os.environ["DATABASE_URL"] = self.admin

    def use_network(self, hosts: list[str]) -> Network:
        """Puts servers of the scenario's own on a host `servers` of a network, and gives the others a wire to it. What looks on from
        outside, the producer and the witnesses, goes by unix sockets, which no fault of the network reaches."""
        obstacle = Network.obstacle()
        if obstacle:
            raise Skipped(obstacle)
        self.network = Network(["servers", *hosts], f"{self.options.seed} {self.name} wire")
        servers = self.network.hosts["servers"]
        self.redis.end()
        self.redis = Redis(self.folder / "redis-on-host", servers)
        os.environ["REDIS_URL"] = self.redis.url
        self.use_postgres(host=servers)
        return self.network

    def use_postgres(self, **how) -> Postgres:
        """A cluster of the scenario's own, to do with as it likes."""
        server = Postgres(self.folder / "postgres", **how)
        self.servers.append(server)
        self.use_database(server.url)
        return server

    def mount(self, folder: Path, *arguments: str) -> None:
        """Mounts for this scenario alone; it is gone with the scenario's process."""
        try:
            if not self.mounts_are_own:
                mount_for_itself()
                self.mounts_are_own = True
            subprocess.run(["mount", *arguments, str(folder)], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise Skipped(f"nothing can be mounted here: {getattr(error, 'stderr', None) or error}") from error

    def fleet_on(self, host: Host, count: int, pace: str, *arguments: str) -> Fleet:
        """Workers on a host of the network, which know the servers by their address there."""
        servers = self.network.hosts["servers"].address
        return self.fleet(count, pace, *arguments, prefix=host.prefix, environment={
            "REDIS_URL": f"redis://{servers}:6379", "DATABASE_URL": f"postgresql://packshot@{servers}:5432/packshot"})

    def new_database(self, name: str, dump: Path | None = None) -> str:
        """Creates a database, from a dump if one is given, and gives its URL."""
        name = f"{name}_{self.name.replace('-', '_')}"
        subprocess.run(["psql", "-qX", self.admin, "-c", f"CREATE DATABASE {name}"], check=True)
        url = self.admin.replace("/packshot?", f"/{name}?")
        if dump:
            restore(dump, url)
        return url

    def use_database(self, url: str) -> None:
        os.environ["DATABASE_URL"] = url
        subprocess.run([self.program, "migrate"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def keep(self, folder: Path) -> None:
        """What is needed to find out what broke: the ledger as SQL, and what everybody logged."""
        folder.mkdir(parents=True, exist_ok=True)
        for log in self.folder.glob("*.log"):
            shutil.copy(log, folder)
        with open(folder / "ledger.sql", "wb") as dump:
            subprocess.run(["pg_dump", os.environ["DATABASE_URL"]], stdout=dump)

    def scaled(self, number: float, least: int = 1) -> int:
        return max(least, math.ceil(number * self.options.scale))

    # Work

    def enqueue_command(self, jobs: int, name: str = "chaos", *arguments: str, titles=lambda i: f"mug number {i}",
                        model: str | None = None, shots: str = SHOTS) -> list[str]:
        catalog = self.folder / f"{name}.csv"
        _write(catalog, "sku,title\n" + "".join(f"{name.upper()}-{i},{titles(i)}\n" for i in range(jobs)))
        recipe = self.folder / f"{name}.yaml"
        _write(recipe, shots)
        manifest = self.folder / f"{name}.jsonl"
        if manifest not in self.manifests:
            self.manifests.append(manifest)
        return [self.program, "enqueue", str(catalog), "--shots", str(recipe), "--model", model or self.model, "--out", str(self.out),
                "--name", name, "--manifest", str(manifest), "--max-attempts", str(self.attempts), *arguments]

    def enqueue(self, jobs: int, name: str = "chaos", *arguments: str, environment: dict[str, str] | None = None, **more) -> None:
        subprocess.run(self.enqueue_command(jobs, name, *arguments, **more), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       env={**os.environ, **(environment or {})})

    def top_up(self, least: int, more: int) -> None:
        """Submits more jobs when few are waiting, so that no fault finds workers without work."""
        if 0 <= self.count("SELECT count(*) FROM job_states WHERE state = 'available'") < least:
            self.batches += 1
            self.enqueue(more, f"more-{self.batches}")

    def steer(self, *arguments: str) -> None:
        outcome = subprocess.run([self.program, *arguments], capture_output=True, text=True)
        self.expect(outcome.returncode == 0, f"{arguments} ended with {outcome.returncode}: {outcome.stderr.strip()}")

    def cancel(self, *arguments: str) -> None:
        self.steer("cancel", *arguments)

    def fleet(self, count: int, pace: str | None, *arguments: str, environment=None, prefix: tuple[str, ...] = (), model: bool = True) -> Fleet:
        """Workers of one model, or of whichever the ledger names; with a pace, of simulated images."""
        command = [*prefix, self.program, "worker", *(["--simulate", pace] if pace else []),
                   *(["--model", self.model, "--out", str(self.out)] if model else []),
                   "--lease", f"{LEASE}s", "--grace", "5s", *arguments]
        self.fleets.append(Fleet(command, count, self.folder, environment))
        return self.fleets[-1]

    # What is done to workers, and written down

    def in_hand(self, pid: int) -> int | None:
        """Attempts that a worker has, by the ledger; None when that cannot be asked. The server may still be at its last words: it is
        asked until it says the same three times, a while apart."""
        looks = []
        while len(looks) < 3 or len(set(looks[-3:])) > 1:
            looks.append(self.count("SELECT count(*) FROM attempts a JOIN workers w ON w.id = a.worker_id "
                                    f"WHERE a.state = 'running' AND w.process_id = {pid}"))
            if looks[-1] == -1 or len(looks) == 20:
                break
            time.sleep(0.05)
        return None if -1 in looks else max(looks)

    def kill(self, worker: subprocess.Popen) -> Deed:
        worker.kill()
        worker.wait()
        killed_at = time.time()
        return self.reckoning.begin(worker.pid, self.in_hand(worker.pid), killed_at)

    def freeze(self, worker: subprocess.Popen) -> Deed:
        worker.send_signal(signal.SIGSTOP)
        frozen_at = time.time()
        return self.reckoning.begin(worker.pid, self.in_hand(worker.pid), frozen_at)

    def thaw(self, worker: subprocess.Popen, deed: Deed) -> None:
        if worker.poll() is None:
            worker.send_signal(signal.SIGCONT)
        deed.until = time.time()

    # Looking

    def sql(self, query: str) -> str:
        """The first cell of the answer, as a witness that shares no code with packshot; empty when nobody answers."""
        return subprocess.run(["psql", "-qAtX", self.witness or os.environ["DATABASE_URL"], "-c", query], capture_output=True, text=True).stdout.strip()

    def count(self, query: str) -> int:
        answer = self.sql(query)
        return int(answer) if answer else -1

    @property
    def unfinished(self) -> int:
        return self.count(f"SELECT count(*) FROM jobs WHERE state NOT IN {FINAL}")

    @property
    def images(self) -> int:
        return self.count("SELECT count(*) FROM images")

    def expect(self, holds: bool, what: str) -> None:
        if not holds:
            raise Broken(what)

    def promised(self, seconds: float, most: float, what: str) -> None:
        """Reports how long something took beside what is promised of an idle machine; with --judge-times it must keep that."""
        self.facts[what] = round(seconds, 3)
        if seconds > most:
            self.facts.setdefault("slower than promised", []).append(f"{what}: {seconds:.3f} s, not {most:g}")
            self.expect(not self.options.judge_times, f"{what}: {seconds:.3f} s, {most:g} are promised")

    def wait(self, what: str, condition, seconds: float = 300, supervise: bool = True) -> float:
        """Waits for a condition, starting workers that end again, and says how long it took. The limit is there to end what is broken:
        it is several times what a loaded machine takes."""
        began = time.monotonic()
        seconds *= PATIENCE
        while not condition():
            if time.monotonic() - began > seconds:
                raise Broken(f"waited {seconds:.0f} s in vain: {what}")
            if supervise:
                for fleet in self.fleets:
                    fleet.replace_ended()
            time.sleep(0.1)
        return time.monotonic() - began

    def until_all_claim(self, workers: int, least: int, more: int) -> float:
        """Seconds from now until each of so many workers has begun another job; by the ledger's clock, not by how often one looks."""
        latest, now = self.sql("SELECT coalesce(max(id), 0) || ' ' || extract(epoch FROM clock_timestamp()) FROM attempts").split()
        claimed = f"SELECT count(DISTINCT worker_id) FROM attempts WHERE id > {latest} AND started_at > to_timestamp({now})"

        def all_claim() -> bool:
            self.top_up(least, more)
            return self.count(claimed) >= workers

        self.wait("every worker claims again", all_claim, 120, supervise=False)
        return float(self.sql(f"SELECT extract(epoch FROM max(first)) - {now} FROM (SELECT min(started_at) AS first FROM attempts "
                              f"WHERE id > {latest} AND started_at > to_timestamp({now}) GROUP BY worker_id) each"))

    def wait_until_done(self, seconds: float = 600) -> float:
        return self.wait("all jobs done", lambda: self.unfinished == 0, seconds)

    def _queue_is_empty(self) -> bool:
        return all(self.redis.call("XLEN", key) in ("0", "") for key in self.redis.call("--scan", "--pattern", "*:queue:*").split())

    def proof(self) -> None:
        """Stops the fleet and compares manifest, files and ledger; once, when a scenario's servers are still there."""
        if self.proven:
            return
        self.proven = True
        if self.unfinished != 0:
            self.wait_until_done()
        # Copies that nobody needed any more go with the next look at what is idle.
        self.wait("an empty queue", lambda: not self.redis.call("--scan", "--pattern", "*:queue:*") or self._queue_is_empty(), 30, supervise=False)
        for fleet in self.fleets:
            fleet.stop()
        # One manifest of all batches: what is not listed may not be there either.
        combined = self.folder / "accepted.jsonl"
        lines = [line for m in self.manifests if m.exists() for line in m.read_text().splitlines(keepends=True)]
        # What several producers were told, or one twice, was accepted once, as whatever it was at that time.
        combined.write_text("".join({json.loads(line)["key"]: line for line in lines}.values()))
        audit = subprocess.run(
            [self.program, "audit", "--strict", "--json", "--manifest", str(combined)], capture_output=True, text=True)
        self.expect(audit.stdout.startswith("{"), f"audit did not answer: {audit.stderr.strip()}")
        report = json.loads(audit.stdout)
        facts = {
            "jobs": report["accepted"], "completed": report["jobs"].get("completed", 0), "discarded": report["jobs"].get("discarded", 0),
            "attempts": self.count("SELECT count(*) FROM attempts"), "files": report["files"],
            "attempts lost": self.count("SELECT count(*) FROM attempts WHERE state = 'lost'"),
            "lease": LEASE, "stale refused": report["staleSettlementsRefused"], "worker starts": sum(fleet.starts for fleet in self.fleets),
        }
        self.facts.update(facts)
        left = [str(p) for p in self.out.rglob("*") if p.is_file() and p.suffix != ".png" and p.parent != self.out / ".packshot"] if self.out.exists() else []
        self.expect(not left, f"half-written files are left: {left[:3]}")
        self.expect(audit.returncode == 0, f"audit: {report['breaches']}")
        self.reckoning.check(self)
        cancelled = report["jobs"].get("cancelled", 0)
        self.expect(self.expected_cancelled in (None, cancelled), f"{cancelled} cancelled, {self.expected_cancelled} expected")
        self.expect(facts["completed"] + facts["discarded"] + cancelled == facts["jobs"], "not every accepted job came to its end")
        self._money()

    def _money(self) -> None:
        """Every second of every worker is priced once: images, waste and idle add up to the last micro-dollar."""
        books = subprocess.run([self.program, "cost", "--reconcile"], capture_output=True, text=True)
        self.expect(books.returncode == 0, f"cost --reconcile: {books.stdout.strip() or books.stderr.strip()}")


def dump(url: str, path: Path) -> Path:
    with open(path, "wb") as file:
        subprocess.run(["pg_dump", url], stdout=file, check=True)
    return path


def restore(path: Path, url: str) -> None:
    subprocess.run(["psql", "-qX", "-v", "ON_ERROR_STOP=1", url, "-f", str(path)], check=True, stdout=subprocess.DEVNULL)


def _write(path: Path, text: str) -> None:
    """Whole or not at all: who submits the same beside us may be reading it."""
    fresh = path.with_suffix(f".{threading.get_ident()}")
    fresh.write_text(text)
    os.replace(fresh, path)
