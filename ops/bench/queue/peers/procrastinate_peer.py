"""Procrastinate: jobs in PostgreSQL."""

import os

import job
import procrastinate

# Workers need the asynchronous connector; the producer's plain loop is written for the other.
_connector = procrastinate.SyncPsycopgConnector if __name__ == "__main__" else procrastinate.PsycopgConnector
app = procrastinate.App(connector=_connector(conninfo=os.environ["DATABASE_URL"]))


@app.task(name="bench")
async def bench(number: int, seconds: float, sent: int) -> None:
    await job.run_async(number, seconds, sent)


if __name__ == "__main__":
    import producer

    with app.open():
        producer.main(
            lambda number, seconds, sent: bench.defer(number=number, seconds=seconds, sent=sent),
            lambda numbers, seconds, sent: bench.batch_defer(
                *({"number": number, "seconds": seconds, "sent": sent} for number in numbers)
            ),
        )
