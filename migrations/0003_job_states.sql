-- What a job is and where it stands, apart: the first is wide and never changes, the second is narrow and changes all the time.
-- With both in one row, every change wrote the whole row and all its indexes anew.

DROP VIEW batch_progress, sku_history, backlog, dead_letters;

CREATE TABLE job_states (
    job_id bigint PRIMARY KEY,
    batch_id bigint NOT NULL,
    state job_state NOT NULL,
    attempt integer NOT NULL DEFAULT 0,
    max_attempts integer NOT NULL,
    available_at timestamptz NOT NULL DEFAULT now(),
    scheduled_at timestamptz,
    lease_expires_at timestamptz,
    current_attempt_id bigint,
    finished_at timestamptz,
    error_code text,
    error_message text,
    CONSTRAINT job_states_attempts_in_range CHECK (attempt BETWEEN 0 AND max_attempts),
    CONSTRAINT job_states_running_is_held
        CHECK ((state = 'running') = (lease_expires_at IS NOT NULL) AND (state <> 'running' OR current_attempt_id IS NOT NULL)),
    CONSTRAINT job_states_final_has_an_end
        CHECK ((state IN ('completed', 'cancelled', 'discarded')) = (finished_at IS NOT NULL)),
    CONSTRAINT job_states_later_has_a_time CHECK ((state IN ('scheduled', 'retryable')) = (scheduled_at IS NOT NULL)),
    CONSTRAINT job_states_discarded_has_a_reason CHECK (state <> 'discarded' OR error_code IS NOT NULL)
) WITH (fillfactor = 70);
INSERT INTO job_states
    SELECT id, batch_id, state, attempt, max_attempts, available_at, scheduled_at, lease_expires_at, current_attempt_id,
           finished_at, error_code, error_message
    FROM jobs ORDER BY id;
CREATE INDEX job_states_waiting ON job_states (batch_id, job_id) WHERE state = 'available';
CREATE INDEX job_states_leased ON job_states (lease_expires_at) WHERE state = 'running';
CREATE INDEX job_states_due ON job_states (scheduled_at) WHERE state IN ('scheduled', 'retryable');
COMMENT ON TABLE job_states IS 'Where each job stands; the one part of a job that changes';
COMMENT ON COLUMN job_states.attempt IS 'Attempts begun and not handed back';
COMMENT ON COLUMN job_states.available_at IS 'Since when it waits for a worker';
COMMENT ON COLUMN job_states.current_attempt_id IS 'Fencing token: only this attempt may finish the job';

ALTER TABLE jobs RENAME TO job_specs;
ALTER TABLE job_specs DROP COLUMN state, DROP COLUMN attempt, DROP COLUMN max_attempts, DROP COLUMN available_at,
    DROP COLUMN scheduled_at, DROP COLUMN lease_expires_at, DROP COLUMN current_attempt_id, DROP COLUMN finished_at,
    DROP COLUMN error_code, DROP COLUMN error_message;
ALTER TABLE job_specs ADD COLUMN start_at timestamptz;
COMMENT ON COLUMN job_specs.start_at IS 'Not to be begun before, as asked for';
ALTER SEQUENCE jobs_id_seq RENAME TO job_specs_id_seq;
ALTER TABLE job_specs SET (fillfactor = 100);
-- The ids of a batch are looked for from its last one on.
DROP INDEX IF EXISTS jobs_of_batch;
ALTER INDEX jobs_pkey RENAME TO job_specs_pkey;
ALTER INDEX jobs_of_product RENAME TO job_specs_of_product;
ALTER INDEX jobs_unique_key_key RENAME TO job_specs_unique_key;
ALTER TABLE job_specs RENAME CONSTRAINT jobs_path_once_a_batch TO job_specs_path_once_a_batch;
COMMENT ON TABLE job_specs IS 'One image to make: product x shot x variant, as it was submitted; never changed';

-- Rows that are written for every image copy their references from rows the same statement holds: looking each of them up
-- again took a third of the time. `packshot audit` looks for references to nothing.
ALTER TABLE job_specs DROP CONSTRAINT jobs_batch_id_fkey, DROP CONSTRAINT jobs_product_id_fkey,
    DROP CONSTRAINT jobs_model_fingerprint_fkey;
ALTER TABLE products DROP CONSTRAINT products_batch_id_fkey;
ALTER TABLE attempts DROP CONSTRAINT attempts_job_id_fkey, DROP CONSTRAINT attempts_worker_id_fkey,
    DROP CONSTRAINT attempts_rate_card_id_fkey;
