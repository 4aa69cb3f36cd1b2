"""Procrastinate: jobs in PostgreSQL."""

import os

import job
import procrastinate

# Workers need the asynchronous connector, the producer's loop is simplest with the other.
app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=os.environ["DATABASE_URL"]))


@app.task(name="bench")
async def bench(number: int, seconds: float, sent: int) -> None:
    await job.run_async(number, seconds, sent)


if __name__ == "__main__":
    import producer

    synchronous = app.with_connector(procrastinate.SyncPsycopgConnector(conninfo=os.environ["DATABASE_URL"]))
    with synchronous.open():
        task = synchronous.tasks["bench"]
        producer.main(
            lambda number, seconds, sent: task.defer(number=number, seconds=seconds, sent=sent),
            lambda numbers, seconds, sent: task.batch_defer(
                *({"number": number, "seconds": seconds, "sent": sent} for number in numbers)
            ),
        )
