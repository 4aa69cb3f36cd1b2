"""C7: PostgreSQL, Redis, all workers, and everything at once stand still for three leases: no lease ends, nothing is made again."""

import time

from ..servers import children, frozen
from ..site import LEASE, Site

# Each silence of the ledger costs a lease up to two seconds, in which it cannot be told from a quiet one: a lease has to be longer
# than a few of these.
LONG = 2 * LEASE
WORKERS = 4


def run(site: Site) -> None:
    server = site.use_postgres()
    fleet = site.fleet(WORKERS, "300ms±50%", "--lease", f"{LONG}s")
    idle = site.fleet(1, "300ms±50%", "--lease", f"{LONG}s", model=False)

    def workers() -> list[int]:
        return [worker.pid for worker in fleet.workers + idle.workers]

    def redis() -> list[int]:
        return [site.redis.process.pid, *children(site.redis.process.pid)]

    kinds = {
        "postgres": server.processes, "redis": redis, "servers": lambda: [*server.processes(), *redis()], "workers": workers,
        "everything": lambda: [*workers(), *server.processes(), *redis()],
    }
    rounds = site.scaled(5)
    for number in range(rounds):
        for kind, processes in kinds.items():
            site.enqueue(80, f"{kind}-{number}")
            site.wait("all workers at work", lambda: site.count(
                "SELECT count(DISTINCT worker_id) FROM attempts WHERE state = 'running'") >= WORKERS or site.unfinished < WORKERS, 60)
            latest = site.count("SELECT max(id) FROM attempts")
            with frozen(processes()):
                time.sleep(3 * LONG)
            site.wait(f"work again after {kind} stood still", lambda: site.count(
                f"SELECT count(*) FROM attempts WHERE id > {latest}") > 0 or site.unfinished == 0, 60)
            lost = site.count("SELECT count(*) FROM attempts WHERE state = 'lost'")
            site.expect(lost == 0, f"{lost} attempts were lost because {kind} stood still")
            site.wait_until_done()
    attempts, jobs = site.count("SELECT count(*) FROM attempts"), site.count("SELECT count(*) FROM jobs")
    site.facts["standstills"] = rounds * len(kinds)
    site.expect(attempts == jobs, f"{attempts} attempts for {jobs} jobs")
