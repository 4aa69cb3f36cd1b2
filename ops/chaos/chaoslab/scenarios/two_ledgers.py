"""G1: two ledgers on one folder and one Redis, in every order, and restored dumps: nothing of another's is touched, refusals name the way on."""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..servers import Postgres
from ..site import Site, dump, restore

JOBS = 20


class _Ledger:
    """A ledger, and what its people run."""

    def __init__(self, site: Site, name: str, prefix: str, dumped: Path | None = None):
        self.site, self.name = site, name
        self.server = Postgres(site.folder / name)
        site.servers.append(self.server)
        self.environment = {**os.environ, "DATABASE_URL": self.server.url, "REDIS_URL": f"{site.redis.url}?prefix={prefix}"}
        if dumped:
            restore(dumped, self.server.url)
        else:
            self("migrate")

    def __call__(self, *command: str, prefix: str | None = None) -> tuple[int, str]:
        environment = {**self.environment, **({"REDIS_URL": f"{self.site.redis.url}?prefix={prefix}"} if prefix else {})}
        outcome = subprocess.run([self.site.program, *command], capture_output=True, text=True, env=environment, timeout=300)
        return outcome.returncode, outcome.stdout + outcome.stderr

    def enqueue(self, batch: str, out: Path, **more) -> tuple[int, str]:
        command = self.site.enqueue_command(JOBS, batch)
        command[command.index("--out") + 1] = str(out)
        return self(*command[1:], **more)

    def work(self, out: Path, **more) -> tuple[int, str]:
        return self("worker", "--simulate", "2ms", "--model", self.site.model, "--out", str(out), "--drain", **more)

    def makes(self, batch: str, out: Path) -> None:
        for code, said in self.enqueue(batch, out), self.work(out):
            self.site.expect(code == 0, f"{self.name}, {batch}: ended with {code}: {said}")
        self.site.expect(len(list((out / batch).rglob("*.png"))) == JOBS, f"{self.name} did not make {batch}")

    @property
    def jobs(self) -> int:
        return int(self.server.sql("SELECT count(*) FROM job_specs"))


def run(site: Site) -> None:
    shared = site.out
    first, second = _Ledger(site, "first", "one"), _Ledger(site, "second", "two")
    first.makes("mine", shared)
    before = _files(shared)
    refusals = 0

    def refused(answer: tuple[int, str], what: str, *words: str) -> None:
        nonlocal refusals
        code, said = answer
        refusals += 1
        site.expect(code not in (0, 1) and all(word in said for word in words), f"{what} ended with {code} and said: {said}")

    def untouched(when: str) -> None:
        site.expect({path: kept for path, kept in _files(shared).items() if path in before} == before, f"files of the first ledger changed {when}")

    # The folder, then the queue, of one that is there.
    refused(second.enqueue("mine", shared), "enqueue into another's folder", "ledger adopt")
    refused(second.enqueue("yours", site.folder / "elsewhere", prefix="one"), "enqueue by another's queue", "prefix")
    site.expect(second.jobs == 0, "what was refused was submitted")
    # A worker that has work of its own, and is sent to what is another's.
    own = site.folder / "own"
    code, said = second.enqueue("own", own)
    site.expect(code == 0, f"enqueue into a folder of its own ended with {code}: {said}")
    refused(second.work(shared), "a worker in another's folder", "ledger adopt")
    refused(second.work(own, prefix="one"), "a worker by another's queue", "prefix")
    second.makes("own", own)
    first.makes("mine-too", shared)
    untouched("by the refusals")
    # Both at once: one has it, whoever it is. What the first one won is in its dump, and the heir's to make.
    won = []
    for number in range(site.scaled(10)):
        fresh = site.folder / f"fresh-{number}"
        fresh.mkdir()
        if _one(site, lambda ledger, fresh=fresh: ledger.enqueue(f"race-{number}", fresh), (first, second), "folder") == 0:
            won.append(f"race-{number}")
    for number in range(site.scaled(5)):
        third, fourth = (_Ledger(site, f"racer-{number}-{name}", f"race-{number}") for name in ("a", "b"))
        _one(site, lambda ledger: ledger.enqueue(ledger.name, site.folder / ledger.name), (third, fourth), "queue")
        for racer in third, fourth:
            racer.server.end()
    # A dump, restored beside the original: it works at nothing before somebody says what it is.
    dumped = dump(first.server.url, site.folder / "dump.sql")
    copy = _Ledger(site, "copy", "one", dumped)
    for what, answer in ("enqueue", copy.enqueue("mine", shared)), ("a worker", copy.work(shared)), ("reconcile", copy("reconcile")):
        refused(answer, f"{what} of a restored dump", "ledger adopt", "ledger rename")
    first.makes("after-the-dump", shared)
    code, said = copy("ledger", "rename")
    site.expect(code == 0, f"ledger rename ended with {code}: {said}")
    copy.environment["REDIS_URL"] = f"{site.redis.url}?prefix=copy"
    copy.makes("staging", site.folder / "staging")
    refused(copy.enqueue("mine", shared), "enqueue by a renamed copy into the original's folder", "ledger")
    untouched("by a copy")
    # A dump that replaces the original, which is not quite dead.
    heir = _Ledger(site, "heir", "one", dumped)
    code, said = heir("ledger", "adopt")
    site.expect(code == 0, f"ledger adopt ended with {code}: {said}")
    refused(first.enqueue("too-late", shared), "enqueue by an original that was replaced", "ledger adopt")
    heir.makes("after-the-dump", shared)
    untouched("by the heir")
    # What the heir answers for is proven; the rest, of which some waits for workers, was to be left alone.
    for key in site.redis.call("--scan").split():
        if not key.startswith("one:"):
            site.redis.call("DEL", key)
    os.environ.update({key: heir.environment[key] for key in ("DATABASE_URL", "REDIS_URL")})
    site.manifests = [site.folder / f"{batch}.jsonl" for batch in ("mine", "mine-too", "after-the-dump", *won)]
    for batch in "mine", "mine-too":
        heir.enqueue(batch, shared)
    site.facts["refusals"] = refusals


def _one(site: Site, act, ledgers: tuple[_Ledger, _Ledger], what: str) -> int:
    """Lets both act at once, and says which of them had its way."""
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(act, ledgers))
    site.expect(sorted(code == 0 for code, _ in answers) == [False, True], f"two ledgers at once on one {what}: {answers}")
    return [code == 0 for code, _ in answers].index(True)


def _files(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {str(path): (path.read_bytes(), path.stat().st_ino) for path in folder.rglob("*.png")}
