"""F2: every entry is delivered three times: one file, one row, one cost."""

import json

from ..site import Site

COPIES = """
local lane = redis.call('KEYS', '*:queue:*')[1]
for _, job in ipairs(cjson.decode(ARGV[1])) do
    redis.call('XADD', lane, '*', 'j', job)
    redis.call('XADD', lane, '*', 'j', job)
end
return #cjson.decode(ARGV[1])
"""


def run(site: Site) -> None:
    jobs = site.scaled(2_000)
    site.enqueue(jobs)
    ids = site.sql("SELECT json_agg(id::text) FROM jobs")
    site.expect(site.redis.call("EVAL", COPIES, "0", ids) == str(len(json.loads(ids))), "the copies were not added")
    site.fleet(3, "3ms")
    site.wait_until_done()
    attempts = site.count("SELECT count(*) FROM attempts")
    site.expect(attempts == jobs, f"{attempts} attempts for {jobs} jobs")
