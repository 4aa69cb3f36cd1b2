"""RQ."""

import os

import redis
import rq

if __name__ == "__main__":
    import producer

    queue = rq.Queue(connection=redis.Redis.from_url(os.environ["REDIS_URL"]))
    producer.main(
        lambda number, seconds, sent: queue.enqueue("job.run", number, seconds, sent),
        lambda numbers, seconds, sent: queue.enqueue_many(
            [rq.Queue.prepare_data("job.run", (number, seconds, sent)) for number in numbers]
        ),
    )
