"""D4: a file is there already: the same bytes are adopted, others refused, and no link leads out of the output folder."""

import os

from ..site import Site, dump


def run(site: Site) -> None:
    before_all = dump(os.environ["DATABASE_URL"], site.folder / "dump.sql")
    site.enqueue(40)
    site.fleet(2, "5ms")
    site.wait_until_done()
    files = sorted(p for p in site.out.rglob("*.png"))
    before = {p: (p.read_bytes(), p.stat().st_ino) for p in files}
    for fleet in site.fleets:
        fleet.stop()
    files[0].write_bytes(b"somebody else's picture")
    outside = site.folder / "outside"
    outside.mkdir(mode=0o777)
    folder = files[1].parent
    files[1].unlink()
    os.rmdir(folder)
    folder.symlink_to(outside)
    files[2].unlink()
    files[2].symlink_to(outside / "leak.png")
    # An older dump is restored: the files are there, nobody knows of them.
    site.redis.call("FLUSHALL")
    site.use_database(site.new_database("restored", before_all))
    # It takes the place of the original, and the folder, of which it does not know yet.
    for takes in [], ["--out", str(site.out)]:
        site.steer("ledger", "adopt", *takes)
    site.enqueue(40)
    site.fleet(2, "5ms")
    site.wait_until_done()
    reasons = site.sql("SELECT string_agg(reason, ',' ORDER BY reason) FROM dead_letters")
    site.expect(site.count("SELECT count(*) FROM dead_letters") == 3, f"given up for: {reasons}")
    site.expect(not list(outside.iterdir()), "a file was written outside of the output folder")
    site.expect(files[0].read_bytes() == b"somebody else's picture", "somebody else's file was changed")
    for path in files[3:]:
        site.expect((path.read_bytes(), path.stat().st_ino) == before[path], f"{path} was written again")
    site.facts.update(refused=reasons)
    site.expected_discarded = site.expected_failed = 3
    # What is in the way stays for a person to look at; the audit is to see the rest.
    folder.unlink()
    files[0].unlink()
    files[2].unlink()
