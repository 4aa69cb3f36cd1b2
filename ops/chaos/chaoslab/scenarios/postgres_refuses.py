"""C4: PostgreSQL turns read-only, lets nobody in, or keeps its tables locked."""

import subprocess
import time

from ..site import LEASE, Site

# Each silence of the ledger costs a lease up to two seconds, in which it cannot be told from a quiet one: a lease has to be longer
# than a few of these.
LONG = 3 * LEASE
TERMINATE = ("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
             "WHERE datname = current_database() AND pid <> pg_backend_pid()")


def run(site: Site) -> None:
    site.enqueue(site.scaled(6_000))
    site.fleet(3, "20ms±50%", "--lease", f"{LONG}s")
    database = site.sql("SELECT current_database()")
    for _ in range(site.scaled(5)):
        some = site.images + 50
        site.wait("work between faults", lambda: site.images > some or site.unfinished == 0)
        # As after a failover to a standby.
        _admin(site, f"ALTER DATABASE {database} SET default_transaction_read_only = on")
        site.sql(TERMINATE)
        time.sleep(LONG + 1)
        _admin(site, f"ALTER DATABASE {database} RESET default_transaction_read_only")
        site.sql(TERMINATE)
        # Nobody is let in, and who was in is thrown out.
        _admin(site, f"ALTER DATABASE {database} ALLOW_CONNECTIONS false")
        _admin(site, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")
        time.sleep(LONG + 1)
        _admin(site, f"ALTER DATABASE {database} ALLOW_CONNECTIONS true")
        # Somebody's migration holds the table.
        site.sql(f"BEGIN; LOCK TABLE job_states IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep({LONG + LEASE}); COMMIT")
    site.wait_until_done()


def _admin(site: Site, statement: str) -> None:
    """From outside of the database, which lets nobody in or change anything."""
    subprocess.run(["psql", "-qX", site.admin, "-c", statement], check=True, stdout=subprocess.DEVNULL)
