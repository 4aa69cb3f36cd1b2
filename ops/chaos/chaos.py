"""A fleet under faults, by a seeded schedule. Run by ops/chaos/run; Python's standard library only.

The faults are those that operators meet: a worker killed, told to stop, or frozen for longer than its lease and let go again; Redis
killed, killed with the end of its log lost, wiped, its groups destroyed, its connections cut; PostgreSQL's sessions terminated in
mid-transaction, or frozen; a producer killed and run again. At the end the faults stop, the
fleet drains, and `packshot audit --strict` compares the producer's manifest, the files and the ledger.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

LEASE = 3


class Fleet:
    """Workers that are started again whenever they end."""

    def __init__(self, arguments, count, log_folder):
        self.arguments, self.log_folder = arguments, log_folder
        self.workers, self.starts = [], 0
        for _ in range(count):
            self.workers.append(self.start())

    def start(self):
        self.starts += 1
        log = open(self.log_folder / f"worker-{self.starts}.log", "wb")
        return subprocess.Popen(self.arguments, stdout=log, stderr=log, start_new_session=True)

    def replace_ended(self):
        self.workers = [worker if worker.poll() is None else self.start() for worker in self.workers]

    def pick(self, rng):
        return self.workers[rng.randrange(len(self.workers))]

    def stop(self):
        for worker in self.workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGCONT)
                worker.terminate()
        for worker in self.workers:
            try:
                worker.wait(40)
            except subprocess.TimeoutExpired:
                worker.kill()


def psql(query):
    return subprocess.run(
        ["psql", "-qAtX", os.environ["DATABASE_URL"], "-c", query], capture_output=True, text=True
    ).stdout.strip()


class Redis:
    """A server of our own, so that it can be killed, and its log of writes cut, between two lives."""

    def __init__(self, folder):
        self.folder, self.socket = folder, f"{folder}/redis.sock"
        folder.mkdir()
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.socket, "--dir", str(self.folder), "--appendonly", "yes",
             "--appendfsync", "everysec", "--maxmemory-policy", "noeviction", "--save", ""],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while self.call("PING") != "PONG":
            time.sleep(0.02)

    def call(self, *command):
        return subprocess.run(["redis-cli", "-s", self.socket, *command], capture_output=True, text=True).stdout.strip()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def cut(self, count):
        """Takes bytes off the end of the log, as a power failure does."""
        logs = sorted((self.folder / "appendonlydir").glob("*.incr.aof"), key=lambda p: p.stat().st_mtime)
        if logs:
            os.truncate(logs[-1], max(0, logs[-1].stat().st_size - count))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--jobs", type=int, default=20000)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.randrange(1 << 31)
    print(f"seed {seed}", flush=True)
    rng = random.Random(seed)
    server = Redis(options.data / "redis")
    os.environ["REDIS_URL"] = f"unix://{server.socket}"
    model = str(Path("ops/demo/packshot-tiny").resolve())
    out, manifest = options.data / "out", options.data / "accepted.jsonl"

    catalog = options.data / "catalog.csv"
    catalog.write_text("sku,title\n" + "".join(f"SKU-{i},mug number {i}\n" for i in range(options.jobs)))
    shots = options.data / "shots.yaml"
    shots.write_text("shots:\n  - name: main\n    prompt: a ceramic mug\n    steps: 4\n    guidance: 1\n")
    enqueue = [options.program, "enqueue", str(catalog), "--shots", str(shots), "--model", model, "--out", str(out),
               "--name", "chaos", "--max-attempts", "100", "--manifest", str(manifest)]
    # F1: the producer dies, then runs again: the second run must finish what the first began, and make nothing twice.
    first = subprocess.Popen(enqueue, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(rng.uniform(0.1, 1.5))
    first.kill()
    first.wait()
    subprocess.run(enqueue, check=True)

    worker = [options.program, "worker", "--simulate", "20ms±50%", "--model", model, "--out", str(out),
              "--lease", f"{LEASE}s", "--grace", "5s"]
    fleet = Fleet(worker, options.workers, options.data)
    counts, frozen = {}, []

    def kill_worker():
        fleet.pick(rng).kill()

    def stop_worker():
        fleet.pick(rng).terminate()

    def freeze_worker():
        victim = fleet.pick(rng)
        victim.send_signal(signal.SIGSTOP)
        frozen.append((time.monotonic() + LEASE * 3, victim))

    def kill_redis():
        server.kill()
        time.sleep(rng.uniform(0, 2))
        server.start()

    def cut_redis():
        server.kill()
        server.cut(rng.randrange(1_000, 1_000_000))
        server.start()

    def wipe_redis():
        server.call("FLUSHALL")

    def destroy_groups():
        for key in server.call("--scan", "--pattern", "*:queue:*").split():
            server.call("XGROUP", "DESTROY", key, "workers")

    def cut_connections():
        server.call("CLIENT", "KILL", "TYPE", "normal")

    def terminate_sessions():
        psql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'")

    def freeze_postgres():
        # As a disk that hangs: everybody waits, nobody is told.
        pids = [int(p) for p in psql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()").split()]
        for pid in pids:
            try:
                os.kill(pid, signal.SIGSTOP)
            except OSError:
                pass
        time.sleep(2)
        for pid in pids:
            try:
                os.kill(pid, signal.SIGCONT)
            except OSError:
                pass

    faults = [(kill_worker, 10), (stop_worker, 3), (freeze_worker, 4), (kill_redis, 2), (cut_redis, 1), (wipe_redis, 1), (destroy_groups, 1),
              (cut_connections, 2), (terminate_sessions, 4), (freeze_postgres, 1)]
    end = time.monotonic() + options.seconds
    while time.monotonic() < end:
        time.sleep(rng.uniform(0.5, 2.5))
        fault = rng.choices([f for f, _ in faults], [w for _, w in faults])[0]
        fault()
        counts[fault.__name__] = counts.get(fault.__name__, 0) + 1
        for item in [f for f in frozen if f[0] < time.monotonic()]:
            frozen.remove(item)
            if item[1].poll() is None:
                item[1].send_signal(signal.SIGCONT)
        fleet.replace_ended()
        if psql("SELECT count(*) FROM jobs WHERE state NOT IN ('completed', 'discarded', 'cancelled')") == "0":
            break
    for _, victim in frozen:
        if victim.poll() is None:
            victim.send_signal(signal.SIGCONT)
    time.sleep(1)
    fleet.replace_ended()

    quiet = time.monotonic()
    while psql("SELECT count(*) FROM jobs WHERE state NOT IN ('completed', 'discarded', 'cancelled')") != "0":
        if time.monotonic() - quiet > 600:
            print("NOT DONE: jobs are left 600 s after the last fault")
            break
        time.sleep(0.5)
    quiet = time.monotonic() - quiet
    fleet.stop()

    audit = subprocess.run(
        [options.program, "audit", "--strict", "--json", "--manifest", str(manifest)], capture_output=True, text=True)
    server.kill()
    report = json.loads(audit.stdout)
    facts = {
        "seed": seed, "jobs": options.jobs, "faults": counts, "worker starts": fleet.starts,
        "attempts": int(psql("SELECT count(*) FROM attempts")), "lost attempts": int(psql("SELECT count(*) FROM attempts WHERE state = 'lost'")),
        "attempts handed back": int(psql("SELECT count(*) FROM attempts WHERE state = 'handed_back'")),
        "stale settlements refused": report["staleSettlementsRefused"], "accepted": report["accepted"],
        "files compared": report["files"], "jobs by state": report["jobs"], "seconds to drain after the last fault": round(quiet, 1),
        "broken rules": report["breaches"],
    }
    print(json.dumps(facts, indent=1))
    complete = report["jobs"].get("completed", 0) == options.jobs and report["accepted"] == options.jobs
    print("EVERYTHING HELD" if audit.returncode == 0 and complete else "BROKEN: see above")
    sys.exit(0 if audit.returncode == 0 and complete else 1)


if __name__ == "__main__":
    main()
