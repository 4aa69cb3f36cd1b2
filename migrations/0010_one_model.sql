-- A batch is of one model, and what its jobs are made with follows from that alone: lanes, claims, limits and reports ask the
-- batch. Each job had a model of its own beside it, which nothing that gave out work looked at.

-- Reading all jobs may take long.
SET LOCAL statement_timeout = 0;

-- Jobs that were submitted with another model than their batch's get a batch of that model: what is to be made is made with it,
-- what was made stays on record as it was asked for. Files stay where they are.
CREATE TEMPORARY TABLE strangers ON COMMIT DROP AS
    SELECT j.id AS job, j.batch_id AS old_batch, j.product_id AS old_product, j.model_fingerprint,
           NULL::bigint AS batch, NULL::bigint AS product
    FROM job_specs j JOIN batches b ON b.id = j.batch_id WHERE j.model_fingerprint <> b.model_fingerprint;
INSERT INTO batches (name, output_root, source_path, source_sha256, model_fingerprint, max_attempts, created_at, paused_at,
        pause_reason, tenant, weight, last_job_id, dispatched_through)
    SELECT b.name || '~' || left(s.model_fingerprint, 12), b.output_root, b.source_path, b.source_sha256, s.model_fingerprint,
           b.max_attempts, b.created_at, b.paused_at, b.pause_reason, b.tenant, b.weight, s.last, s.last
    FROM (SELECT old_batch, model_fingerprint, max(job) AS last FROM strangers GROUP BY 1, 2) s JOIN batches b ON b.id = s.old_batch;
UPDATE strangers s SET batch = b.id FROM batches o, batches b
    WHERE o.id = s.old_batch AND b.output_root = o.output_root AND b.name = o.name || '~' || left(s.model_fingerprint, 12);
INSERT INTO products (batch_id, sku, title, attributes)
    SELECT DISTINCT ON (s.batch, p.id) s.batch, p.sku, p.title, p.attributes FROM strangers s JOIN products p ON p.id = s.old_product;
UPDATE strangers s SET product = p.id FROM products o, products p
    WHERE o.id = s.old_product AND p.batch_id = s.batch AND p.sku = o.sku;
UPDATE job_specs SET batch_id = s.batch, product_id = s.product FROM strangers s WHERE job_specs.id = s.job;
UPDATE job_states SET batch_id = s.batch FROM strangers s WHERE job_states.job_id = s.job;
UPDATE attempts SET batch_id = s.batch FROM strangers s WHERE attempts.job_id = s.job;
UPDATE images SET batch_id = s.batch FROM strangers s WHERE images.job_id = s.job;
DELETE FROM products p USING (SELECT DISTINCT old_product AS id FROM strangers) s
    WHERE p.id = s.id AND NOT EXISTS (SELECT FROM job_specs j WHERE j.product_id = p.id);
UPDATE batches b SET committed_microusd = coalesce((
        SELECT sum(CASE WHEN a.state = 'running' THEN coalesce(a.reserved_microusd, 0) ELSE a.cost_microusd END)
        FROM attempts a WHERE a.batch_id = b.id), 0)
    WHERE b.budget_microusd IS NOT NULL AND b.id IN (SELECT old_batch FROM strangers);

CREATE OR REPLACE VIEW jobs AS
SELECT j.id, j.batch_id, j.product_id, j.shot, j.variant, s.state, j.priority, s.attempt, s.max_attempts, b.model_fingerprint,
       j.prompt, j.negative_prompt, j.seed, j.width, j.height, j.steps, j.guidance, j.text_cleaning, j.relative_path,
       j.unique_key, j.created_at, s.available_at, s.scheduled_at, s.lease_expires_at, s.current_attempt_id, s.finished_at,
       s.error_code, s.error_message, j.shortcuts
FROM job_specs j JOIN job_states s ON s.job_id = j.id JOIN batches b ON b.id = j.batch_id;
CREATE OR REPLACE VIEW attempt_costs AS
SELECT a.id AS attempt_id, p.batch_id, j.id AS job_id, p.sku, j.shot, j.variant, b.model_fingerprint, a.worker_id,
       a.started_at, a.finished_at, a.state, a.busy_to_us - a.busy_from_us AS busy_us, a.cost_microusd, a.rate_card_id,
       a.state = 'completed' AS useful
FROM attempts a JOIN job_specs j ON j.id = a.job_id JOIN products p ON p.id = j.product_id JOIN batches b ON b.id = p.batch_id;
CREATE OR REPLACE VIEW sku_history AS
SELECT p.sku, b.name AS batch, j.shot, j.variant, s.state, j.prompt, j.seed, b.model_fingerprint, i.relative_path,
       encode(i.sha256, 'hex') AS sha256, i.created_at AS made_at, a.worker_id, a.cost_microusd
FROM job_specs j JOIN job_states s ON s.job_id = j.id JOIN products p ON p.id = j.product_id JOIN batches b ON b.id = j.batch_id
LEFT JOIN images i ON i.job_id = j.id LEFT JOIN attempts a ON a.id = i.attempt_id;
ALTER TABLE job_specs DROP COLUMN model_fingerprint;
COMMENT ON COLUMN batches.model_fingerprint IS 'What all its jobs are made with';
COMMENT ON TABLE job_specs IS 'One image to make: product x shot x variant, as it was submitted; model and output root are its batch''s';

-- Numbers for rows that are copied in. The lock belongs to a piece of the transaction that is taken back on purpose, and with it
-- the lock, while a sequence keeps what it was set to: whatever ends the call early, the lock is not kept.
CREATE OR REPLACE FUNCTION reserve_numbers(of_sequence regclass, amount bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    first bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(of_sequence::oid::bigint);
    first := nextval(of_sequence);
    PERFORM setval(of_sequence, first + amount - 1);
    RAISE EXCEPTION USING ERRCODE = 'PK001';
EXCEPTION WHEN SQLSTATE 'PK001' THEN
    RETURN first;
END $$;
COMMENT ON FUNCTION reserve_numbers IS 'The first of so many consecutive values of a sequence, for this caller alone';
