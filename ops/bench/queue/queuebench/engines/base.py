"""What the measurements ask of a queue."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from .. import records
from ..context import Context
from ..processes import Child
from ..records import Record
from ..servers import Servers


class NotAvailable(Exception):
    """This queue cannot be measured here; says why."""


@dataclass(frozen=True)
class Enqueued:
    """A producer's result: jobs accepted, and the seconds it took by the producer's own clock."""

    jobs: int
    seconds: float

    @property
    def rate(self) -> float:
        return self.jobs / self.seconds if self.seconds else 0.0


class Engine(ABC):
    """One queue on servers of its own. Every measurement makes a new one."""

    name: str
    #: What survives the power being cut the moment the producer is told "accepted", and what a finished job leaves.
    durable: str
    #: Jobs one worker process works on at once, its default where it has one.
    concurrency: int
    #: Whether it has a call for many jobs at once.
    has_bulk = True

    def __init__(self, context: Context):
        self.context = context
        self.folder = context.fresh_folder(self.name)
        self.servers: Servers

    def __enter__(self) -> "Engine":
        self.servers = Servers(self.context.packshot, self.folder / "servers", self.context.keep)
        try:
            self.prepare()
        except BaseException:
            self.servers.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.servers.__exit__()

    @classmethod
    @abstractmethod
    def version(cls, context: Context) -> str:
        """The version measured. Raises NotAvailable."""

    def prepare(self) -> None:
        """Whatever is needed once the servers run."""

    @abstractmethod
    def enqueue(self, mode: str, count: int, seconds: float, limit: float | None = None) -> Enqueued:
        """Accepts jobs of so many seconds each, `single` or `bulk`; stops early after `limit` seconds.

        A queue without a call for many jobs answers `bulk` with no jobs.
        """

    @abstractmethod
    def start_worker(self, seconds: float) -> Child:
        """Starts a worker process for jobs of so many seconds."""

    @abstractmethod
    def finished_lines(self) -> int:
        """No-op jobs done so far, found without disturbing the measurement."""

    @abstractmethod
    def records(self) -> list[Record]:
        """Every try at every job."""

    def audit(self) -> dict[str, float]:
        """More results of the kill test, where the queue's own store can be asked."""
        return {}

    def pickup(self, count: int) -> list[float]:
        """Seconds from sending a job to its start, one job each 30 ms, with a worker that is running and idle."""
        raise NotImplementedError


class RecordingEngine(Engine):
    """A queue whose jobs write their own records."""

    def __init__(self, context: Context):
        super().__init__(context)
        self.record_folder = self.folder / "records"
        self.record_folder.mkdir()
        self._started = 0

    @property
    def environment(self) -> dict[str, str]:
        return self.servers.environment | {"BENCH_RECORDS": str(self.record_folder)}

    def fresh_worker_environment(self) -> dict[str, str]:
        """The environment of one more worker."""
        self._started += 1
        return self.environment | {"BENCH_WORKER": str(self._started)}

    @property
    def log(self) -> Path:
        return self.folder / "peer.log"

    def finished_lines(self) -> int:
        return records.count(self.record_folder)

    def records(self) -> list[Record]:
        return records.read(self.record_folder)
