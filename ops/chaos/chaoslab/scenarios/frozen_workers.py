"""A4: workers frozen for three leases amid an image and let go again: each late finish is refused."""

import time

from ..site import LEASE, Site

WORKERS, AT_ONCE = 8, 6


def run(site: Site) -> None:
    site.attempts = 2
    rounds = -(-site.scaled(200) // AT_ONCE)
    fleet = site.fleet(WORKERS, "600ms±50%")
    refusals, late = 0, 0
    for number in range(rounds):
        site.enqueue(8 * WORKERS, f"round-{number}")
        site.wait("all workers at work", lambda: site.count(
            "SELECT count(DISTINCT worker_id) FROM attempts WHERE state = 'running'") == WORKERS or site.unfinished < WORKERS, 60)
        victims = site.rng.sample(fleet.workers, AT_ONCE)
        deeds = [site.freeze(victim) for victim in victims]
        pids = ",".join(str(victim.pid) for victim in victims)
        held = site.sql("SELECT coalesce(string_agg(a.id::text, ','), '0') FROM attempts a JOIN workers w ON w.id = a.worker_id "
                        f"WHERE a.state = 'running' AND w.process_id IN ({pids})")
        time.sleep(3 * LEASE)
        lost = site.count(f"SELECT count(*) FROM attempts WHERE state = 'lost' AND id IN ({held})")
        for victim, deed in zip(victims, deeds):
            site.thaw(victim, deed)
        # A worker that wakes up says what it held; an answer that was taken is an image by an attempt that was lost.
        site.wait("every late finish is refused", lambda: site.count(
            f"SELECT count(*) FROM attempts WHERE stale_settlements > 0 AND id IN ({held})") == lost, 60)
        refusals += lost
        late += site.count(f"SELECT count(*) FROM images i JOIN attempts a ON a.id = i.attempt_id WHERE a.state <> 'completed' AND a.id IN ({held})")
    site.wait_until_done()
    site.facts.update({"freezes": rounds * AT_ONCE, "lost and refused": refusals})
    site.expect(late == 0, f"{late} late finishes were taken")
    site.expect(refusals > 0, "no late finish was seen")
