"""Servers of a scenario's own, so that they can be killed, starved and stopped."""

import glob
import os
import pwd
import shutil
import subprocess
import time
from pathlib import Path

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
            [*prefix, "redis-server", *listen, "--unixsocket", self.socket, "--dir", str(self.folder), "--appendonly", "yes",
             "--appendfsync", "everysec", "--maxmemory-policy", "noeviction", "--save", "", *self.settings],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while self.call("PING") != "PONG":
            time.sleep(0.02)

    def call(self, *command: str) -> str:
        return subprocess.run(["redis-cli", "-s", self.socket, *command], capture_output=True, text=True).stdout.strip()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def cut(self, count: int) -> None:
        """Takes bytes off the end of the log, as a power failure does."""
        logs = sorted((self.folder / "appendonlydir").glob("*.incr.aof"), key=lambda p: p.stat().st_mtime)
        if logs:
            os.truncate(logs[-1], max(0, logs[-1].stat().st_size - count))


class Postgres:
    """A cluster of a scenario's own; PostgreSQL refuses to run as root, so root runs it as the user postgres. With a host of a network
    it listens there too."""

    def __init__(self, folder: Path, host: Host | None = None):
        self.folder, self.host = folder, host
        folder.mkdir(parents=True)
        self.programs = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
        self.as_user = []
        if os.getuid() == 0:
            os.chown(folder, pwd.getpwnam("postgres").pw_uid, -1)
            self.as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
        self._call("initdb", "-D", f"{folder}/data", "--auth=trust", "--username=packshot", "--encoding=UTF8", "--locale=C.UTF-8")
        if host:
            with open(folder / "data" / "pg_hba.conf", "a") as rules:
                rules.write("host all all 10.99.0.0/24 trust\n")
        self.start()
        self._call("createdb", "-h", str(folder), "-U", "packshot", "packshot")

    @property
    def url(self) -> str:
        return f"postgresql:///packshot?host={self.folder}&user=packshot"

    def start(self) -> None:
        address = self.host.address if self.host else ""
        self._call("pg_ctl", "-D", f"{self.folder}/data", "-w", "-l", f"{self.folder}/log", "-o",
                   f"-k {self.folder} -c listen_addresses={address} -c max_connections=300", "start", prefix=self.host.prefix if self.host else ())

    def stop(self, mode: str) -> None:
        """`fast` closes sessions and writes a checkpoint; `immediate` is a crash."""
        self._call("pg_ctl", "-D", f"{self.folder}/data", "-w", "-m", mode, "stop")

    def _call(self, program: str, *arguments: str, prefix: tuple[str, ...] = ()) -> None:
        found = f"{self.programs[-1]}/{program}" if self.programs else shutil.which(program)
        subprocess.run([*prefix, *self.as_user, found, *arguments], check=True, stdout=subprocess.DEVNULL, cwd="/")
