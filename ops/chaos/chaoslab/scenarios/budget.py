"""F5: sixteen workers and a budget of one dollar, some of them killed on the way: it is never exceeded."""

from ..site import Site

DOLLAR = 1_000_000


def run(site: Site) -> None:
    # An image costs about a tenth of a cent.
    site.attempts = 3
    site.enqueue(5_000, "chaos", "--max-cost", "1.000000")
    fleet = site.fleet(4, "100ms±50%", "--concurrency", "4", "--usd-per-hour", "144")
    most, killed = 0, 0
    while True:
        committed = site.count("SELECT committed_microusd FROM batch_budgets WHERE name = 'chaos'")
        cost = site.count("SELECT coalesce(sum(cost_microusd), 0) FROM attempts")
        most = max(most, committed, cost)
        site.expect(most <= DOLLAR, f"{committed} micro-dollars were committed and {cost} spent of {DOLLAR}")
        if killed < 3 and cost > DOLLAR * (killed + 1) // 5:
            site.kill(fleet.pick(site.rng))
            killed += 1
        fleet.replace_ended()
        stopped = site.sql("SELECT pause_reason FROM batches WHERE name = 'chaos'") == "budget"
        if stopped and site.count("SELECT count(*) FROM job_states WHERE state = 'running'") == 0:
            break
    spent, images = site.count("SELECT sum(cost_microusd) FROM attempts"), site.images
    site.facts.update({"dollars": spent / DOLLAR, "images for it": images, "killed": killed})
    site.expect(spent <= DOLLAR, f"{spent} micro-dollars were spent of {DOLLAR}")
    site.expect(spent > DOLLAR // 2, f"only {spent} micro-dollars were spent of {DOLLAR}, with jobs waiting")
    site.expected_cancelled = None
    site.cancel("chaos")
    site.wait_until_done()
