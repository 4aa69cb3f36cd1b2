"""What the machine is, how fast its disk makes things durable, and who uses its processors."""

import os
import tempfile
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def description() -> str:
    """One line: processor, cores, memory, kernel."""
    model = next(
        (line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        os.uname().machine,
    )
    memory = next(int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal"))
    return f"{model}, {os.cpu_count()} cores, {memory / 2**20:.0f} GiB, Linux {os.uname().release}"


def fdatasync_milliseconds(folder: Path, times: int = 200) -> float:
    """Mean time of an 8 KiB write and its fdatasync in a folder: the floor under every durable commit."""
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        descriptor = file.fileno()
        block = os.urandom(8192)
        start = time.perf_counter()
        for index in range(times):
            os.pwrite(descriptor, block, index % 64 * len(block))
            os.fdatasync(descriptor)
        return (time.perf_counter() - start) / times * 1e3


def busy_seconds() -> float:
    """Processor seconds the whole machine has used since it started, idling and waiting for disks left out."""
    user, nice, system, _idle, _iowait, irq, softirq, steal = (int(value) for value in _lines("/proc/stat")[0].split()[1:9])
    return (user + nice + system + irq + softirq + steal) / TICKS


def cpu_seconds(processes: list[int]) -> float:
    """User and system seconds of processes and of the children they have reaped. Those that are gone count nothing."""
    return sum(_stat(process)[0] for process in processes)


def descendants(process: int) -> list[int]:
    """A process and everything below it."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            children.setdefault(_stat(int(entry))[1], []).append(int(entry))
    found = [process]
    for parent in found:
        found += children.get(parent, [])
    return found


def resident_megabytes(processes: list[int]) -> float:
    """Resident memory, shared pages counted once for each process."""
    pages = 0
    for process in processes:
        try:
            pages += int(Path(f"/proc/{process}/statm").read_text().split()[1])
        except OSError:
            continue
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def name(process: int) -> str:
    """The name of a process's program, empty if it is gone."""
    try:
        return Path(f"/proc/{process}/comm").read_text().strip()
    except OSError:
        return ""


def _stat(process: int) -> tuple[float, int]:
    """Processor seconds, reaped children included, and the parent."""
    try:
        # The name in parentheses may hold anything, so what follows its end is read.
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0, 0
    return sum(int(field) for field in fields[11:15]) / TICKS, int(fields[1])


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()
