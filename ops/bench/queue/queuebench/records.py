"""When each job was begun and finished, and by whom."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Record:
    """One try at one job. Times are seconds since 1970 by the machine's clock."""

    job: int
    worker: str
    sent: float
    started: float
    finished: float | None


def read(folder: Path) -> list[Record]:
    """The records the peers' jobs have written, one file a process, named for
    the worker it belongs to and its process id.

    A line is `KIND JOB SENT NOW`, nanoseconds: `X` for a job begun and finished in one write, `S` for begun, `F` for finished.
    """
    records: list[Record] = []
    for path in sorted(folder.iterdir()):
        worker = path.name.partition(".")[0]
        open_tries: dict[int, list[tuple[float, float]]] = {}
        for line in path.read_text().splitlines():
            kind, job, sent, now = line.split()
            number, sent_at, at = int(job), int(sent) / 1e9, int(now) / 1e9
            match kind:
                case "X":
                    records.append(Record(number, worker, sent_at, at, at))
                case "S":
                    open_tries.setdefault(number, []).append((sent_at, at))
                case "F":
                    sent_at, started = open_tries[number].pop()
                    records.append(Record(number, worker, sent_at, started, at))
        for number, tries in open_tries.items():
            records += [Record(number, worker, sent_at, started, None) for sent_at, started in tries]
    return records


LINE_BYTES = len("X 00000000 0000000000000000000 0000000000000000000\n")


def count(folder: Path) -> int:
    """Lines written so far, found from the files' sizes alone."""
    return sum(path.stat().st_size for path in folder.iterdir()) // LINE_BYTES


def rate(records: list[Record]) -> float:
    """Jobs a second while every worker had work: from the moment the last one had finished its first job to the moment
    the first one finished its last."""
    finished: dict[str, list[float]] = {}
    for record in records:
        if record.finished is not None:
            finished.setdefault(record.worker, []).append(record.finished)
    if not finished:
        return 0.0
    begin = max(min(times) for times in finished.values())
    end = min(max(times) for times in finished.values())
    if end <= begin:
        return 0.0
    return sum(begin < time <= end for times in finished.values() for time in times) / (end - begin)


def percentile(values: list[float], percent: float) -> float:
    """The value at or below which so many percent lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, min(len(ordered) - 1, int(len(ordered) * percent / 100 + 0.5) - 1))]
