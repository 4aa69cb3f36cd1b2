"""C3: everybody's sessions are terminated five times a second, also amid commits: what became of each is found out, every cent is right."""

import subprocess

from ..site import Site


def run(site: Site) -> None:
    times = site.scaled(3_000, least=200)
    site.enqueue(site.scaled(5_000))
    site.fleet(4, "20ms±50%")
    site.wait("work", lambda: site.images > 20)
    database = site.sql("SELECT current_database()")
    # From another database, so that nobody ends the one who does it.
    ender = subprocess.Popen(["psql", "-qX", site.admin, "-c", f"""DO $$ BEGIN FOR i IN 1..{times} LOOP
        PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}';
        PERFORM pg_stat_clear_snapshot(), pg_sleep(0.2); END LOOP; END $$"""], stdout=subprocess.DEVNULL)
    number, before = 0, site.images
    while ender.poll() is None:
        left = site.count("SELECT count(*) FROM job_states WHERE state = 'available'")
        if 0 <= left < 500:
            number += 1
            # F1: a producer that is cut off says so, and may be run again.
            again = site.enqueue_command(site.scaled(5_000), f"more-{number}")
            while subprocess.run(again, capture_output=True).returncode == 5:
                pass
        try:
            ender.wait(1)
        except subprocess.TimeoutExpired:
            pass
    site.expect(ender.returncode == 0, "the lab itself: the sessions were not terminated to the end")
    during = site.images - before
    site.wait_until_done()
    site.facts.update({"terminations": times, "images meanwhile": during})
