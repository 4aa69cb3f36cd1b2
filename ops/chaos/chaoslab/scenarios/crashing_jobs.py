"""A5: jobs that kill their worker are given up after three deaths, and all others are made."""

from ..site import Site


def run(site: Site) -> None:
    jobs, poison = site.scaled(5_000), site.scaled(20, least=2)
    site.attempts, site.workers_may_end = 3, True
    bad = set(site.rng.sample(range(jobs), poison))
    site.enqueue(jobs, titles=lambda i: f"POISON {i}" if i in bad else f"mug number {i}")
    fleet = site.fleet(4, "5ms", "--simulate-crash", "POISON")
    site.wait_until_done(1200)
    site.expected_discarded = poison
    named = site.count("SELECT count(*) FROM dead_letters d JOIN jobs j ON j.id = d.job_id WHERE j.prompt LIKE '%POISON%' AND d.attempts = 3")
    site.expect(named == poison, f"{named} of {poison} poisonous jobs are dead letters after three attempts")
    deaths = fleet.starts - 4
    site.expect(deaths <= 3 * poison, f"{deaths} deaths for {poison} poisonous jobs")
    site.facts.update(poison=poison, deaths=deaths)
