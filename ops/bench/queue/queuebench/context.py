"""What a run of the benchmark works with."""

import contextlib
import fcntl
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

BENCH = Path(__file__).resolve().parent.parent


@dataclass
class Context:
    """Programs, folders and sizes."""

    packshot: Path
    model: Path
    folder: Path
    peers_python: Path | None
    quick: bool = False
    lock: Path | None = None
    keep: bool = False
    _numbers: Iterator[int] = field(default_factory=lambda: iter(range(1_000_000)))

    def fresh_folder(self, name: str) -> Path:
        """A new folder of the run."""
        folder = self.folder / f"{next(self._numbers)}-{name}"
        folder.mkdir(mode=0o755)
        return folder

    @contextlib.contextmanager
    def timed(self) -> Iterator[None]:
        """Holds the machine's lock, if the run was given one, while something is measured."""
        if self.lock is None:
            yield
            return
        with self.lock.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def free_megabytes(self) -> int:
        """Room on the disk the run works on."""
        return shutil.disk_usage(self.folder).free >> 20
