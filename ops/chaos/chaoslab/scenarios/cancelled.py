"""F3: jobs are cancelled while they run: they stop within a step and half a second, their cost is kept, no file is left."""

from ..site import Site

# An image of four steps.
STEP, PROCESSES, LANES = 0.5, 4, 8


def run(site: Site) -> None:
    at_once = PROCESSES * LANES
    rounds = max(2, site.scaled(1_000 / at_once))
    site.fleet(PROCESSES, f"{4 * STEP}s", "--concurrency", str(LANES), "--usd-per-hour", "36")
    expected = 0
    for number in range(rounds):
        site.enqueue(at_once, f"doomed-{number}")
        site.wait("all of them run", lambda: site.count("SELECT count(*) FROM job_states WHERE state = 'running'") > at_once * 3 // 4, 60)
        # One in four by itself, the others with their batch.
        if number % 4 == 0:
            job = site.sql("SELECT job_id FROM job_states WHERE state = 'running' ORDER BY job_id LIMIT 1")
            site.cancel("--where", f"job={job}")
        site.cancel(f"doomed-{number}")
        site.wait("they have stopped", lambda: site.count("SELECT count(*) FROM attempts WHERE state = 'running'") == 0, 60)
        expected += site.count(f"SELECT count(*) FROM jobs j JOIN batches b ON b.id = j.batch_id WHERE b.name = 'doomed-{number}' AND j.state = 'cancelled'")
    in_flight = site.count("SELECT count(*) FROM attempts WHERE state = 'cancelled'")
    late = site.count("SELECT max(1000 * extract(epoch FROM finished_at - cancelled_at))::int FROM attempts WHERE state = 'cancelled'")
    # A worker's time up to the end of one attempt is charged to it, so of two that end together the first may have it all.
    unpaid = site.count("SELECT count(*) FROM (SELECT FROM attempts WHERE state = 'cancelled' GROUP BY worker_id, batch_id "
                        "HAVING max(step) > 0 AND sum(cost_microusd) <= 0) free")
    site.facts.update({"cancelled in flight": in_flight})
    site.expected_cancelled = expected
    site.expect(in_flight >= rounds * at_once // 4, f"only {in_flight} were cancelled in flight")
    site.promised(late / 1000, STEP + 0.5, "seconds until the last had stopped, at most")
    site.expect(unpaid == 0, f"{unpaid} workers were paid nothing for what was cancelled")
    # What was cancelled may be wanted after all.
    site.enqueue(at_once, "wanted")
