"""D3: a model's folder is removed, and a checkpoint damaged, under workers that serve whichever model has work: other models' jobs go on."""

import shutil

from ..site import Site


def run(site: Site) -> None:
    gone, damaged = (site.folder / name for name in ("gone", "damaged"))
    kept = site.folder / "kept"
    shutil.copytree("ops/demo/packshot-tiny-distilled", kept)
    # Another model for the fleet: other weights.
    for folder in gone, damaged:
        shutil.copytree(kept, folder)
        config = folder / "scheduler" / "scheduler_config.json"
        config.write_text(config.read_text().rstrip().removesuffix("}") + f', "_note": "{folder.name}"}}')
    fleet = site.fleet(3, "20ms±50%", model=False)
    site.enqueue(30, "first", model=str(gone))
    site.wait_until_done()
    site.wait("they have put the model away", lambda: fleet.said("worker stopped") == fleet.said("worker ready") > 0)
    # Idle workers, that see the jobs when the models are away.
    deeds = [(worker, site.freeze(worker)) for worker in fleet.workers]
    for folder in gone, damaged:
        site.enqueue(30, folder.name, model=str(folder))
    shutil.move(gone, site.folder / "moved")
    index = damaged / "model_index.json"
    whole = index.read_text()
    index.write_text(whole[:20])
    for deed in deeds:
        site.thaw(*deed)
    site.enqueue(100, "others")
    site.wait("the jobs of another model are made", lambda: site.count(
        "SELECT count(*) FROM images i JOIN batches b ON b.id = i.batch_id WHERE b.name = 'others'") == 100, 60)
    waiting = site.count("SELECT count(*) FROM job_states WHERE state = 'available'")
    site.expect(waiting == 60, f"{waiting} of 60 jobs wait for the models that are away")
    shutil.move(site.folder / "moved", gone)
    index.write_text(whole)
    site.wait_until_done()
