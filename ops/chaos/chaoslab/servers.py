"""Servers of a scenario's own, so that they can be killed, starved and stopped."""

import contextlib
import glob
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from .lifetime import TO_THE_END
from .network import Host


class Redis:
    """A server whose log of writes can be cut between two lives. With a host of a network it listens there too."""

    def __init__(self, folder: Path, host: Host | None = None, settings: tuple[str, ...] = ()):
        self.folder, self.socket, self.host, self.settings = folder, f"{folder}/redis.sock", host, settings
        folder.mkdir(parents=True)
        self.start()

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def start(self) -> None:
        prefix, listen = (), ("--port", "0")
        if self.host:
            prefix, listen = self.host.prefix, ("--port", "6379", "--bind", self.host.address, "--protected-mode", "no")
        self.process = subprocess.Popen(
            [*TO_THE_END, *prefix, "redis-server", *listen, "--unixsocket", self.socket, "--dir", str(self.folder), "--appendonly", "yes",
             "--appendfsync", "everysec", "--maxmemory-policy", "noeviction", "--save", "", *self.settings],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while self.call("PING") != "PONG":
            time.sleep(0.02)

    def call(self, *command: str) -> str:
        return subprocess.run(["redis-cli", "-s", self.socket, *command], capture_output=True, text=True).stdout.strip()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    end = kill

    def cut(self, count: int) -> None:
        """Takes bytes off the end of the log, as a power failure does."""
        logs = sorted((self.folder / "appendonlydir").glob("*.incr.aof"), key=lambda p: p.stat().st_mtime)
        if logs:
            os.truncate(logs[-1], max(0, logs[-1].stat().st_size - count))


class Postgres:
    """A cluster of a scenario's own; PostgreSQL refuses to run as root, so root runs it as the user postgres. With a host of a network
    it listens there too."""

    def __init__(self, folder: Path, host: Host | None = None, settings: tuple[str, ...] = ()):
        self._place(folder, host, settings)
        self._call("initdb", "-D", f"{folder}/data", "--auth=trust", "--username=packshot", "--encoding=UTF8", "--locale=C.UTF-8")
        if host:
            with open(folder / "data" / "pg_hba.conf", "a") as rules:
                rules.write("host all all 10.99.0.0/24 trust\n")
        self.start()
        self._call("createdb", "-h", str(folder), "-U", "packshot", "packshot")

    def _place(self, folder: Path, host: Host | None, settings: tuple[str, ...]) -> None:
        self.folder, self.host, self.settings = folder, host, settings
        folder.mkdir(parents=True, exist_ok=True)
        self.programs = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
        self.as_user = []
        if os.getuid() == 0:
            os.chown(folder, pwd.getpwnam("postgres").pw_uid, -1)
            self.as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]

    def standby(self, folder: Path, synchronous: bool) -> "Postgres":
        """A copy that follows this one. Synchronous: nothing is committed here before it is there."""
        copy = Postgres.__new__(Postgres)
        copy._place(folder, None, ())
        copy._call("pg_basebackup", "-h", str(self.folder), "-U", "packshot", "-D", f"{folder}/data", "--checkpoint=fast", "-R")
        with open(folder / "data" / "postgresql.auto.conf", "a") as settings:
            settings.write(f"primary_conninfo = 'host={self.folder} user=packshot application_name=standby'\n")
        copy.start()
        if synchronous:
            self.sql("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
            self.sql("SELECT pg_reload_conf()")
            while self.sql("SELECT sync_state FROM pg_stat_replication") != "sync":
                time.sleep(0.1)
        return copy

    def promote(self) -> None:
        self._call("pg_ctl", "-D", f"{self.folder}/data", "-w", "promote")

    @property
    def url(self) -> str:
        return self.url_as("packshot")

    def url_as(self, user: str) -> str:
        return f"postgresql:///packshot?host={self.folder}&user={user}"

    def sql(self, statement: str) -> str:
        return subprocess.run(["psql", "-qAtX", self.url, "-c", statement], check=True, capture_output=True, text=True).stdout.strip()

    def start(self) -> None:
        address = self.host.address if self.host else ""
        settings = "".join(f" -c {setting}" for setting in ("max_connections=300", *self.settings))
        self._call("pg_ctl", "-D", f"{self.folder}/data", "-w", "-l", f"{self.folder}/log", "-o",
                   f"-k {self.folder} -c listen_addresses={address}{settings}", "start", prefix=self.host.prefix if self.host else ())

    def stop(self, mode: str) -> None:
        """`fast` closes sessions and writes a checkpoint; `immediate` is a crash."""
        self._call("pg_ctl", "-D", f"{self.folder}/data", "-w", "-m", mode, "stop")

    def end(self) -> None:
        """However it is."""
        tell(self.processes(), signal.SIGCONT)
        with contextlib.suppress(subprocess.CalledProcessError):
            self.stop("immediate")

    def lose(self) -> None:
        """The machine is gone, with its disk."""
        processes = self.processes()
        tell(processes, signal.SIGKILL)
        while any(map(_runs, processes)):
            time.sleep(0.02)
        shutil.rmtree(self.folder)

    def stop_following(self) -> None:
        """A standby whose link to its primary is cut."""
        self.sql("ALTER SYSTEM SET primary_conninfo = ''")
        self.sql("SELECT pg_reload_conf()")
        while self.sql("SELECT count(*) FROM pg_stat_wal_receiver") != "0":
            time.sleep(0.05)

    def answers(self) -> bool:
        return subprocess.run(["psql", "-qAtX", self.url, "-c", "SELECT 1"], capture_output=True).returncode == 0

    def processes(self) -> list[int]:
        """The postmaster and its children."""
        try:
            postmaster = int((self.folder / "data" / "postmaster.pid").read_text().split("\n", 1)[0])
        except FileNotFoundError:
            return []
        return [postmaster, *children(postmaster)]

    @contextlib.contextmanager
    def unreachable(self) -> Iterator[None]:
        """Sessions are ended and new ones refused, while it runs on: as when a pooler, a network or a firewall is in between."""
        socket, away = self.folder / ".s.PGSQL.5432", self.folder / ".away"
        socket.rename(away)
        try:
            for process in self.processes()[1:]:
                # Of the sessions, not of the server's own chores.
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                    if b"packshot packshot [local]" in Path(f"/proc/{process}/cmdline").read_bytes():
                        os.kill(process, signal.SIGTERM)
            yield
        finally:
            away.rename(socket)

    def _call(self, program: str, *arguments: str, prefix: tuple[str, ...] = ()) -> None:
        found = f"{self.programs[-1]}/{program}" if self.programs else shutil.which(program)
        subprocess.run([*prefix, *self.as_user, found, *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")


def children(parent: int) -> list[int]:
    listed = Path(f"/proc/{parent}/task/{parent}/children")
    return [int(pid) for pid in listed.read_text().split()] if listed.exists() else []


def _runs(process: int) -> bool:
    """Not so if it has ended and nobody has taken notice yet."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def tell(processes: list[int], what: signal.Signals) -> None:
    """Those that are still there."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, what)


@contextlib.contextmanager
def frozen(processes: list[int]) -> Iterator[None]:
    """As a disk that hangs, or a machine that is paused: everybody waits, nobody is told."""
    tell(processes, signal.SIGSTOP)
    try:
        yield
    finally:
        tell(processes, signal.SIGCONT)
