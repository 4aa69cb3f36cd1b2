"""A1: a random one of four workers is killed every two seconds: its jobs are back within a lease and two seconds."""

import time

from ..site import LEASE, Site


def run(site: Site) -> None:
    kills, pause = site.scaled(300, least=20), 2.0 if site.options.scale >= 0.5 else 1.0
    site.enqueue(site.scaled(20_000), "chaos", "--max-attempts", "100")
    fleet = site.fleet(4, "40ms±50%")
    site.wait("work", lambda: site.images > 20)
    in_flight, waits, killed = 0, [], []
    for _ in range(kills):
        site.top_up(200, site.scaled(2_000))
        victim = fleet.pick(site.rng)
        victim.kill()
        victim.wait()
        killed.append(str(victim.pid))
        # What it held, by the ledger, which has not heard yet; its last words may still be on their way.
        held = site.sql("SELECT coalesce(json_agg(a.id), '[]') || '|' || extract(epoch FROM clock_timestamp()) FROM attempts a "
                        f"JOIN workers w ON w.id = a.worker_id WHERE a.state = 'running' AND w.process_id = {victim.pid}")
        attempts, killed_at = held.split("|")
        in_flight += attempts.count(",") + 1 if attempts != "[]" else 0
        waits.append((attempts, float(killed_at)))
        fleet.replace_ended()
        time.sleep(site.rng.uniform(0.5, 1.5) * pause)
    site.wait_until_done()
    # From the kill until the job could be begun again: an attempt that is lost ends where its worker's lease ended, and its row then.
    longest = max(
        site.count("SELECT coalesce(max(round(1000 * (extract(epoch FROM finished_at) - %f))), 0) FROM attempts "
                   "WHERE state = 'lost' AND id IN (SELECT value::bigint FROM json_array_elements_text('%s'))" % (at, attempts))
        for attempts, at in waits) / 1000
    # Others may lose a lease of three seconds to a machine that has no time for them; that is no matter of kills.
    lost = site.count("SELECT count(*) FROM attempts a JOIN workers w ON w.id = a.worker_id WHERE a.state = 'lost' AND a.stale_settlements = 0 "
                      f"AND w.process_id IN ({','.join(killed)})")
    site.facts.update({"kills": kills, "in flight at kills": in_flight, "seconds until back, at most": longest})
    site.expect(lost <= in_flight, f"{lost} attempts were lost, {in_flight} were in flight when their worker was killed")
    site.expect(longest <= LEASE + 2, f"a job was back {longest} s after its worker was killed; the lease is {LEASE} s")
