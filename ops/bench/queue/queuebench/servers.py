"""A private Redis and PostgreSQL with the settings of `packshot up`, the same for everybody who is measured."""

import os
import shutil
import socket
import subprocess
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlparse

from . import machine, processes


class Servers:
    """Fresh servers in a folder of their own, on unix sockets; stopped and removed with it.

    Redis: append-only file, fsync every second. PostgreSQL: fsync and synchronous_commit on, 128 MB of shared buffers.
    """

    def __init__(self, packshot: Path, folder: Path, keep: bool = False):
        self.folder = folder
        self.keep = keep
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        self.log = folder / "up.log"
        environment = {key: value for key, value in os.environ.items() if key not in ("DATABASE_URL", "REDIS_URL")}
        # `cat` keeps the servers up until its input ends.
        self._up = processes.Child(
            [
                str(packshot), "up", "--data", str(folder / "data"), "--",
                "sh", "-c", 'printf "%s\\n%s\\n" "$DATABASE_URL" "$REDIS_URL"; exec cat',
            ],
            self.log, environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert self._up.process.stdout
        self.database_url = self._up.process.stdout.readline().decode().strip()
        self.redis_url = self._up.process.stdout.readline().decode().strip()
        if not self.redis_url:
            raise RuntimeError(f"the servers did not start:\n{processes.tail(self.log)}")
        self.environment = environment | {"DATABASE_URL": self.database_url, "REDIS_URL": self.redis_url}

    def __enter__(self) -> "Servers":
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self._up.process.stdin:
                self._up.process.stdin.close()
            self._up.process.wait(90)
        except subprocess.TimeoutExpired:
            pass
        self._up.kill()
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def sql(self, query: str) -> list[list[str]]:
        """Rows of a query, as text."""
        output = processes.run(
            ["psql", "-qAtX", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-c", query, self.database_url],
            self.log, self.environment, timeout=3600,
        )  # fmt: skip
        return [line.split("\t") for line in output.splitlines()]

    def redis_path(self) -> str:
        """The path of Redis's socket."""
        return urlparse(self.redis_url).path

    def postgres_folder(self) -> str:
        """The folder of PostgreSQL's socket."""
        return unquote(parse_qs(urlparse(self.database_url).query)["host"][0])

    def cpu_seconds(self) -> dict[str, float]:
        """Processor seconds so far, by server."""
        tree = machine.descendants(self._up.pid)
        return {
            server: machine.cpu_seconds([process for process in tree if machine.name(process) == program])
            for server, program in (("redis", "redis-server"), ("postgres", "postgres"))
        }


class RedisClient:
    """As much of a Redis client as the benchmark needs: one command, one answer."""

    def __init__(self, path: str):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(60)
        self._socket.connect(path)
        self._file = self._socket.makefile("rb")

    def __enter__(self) -> "RedisClient":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._socket.close()

    def command(self, *words: str | int):
        """The answer: text, number, list or None. Raises RuntimeError when it is an error."""
        encoded = [str(word).encode() for word in words]
        self._socket.sendall(b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded))
        return self._answer()

    def _answer(self):
        line = self._file.readline()[:-2]
        kind, rest = line[:1], line[1:]
        match kind:
            case b"+":
                return rest.decode()
            case b":":
                return int(rest)
            case b"$":
                if int(rest) < 0:
                    return None
                return self._file.read(int(rest) + 2)[:-2].decode(errors="replace")
            case b"*":
                return None if int(rest) < 0 else [self._answer() for _ in range(int(rest))]
            case _:
                raise RuntimeError(f"Redis: {rest.decode()}")


class PsqlSession:
    """A psql that stays open, for statements whose time must not contain a connection's."""

    def __init__(self, servers: Servers):
        self._child = processes.Child(
            ["psql", "-qAtX", "-F", "\t", "-v", "ON_ERROR_STOP=1", servers.database_url],
            servers.log, servers.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def __enter__(self) -> "PsqlSession":
        return self

    def __exit__(self, *_: object) -> None:
        self._child.kill()

    def row(self, statement: str) -> list[str]:
        """The one row a statement answers with."""
        stdin, stdout = self._child.process.stdin, self._child.process.stdout
        assert stdin and stdout
        stdin.write(statement.strip().rstrip(";").encode() + b";\n")
        stdin.flush()
        line = stdout.readline()
        if not line:
            raise RuntimeError(f"psql ended:\n{processes.tail(self._child.log)}")
        return line.decode().rstrip("\n").split("\t")
