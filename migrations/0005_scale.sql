-- A ledger that takes tens of thousands of jobs a second and stays fast with many millions.

-- Numbers for rows that are copied in: a run of `amount` ones that nobody else gets; its first. A session takes the lock for the
-- moment, not for its transaction, so that producers do not wait for each other.
CREATE FUNCTION reserve_numbers(of_sequence regclass, amount bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    first bigint;
BEGIN
    PERFORM pg_advisory_lock(of_sequence::oid::bigint);
    first := nextval(of_sequence);
    PERFORM setval(of_sequence, first + amount - 1);
    PERFORM pg_advisory_unlock(of_sequence::oid::bigint);
    RETURN first;
END $$;
COMMENT ON FUNCTION reserve_numbers IS 'The first of so many consecutive values of a sequence, for this caller alone';

-- A path follows from SKU, shot and variant. This index is a third of the one on paths, rows come to its end, and it also finds
-- the jobs of a product. `images` still refuses a second image at one path.
ALTER TABLE job_specs DROP CONSTRAINT job_specs_path_once_a_batch;
CREATE UNIQUE INDEX job_specs_once_a_product ON job_specs (product_id, shot, variant);
DROP INDEX job_specs_of_product;

-- A batch's jobs are found by way of its products.
CREATE INDEX job_states_discarded ON job_states (batch_id, job_id) WHERE state = 'discarded';

-- Retention: the rows of old, finished batches are deleted; what they came to stays, in their tallies and with their workers.
ALTER TABLE batches ADD COLUMN forgotten_at timestamptz;
COMMENT ON COLUMN batches.forgotten_at IS 'Since when the rows of its jobs are deleted, see forget_batches; its tallies stay';
ALTER TABLE workers
    ADD COLUMN forgotten_images bigint NOT NULL DEFAULT 0,
    ADD COLUMN forgotten_busy_us bigint NOT NULL DEFAULT 0,
    ADD COLUMN forgotten_image_microusd bigint NOT NULL DEFAULT 0,
    ADD COLUMN forgotten_waste_microusd bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN workers.forgotten_busy_us IS 'Of its time line, what attempts were charged with whose rows are deleted';

-- Deletes products, jobs, attempts and images of batches that were submitted and finished longer ago than a time, some
-- products' at once, each piece in its own transaction. It may be stopped and called again at any time.
CREATE PROCEDURE forget_batches(older_than interval, at_once integer DEFAULT 1000) LANGUAGE plpgsql AS $$
DECLARE
    cutoff timestamptz := now() - older_than;
    old bigint;
    products_gone bigint;
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
        LOOP
            PERFORM set_config('enable_seqscan', 'off', true);
            WITH gone AS (
                DELETE FROM products WHERE id IN (SELECT id FROM products WHERE batch_id = old LIMIT at_once) RETURNING id
            ), specs AS (
                DELETE FROM job_specs USING gone WHERE job_specs.product_id = gone.id RETURNING job_specs.id
            ), states AS (
                DELETE FROM job_states USING specs WHERE job_states.job_id = specs.id
            ), pictures AS (
                DELETE FROM images USING specs WHERE images.job_id = specs.id
            ), tries AS (
                DELETE FROM attempts USING specs WHERE attempts.job_id = specs.id RETURNING attempts.*
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
            SELECT count(*) INTO products_gone FROM gone;
            COMMIT;
            EXIT WHEN products_gone = 0;
        END LOOP;
    END LOOP;
END $$;
COMMENT ON PROCEDURE forget_batches IS 'CALL forget_batches(interval ''90 days'') deletes the rows of what finished before';

-- What was charged to attempts whose rows are deleted would now look like idle time.
CREATE OR REPLACE VIEW cost_reconciliation AS
WITH spans AS (
    SELECT a.worker_id, a.busy_from_us, a.busy_to_us, a.cost_microusd, a.state,
           lag(a.busy_to_us, 1, 0::bigint) OVER (PARTITION BY a.worker_id ORDER BY a.busy_from_us, a.busy_to_us, a.id) AS before_us
    FROM attempts a WHERE a.busy_to_us IS NOT NULL
), charged AS (
    SELECT s.worker_id, max(s.busy_to_us) AS last_us,
           sum(s.cost_microusd) FILTER (WHERE s.state = 'completed') AS images,
           sum(s.cost_microusd) FILTER (WHERE s.state <> 'completed') AS waste,
           sum(span_cost(s.before_us, s.busy_from_us, r.microusd_per_hour)) AS gaps
    FROM spans s JOIN workers w ON w.id = s.worker_id JOIN rate_cards r ON r.id = w.rate_card_id GROUP BY s.worker_id
), total AS (
    SELECT w.id, r.microusd_per_hour, greatest(w.uptime_us, coalesce(c.last_us, 0)) AS uptime_us,
           coalesce(c.images, 0)::bigint + w.forgotten_image_microusd AS images,
           coalesce(c.waste, 0)::bigint + w.forgotten_waste_microusd AS waste,
           coalesce(c.gaps, 0)::bigint - w.forgotten_image_microusd - w.forgotten_waste_microusd AS gaps,
           coalesce(c.last_us, 0) AS last_us
    FROM workers w JOIN rate_cards r ON r.id = w.rate_card_id LEFT JOIN charged c ON c.worker_id = w.id
)
SELECT id AS worker_id, uptime_us, span_cost(0, uptime_us, microusd_per_hour) AS total_microusd,
       images AS image_microusd, waste AS waste_microusd,
       gaps + span_cost(last_us, uptime_us, microusd_per_hour) AS idle_microusd,
       span_cost(0, uptime_us, microusd_per_hour)
           - images - waste - gaps - span_cost(last_us, uptime_us, microusd_per_hour) AS difference_microusd
FROM total;
CREATE OR REPLACE VIEW worker_utilisation AS
SELECT w.id AS worker_id, w.host, w.threads, w.kernel_class, w.started_at, w.heartbeat_at, w.stopped_at, c.uptime_us,
       (coalesce(sum(a.busy_to_us - a.busy_from_us), 0) + w.forgotten_busy_us)::bigint AS busy_us,
       count(*) FILTER (WHERE a.state = 'completed') + w.forgotten_images AS images,
       c.image_microusd, c.waste_microusd, c.idle_microusd
FROM workers w JOIN cost_reconciliation c ON c.worker_id = w.id LEFT JOIN attempts a ON a.worker_id = w.id
GROUP BY w.id, c.uptime_us, c.image_microusd, c.waste_microusd, c.idle_microusd;

-- By way of the products, whose index leads to a batch's rows; and without the jobs' states, which nobody asks for here.
CREATE OR REPLACE VIEW attempt_costs AS
SELECT a.id AS attempt_id, p.batch_id, j.id AS job_id, p.sku, j.shot, j.variant, j.model_fingerprint, a.worker_id,
       a.started_at, a.finished_at, a.state, a.busy_to_us - a.busy_from_us AS busy_us, a.cost_microusd, a.rate_card_id,
       a.state = 'completed' AS useful
FROM attempts a JOIN job_specs j ON j.id = a.job_id JOIN products p ON p.id = j.product_id;
