-- A lease ends only by time in which the ledger was seen alive: while nobody could renew, none runs out. Whoever looks for lost
-- jobs leaves word here; where no word was left for longer than two seconds, the rest is silence.

CREATE TABLE ledger_watch (
    is_row boolean PRIMARY KEY DEFAULT true CHECK (is_row),
    last_pass timestamptz NOT NULL DEFAULT now(),
    silent_us bigint NOT NULL DEFAULT 0 CHECK (silent_us >= 0)
) WITH (fillfactor = 10);
INSERT INTO ledger_watch DEFAULT VALUES;
COMMENT ON TABLE ledger_watch IS 'One row: when the ledger was last seen alive by whoever looks for lost jobs';
COMMENT ON COLUMN ledger_watch.silent_us IS 'Microseconds up to last_pass in which it was not';

-- How long nobody had seen the ledger alive, up to now and since it was made. It grows while nobody looks, also in the midst of
-- a statement that was held up.
CREATE FUNCTION ledger_silence() RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT silent_us + greatest(0, (extract(epoch FROM now() - last_pass) * 1000000)::bigint - 2000000) FROM ledger_watch
$$;
COMMENT ON FUNCTION ledger_silence IS 'Microseconds in which the ledger was not seen alive; leases are longer by what it grew since they were renewed';

ALTER TABLE workers ADD COLUMN silent_us bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN workers.silent_us IS 'ledger_silence() at its last heartbeat, which renewed the leases of all it had in hand';

-- Each piece looks again at what it deletes: a job that was made available again meanwhile stays, with its product, until it has
-- been finished for long enough, too.
CREATE OR REPLACE PROCEDURE forget_batches(older_than interval, at_once integer DEFAULT 1000) LANGUAGE plpgsql AS $$
DECLARE
    cutoff timestamptz := now() - older_than;
    old bigint;
    through bigint;
BEGIN
    FOR old IN SELECT id FROM batches WHERE created_at < cutoff AND dispatched_through >= last_job_id ORDER BY id LOOP
        -- Submissions to the batch wait for this, and are refused afterwards.
        PERFORM FROM batches WHERE id = old FOR UPDATE;
        PERFORM set_config('enable_seqscan', 'off', true);
        IF EXISTS (SELECT FROM products p JOIN job_specs j ON j.product_id = p.id JOIN job_states s ON s.job_id = j.id
                   WHERE p.batch_id = old AND (s.finished_at IS NULL OR s.finished_at >= cutoff)) THEN
            COMMIT;
            CONTINUE;
        END IF;
        UPDATE batches SET forgotten_at = now() WHERE id = old AND forgotten_at IS NULL;
        through := 0;
        LOOP
            PERFORM set_config('enable_seqscan', 'off', true);
            WITH piece AS MATERIALIZED (
                SELECT id FROM products WHERE batch_id = old AND id > through ORDER BY id LIMIT at_once
            ), named AS MATERIALIZED (
                SELECT j.id, j.product_id FROM piece JOIN job_specs j ON j.product_id = piece.id
            ), states AS (
                DELETE FROM job_states s USING named WHERE s.job_id = named.id AND s.finished_at < cutoff RETURNING s.job_id
            ), specs AS (
                DELETE FROM job_specs USING states WHERE job_specs.id = states.job_id
            ), gone AS (
                DELETE FROM products USING piece WHERE products.id = piece.id AND NOT EXISTS (
                    SELECT FROM named WHERE named.product_id = piece.id AND named.id NOT IN (SELECT job_id FROM states))
            ), pictures AS (
                DELETE FROM images USING states WHERE images.job_id = states.job_id
            ), tries AS (
                DELETE FROM attempts USING states WHERE attempts.job_id = states.job_id RETURNING attempts.*
            ), kept AS (
                UPDATE workers SET forgotten_images = forgotten_images + t.images, forgotten_busy_us = forgotten_busy_us + t.busy,
                    forgotten_image_microusd = forgotten_image_microusd + t.useful,
                    forgotten_waste_microusd = forgotten_waste_microusd + t.waste
                FROM (SELECT worker_id, count(*) FILTER (WHERE state = 'completed') AS images,
                             sum(busy_to_us - busy_from_us) AS busy,
                             coalesce(sum(cost_microusd) FILTER (WHERE state = 'completed'), 0) AS useful,
                             coalesce(sum(cost_microusd) FILTER (WHERE state <> 'completed'), 0) AS waste
                      FROM tries GROUP BY worker_id ORDER BY worker_id) t
                WHERE workers.id = t.worker_id
            )
            SELECT max(id) INTO through FROM piece;
            COMMIT;
            EXIT WHEN through IS NULL;
        END LOOP;
    END LOOP;
END $$;
