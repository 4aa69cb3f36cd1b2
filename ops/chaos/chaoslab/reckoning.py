"""Who is to blame for what was lost.

The lab writes down what it did to which worker, and when. Afterwards every attempt that the ledger calls lost must have been in the
hands of a worker to which something was done while it ran, and no more may be lost than those workers held. What a server did, however
long it was away, is no excuse: a lease ends only by time in which the ledger was there.
"""

import json
import math
import time
from collections import defaultdict
from dataclasses import dataclass

LOST = """SELECT coalesce(json_agg(json_build_array(a.id, a.job_id, w.process_id, extract(epoch FROM a.started_at), extract(epoch FROM a.finished_at),
    a.state)), '[]') FROM attempts a JOIN workers w ON w.id = a.worker_id WHERE a.state = 'lost'"""
# Between what the lab does and when it looks at the clock.
SLACK = 1.0


@dataclass
class Deed:
    """What was done to one worker. From `since` to `until`, in seconds since 1970, it could not keep what it held."""

    pid: int
    since: float
    until: float = math.inf
    # Attempts in its hands when it was done; None if the ledger could not say.
    held: int | None = None

    def explains(self, pid: int, started: float, finished: float) -> bool:
        return pid == self.pid and started <= self.until + SLACK and finished >= self.since - SLACK


class Reckoning:
    def __init__(self):
        self.deeds: list[Deed] = []

    def begin(self, pid: int, held: int | None = None, since: float | None = None) -> Deed:
        self.deeds.append(Deed(pid, time.time() if since is None else since, held=held))
        return self.deeds[-1]

    def check(self, site) -> None:
        """- Raises Broken for an attempt that nothing the lab did explains."""
        lost = json.loads(site.sql(LOST))
        endings = {pid: words for fleet in site.fleets for pid, words in fleet.ended_by_themselves.items()}
        site.expect(site.workers_may_end or not endings, f"workers ended by themselves: {list(endings.items())[:2]}")
        done, unexplained = defaultdict(list), []
        for attempt, job, pid, started, finished, _ in lost:
            if any(deed.explains(pid, started, finished) for deed in self.deeds):
                done[job].append(attempt)
            elif pid not in endings:
                unexplained.append(f"attempt {attempt} of job {job}")
        site.expect(not unexplained, f"{len(unexplained)} of {len(lost)} lost attempts were with workers to which nothing was done: {unexplained[:5]}")
        held = [deed.held for deed in self.deeds]
        if None not in held and not endings:
            site.expect(len(lost) <= sum(held), f"{len(lost)} attempts were lost, {sum(held)} were with workers that died, froze or were cut off")
            site.facts["in the hands of those"] = sum(held)
        self._judge_given_up(site, done)

    def _judge_given_up(self, site, done: dict[int, list[int]]) -> None:
        """What is given up is what the scenario means to be, and what the lab itself took from a worker as often as it may be tried."""
        jobs = json.loads(site.sql("SELECT coalesce(json_agg(json_build_array(j.id, j.max_attempts, j.attempt)), '[]') FROM jobs j WHERE state = 'discarded'"))
        by_the_lab = sum(1 for job, most, _ in jobs if len(done.get(job, [])) >= most)
        meant = site.expected_discarded
        site.expect(meant <= len(jobs) <= meant + by_the_lab, f"{len(jobs)} given up, {meant} were meant to be, {by_the_lab} were taken from workers too often: "
                    + site.sql("SELECT string_agg(DISTINCT coalesce(error_code, ''), ', ') FROM jobs WHERE state = 'discarded'"))
        if by_the_lab:
            site.facts["given up for the lab's own doing"] = by_the_lab
        failed = site.count("SELECT count(*) FROM attempts WHERE state = 'failed'")
        site.expect(failed <= site.expected_failed, f"{failed} attempts were called the job's own fault, {site.expected_failed} were: "
                    + site.sql("SELECT string_agg(DISTINCT coalesce(error_code, ''), ', ') FROM attempts WHERE state = 'failed'"))
