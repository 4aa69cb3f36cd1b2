"""F7: cheap and dear images with one budget, by the real sampler at two prices: never exceeded, nobody's job is discarded for it."""

from ..site import Site

SHOTS = """shots:
  - name: thumb
    prompt: a ceramic {{title}}
    size: 64x64
    steps: 1
    guidance: 1
  - name: hero
    prompt: a large ceramic {{title}}
    size: 128x128
    steps: 60
    guidance: 2
    priority: 3
"""


def run(site: Site) -> None:
    products = site.scaled(120, least=12)
    # Of plenty nothing is refused, however much dearer some are.
    site.enqueue(products, "plenty", "--max-cost", "50", shots=SHOTS)
    _two_prices(site)
    site.wait_until_done()
    cost = site.count("SELECT sum(cost_microusd) FROM attempts")
    site.expect(site.images == 2 * products, f"{site.images} of {2 * products} images were made though there was money")
    # Of little so much as it pays for; with more, the rest. As much as all may cost would have to be given at the submission.
    for fleet in site.fleets:
        fleet.stop()
    little = cost // 2
    site.enqueue(products, "little", "--max-cost", "50", shots=SHOTS)
    site.steer("resume", "little", "--max-cost", f"{little / 1e6:.6f}")
    _two_prices(site)

    def stopped() -> bool:
        spent = site.count("SELECT coalesce(sum(a.cost_microusd), 0) FROM attempts a JOIN batches b ON b.id = a.batch_id WHERE b.name = 'little'")
        site.expect(spent <= little, f"{spent} micro-dollars were spent of {little}")
        idle = site.count("SELECT count(*) FROM job_states WHERE state = 'running'") == 0
        return site.unfinished == 0 or (idle and site.sql("SELECT pause_reason FROM batches WHERE name = 'little'") == "budget")

    site.wait("the little money is used up", stopped)
    site.facts.update({"micro-dollars for all": cost, "for the little": little, "made for it": site.images - 2 * products})
    site.expect(site.unfinished > 0, "half of the money paid for everything")
    site.steer("resume", "little", "--max-cost", "none")
    site.wait_until_done()
    over = site.count("SELECT count(*) FROM jobs WHERE state <> 'completed'")
    site.expect(over == 0, f"{over} jobs were not made though there was money")


def _two_prices(site: Site) -> None:
    for price in "0.10", "10":
        site.fleet(1, None, "--threads", "1", "--usd-per-hour", price)
