"""A6: a sampler that hangs while the heartbeat goes on: the process ends itself, the job comes back, three times at most."""

from ..site import LEASE, Site

STEP_TIMEOUT = LEASE - 1


def run(site: Site) -> None:
    jobs, hanging = site.scaled(2_000), site.scaled(50, least=2)
    site.attempts, site.workers_may_end = 3, True
    bad = set(site.rng.sample(range(jobs), hanging))
    site.enqueue(jobs, titles=lambda i: f"TARPIT {i}" if i in bad else f"mug number {i}")
    fleet = site.fleet(4, "5ms", "--simulate-hang", "TARPIT", "--step-timeout", f"{STEP_TIMEOUT}s")
    site.wait_until_done(1800)
    site.expected_discarded = hanging
    named = site.count("SELECT count(*) FROM dead_letters d JOIN jobs j ON j.id = d.job_id WHERE j.prompt LIKE '%TARPIT%' AND d.attempts = 3")
    site.expect(named == hanging, f"{named} of {hanging} hanging jobs are dead letters after three attempts")
    ended = fleet.said("ending this process")
    # One end may take two hanging jobs with it: the other was next in that worker's hands.
    site.expect(hanging <= ended <= 3 * hanging, f"{ended} watchdogs ended their process for {hanging} hanging jobs")
    site.facts.update(hanging=hanging, watchdogs=ended)
