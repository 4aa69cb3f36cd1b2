"""Workers that are started again whenever they end."""

import os
import random
import signal
import subprocess
from pathlib import Path


class Fleet:
    """A fixed number of worker processes of one command line."""

    def __init__(self, command: list[str], count: int, logs: Path, environment: dict[str, str] | None = None):
        self.command, self.logs, self.environment = command, logs, {**os.environ, **(environment or {})}
        self.starts = 0
        self.paths: list[Path] = []
        self.workers = [self._start() for _ in range(count)]

    def _start(self) -> subprocess.Popen:
        self.starts += 1
        path = self.logs / f"worker-{id(self) & 0xFFFF:x}-{self.starts}.log"
        self.paths.append(path)
        with open(path, "wb") as log:
            return subprocess.Popen(self.command, stdout=log, stderr=log, start_new_session=True, env=self.environment)

    def replace_ended(self) -> None:
        """As a supervisor does."""
        self.workers = [worker if worker.poll() is None else self._start() for worker in self.workers]

    def pick(self, rng: random.Random) -> subprocess.Popen:
        return self.workers[rng.randrange(len(self.workers))]

    def said(self, text: str) -> int:
        """How many of all processes so far logged a text."""
        return sum(text in path.read_text(errors="replace") for path in self.paths)

    def stop(self) -> None:
        for worker in self.workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGCONT)
                worker.terminate()
        for worker in self.workers:
            try:
                worker.wait(40)
            except subprocess.TimeoutExpired:
                worker.kill()