ALTER TABLE images DROP CONSTRAINT images_job_id_fkey, DROP CONSTRAINT images_attempt_id_fkey,
    DROP CONSTRAINT images_batch_id_fkey, DROP CONSTRAINT images_attempt_id_key;

CREATE VIEW jobs AS
SELECT j.id, j.batch_id, j.product_id, j.shot, j.variant, s.state, j.priority, s.attempt, s.max_attempts, j.model_fingerprint,
       j.prompt, j.negative_prompt, j.seed, j.width, j.height, j.steps, j.guidance, j.text_cleaning, j.relative_path,
       j.unique_key, j.created_at, s.available_at, s.scheduled_at, s.lease_expires_at, s.current_attempt_id, s.finished_at,
       s.error_code, s.error_message
FROM job_specs j JOIN job_states s ON s.job_id = j.id;
COMMENT ON VIEW jobs IS 'One image to make: product x shot x variant; the unit of work, retry and cost';

ALTER TABLE attempts ADD COLUMN batch_id bigint, ADD COLUMN cancelled_at timestamptz;
UPDATE attempts SET batch_id = j.batch_id FROM job_specs j WHERE j.id = attempts.job_id;
ALTER TABLE attempts ALTER COLUMN batch_id SET NOT NULL;
COMMENT ON COLUMN attempts.cancelled_at IS 'When a person cancelled its job while it ran';
-- Half of each page is left free, so that an attempt's end fits beside its beginning and no index is written for it.
ALTER TABLE attempts SET (fillfactor = 50);
DROP INDEX attempts_of_worker;
CREATE INDEX attempts_of_worker ON attempts (worker_id, id);
CREATE INDEX attempts_cancelled ON attempts (cancelled_at) WHERE cancelled_at IS NOT NULL;
CREATE INDEX attempts_with_error ON attempts (batch_id, id) WHERE error_code IS NOT NULL;

CREATE OR REPLACE FUNCTION keep_committed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before bigint := 0;
    after bigint := CASE WHEN NEW.state = 'running' THEN NEW.reserved_microusd ELSE NEW.cost_microusd END;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        before := CASE WHEN OLD.state = 'running' THEN OLD.reserved_microusd ELSE OLD.cost_microusd END;
    END IF;
    IF after <> before THEN
        UPDATE batches SET committed_microusd = committed_microusd + after - before WHERE id = NEW.batch_id;
    END IF;
    RETURN NULL;
END $$;

-- What `status` shows, kept as it changes: counting ten million rows takes seconds. Each connection keeps a tally of its own,
-- so that workers do not wait for each other; their sums are the truth.
CREATE TABLE batch_tallies (
    batch_id bigint NOT NULL,
    keeper integer NOT NULL,
    available bigint NOT NULL DEFAULT 0,
    scheduled bigint NOT NULL DEFAULT 0,
    running bigint NOT NULL DEFAULT 0,
    retryable bigint NOT NULL DEFAULT 0,
    completed bigint NOT NULL DEFAULT 0,
    cancelled bigint NOT NULL DEFAULT 0,
    discarded bigint NOT NULL DEFAULT 0,
    images bigint NOT NULL DEFAULT 0,
    lost_attempts bigint NOT NULL DEFAULT 0,
    image_microusd bigint NOT NULL DEFAULT 0,
    waste_microusd bigint NOT NULL DEFAULT 0,
    busy_us bigint NOT NULL DEFAULT 0,
    embed_us bigint NOT NULL DEFAULT 0,
    sample_us bigint NOT NULL DEFAULT 0,
    decode_us bigint NOT NULL DEFAULT 0,
    encode_us bigint NOT NULL DEFAULT 0,
    write_us bigint NOT NULL DEFAULT 0,
    from_memory bigint NOT NULL DEFAULT 0,
    from_redis bigint NOT NULL DEFAULT 0,
    from_encoder bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (batch_id, keeper)
) WITH (fillfactor = 20);
COMMENT ON TABLE batch_tallies IS 'Running sums over job_states and attempts by batch: add up the rows of a batch';

