"""The peers: each is a worker command, and a producer with the arguments of peers/producer.py."""

import json
import os
import shutil
import subprocess

from ..context import BENCH, Context
from ..processes import Child, run, wait_until
from .base import Engine, Enqueued, NotAvailable, RecordingEngine

_SCRIPTS = BENCH / "peers"
_REDIS_DURABLE = "Redis AOF, up to 1-2 s late"


class Peer(RecordingEngine):
    """A queue whose worker and producer are other people's programs."""

    def worker_command(self) -> list[str]:
        raise NotImplementedError

    def producer_command(self) -> list[str]:
        raise NotImplementedError

    def enqueue(self, mode: str, count: int, seconds: float, limit: float | None = None) -> Enqueued:
        arguments = [mode, str(count), str(seconds)] + ([str(limit)] if limit else [])
        answer = json.loads(run(self.producer_command() + arguments, self.log, self.environment).splitlines()[-1])
        return Enqueued(answer["jobs"], answer["seconds"])

    def start_worker(self, seconds: float) -> Child:
        return Child(self.worker_command(), self.log, self.fresh_worker_environment(), cwd=_SCRIPTS)

    def pickup(self, count: int) -> list[float]:
        before = self.finished_lines()
        self.enqueue("paced", count, 0)
        wait_until(lambda: self.finished_lines() >= before + count, 60, "the last paced job")
        return [record.started - record.sent for record in sorted(self.records(), key=lambda record: record.sent)[-count:]]


class Sidekiq(Peer):
    """Redis lists; a job is taken with BRPOP and gone from then on."""

    name = "sidekiq"
    durable = _REDIS_DURABLE
    concurrency = 10

    @classmethod
    def version(cls, context: Context) -> str:
        program = shutil.which("sidekiq")
        if not program:
            raise NotAvailable("the package ruby-sidekiq is not installed")
        return subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]

    def worker_command(self) -> list[str]:
        return ["sidekiq", "-r", str(_SCRIPTS / "sidekiq_job.rb"), "-c", str(self.concurrency)]

    def producer_command(self) -> list[str]:
        return ["ruby", str(_SCRIPTS / "sidekiq_producer.rb")]


class PythonPeer(Peer):
    """A package of the benchmark's Python environment; `module` in peers/ holds its job and its producer."""

    package: str
    module: str

    @classmethod
    def version(cls, context: Context) -> str:
        if context.peers_python is None:
            raise NotAvailable("the Python environment of the peers could not be made")
        code = f"import importlib.metadata as m; print(m.version({cls.package!r}))"
        answer = subprocess.run([context.peers_python, "-c", code], capture_output=True, text=True)
        if answer.returncode != 0:
            raise NotAvailable(f"the package {cls.package} is not installed")
        return answer.stdout.strip()

    def program(self, name: str) -> str:
        assert self.context.peers_python
        return str(self.context.peers_python.parent / name)

    def producer_command(self) -> list[str]:
        return [str(self.context.peers_python), str(_SCRIPTS / f"{self.module}.py")]

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | {"PYTHONPATH": str(_SCRIPTS)}


class Procrastinate(PythonPeer):
    """PostgreSQL only: LISTEN/NOTIFY and SKIP LOCKED."""

    name = "procrastinate"
    package = "procrastinate"
    module = "procrastinate_peer"
    durable = "PostgreSQL commit"
    concurrency = 10

    def prepare(self) -> None:
        run(self._command("schema", "--apply"), self.log, self.environment)

    def worker_command(self) -> list[str]:
        return self._command("worker", "--concurrency", str(self.concurrency))

    def _command(self, *arguments: str) -> list[str]:
        return [self.program("procrastinate"), "--app", f"{self.module}.app", *arguments]


class Celery(PythonPeer):
    """Redis lists with kombu; a pool of as many processes as there are cores. Acknowledges before it runs a job."""

    name = "celery"
    package = "celery"
    module = "celery_peer"
    durable = _REDIS_DURABLE
    concurrency = os.cpu_count() or 1
    has_bulk = False

    def worker_command(self) -> list[str]:
        return [self.program("celery"), "--app", self.module, "worker", "--loglevel", "WARNING"]


class CeleryLate(Celery):
    """Celery as its documentation has it for jobs that must not be lost, with its lease (visibility) cut to 20 s."""

    name = "celery-acks-late"

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | {"BENCH_ACKS_LATE": "1"}


class RQ(PythonPeer):
    """Redis lists; a process forked for each job."""

    name = "rq"
    package = "rq"
    module = "rq_peer"
    durable = _REDIS_DURABLE
    concurrency = 1

    def worker_command(self) -> list[str]:
        return [self.program("rq"), "worker", "--quiet", "--url", self.servers.redis_url]


class RQSimple(RQ):
    """RQ with the worker that does not fork."""

    name = "rq-simple"

    def worker_command(self) -> list[str]:
        return [*super().worker_command(), "--worker-class", "rq.SimpleWorker"]


class Dramatiq(PythonPeer):
    """Redis lists with prefetching; one process of eight threads. Acknowledges after a job."""

    name = "dramatiq"
    package = "dramatiq"
    module = "dramatiq_peer"
    durable = _REDIS_DURABLE
    concurrency = 8
    has_bulk = False

    def worker_command(self) -> list[str]:
        return [self.program("dramatiq"), self.module, "--processes", "1", "--threads", str(self.concurrency)]


PEERS: dict[str, type[Engine]] = {
    peer.name: peer for peer in (Sidekiq, Procrastinate, Celery, CeleryLate, RQ, RQSimple, Dramatiq)
}
