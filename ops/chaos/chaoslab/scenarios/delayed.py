"""F6: many jobs delayed to one second: none begins early, and they are there to be claimed in time."""

import datetime

from ..site import Site

ALONE = True


def run(site: Site) -> None:
    jobs = site.scaled(10_000)
    start = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=10 + jobs / 2_000)
    site.enqueue(jobs, "chaos", "--start-at", start.strftime("%Y-%m-%dT%H:%M:%SZ"))
    site.fleet(2, "0s")
    site.wait_until_done()
    early = site.count("SELECT count(*) FROM attempts a JOIN job_specs j ON j.id = a.job_id WHERE a.started_at < j.start_at")
    site.expect(early == 0, f"{early} jobs began early")
    late = site.sql(
        "SELECT round(1000 * percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM a.started_at - j.start_at))::numeric) "
        "FROM attempts a JOIN job_specs j ON j.id = a.job_id")
    first = site.sql("SELECT round(1000 * extract(epoch FROM min(a.started_at - j.start_at))) FROM attempts a JOIN job_specs j ON j.id = a.job_id")
    site.facts.update({"ms until the first began": int(first), "ms until 99 % had begun": int(late)})
