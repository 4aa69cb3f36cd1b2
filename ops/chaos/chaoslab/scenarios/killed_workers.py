"""A1: a random one of four workers is killed every two seconds: its jobs are back within a lease and two seconds."""

import time

from ..site import LEASE, Site


def run(site: Site) -> None:
    kills, pause = site.scaled(300, least=20), 2.0 if site.options.scale >= 0.5 else 1.0
    site.attempts = 3
    site.enqueue(site.scaled(20_000))
    fleet = site.fleet(4, "40ms±50%")
    site.wait("work", lambda: site.images > 20)
    deeds = []
    for _ in range(kills):
        site.top_up(200, site.scaled(2_000))
        deeds.append(site.kill(fleet.pick(site.rng)))
        fleet.replace_ended()
        time.sleep(site.rng.uniform(0.5, 1.5) * pause)
    site.wait_until_done()
    # From the kill until the job could be begun again: an attempt that is lost ends where its worker's lease ended, and its row then.
    waits = [site.sql(f"SELECT max(extract(epoch FROM a.finished_at)) - {deed.since} FROM attempts a JOIN workers w ON w.id = a.worker_id "
                      f"WHERE a.state = 'lost' AND w.process_id = {deed.pid}") for deed in deeds]
    longest = max(float(wait or 0) for wait in waits)
    site.facts["kills"] = kills
    site.expect(longest > 0, "no worker had anything in hand when it was killed")
    site.promised(longest, LEASE + 2, "seconds until back, at most")
