"""B6: a Redis that evicts, is too old, or keeps nothing on disk: every command that starts on it says so, or refuses."""

import contextlib
import os
import socketserver
import subprocess
import threading
from pathlib import Path

from ..servers import Redis
from ..site import Site

REFUSED = {
    "evicts": (("--maxmemory-policy", "allkeys-lru", "--maxmemory", "100mb"), "maxmemory-policy is allkeys-lru"),
    "replica": (("--replicaof", "127.0.0.1 1"), "read-only replica"),
}
WARNED_OF = {
    "forgets": (("--appendonly", "no"), "Persistence is off"),
    "drops": (("--maxmemory-policy", "volatile-lru", "--maxmemory", "100mb"), "maxmemory-policy is volatile-lru"),
}


def run(site: Site) -> None:
    enqueue = site.enqueue_command(5)
    worker = [site.program, "worker", "--simulate", "1ms", "--model", site.model, "--out", str(site.out), "--drain"]
    up = [site.program, "up", "--", "true"]
    for name, (settings, words) in REFUSED.items():
        with _server(site.folder / name, settings) as url:
            for command in (enqueue, worker, up):
                code, said = _say(command, url)
                site.expect(code != 0 and words in said, f"{command[1]} on a Redis that {name} ended with {code} and said: {said}")
            code, said = _say([site.program, "doctor"], url)
            site.expect(code != 0 and words in said, f"doctor on a Redis that {name} ended with {code} and said: {said}")
    with _old_server(site.folder / "old.sock") as url:
        for command in (enqueue, worker, up, [site.program, "doctor"]):
            code, said = _say(command, url)
            site.expect(code != 0 and "Redis 6.2.14 is too old" in said, f"{command[1]} on an old Redis ended with {code} and said: {said}")
    site.expect(site.count("SELECT count(*) FROM job_specs") == 0, "something was submitted to a server that was refused")
    site.enqueue(5)
    for name, (settings, words) in WARNED_OF.items():
        with _server(site.folder / name, settings) as url:
            for command in (worker, up, [site.program, "doctor"]):
                code, said = _say(command, url)
                site.expect(code == 0 and words in said, f"{command[1]} on a Redis that {name} ended with {code} and said: {said}")
    # Its jobs were made by way of other servers.
    site.redis.call("FLUSHALL")
    site.facts.update({"refused": [*REFUSED, "is old"], "warned of": list(WARNED_OF)})


def _say(command: list[str], redis: str) -> tuple[int, str]:
    outcome = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "REDIS_URL": redis})
    return outcome.returncode, outcome.stdout + outcome.stderr


@contextlib.contextmanager
def _server(folder: Path, settings: tuple[str, ...]):
    server = Redis(folder, settings=settings)
    try:
        yield server.url
    finally:
        server.kill()


class _Old(socketserver.StreamRequestHandler):
    """Answers as Redis 6.2 does, as far as anybody asks."""

    def handle(self) -> None:
        while header := self.rfile.readline():
            words = []
            for _ in range(int(header[1:])):
                length = int(self.rfile.readline()[1:])
                words.append(self.rfile.read(length + 2)[:-2].upper())
            match words[0]:
                case b"INFO":
                    text = b"# Server\r\nredis_version:6.2.14\r\nredis_mode:standalone\r\n# Replication\r\nrole:master\r\n"
                    self.wfile.write(b"$%d\r\n%s\r\n" % (len(text), text))
                case b"PING":
                    self.wfile.write(b"+PONG\r\n")
                case b"CLIENT":
                    self.wfile.write(b":1\r\n" if words[1] == b"ID" else b"+OK\r\n")
                case _:
                    self.wfile.write(b"-ERR unknown command\r\n")


@contextlib.contextmanager
def _old_server(path: Path):
    with socketserver.ThreadingUnixStreamServer(str(path), _Old) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"unix://{path}"
        finally:
            server.shutdown()
