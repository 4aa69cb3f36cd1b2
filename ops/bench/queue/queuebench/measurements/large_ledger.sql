-- Fills a ledger that holds one finished job with many like it: :batches batches of :products products with ten jobs each. Nine
-- tenths of the batches are finished, with an attempt, two events and an image for each job, and one job in fifty failed once
-- before; the last tenth waits.
--
-- Rows are written without triggers and without the indexes, which are built again afterwards: as they would be after a restore.
SET synchronous_commit = off;
SET session_replication_role = replica;
SET client_min_messages = warning;
SET maintenance_work_mem = '512MB';

CREATE TEMPORARY TABLE dropped AS
    SELECT conrelid::regclass AS tab, conname AS name, pg_get_constraintdef(oid) AS definition, true AS is_constraint
    FROM pg_constraint WHERE contype = 'u' AND conrelid IN ('job_specs'::regclass, 'images'::regclass, 'products'::regclass)
    UNION ALL
    SELECT i.indrelid::regclass, c.relname, pg_get_indexdef(i.indexrelid), false
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indrelid IN ('job_specs'::regclass, 'job_states'::regclass, 'images'::regclass, 'attempts'::regclass)
      AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid);
SELECT format(CASE WHEN is_constraint THEN 'ALTER TABLE %1$s DROP CONSTRAINT %2$I' ELSE 'DROP INDEX %2$I' END, tab, name)
FROM dropped \gexec

CREATE TEMPORARY TABLE model AS SELECT j.*, b.output_root, b.source_path, b.source_sha256, w.id AS worker_id, w.rate_card_id,
       i.version, i.prompt_tokens
    FROM jobs j JOIN batches b ON b.id = j.batch_id JOIN images i ON i.job_id = j.id JOIN attempts a ON a.id = i.attempt_id
    JOIN workers w ON w.id = a.worker_id LIMIT 1;

-- Batches start at 1000, products at 1,000,000 and jobs at 10,000,000, beyond what is there.
INSERT INTO batches (id, name, output_root, source_path, source_sha256, model_fingerprint, max_attempts, created_at, last_job_id,
    dispatched_through)
OVERRIDING SYSTEM VALUE
SELECT 1000 + n, 'past-' || n, output_root, source_path, source_sha256, model_fingerprint, max_attempts,
       now() - (:batches - n) * interval '1 day', 10000000 + (n + 1) * :products * 10 - 1, 10000000 + (n + 1) * :products * 10 - 1
FROM model, generate_series(0, :batches - 1) AS n;

INSERT INTO products (id, batch_id, sku, title, attributes)
OVERRIDING SYSTEM VALUE
SELECT 1000000 + n, 1000 + n / :products, 'SKU-' || lpad(n::text, 8, '0'), 'Stoneware mug with a wide handle, no. ' || n % 500,
       jsonb_build_object('category', 'Kitchen > Mugs', 'color', 'sand', 'material', 'stoneware')
FROM generate_series(0, :batches * :products - 1) AS n;

INSERT INTO job_specs (id, batch_id, product_id, shot, variant, priority, prompt, negative_prompt, seed, width,
    height, steps, guidance, relative_path, unique_key, created_at)
OVERRIDING SYSTEM VALUE
SELECT 10000000 + n, 1000 + n / 10 / :products, 1000000 + n / 10, (ARRAY['packshot', 'scene', 'lifestyle', 'detail', 'hero'])[n % 5 + 1],
       n % 2, m.priority,
       'A studio photograph of a stoneware mug with a wide handle, no. ' || n / 10 % 500 || ', sand, on an oak table by a window',
       'blurry, watermark, text', n * 2654435761 % 18446744073709551615, m.width, m.height, m.steps, m.guidance,
       'SKU-' || lpad((n / 10)::text, 8, '0') || '/' || n % 10 || '.png', sha256(int8send(n)), now() - (:batches - n / 10 / :products) * interval '1 day'
FROM model m, generate_series(0, :batches * :products * 10::bigint - 1) AS n;

INSERT INTO job_states (job_id, batch_id, state, attempt, max_attempts, available_at, finished_at, current_attempt_id)
SELECT 10000000 + n, 1000 + n / 10 / :products, CASE WHEN waits THEN 'available' ELSE 'completed' END::job_state,
       CASE WHEN waits THEN 0 WHEN n % 50 = 0 THEN 2 ELSE 1 END, m.max_attempts, at,
       CASE WHEN NOT waits THEN at + interval '1 hour' END, CASE WHEN NOT waits THEN 20000000 + n END
