"""How much time this machine has for us.

Leases of three seconds are short, so that scenarios are. Where many others want the CPU too, a worker that lives may not get to its
heartbeat in so short a time: leases are longer there, and limits that only end what is broken, too.
"""

import time


def _slowness() -> float:
    """Seconds by the clock for a second of work: 1 on an idle machine. The median of five looks."""
    looks = []
    for _ in range(5):
        began, used = time.monotonic(), time.process_time()
        while time.process_time() - used < 0.05:
            pass
        looks.append((time.monotonic() - began) / 0.05)
    return sorted(looks)[2]


SLOWNESS = _slowness()
LEASE = round(min(12.0, max(3.0, 1.5 * SLOWNESS)))
# So many times what an idle machine may take.
PATIENCE = float(LEASE)