CREATE FUNCTION tally_jobs() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    mine integer := pg_backend_pid() % 64;
BEGIN
    INSERT INTO batch_tallies AS t (batch_id, keeper, available, scheduled, running, retryable, completed, cancelled, discarded)
    SELECT batch_id, mine,
           coalesce(sum(n) FILTER (WHERE state = 'available'), 0), coalesce(sum(n) FILTER (WHERE state = 'scheduled'), 0),
           coalesce(sum(n) FILTER (WHERE state = 'running'), 0), coalesce(sum(n) FILTER (WHERE state = 'retryable'), 0),
           coalesce(sum(n) FILTER (WHERE state = 'completed'), 0), coalesce(sum(n) FILTER (WHERE state = 'cancelled'), 0),
           coalesce(sum(n) FILTER (WHERE state = 'discarded'), 0)
    FROM (SELECT batch_id, state, 1 AS n FROM later UNION ALL SELECT batch_id, state, -1 FROM earlier) moves
    GROUP BY batch_id ORDER BY batch_id
    ON CONFLICT (batch_id, keeper) DO UPDATE SET available = t.available + excluded.available,
        scheduled = t.scheduled + excluded.scheduled, running = t.running + excluded.running,
        retryable = t.retryable + excluded.retryable, completed = t.completed + excluded.completed,
        cancelled = t.cancelled + excluded.cancelled, discarded = t.discarded + excluded.discarded;
    RETURN NULL;
END $$;
CREATE FUNCTION tally_new_jobs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO batch_tallies AS t (batch_id, keeper, available, scheduled)
    SELECT batch_id, pg_backend_pid() % 64, count(*) FILTER (WHERE state = 'available'), count(*) FILTER (WHERE state = 'scheduled')
    FROM later GROUP BY batch_id ORDER BY batch_id
    ON CONFLICT (batch_id, keeper) DO UPDATE SET available = t.available + excluded.available,
        scheduled = t.scheduled + excluded.scheduled;
    RETURN NULL;
END $$;
CREATE FUNCTION tally_attempts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    mine integer := pg_backend_pid() % 64;
BEGIN
    -- A claim changes nothing here, nor does a heartbeat.
    IF NOT EXISTS (SELECT FROM later WHERE state <> 'running') THEN RETURN NULL; END IF;
    INSERT INTO batch_tallies AS t (batch_id, keeper, images, lost_attempts, image_microusd, waste_microusd, busy_us, embed_us,
        sample_us, decode_us, encode_us, write_us, from_memory, from_redis, from_encoder)
    SELECT batch_id, mine,
           coalesce(sum(n) FILTER (WHERE state = 'completed'), 0),
           coalesce(sum(n) FILTER (WHERE state NOT IN ('completed', 'running')), 0),
           coalesce(sum(n * cost_microusd) FILTER (WHERE state = 'completed'), 0),
           coalesce(sum(n * cost_microusd) FILTER (WHERE state <> 'completed'), 0),
           coalesce(sum(n * (busy_to_us - busy_from_us)) FILTER (WHERE state = 'completed'), 0),
           coalesce(sum(n * embed_us) FILTER (WHERE state = 'completed'), 0),
           coalesce(sum(n * sample_us) FILTER (WHERE state = 'completed'), 0),
           coalesce(sum(n * decode_us) FILTER (WHERE state = 'completed'), 0),
           coalesce(sum(n * encode_us) FILTER (WHERE state = 'completed'), 0),
           coalesce(sum(n * write_us) FILTER (WHERE state = 'completed'), 0),
           coalesce(sum(n * cardinality(array_positions(embedding_sources, 'memory'))), 0),
           coalesce(sum(n * cardinality(array_positions(embedding_sources, 'redis'))), 0),
           coalesce(sum(n * cardinality(array_positions(embedding_sources, 'encoder'))), 0)
    FROM (SELECT 1 AS n, * FROM later UNION ALL SELECT -1, * FROM earlier) moves
    GROUP BY batch_id ORDER BY batch_id
    ON CONFLICT (batch_id, keeper) DO UPDATE SET images = t.images + excluded.images,
        lost_attempts = t.lost_attempts + excluded.lost_attempts, image_microusd = t.image_microusd + excluded.image_microusd,
        waste_microusd = t.waste_microusd + excluded.waste_microusd, busy_us = t.busy_us + excluded.busy_us,
        embed_us = t.embed_us + excluded.embed_us, sample_us = t.sample_us + excluded.sample_us,
        decode_us = t.decode_us + excluded.decode_us, encode_us = t.encode_us + excluded.encode_us,
        write_us = t.write_us + excluded.write_us, from_memory = t.from_memory + excluded.from_memory,
        from_redis = t.from_redis + excluded.from_redis, from_encoder = t.from_encoder + excluded.from_encoder;
    RETURN NULL;
