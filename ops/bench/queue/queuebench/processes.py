"""Child processes that never outlive the benchmark."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import machine

_running: list["Child"] = []


class Child:
    """A program in a session of its own, killed with everything below it when the benchmark ends in whatever way."""

    def __init__(self, command: list[str], log: Path, environment: dict[str, str], **options: Any):
        self.command = command
        self.log = log
        with log.open("ab") as output:
            # The kernel kills it if this process is killed and cannot tidy up.
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *command],
                stdout=output if "stdout" not in options else options.pop("stdout"),
                stderr=output,
                env=environment,
                start_new_session=True,
                **options,
            )
        self.pid = self.process.pid
        _running.append(self)

    def is_running(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        """SIGKILL to it and to everything below it, at once, also to what has made itself a session of its own."""
        if self.is_running():
            for process in machine.descendants(self.pid):
                _signal(os.kill, process)
        _signal(os.killpg, self.pid)
        self.process.wait()
        if self in _running:
            _running.remove(self)

    def stop(self, seconds: float = 20) -> None:
        """SIGTERM, and SIGKILL to what is left after some time."""
        if self.is_running():
            self.process.terminate()
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                pass
        self.kill()

    def check(self) -> None:
        """Raises if it has ended with an error."""
        code = self.process.poll()
        if code not in (None, 0):
            raise RuntimeError(f"{' '.join(self.command[:4])} … ended with {code}:\n{tail(self.log)}")


def _signal(send: Callable[[int, int], None], target: int) -> None:
    try:
        send(target, signal.SIGKILL)
    except ProcessLookupError:
        pass


def run(command: list[str], log: Path, environment: dict[str, str], timeout: float = 900) -> str:
    """Runs a program to its end and returns what it printed.

    Raises RuntimeError with the end of its log when it fails.
    """
    child = Child(command, log, environment, stdout=subprocess.PIPE)
    try:
        output, _ = child.process.communicate(timeout=timeout)
        child.check()
        return output.decode()
    finally:
        child.kill()


def kill_all() -> None:
    """Kills everything that still runs."""
    for child in list(_running):
        child.kill()


def tail(path: Path, lines: int = 15) -> str:
    """The last lines of a file."""
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


def wait_until(condition: Any, seconds: float, what: str, every: float = 0.02) -> None:
    """Waits until a condition holds. Raises TimeoutError with `what` when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}")
        time.sleep(every)
