"""Dramatiq on Redis."""

import os

import dramatiq
import job
from dramatiq.brokers.redis import RedisBroker

dramatiq.set_broker(RedisBroker(url=os.environ["REDIS_URL"]))


@dramatiq.actor
def bench(number: int, seconds: float, sent: int) -> None:
    job.run(number, seconds, sent)


if __name__ == "__main__":
    import producer

    producer.main(lambda number, seconds, sent: bench.send(number, seconds, sent), None)