END $$;
INSERT INTO batch_tallies (batch_id, keeper, available, scheduled, running, retryable, completed, cancelled, discarded)
    SELECT batch_id, 0, count(*) FILTER (WHERE state = 'available'), count(*) FILTER (WHERE state = 'scheduled'),
           count(*) FILTER (WHERE state = 'running'), count(*) FILTER (WHERE state = 'retryable'),
           count(*) FILTER (WHERE state = 'completed'), count(*) FILTER (WHERE state = 'cancelled'),
           count(*) FILTER (WHERE state = 'discarded')
    FROM job_states GROUP BY batch_id;
UPDATE batch_tallies SET images = a.images, lost_attempts = a.lost, image_microusd = a.useful, waste_microusd = a.waste,
    busy_us = a.busy, embed_us = a.embed, sample_us = a.sample, decode_us = a.decode, encode_us = a.encode, write_us = a.write,
    from_memory = a.from_memory, from_redis = a.from_redis, from_encoder = a.from_encoder
FROM (SELECT batch_id, count(*) FILTER (WHERE state = 'completed') AS images,
             count(*) FILTER (WHERE state NOT IN ('completed', 'running')) AS lost,
             coalesce(sum(cost_microusd) FILTER (WHERE state = 'completed'), 0) AS useful,
             coalesce(sum(cost_microusd) FILTER (WHERE state <> 'completed'), 0) AS waste,
             coalesce(sum(busy_to_us - busy_from_us) FILTER (WHERE state = 'completed'), 0) AS busy,
             coalesce(sum(embed_us) FILTER (WHERE state = 'completed'), 0) AS embed,
             coalesce(sum(sample_us) FILTER (WHERE state = 'completed'), 0) AS sample,
             coalesce(sum(decode_us) FILTER (WHERE state = 'completed'), 0) AS decode,
             coalesce(sum(encode_us) FILTER (WHERE state = 'completed'), 0) AS encode,
             coalesce(sum(write_us) FILTER (WHERE state = 'completed'), 0) AS write,
             coalesce(sum(cardinality(array_positions(embedding_sources, 'memory'))), 0) AS from_memory,
             coalesce(sum(cardinality(array_positions(embedding_sources, 'redis'))), 0) AS from_redis,
             coalesce(sum(cardinality(array_positions(embedding_sources, 'encoder'))), 0) AS from_encoder
      FROM attempts GROUP BY batch_id) a
WHERE a.batch_id = batch_tallies.batch_id;
CREATE TRIGGER job_states_tally AFTER UPDATE ON job_states REFERENCING OLD TABLE AS earlier NEW TABLE AS later
    FOR EACH STATEMENT EXECUTE FUNCTION tally_jobs();
CREATE TRIGGER job_states_tally_new AFTER INSERT ON job_states REFERENCING NEW TABLE AS later
    FOR EACH STATEMENT EXECUTE FUNCTION tally_new_jobs();
CREATE TRIGGER attempts_tally AFTER UPDATE ON attempts REFERENCING OLD TABLE AS earlier NEW TABLE AS later
    FOR EACH STATEMENT EXECUTE FUNCTION tally_attempts();

-- Views for people.

CREATE VIEW batch_progress AS
SELECT b.id AS batch_id, b.name, b.output_root, b.created_at, b.paused_at IS NOT NULL AS paused,
       t.available + t.scheduled + t.running + t.retryable + t.completed + t.cancelled + t.discarded AS jobs,
       t.available, t.scheduled, t.running, t.retryable, t.completed, t.cancelled, t.discarded
FROM batches b CROSS JOIN LATERAL (
    SELECT coalesce(sum(available), 0)::bigint AS available, coalesce(sum(scheduled), 0)::bigint AS scheduled,
           coalesce(sum(running), 0)::bigint AS running, coalesce(sum(retryable), 0)::bigint AS retryable,
           coalesce(sum(completed), 0)::bigint AS completed, coalesce(sum(cancelled), 0)::bigint AS cancelled,
           coalesce(sum(discarded), 0)::bigint AS discarded
    FROM batch_tallies WHERE batch_id = b.id) t;

CREATE OR REPLACE VIEW failures_by_reason AS
SELECT batch_id, error_code AS reason, count(*) AS attempts, max(finished_at) AS last_at,
       (array_agg(error_message ORDER BY id DESC))[1] AS last_message
FROM attempts WHERE error_code IS NOT NULL AND state IN ('failed', 'lost') GROUP BY batch_id, error_code;

CREATE VIEW sku_history AS
SELECT p.sku, b.name AS batch, j.shot, j.variant, s.state, j.prompt, j.seed, j.model_fingerprint, i.relative_path,
       encode(i.sha256, 'hex') AS sha256, i.created_at AS made_at, a.worker_id, a.cost_microusd
