"""(a) How fast jobs are accepted, one at a time and many at once."""

from ..context import Context
from ..engines.base import Engine


def measure(engine: Engine, context: Context) -> dict[str, float]:
    """Jobs a second from the first call to the last answer, by the producer's clock."""
    count, limit = (20_000, 3.0) if context.quick else (100_000, 6.0)
    with context.timed():
        single = engine.enqueue("single", count, 0, limit)
        bulk = engine.enqueue("bulk", count, 0, limit)
    return {"enqueue_single": single.rate, "enqueue_bulk": bulk.rate, "enqueue_bulk_jobs": bulk.jobs}
