"""E2: hosts behind slow and lossy links: at two seconds an image they make at least 80 % of what the others make."""

import time

from ..network import Quality
from ..site import Site

PACE = 2.0
WORKERS = 4
# Compared with each other in the same minute, so that others may run beside.
LINKS = {
    "clean": Quality(), "50 ms": Quality(delay=0.05), "200 ms": Quality(delay=0.2),
    "1 % lost, 1 % late": Quality(delay=0.01, loss=0.01, reorder=0.01), "all of it": Quality(delay=0.2, loss=0.01, reorder=0.01),
}


def run(site: Site) -> None:
    seconds = 600 * site.options.scale if site.options.scale >= 0.2 else 40
    network = site.use_network(list(LINKS))
    site.enqueue(int(1.5 * (seconds + 30) / PACE * WORKERS * len(LINKS)))
    pids = {}
    for name, quality in LINKS.items():
        network.hosts[name].quality = quality
        pids[name] = [worker.pid for worker in site.fleet_on(network.hosts[name], WORKERS, f"{PACE:g}s").workers]

    def made() -> dict[str, int]:
        rows = site.sql("SELECT string_agg(w.process_id || ':' || n, ' ') FROM (SELECT worker_id, count(*) AS n FROM attempts "
                        "WHERE state = 'completed' GROUP BY worker_id) a JOIN workers w ON w.id = a.worker_id")
        counts = dict(tuple(map(int, row.split(":"))) for row in rows.split())
        return {name: sum(counts.get(pid, 0) for pid in group) for name, group in pids.items()}

    site.wait("every host makes images", lambda: all(count >= WORKERS for count in made().values()), 120)
    before = made()
    began = time.monotonic()
    time.sleep(seconds)
    after, elapsed = made(), time.monotonic() - began
    pace = {name: (after[name] - before[name]) / elapsed for name in LINKS}
    share = {name: round(pace[name] / pace["clean"], 3) for name in LINKS}
    site.facts.update({"images a second on the clean link": round(pace["clean"], 2), "share of it on": share, "packets lost": network.dropped})
    site.promised(pace["clean"] / min(pace.values()), 1 / 0.8, "times as long an image on the worst link")
    site.expected_cancelled = None
    # The rest has nothing to show.
    site.cancel("chaos")
    site.wait_until_done()
