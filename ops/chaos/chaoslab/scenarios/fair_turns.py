"""F4: a small tenant behind a huge one, equal tenants side by side, and low priority behind high: each gets its turns."""

from ..site import Site

ALONE = True
PACE, WORKERS, SMALL = "20ms±50%", 4, 100
# Workers claim a dozen jobs at a time, and one claim in 20 is for the unimportant: so many jobs are 16 of those.
WINDOW = 4_000


def run(site: Site) -> None:
    seconds = max(10, 60 * site.options.scale)
    site.expected_cancelled = None
    site.fleet(WORKERS, PACE)
    site.enqueue(SMALL, "alone", "--tenant", "B")
    site.wait_until_done()
    alone = _until_made(site, "alone")
    site.enqueue(site.scaled(100_000), "huge", "--tenant", "A")
    site.wait("the huge tenant at work", lambda: _made(site, "huge") > 50, 120)
    site.enqueue(SMALL, "small", "--tenant", "B")
    site.wait("the small tenant is served", lambda: _made(site, "small") == SMALL, 300)
    behind = _until_made(site, "small")
    site.facts.update({"95 % made alone, s": alone, "95 % made behind the huge one, s": behind,
                       "claimed, s": [_until_claimed(site, "alone"), _until_claimed(site, "small")]})
    # Twice as long is what half the fleet is: what was settled ahead and in workers' hands when it came, it makes up for. Claims
    # say less of it: alone, a tenant fills the workers' hands at once, and behind another they are full.
    site.promised(behind / alone, 2, "times as long behind the huge tenant")
    # Equal weights, side by side with the huge one.
    names = ["huge", *(f"equal-{number}" for number in range(3))]
    for name in names[1:]:
        site.enqueue(max(2_000, int(seconds * 200)), name, "--tenant", name)
    site.wait("all of them at work", lambda: all(_made(site, name) > 20 for name in names), 120)
    before = {name: _made(site, name) for name in names}
    total = sum(before.values())
    site.wait("a while", lambda: sum(_made(site, name) for name in names) > total + 20 * seconds, 300)
    shares = [_made(site, name) - before[name] for name in names]
    jain = sum(shares) ** 2 / (len(shares) * sum(share * share for share in shares))
    site.facts.update({"shares of four equal tenants": shares, "Jain": round(jain, 4)})
    site.expect(jain >= 0.95, f"Jain's index of {shares} is {jain:.3f}")
    for name in names[1:]:
        site.cancel(name)
    # Nothing is so unimportant that it never gets a turn.
    site.enqueue(WINDOW // 8, "unimportant", "--priority", "4")
    first = site.count("SELECT coalesce(max(id), 0) FROM attempts")
    site.wait("a while with an unimportant batch", lambda: site.count(f"SELECT count(*) FROM attempts WHERE id > {first}") >= WINDOW, 300)
    claims = site.count(f"SELECT count(*) FROM attempts WHERE id > {first}")
    turns = site.count(f"SELECT count(*) FROM attempts a JOIN batches b ON b.id = a.batch_id WHERE a.id > {first} AND b.name = 'unimportant'")
    site.facts.update({"claims": claims, "of them unimportant": turns})
    site.expect(turns >= claims // 20, f"{turns} of {claims} claims were for the unimportant batch")
    site.cancel("huge")
    site.wait_until_done()


def _made(site: Site, batch: str) -> int:
    return site.count(f"SELECT count(*) FROM images i JOIN batches b ON b.id = i.batch_id WHERE b.name = '{batch}'")


def _until_made(site: Site, batch: str) -> float:
    """Seconds from submission to the image, for 95 % of a batch."""
    return _seconds(site, batch, "finished_at")


def _until_claimed(site: Site, batch: str) -> float:
    return _seconds(site, batch, "started_at")


def _seconds(site: Site, batch: str, moment: str) -> float:
    return float(site.sql(
        f"SELECT round(percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM a.{moment} - b.created_at))::numeric, 3) "
        f"FROM attempts a JOIN batches b ON b.id = a.batch_id WHERE b.name = '{batch}'"))
