"""A3: eight workers are told to stop one after the other and started again: no attempt counts, no time is wasted but an image each."""

import time

from ..site import PATIENCE, Site

GRACE = 5


def run(site: Site) -> None:
    stops, pause = site.scaled(30, least=8), 10 * min(1.0, max(0.1, site.options.scale))
    site.enqueue(site.scaled(10_000), "chaos")
    # Half of them end an image within the grace, half do not and hand it back.
    quick = site.fleet(4, "100ms±50%")
    slow = site.fleet(4, f"{3 * GRACE}s")
    workers = [(fleet, number) for number in range(4) for fleet in (quick, slow)]
    site.wait("eight workers at work", lambda: site.count(
        "SELECT count(DISTINCT worker_id) FROM attempts WHERE state = 'running' OR state = 'completed'") >= 8, 60)
    longest = 0.0
    for stop in range(stops):
        site.top_up(100, site.scaled(2_000, least=200))
        fleet, number = workers[stop % 8]
        worker = fleet.workers[number]
        site.wait("the worker has a job", lambda: site.count(
            f"SELECT count(*) FROM attempts a JOIN workers w ON w.id = a.worker_id WHERE w.process_id = {worker.pid}") > 0, 60)
        began = time.monotonic()
        fleet.tell_to_stop(worker)
        code = worker.wait(30 * PATIENCE)
        longest = max(longest, time.monotonic() - began)
        site.expect(code == 0, f"a worker that was told to stop ended with {code}")
        fleet.replace_ended()
        time.sleep(pause)
    # The slow ones would take the rest of the day.
    for worker in slow.workers:
        slow.tell_to_stop(worker)
    for worker in slow.workers:
        site.expect(worker.wait(30 * PATIENCE) == 0, "a worker that was told to stop ended badly")
    slow.stop()
    site.wait_until_done()
    starts = quick.starts + slow.starts
    handed_back = site.count("SELECT count(*) FROM attempts WHERE state = 'handed_back'")
    wasted = site.count("SELECT count(*) FROM attempts WHERE state <> 'completed' AND busy_to_us - busy_from_us > 1000000")
    others = site.count("SELECT count(*) FROM attempts WHERE state NOT IN ('completed', 'handed_back')")
    site.facts.update({"stops": stops, "handed back": handed_back, "images cut short": wasted})
    site.expect(handed_back > 0 and others == 0, f"{handed_back} handed back, {others} lost or failed")
    site.expect(wasted <= starts, f"{wasted} images were cut short by {starts} stops")
    site.promised(longest, GRACE + 25, "seconds to stop, at most")
