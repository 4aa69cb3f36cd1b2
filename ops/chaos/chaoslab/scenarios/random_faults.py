"""A1 A3 A4 B1 B2 B3 B7 C3 F1: faults at random, by a seeded schedule.

The faults are those that operators meet: a worker killed, told to stop, or frozen for longer than its lease and let go again; Redis
killed, killed with the end of its log lost, wiped, its groups destroyed, its connections cut; PostgreSQL's sessions terminated in
mid-transaction, or frozen; a producer killed and run again.
"""

import subprocess
import time

from ..servers import frozen
from ..site import LEASE, Site


def run(site: Site) -> None:
    rng, server = site.rng, site.redis
    site.attempts = 3
    jobs = site.options.jobs or site.scaled(2_000, least=500)
    seconds = site.options.seconds or 600 * site.options.scale
    # F1: the producer dies, then runs again: the second run must finish what the first began, and make nothing twice.
    enqueue = site.enqueue_command(jobs)
    first = subprocess.Popen(enqueue, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(rng.uniform(0.1, 1.5))
    first.kill()
    first.wait()
    subprocess.run(enqueue, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    fleet = site.fleet(site.options.workers, "20ms±50%")
    counts, asleep, batches = {}, [], 0

    def kill_worker():
        site.kill(fleet.pick(rng))

    def stop_worker():
        fleet.tell_to_stop(fleet.pick(rng))

    def freeze_worker():
        victim = fleet.pick(rng)
        if all(other is not victim for _, other, _ in asleep):
            asleep.append((time.monotonic() + LEASE * 3, victim, site.freeze(victim)))

    def kill_redis():
        server.kill()
        time.sleep(rng.uniform(0, 2))
        server.start()

    def cut_redis():
        server.kill()
        server.cut(rng.randrange(1_000, 1_000_000))
        server.start()

    def wipe_redis():
        server.call("FLUSHALL")

    def destroy_groups():
        for key in server.call("--scan", "--pattern", "*:queue:*").split():
            server.call("XGROUP", "DESTROY", key, "workers")

    def cut_connections():
        server.call("CLIENT", "KILL", "TYPE", "normal")

    def terminate_sessions():
        site.sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")

    def freeze_postgres():
        pids = site.sql("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
        with frozen([int(pid) for pid in pids.split()]):
            time.sleep(2)

    faults = [(kill_worker, 10), (stop_worker, 3), (freeze_worker, 4), (kill_redis, 2), (cut_redis, 1), (wipe_redis, 1), (destroy_groups, 1),
              (cut_connections, 2), (terminate_sessions, 4), (freeze_postgres, 1)]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(rng.uniform(0.5, 2.5))
        fault = rng.choices([f for f, _ in faults], [w for _, w in faults])[0]
        fault()
        counts[fault.__name__] = counts.get(fault.__name__, 0) + 1
        for item in [f for f in asleep if f[0] < time.monotonic()]:
            asleep.remove(item)
            site.thaw(*item[1:])
        fleet.replace_ended()
        if 0 <= site.unfinished < jobs // 4:
            # A producer that is cut off says so, and is run again.
            batches += 1
            again = site.enqueue_command(jobs, f"more-{batches}")
            while (code := subprocess.run(again, capture_output=True).returncode) == 5:
                pass
            site.expect(code == 0, f"enqueue ended with {code}")
    for _, victim, deed in asleep:
        site.thaw(victim, deed)
    site.facts["faults"] = counts
    site.facts["seconds to drain after the last fault"] = round(site.wait_until_done(), 1)
