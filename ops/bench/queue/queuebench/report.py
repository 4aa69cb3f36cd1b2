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
    head = ["queue", "accepted means", *(title for title, _ in _COLUMNS)]
    head += ["CPU us/job: worker + Redis + PostgreSQL", "CPU taken by others meanwhile", "pickup p50 ms", "p99 ms"]
    lines = [
        f"{results['machine']}; one fdatasync {results['fdatasync_ms']:.1f} ms; load average {results['load_average']:.1f}; "
        f"{results['rounds']} round(s){', quick' if results['quick'] else ''}. Median (best).",
        "",
        _row(head),
        _row(["---"] * len(head)),
    ]
    for name, entry in results["engines"].items():
        waits = entry["pickup_ms"]
        lines.append(
            _row(
                [f"{name} {entry['version']}", entry["durable"]]
                + [_median(entry["rounds"], key) for _, key in _COLUMNS]
                + [" + ".join(_least(entry["rounds"], f"workers_1_{key}") for key in _CPU)]
                + [_share(entry["rounds"], "workers_1_others_cpu")]
                + ([f"{percentile(waits, 50):.2f}", f"{percentile(waits, 99):.1f}"] if waits else ["–", "–"])
            )
        )
    lines += ["", *_kills(results), *_idle(results), *_scaling(results), *_ledger(results)]
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
                name, str(kill["kill_jobs"]), str(kill["kill_cut_off"]), str(kill["kill_never_finished"]), str(kill["kill_finished_twice"]),
                str(kill["kill_started_twice"]), "not while waited" if after is None else f"{after:.0f} s",
            ])
        )  # fmt: skip
    if not lines:
        return []
    head = ["kill -9 x5", "jobs", "tries cut off", "never finished", "finished twice", "started twice", "all done after the last kill"]
    return [_row(head), _row(["---"] * len(head)), *lines, ""]


def _idle(results: dict) -> list[str]:
    head = ["idle workers", "number", "PostgreSQL + Redis, % of a core", "a worker, % of a core", "a worker, MB resident"]
    lines = []
    for name, entry in results["engines"].items():
        idle = next((round for round in entry["rounds"] if "idle_workers" in round), None)
        if idle:
            servers = idle["idle_postgres_core"] + idle["idle_redis_core"]
            lines.append(
                _row([
                    name, str(idle["idle_workers"]), f"{servers * 100:.1f}", f"{idle['idle_worker_core'] * 100:.2f}",
                    f"{idle['idle_worker_mb']:.0f}",
                ])
            )  # fmt: skip
    return [_row(head), _row(["---"] * len(head)), *lines, ""] if lines else []


def _scaling(results: dict) -> list[str]:
    if not results.get("scaling"):
        return []
    head = ["workers of 200 ms", "images/s", "of linear", "CPU of the machine", "workers", "PostgreSQL", "Redis"]
    lines = [
        _row(
            [str(row["workers"]), f"{row['rate']:.1f}", f"{row['share_of_linear'] * 100:.1f} %"]
            + [f"{row[key] * 100:.0f} %" for key in ("machine_cpu", "workers_cpu", "postgres_cpu", "redis_cpu")]
        )
        for row in results["scaling"]
    ]
    return [_row(head), _row(["---"] * len(head)), *lines, ""]


def _ledger(results: dict) -> list[str]:
    columns = results.get("ledger")
    if not columns:
        return []
    lines = [_row(["ledger"] + [f"{row['jobs']:,} jobs, {row['queued']:,} queued" for row in columns])]
    lines.append(_row(["---"] * (1 + len(columns))))
    for title, key, digits in (
        ("size of the database, GB", "ledger_gb", 1),
        ("dispatch of all that is queued into an empty Redis, s", "dispatch_s", 1),
        ("Redis bytes a queued job", "redis_bytes_per_job", 0),
        ("confirm a claim in PostgreSQL, p50 ms", "claim_p50_ms", 2),
        ("p99 ms", "claim_p99_ms", 2),
        ("settle in PostgreSQL, p50 ms", "settle_p50_ms", 2),
        ("p99 ms", "settle_p99_ms", 2),
        ("claim script in Redis, p99 ms", "redis_script_p99_ms", 2),
        ("`packshot status`, s", "status_s", 2),
        ("`packshot status` of one batch, s", "status_batch_s", 2),
        ("enqueue 20,000 more, jobs/s", "enqueue_bulk", 0),
    ):
        lines.append(_row([title] + [_cell(row.get(key), digits) for row in columns]))
    return [*lines, ""]


def _cell(value: float | None, digits: int) -> str:
    if value is None:
        return "–"
    return "not in 240 s" if value == float("inf") else f"{value:.{digits}f}"


def _median(rounds: list[dict], key: str) -> str:
    values = [round[key] for round in rounds if round.get(key)]
    if not values:
        return "–"
    median = _number(statistics.median(values))
    return median if len(values) == 1 else f"{median} ({_number(max(values))})"


def _least(rounds: list[dict], key: str) -> str:
    values = [round[key] for round in rounds if key in round]
    return f"{min(values):.0f}" if values else "–"


def _share(rounds: list[dict], key: str) -> str:
    values = [round[key] for round in rounds if key in round]
    return f"{statistics.median(values) * 100:.0f} %" if values else "–"


def _number(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    if value >= 10_000:
        return f"{value / 1000:.1f}k"
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}"


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"