FROM model m, generate_series(0, :batches * :products * 10::bigint - 1) AS n,
     LATERAL (SELECT n / 10 / :products >= :batches * 9 / 10 AS waits,
                     now() - (:batches - n / 10 / :products) * interval '1 day' AS at) t;

INSERT INTO attempts (id, job_id, batch_id, worker_id, number, state, started_at, finished_at, rate_card_id, busy_from_us, busy_to_us,
    cost_microusd, embed_us, sample_us, decode_us, encode_us, write_us, embedding_sources, step, steps, resulting_state)
OVERRIDING SYSTEM VALUE
SELECT 20000000 + j.id - 10000000, j.id, j.batch_id, m.worker_id, j.attempt, 'completed', j.created_at, j.finished_at, m.rate_card_id,
       4000000 * (j.id - 10000000), 4000000 * (j.id - 10000000) + 3900000, 108, 1000, 3500000, 300000, 60000, 30000, '{memory}',
       j.steps, j.steps, 'completed'
FROM model m, jobs j WHERE j.id >= 10000000 AND j.state = 'completed';
INSERT INTO attempts (id, job_id, batch_id, worker_id, number, state, started_at, finished_at, rate_card_id, busy_from_us, busy_to_us,
    cost_microusd, resulting_state, error_code, error_message)
OVERRIDING SYSTEM VALUE
SELECT 10000000 + j.id - 10000000, j.id, j.batch_id, m.worker_id, 1, 'failed', j.created_at, j.created_at, m.rate_card_id,
       4000000 * (j.id - 10000000) + 3900000, 4000000 * (j.id - 10000000) + 3950000, 1, 'retryable', 'io_error', 'cannot write'
FROM model m, jobs j WHERE j.id >= 10000000 AND j.state = 'completed' AND j.attempt = 2;

INSERT INTO images (job_id, attempt_id, batch_id, relative_path, sha256, byte_count, width, height, effective_prompt, prompt_tokens,
    version, created_at)
SELECT j.id, j.current_attempt_id, j.batch_id, j.relative_path, sha256(int8send(-j.id)), 1400000, j.width, j.height, j.prompt,
       m.prompt_tokens, m.version, j.finished_at
FROM model m, jobs j WHERE j.id >= 10000000 AND j.state = 'completed';

INSERT INTO job_events (job_id, at, event, from_state, to_state, attempt_id, worker_id)
SELECT j.id, j.created_at, 'claimed', 'available', 'running', j.current_attempt_id, m.worker_id
FROM model m, jobs j WHERE j.id >= 10000000 AND j.state = 'completed';
INSERT INTO job_events (job_id, at, event, from_state, to_state, attempt_id, worker_id)
SELECT j.id, j.finished_at, 'completed', 'running', 'completed', j.current_attempt_id, m.worker_id
FROM model m, jobs j WHERE j.id >= 10000000 AND j.state = 'completed';

-- The triggers slept: what the tallies would be.
INSERT INTO batch_tallies (batch_id, keeper, available, completed)
SELECT batch_id, 0, count(*) FILTER (WHERE state = 'available'), count(*) FILTER (WHERE state = 'completed')
FROM job_states WHERE job_id >= 10000000 GROUP BY batch_id;
UPDATE batch_tallies t SET images = a.images, lost_attempts = a.lost, image_microusd = a.useful, waste_microusd = a.waste,
    busy_us = a.busy, sample_us = a.images * 3500000
FROM (SELECT batch_id, count(*) FILTER (WHERE state = 'completed') AS images, count(*) FILTER (WHERE state <> 'completed') AS lost,
             sum(cost_microusd) FILTER (WHERE state = 'completed') AS useful,
             coalesce(sum(cost_microusd) FILTER (WHERE state <> 'completed'), 0) AS waste,
             sum(busy_to_us - busy_from_us) FILTER (WHERE state = 'completed') AS busy
      FROM attempts WHERE id >= 10000000 GROUP BY batch_id) a
WHERE a.batch_id = t.batch_id AND t.batch_id >= 1000;

UPDATE workers SET uptime_us = 4000000 * (:batches * :products * 10::bigint + 1);

SELECT setval(pg_get_serial_sequence(t, 'id'), 100000000)
FROM unnest(ARRAY['batches', 'products', 'job_specs', 'attempts', 'images', 'job_events']) AS t \g /dev/null

SELECT CASE WHEN is_constraint THEN format('ALTER TABLE %s ADD CONSTRAINT %I %s', tab, name, definition) ELSE definition END
FROM dropped ORDER BY is_constraint DESC \gexec
VACUUM ANALYZE;
CHECKPOINT;
