"""Results as tables."""

import statistics

from .records import percentile

_COLUMNS = (
    ("enqueue/s single", "enqueue_single"),
    ("enqueue/s bulk", "enqueue_bulk"),
    ("jobs/s, 1 worker", "workers_1_rate"),
    ("jobs/s, 2 workers", "workers_2_rate"),
)
_CPU = ("worker_cpu_us", "redis_cpu_us", "postgres_cpu_us")


def markdown(results: dict) -> str:
    """The tables, as Markdown: medians over the rounds with the best in parentheses."""
    lines = [
        f"{results['machine']}; one fdatasync {results['fdatasync_ms']:.1f} ms; load average {results['load_average']:.1f}; "
        f"{results['rounds']} round(s){', quick' if results['quick'] else ''}. Median (best).",
        "",
        _row(
            ["queue", "accepted means", *(title for title, _ in _COLUMNS), "CPU us/job worker + Redis + PostgreSQL",
             "pickup p50 ms", "p99 ms"]
        ),
        _row(["---"] * (len(_COLUMNS) + 5)),
    ]  # fmt: skip
    for name, entry in results["engines"].items():
        waits = entry["pickup_ms"]
        lines.append(
            _row(
                [f"{name} {entry['version']}", entry["durable"]]
                + [_median(entry["rounds"], key) for _, key in _COLUMNS]
                + [" + ".join(_least(entry["rounds"], f"workers_1_{key}") for key in _CPU)]
                + ([f"{percentile(waits, 50):.2f}", f"{percentile(waits, 99):.1f}"] if waits else ["–", "–"])
            )
        )
    lines += ["", *_kills(results)]
    for name, reason in results["not_measured"].items():
        lines.append(f"Not measured: {name} ({reason}).")
    return "\n".join(lines)


def brief(numbers: dict) -> str:
    """Numbers on one line."""
    return ", ".join(f"{key} {_number(value)}" for key, value in numbers.items())


def _kills(results: dict) -> list[str]:
    lines = []
    for name, entry in results["engines"].items():
        kill = next((round for round in entry["rounds"] if "kill_jobs" in round), None)
        if not kill:
            continue
        after = kill["kill_all_done_after"]
        lines.append(
            _row([
                name, str(kill["kill_jobs"]), str(kill["kill_never_finished"]), str(kill["kill_finished_twice"]),
                str(kill["kill_started_twice"]), "not while waited" if after is None else f"{after:.0f} s",
            ])
        )  # fmt: skip
    if not lines:
        return []
    head = ["kill -9 x5", "jobs", "never finished", "finished twice", "started twice", "all done after the last kill"]
    return [_row(head), _row(["---"] * len(head)), *lines, ""]


def _median(rounds: list[dict], key: str) -> str:
    values = [round[key] for round in rounds if round.get(key)]
    if not values:
        return "–"
    median = _number(statistics.median(values))
    return median if len(values) == 1 else f"{median} ({_number(max(values))})"


def _least(rounds: list[dict], key: str) -> str:
    values = [round[key] for round in rounds if key in round]
    return f"{min(values):.0f}" if values else "–"


def _number(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    if value >= 10_000:
        return f"{value / 1000:.1f}k"
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}"


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"
