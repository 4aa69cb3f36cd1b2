"""D2: machines whose output is read-only, full or out of inodes, beside a healthy one: no job is charged, no image is lost."""

from ..site import Site

SICK = {
    "read-only": 'mount --bind "$OUT" "$OUT" && mount -o remount,bind,ro "$OUT"',
    "full": 'mkdir "$KEEP" && mount --bind "$OUT" "$KEEP" && mount -t tmpfs -o size=1m,mode=777 tmpfs "$OUT" && cp -a "$KEEP/.packshot" "$OUT" 2>/dev/null; '
            'head -c 4m /dev/zero > "$OUT/ballast.png" 2>/dev/null; true',
    # Room by the byte, as statfs tells it, and none for a file: as with a quota.
    "no inodes": 'mkdir "$KEEP" && mount --bind "$OUT" "$KEEP" && mount -t tmpfs -o nr_inodes=6,mode=777 tmpfs "$OUT" && cp -a "$KEEP/.packshot" "$OUT" 2>/dev/null; '
                 'touch "$OUT"/a.png "$OUT"/b.png "$OUT"/c.png "$OUT"/d.png 2>/dev/null; true',
}


def run(site: Site) -> None:
    site.out.mkdir(mode=0o777)
    jobs = site.scaled(2_000, least=200)
    site.enqueue(jobs)
    sick = {}
    for name, ailment in SICK.items():
        script = f'OUT={site.out} KEEP={site.folder}/kept-{name.replace(" ", "-")}; {ailment} && exec "$@"'
        sick[name] = site.fleet(1, "20ms±50%", prefix=("unshare", "--mount", "sh", "-c", script, "sh"))
    site.wait("the sick ones are there, and say what they lack", lambda: all(fleet.said("claim") or fleet.said("ready") for fleet in sick.values()), 60)
    site.fleet(1, "20ms±50%")
    site.wait_until_done()
    made = {name: site.count("SELECT count(*) FROM attempts a JOIN workers w ON w.id = a.worker_id "
                             f"WHERE a.state = 'completed' AND w.process_id = {fleet.workers[0].pid}") for name, fleet in sick.items()}
    tried = {name: site.count("SELECT count(*) FROM attempts a JOIN workers w ON w.id = a.worker_id "
                              f"WHERE w.process_id = {fleet.workers[0].pid}") for name, fleet in sick.items()}
    site.facts["attempts by the sick"] = tried
    site.expect(not any(made.values()), f"images by machines that could not write: {made}")
    # A probe before the first claim finds these; one may fall between two probes. An inode may be free now and then.
    for name, count in tried.items():
        site.expect(count <= (jobs // 10 if name == "no inodes" else 4), f"machines that cannot write went on claiming: {tried}")
