"""Celery on Redis."""

import os

import celery
import job

app = celery.Celery("bench", broker=os.environ["REDIS_URL"].replace("unix://", "redis+socket://"))
app.conf.update(task_ignore_result=True, broker_connection_retry_on_startup=True)
if os.environ.get("BENCH_ACKS_LATE"):
    app.conf.update(
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        broker_transport_options={"visibility_timeout": 20},
    )


@app.task(name="bench")
def bench(number: int, seconds: float, sent: int) -> None:
    job.run(number, seconds, sent)


if __name__ == "__main__":
    import producer

    producer.main(lambda number, seconds, sent: bench.delay(number, seconds, sent), None)