FROM job_specs j JOIN job_states s ON s.job_id = j.id JOIN products p ON p.id = j.product_id JOIN batches b ON b.id = j.batch_id
LEFT JOIN images i ON i.job_id = j.id LEFT JOIN attempts a ON a.id = i.attempt_id;

CREATE VIEW dead_letters AS
SELECT j.batch_id, b.name AS batch, j.id AS job_id, p.sku, j.shot, j.variant, j.attempt AS attempts, j.error_code AS reason,
       j.error_message AS message, j.finished_at AS discarded_at
FROM jobs j JOIN batches b ON b.id = j.batch_id JOIN products p ON p.id = j.product_id WHERE j.state = 'discarded';
COMMENT ON VIEW dead_letters IS 'Jobs that were given up, with the reason; packshot retry makes them available again';

-- Seconds of work a model's unfinished jobs are, by the mean of its last 200 images; null before the first image.
CREATE VIEW backlog AS
SELECT m.fingerprint AS model_fingerprint, m.name, pending.jobs, pace.seconds_per_image,
       pending.jobs * pace.seconds_per_image AS backlog_seconds
FROM model_weights m
CROSS JOIN LATERAL (
    SELECT (SELECT coalesce(sum(t.available + t.running), 0)::bigint
            FROM batches b JOIN batch_tallies t ON t.batch_id = b.id WHERE b.model_fingerprint = m.fingerprint)
         + (SELECT count(*) FROM job_states s JOIN batches b ON b.id = s.batch_id
            WHERE b.model_fingerprint = m.fingerprint AND s.state IN ('scheduled', 'retryable')
              AND s.scheduled_at <= now()) AS jobs) pending
CROSS JOIN LATERAL (
    SELECT avg(recent.busy) / 1e6 AS seconds_per_image FROM (
        SELECT a.busy_to_us - a.busy_from_us AS busy
        FROM images i JOIN attempts a ON a.id = i.attempt_id JOIN workers w ON w.id = a.worker_id
        WHERE w.model_fingerprint = m.fingerprint ORDER BY i.id DESC LIMIT 200) recent) pace;
COMMENT ON VIEW backlog IS 'One number to scale on, per model: seconds of one worker''s work that are waiting or under way';

-- History goes into parts by month; whoever starts a worker makes this month's and the next.
CREATE OR REPLACE FUNCTION make_month_of_events(month date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    first date := date_trunc('month', month);
    name text := format('job_events_%s', to_char(first, 'YYYY_MM'));
BEGIN
    IF to_regclass(name) IS NOT NULL THEN RETURN; END IF;
    EXECUTE format('CREATE TABLE %I PARTITION OF job_events FOR VALUES FROM (%L) TO (%L)',
        name, first::timestamptz, (first + interval '1 month')::timestamptz);
EXCEPTION WHEN duplicate_table OR check_violation OR unique_violation THEN
    -- Somebody else made it, or the rest holds rows of that month already; both work.
    RETURN;
END $$;

-- Turns between batches or tenants of one priority.
ALTER TABLE batches
    ADD COLUMN tenant text CHECK (tenant <> ''),
    ADD COLUMN weight integer NOT NULL DEFAULT 1 CHECK (weight BETWEEN 1 AND 100),
    ADD COLUMN share text GENERATED ALWAYS AS (coalesce('t:' || tenant, 'b:' || id)) STORED;
COMMENT ON COLUMN batches.share IS 'Who takes turns in the queue: the tenant, or the batch itself';
COMMENT ON COLUMN batches.weight IS 'Its turns for each one of a batch of weight 1';

-- For repairs by hand: a change of a job goes to the table it belongs to.
CREATE FUNCTION change_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE job_specs SET priority = NEW.priority, relative_path = NEW.relative_path, prompt = NEW.prompt,
        negative_prompt = NEW.negative_prompt WHERE id = OLD.id AND (priority, relative_path, prompt, negative_prompt)
            IS DISTINCT FROM (NEW.priority, NEW.relative_path, NEW.prompt, NEW.negative_prompt);
    UPDATE job_states SET state = NEW.state, attempt = NEW.attempt, max_attempts = NEW.max_attempts,
        available_at = NEW.available_at, scheduled_at = NEW.scheduled_at, lease_expires_at = NEW.lease_expires_at,
        current_attempt_id = NEW.current_attempt_id, finished_at = NEW.finished_at, error_code = NEW.error_code,
        error_message = NEW.error_message WHERE job_id = OLD.id;
    RETURN NEW;
END $$;
CREATE TRIGGER jobs_change INSTEAD OF UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION change_job();
