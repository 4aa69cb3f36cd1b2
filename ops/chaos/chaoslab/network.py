"""Hosts of a scenario's own, and the wire between them.

Each host is a network namespace with one TUN device; the wire is this process, which carries every packet from one device to another and
loses, delays or overtakes it as it is told. What a kernel's netem does, without netem, which many kernels are built without; and
seeded. Needs root and /dev/net/tun; touches nothing of the machine's own network. A namespace has no name: it is there while its keeper
is, a process that dies with this one, however this one ends; its device is a file of this process.
"""

import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import threading
import time
from dataclasses import dataclass, field

from .lifetime import TO_THE_END

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000


@dataclass(frozen=True)
class Cut:
    """Packets that the wire loses: those between a host and a port of another, in both directions or in one."""

    host: str
    port: int | None = None
    toward: bool = True
    back: bool = True

    def takes(self, source: str, target: str, ports: tuple[int, int]) -> bool:
        if self.port is not None and self.port not in ports:
            return False
        return (self.toward and source == self.host) or (self.back and target == self.host)


@dataclass(frozen=True)
class Quality:
    """How one host is connected: seconds a round trip takes longer, and the shares of packets, each way, that are lost or overtaken."""

    delay: float = 0.0
    loss: float = 0.0
    reorder: float = 0.0


@dataclass
class Host:
    name: str
    address: str
    keeper: subprocess.Popen
    device: int
    quality: Quality = field(default_factory=Quality)

    @property
    def prefix(self) -> tuple[str, ...]:
        """Runs a command on this host: the process keeps its number."""
        return ("nsenter", f"--net=/proc/{self.keeper.pid}/ns/net")


class Network:
    """Up to 250 hosts that see each other."""

    def __init__(self, names: list[str], seed: str):
        self.rng = random.Random(seed)
        self.cuts: set[Cut] = set()
        self.dropped = 0
        self.hosts: dict[str, Host] = {}
        self._by_address: dict[bytes, Host] = {}
        self._ended = threading.Event()
        try:
            for number, name in enumerate(names, start=1):
                self._add(number, name)
        except BaseException:
            self.close()
            raise
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    @staticmethod
    def obstacle() -> str | None:
        """Why there can be no network here; None if there can."""
        if os.getuid() != 0:
            return "network namespaces need root"
        if not os.path.exists("/dev/net/tun"):
            return "this kernel has no /dev/net/tun"
        return None

    def _add(self, number: int, name: str) -> None:
        unique = f"pk{os.getpid() % 1_000_000}x{number}"
        keeper = subprocess.Popen([*TO_THE_END, "unshare", "--net", "sh", "-c", "echo; exec cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        host = Host(name, f"10.99.0.{number}", keeper, device)
        self.hosts[name] = host
        self._by_address[bytes(map(int, host.address.split(".")))] = host
        keeper.stdout.readline()
        fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", unique.encode(), IFF_TUN | IFF_NO_PI))
        _run("ip", "link", "set", unique, "netns", str(keeper.pid))
        for arguments in (["link", "set", "lo", "up"], ["addr", "add", f"{host.address}/24", "dev", unique],
                          ["link", "set", unique, "txqueuelen", "5000", "up"]):
            _run(*host.prefix, "ip", *arguments)

    def close(self) -> None:
        self._ended.set()
        if hasattr(self, "_thread"):
            self._thread.join()
        for host in self.hosts.values():
            os.close(host.device)
            host.keeper.kill()
            host.keeper.wait()

    # The wire, on a thread of its own

    def _carry(self) -> None:
        poller = select.poll()
        by_device = {host.device: host for host in self.hosts.values()}
        for device in by_device:
            poller.register(device, select.POLLIN)
        under_way: list[tuple[float, int, Host, bytes]] = []
        count = 0
        while not self._ended.is_set():
            wait = min(0.1, max(0.0, under_way[0][0] - time.monotonic())) if under_way else 0.1
            for device, _ in poller.poll(wait * 1000):
                for _ in range(64):
                    try:
                        packet = os.read(device, 65536)
                    except OSError:
                        break
                    count += 1
                    source = by_device[device]
                    target = self._by_address.get(packet[16:20]) if packet[0] >> 4 == 4 else None
                    delay = self._fate(source, target, packet)
                    if delay is not None:
                        heapq.heappush(under_way, (time.monotonic() + delay, count, target, packet))
            now = time.monotonic()
            while under_way and under_way[0][0] <= now:
                _, _, target, packet = heapq.heappop(under_way)
                try:
                    os.write(target.device, packet)
                except OSError:
                    pass  # A full device loses packets, as wires do.

    def _fate(self, source: Host, target: Host | None, packet: bytes) -> float | None:
        """Seconds the packet takes; None if it is lost."""
        if target is None:
            return None
        start = (packet[0] & 15) * 4
        ports = struct.unpack_from("!HH", packet, start) if packet[9] == 6 and len(packet) >= start + 4 else (0, 0)
        if any(cut.takes(source.name, target.name, ports) for cut in self.cuts):
            self.dropped += 1
            return None
        delay = 0.0
        for quality in (source.quality, target.quality):
            if quality.loss and self.rng.random() < quality.loss:
                self.dropped += 1
                return None
            delay += quality.delay / 2
            if quality.reorder and self.rng.random() < quality.reorder:
                delay += max(0.01, quality.delay / 4)
        return delay

    # Faults

    def cut(self, cut: Cut) -> None:
        self.cuts = self.cuts | {cut}

    def heal(self, cut: Cut) -> None:
        self.cuts = self.cuts - {cut}


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
