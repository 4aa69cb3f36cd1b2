"""Workers that are started again whenever they end."""

import os
import random
import signal
import subprocess
import time
from pathlib import Path

from .lifetime import TO_THE_END


class Fleet:
    """A fixed number of worker processes of one command line."""

    def __init__(self, command: list[str], count: int, logs: Path, environment: dict[str, str] | None = None):
        self.command, self.logs, self.environment = [*TO_THE_END, *command], logs, {**os.environ, **(environment or {})}
        self.starts = 0
        self.paths: list[Path] = []
        # Of each worker that is there, when it was started; and how many ended at once, as one that cannot start does.
        self.born: dict[int, float] = {}
        self.stillborn = 0
        # Who was told to stop, and may end; and who ended though nobody did anything to it, with its code and last words.
        self.told: set[int] = set()
        self.ended_by_themselves: dict[int, str] = {}
        self.workers = [self._start() for _ in range(count)]

    def _start(self) -> subprocess.Popen:
        self.starts += 1
        path = self.logs / f"worker-{id(self) & 0xFFFF:x}-{self.starts}.log"
        self.paths.append(path)
        with open(path, "wb") as log:
            worker = subprocess.Popen(self.command, stdout=log, stderr=log, start_new_session=True, env=self.environment)
        worker.log = path
        self.born[worker.pid] = time.monotonic()
        return worker

    def look_for_ended(self) -> None:
        """Writes down who ended by itself."""
        for worker in self.workers:
            if worker.poll() not in (None, -signal.SIGKILL) and worker.pid not in self.told:
                words = worker.log.read_text(errors="replace")[-300:]
                self.ended_by_themselves.setdefault(worker.pid, f"ended with {worker.returncode}: {words}")

    def replace_ended(self) -> None:
        """As a supervisor does, which gives up on what does not start.
        - Raises RuntimeError with the last words of a worker when 20 ended by themselves within a second of their start."""
        self.look_for_ended()
        for number, worker in enumerate(self.workers):
            if worker.poll() is None:
                continue
            if worker.returncode >= 0 and time.monotonic() - self.born.pop(worker.pid, 0) < 1:
                self.stillborn += 1
                if self.stillborn == 20:
                    raise RuntimeError(f"workers do not start: {worker.log.read_text(errors='replace')[-300:]}")
            self.workers[number] = self._start()

    def pick(self, rng: random.Random) -> subprocess.Popen:
        return self.workers[rng.randrange(len(self.workers))]

    def tell_to_stop(self, worker: subprocess.Popen) -> None:
        self.told.add(worker.pid)
        worker.terminate()

    def said(self, text: str) -> int:
        """How many of all processes so far logged a text."""
        return sum(text in path.read_text(errors="replace") for path in self.paths)

    def stop(self) -> None:
        """For good: nobody is started again."""
        self.look_for_ended()
        for worker in self.workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGCONT)
                self.tell_to_stop(worker)
        for worker in self.workers:
            try:
                worker.wait(60)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()
        self.workers = []
