"""Gives jobs to a peer: `PEER.py MODE COUNT SECONDS [LIMIT]`, and prints as JSON how many and how long it took.

MODE is `single` (one call a job), `bulk` (the peer's own call for many, 1,000 at a time) or `paced` (one each 30 ms).
Stops early when LIMIT seconds are over.
"""

import json
import sys
import time
from collections.abc import Callable


def main(single: Callable[[int, float, int], None], bulk: Callable[[range, float, int], None] | None) -> None:
    """`single` takes a job's number, seconds and time of sending; `bulk` a range of numbers instead."""
    mode, count, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    limit = float(sys.argv[4]) if len(sys.argv) > 4 else float("inf")
    if mode == "bulk" and bulk is None:
        print(json.dumps({"jobs": 0, "seconds": 0}))
        return
    done = 0
    start = time.perf_counter()
    while done < count and time.perf_counter() - start < limit:
        if mode == "bulk" and bulk:
            upper = min(done + 1000, count)
            bulk(range(done, upper), seconds, time.time_ns())
            done = upper
            continue
        if mode == "paced":
            time.sleep(max(0.0, start + done * 0.03 - time.perf_counter()))
        single(done, seconds, time.time_ns())
        done += 1
    print(json.dumps({"jobs": done, "seconds": time.perf_counter() - start}))
