"""C6: an asynchronous standby that lags is promoted: what was committed since is lost, and making it again needs only the same catalog.

Jobs, rows of images and numbers of attempts go back in time. Files are there that no row knows, workers settle attempts that nobody
knows or that are another's by now. None of that may be taken for something else.
"""

import os
import time

from ..site import LEASE, Site


def run(site: Site) -> None:
    primary = site.use_postgres()
    other = site.folder / "standby"
    os.environ["DATABASE_URL"] = f"postgresql:///packshot?host={primary.folder},{other}&user=packshot&target_session_attrs=read-write"
    standby = primary.standby(other, synchronous=False)
    site.servers.append(standby)
    # What ran at the moment the standby stopped at, its worker has finished and forgotten: it costs an attempt.
    site.attempts = 2
    fleet = site.fleet(3, "100ms±50%")
    site.enqueue(100, "known")
    site.wait("some are made", lambda: site.images > 20, 60)
    standby.stop_following()
    deeds = [site.reckoning.begin(worker.pid) for worker in fleet.workers]
    before = primary.sql("SELECT count(*) FROM images")
    site.enqueue(200, "forgotten")
    site.wait("what the standby does not know is made", lambda: site.images > int(before) + 30, 60)
    lost = int(primary.sql("SELECT count(*) FROM images"))
    primary.lose()
    time.sleep(LEASE + 1)
    standby.promote()
    for deed in deeds:
        deed.until = time.time()
    site.facts["images that the standby did not know"] = lost - site.images
    site.expect(lost > site.images, "the standby knew everything: nothing was tried")
    # Redis may deliver what the ledger has forgotten; nobody waits for it for ever.
    for name, jobs in ("known", 100), ("forgotten", 200):
        site.enqueue(jobs, name)
    site.wait_until_done()
    jobs = site.count("SELECT count(*) FROM jobs")
    site.expect(jobs == 300, f"{jobs} jobs of 300 images")
