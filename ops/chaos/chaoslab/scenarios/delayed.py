"""F6: many jobs delayed to one second: none begins early, and all of them are there to be claimed in time.

How late a job is there is the queue's doing, and that is judged. When it begins is also a matter of how many workers there are; it
is reported beside it.
"""

import datetime
import time

from ..site import PATIENCE, Site

ALONE = True
MOST_LATE = 0.25
DELAYED = '''local left = 0
for _, key in ipairs(redis.call('KEYS', '*:delayed:*')) do left = left + redis.call('ZCARD', key) end
local time = redis.call('TIME')
return {left, time[1] .. '.' .. string.format('%06d', time[2])}'''


def run(site: Site) -> None:
    jobs = site.scaled(10_000)
    start = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=10 + jobs / 2_000)).replace(microsecond=0)
    site.enqueue(jobs, "chaos", "--start-at", start.strftime("%Y-%m-%dT%H:%M:%SZ"))
    site.fleet(2, "0s")
    # By the queue's own time, when it is last seen to hold something back, and when first to hold nothing back.
    looked = float(_delayed(site)[1])
    while (looks := _delayed(site))[0] != "0":
        looked = float(looks[1])
        site.expect(looked < start.timestamp() + 60, f"{looks[0]} entries are still held back a minute after their time")
        time.sleep(0.002 if looked > start.timestamp() - 1 else 0.2)
    late = [moment - start.timestamp() for moment in (looked, float(looks[1]))]
    site.expect(late[1] > 0, "jobs could be claimed before their time")
    site.promised(late[0], MOST_LATE, "seconds until all could be claimed, at least")
    site.expect(late[0] > -PATIENCE, "nobody looked while the jobs were held back")
    site.wait_until_done()
    early = site.count("SELECT count(*) FROM attempts a JOIN job_specs j ON j.id = a.job_id WHERE a.started_at < j.start_at")
    site.expect(early == 0, f"{early} jobs began early")
    late = site.sql(
        "SELECT round(1000 * percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM a.started_at - j.start_at))::numeric) "
        "FROM attempts a JOIN job_specs j ON j.id = a.job_id")
    first = site.sql("SELECT round(1000 * extract(epoch FROM min(a.started_at - j.start_at))) FROM attempts a JOIN job_specs j ON j.id = a.job_id")
    site.facts.update({"ms until the first began": int(first), "ms until 99 % had begun": int(late)})


def _delayed(site: Site) -> list[str]:
    """Entries the queue holds back, and its time."""
    return site.redis.call("EVAL", DELAYED, "0").splitlines()
