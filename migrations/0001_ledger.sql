-- The ledger: what was asked for, who worked on it, what came of it, what it cost. The schema is public API.

CREATE TYPE job_state AS ENUM
    ('available', 'scheduled', 'running', 'retryable', 'completed', 'cancelled', 'discarded');
CREATE TYPE attempt_state AS ENUM ('running', 'completed', 'failed', 'lost', 'handed_back', 'cancelled');

-- The price of a stretch of a worker's time line. Each end is floored on its own, so stretches that touch add up exactly.
CREATE FUNCTION span_cost(from_us bigint, to_us bigint, microusd_per_hour bigint) RETURNS bigint
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS
$$ SELECT (floor(to_us::numeric * microusd_per_hour / 3600000000)
         - floor(from_us::numeric * microusd_per_hour / 3600000000))::bigint $$;
COMMENT ON FUNCTION span_cost IS 'Micro-dollars for microseconds from_us to to_us of a worker''s time line';

CREATE TABLE rate_cards (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL CHECK (name <> ''),
    microusd_per_hour bigint NOT NULL CHECK (microusd_per_hour >= 0),
    valid_from timestamptz NOT NULL DEFAULT now(),
    valid_to timestamptz,
    CHECK (valid_to IS NULL OR valid_to >= valid_from)
);
CREATE UNIQUE INDEX rate_cards_one_valid ON rate_cards (name) WHERE valid_to IS NULL;
COMMENT ON TABLE rate_cards IS 'Price of one hour of one worker, in millionths of a US dollar; a changed price is a new row';

CREATE TABLE model_weights (
    fingerprint text PRIMARY KEY CHECK (fingerprint ~ '^[0-9a-f]{64}$'),
    name text NOT NULL,
    path text NOT NULL,
    pipeline_class text NOT NULL,
    parameter_count bigint NOT NULL CHECK (parameter_count >= 0),
    byte_count bigint NOT NULL CHECK (byte_count >= 0),
    first_seen_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE model_weights IS 'Checkpoints jobs were submitted with, by the SHA-256 over configs, tokenizer and weights';
COMMENT ON COLUMN model_weights.path IS 'Folder it was last submitted from; workers started without --model look there';

CREATE TABLE batches (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL CHECK (name <> ''),
    output_root text NOT NULL CHECK (output_root LIKE '/%'),
    source_path text NOT NULL,
    source_sha256 bytea NOT NULL CHECK (length(source_sha256) = 32),
    model_fingerprint text NOT NULL REFERENCES model_weights,
    max_attempts integer NOT NULL CHECK (max_attempts BETWEEN 1 AND 100),
    created_at timestamptz NOT NULL DEFAULT now(),
    paused_at timestamptz,
    last_job_id bigint NOT NULL DEFAULT 0,
    dispatched_through bigint NOT NULL DEFAULT 0,
    UNIQUE (output_root, name)
);
CREATE INDEX batches_to_dispatch ON batches (id) WHERE dispatched_through < last_job_id;
COMMENT ON TABLE batches IS 'The jobs of one catalog under one name; submitting again under the same name adds what is new';
COMMENT ON COLUMN batches.dispatched_through IS 'Jobs up to this id were given to the queue';

CREATE TABLE products (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    batch_id bigint NOT NULL REFERENCES batches,
    sku text NOT NULL CHECK (sku <> ''),
    title text NOT NULL,
    attributes jsonb NOT NULL,
    UNIQUE (batch_id, sku)
);
COMMENT ON TABLE products IS 'Catalog rows as they were submitted';

CREATE TABLE jobs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    batch_id bigint NOT NULL REFERENCES batches,
    product_id bigint NOT NULL REFERENCES products,
    shot text NOT NULL,
    variant integer NOT NULL CHECK (variant >= 0),
    state job_state NOT NULL,
    priority smallint NOT NULL CHECK (priority BETWEEN 0 AND 9),
    attempt integer NOT NULL DEFAULT 0,
    max_attempts integer NOT NULL,
    model_fingerprint text NOT NULL REFERENCES model_weights,
    prompt text NOT NULL,
    negative_prompt text NOT NULL,
    seed numeric(20) NOT NULL CHECK (seed BETWEEN 0 AND 18446744073709551615),
    width integer NOT NULL CHECK (width > 0),
    height integer NOT NULL CHECK (height > 0),
    steps integer NOT NULL CHECK (steps > 0),
    guidance double precision NOT NULL CHECK (guidance >= 1),
    relative_path text NOT NULL CHECK (relative_path <> '' AND relative_path NOT LIKE '/%'),
    unique_key bytea NOT NULL UNIQUE CHECK (length(unique_key) = 32),
    created_at timestamptz NOT NULL DEFAULT now(),
    available_at timestamptz NOT NULL DEFAULT now(),
    scheduled_at timestamptz,
    lease_expires_at timestamptz,
    current_attempt_id bigint,
    finished_at timestamptz,
    error_code text,
    error_message text,
    CONSTRAINT jobs_path_once_a_batch UNIQUE (batch_id, relative_path),
    CONSTRAINT jobs_attempts_in_range CHECK (attempt BETWEEN 0 AND max_attempts),
    CONSTRAINT jobs_running_is_held
        CHECK ((state = 'running') = (lease_expires_at IS NOT NULL) AND (state <> 'running' OR current_attempt_id IS NOT NULL)),
    CONSTRAINT jobs_final_has_an_end
        CHECK ((state IN ('completed', 'cancelled', 'discarded')) = (finished_at IS NOT NULL)),
    CONSTRAINT jobs_later_has_a_time CHECK ((state IN ('scheduled', 'retryable')) = (scheduled_at IS NOT NULL)),
    CONSTRAINT jobs_discarded_has_a_reason CHECK (state <> 'discarded' OR error_code IS NOT NULL)
) WITH (fillfactor = 80);
CREATE INDEX jobs_waiting ON jobs (model_fingerprint, id) WHERE state = 'available';
CREATE INDEX jobs_leased ON jobs (lease_expires_at) WHERE state = 'running';
CREATE INDEX jobs_due ON jobs (scheduled_at) WHERE state IN ('scheduled', 'retryable');
CREATE INDEX jobs_of_batch ON jobs (batch_id, id);
CREATE INDEX jobs_of_product ON jobs (product_id);
COMMENT ON TABLE jobs IS 'One image to make: product x shot x variant; the unit of work, retry and cost';
COMMENT ON COLUMN jobs.attempt IS 'Attempts begun and not handed back';
COMMENT ON COLUMN jobs.unique_key IS 'SHA-256 over model, prompt, settings, product, shot, variant and output root: the same job is made once';
COMMENT ON COLUMN jobs.available_at IS 'Since when it waits for a worker';
COMMENT ON COLUMN jobs.current_attempt_id IS 'Fencing token: only this attempt may finish the job';

CREATE TABLE workers (
    id text PRIMARY KEY,
    host text NOT NULL,
    process_id integer NOT NULL,
    version text NOT NULL,
    threads integer NOT NULL CHECK (threads > 0),
    kernel_class text NOT NULL,
    model_fingerprint text NOT NULL REFERENCES model_weights,
    rate_card_id bigint NOT NULL REFERENCES rate_cards,
    started_at timestamptz NOT NULL DEFAULT now(),
    heartbeat_at timestamptz NOT NULL DEFAULT now(),
    stopped_at timestamptz,
    uptime_us bigint NOT NULL DEFAULT 0 CHECK (uptime_us >= 0),
    drain_requested_at timestamptz
) WITH (fillfactor = 50);
COMMENT ON TABLE workers IS 'Every start of a worker process';
COMMENT ON COLUMN workers.uptime_us IS 'Length of its time line so far, in microseconds; what it costs is this times its rate';

CREATE TABLE attempts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_id bigint NOT NULL REFERENCES jobs,
    worker_id text NOT NULL REFERENCES workers,
    number integer NOT NULL CHECK (number >= 1),
    state attempt_state NOT NULL DEFAULT 'running',
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    rate_card_id bigint NOT NULL REFERENCES rate_cards,
    busy_from_us bigint,
    busy_to_us bigint,
    cost_microusd bigint NOT NULL DEFAULT 0 CHECK (cost_microusd >= 0),
    embed_us bigint NOT NULL DEFAULT 0,
    sample_us bigint NOT NULL DEFAULT 0,
    decode_us bigint NOT NULL DEFAULT 0,
    encode_us bigint NOT NULL DEFAULT 0,
    write_us bigint NOT NULL DEFAULT 0,
    embedding_sources text[] NOT NULL DEFAULT '{}',
    step integer NOT NULL DEFAULT 0,
    steps integer NOT NULL DEFAULT 0,
    resulting_state job_state,
    stale_settlements integer NOT NULL DEFAULT 0,
    error_code text,
    error_message text,
    CONSTRAINT attempts_ended_has_an_end CHECK ((state = 'running') = (finished_at IS NULL)),
    CONSTRAINT attempts_ended_is_charged
        CHECK ((state = 'running') OR (busy_from_us IS NOT NULL AND busy_to_us IS NOT NULL)),
    CONSTRAINT attempts_busy_runs_forward CHECK (busy_from_us >= 0 AND busy_to_us >= busy_from_us)
) WITH (fillfactor = 80);
CREATE INDEX attempts_of_job ON attempts (job_id, id);
CREATE INDEX attempts_of_worker ON attempts (worker_id, busy_from_us);
ALTER TABLE jobs ADD FOREIGN KEY (current_attempt_id) REFERENCES attempts DEFERRABLE INITIALLY DEFERRED;
COMMENT ON TABLE attempts IS 'One try at a job by one worker, with its time by stage and its cost';
COMMENT ON COLUMN attempts.busy_from_us IS 'Start of the stretch of its worker''s time line it is charged with, microseconds; stretches of a worker never overlap';
COMMENT ON COLUMN attempts.stale_settlements IS 'How often its worker reported an end that did not count any more';
COMMENT ON COLUMN attempts.embedding_sources IS 'memory, redis or encoder: for the prompt, and with guidance for the negative prompt';

CREATE TABLE images (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_id bigint NOT NULL UNIQUE REFERENCES jobs,
    attempt_id bigint NOT NULL UNIQUE REFERENCES attempts,
    batch_id bigint NOT NULL REFERENCES batches,
    relative_path text NOT NULL,
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    byte_count bigint NOT NULL CHECK (byte_count > 0),
    width integer NOT NULL CHECK (width > 0),
    height integer NOT NULL CHECK (height > 0),
    effective_prompt text NOT NULL,
    prompt_tokens integer NOT NULL CHECK (prompt_tokens >= 0),
    version text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (batch_id, relative_path)
);
CREATE INDEX images_by_content ON images (sha256);
COMMENT ON TABLE images IS 'Finished files: what is here is on disk, and what is on disk is here';

CREATE TABLE job_events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_id bigint NOT NULL REFERENCES jobs,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    event text NOT NULL,
    from_state job_state NOT NULL,
    to_state job_state NOT NULL,
    attempt_id bigint REFERENCES attempts,
    worker_id text REFERENCES workers,
    detail text
);
CREATE INDEX job_events_of_job ON job_events (job_id, id);
COMMENT ON TABLE job_events IS 'Every change of a job''s state after its submission; rows are never changed or removed';

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END $$;
CREATE TRIGGER job_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON job_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Views for people.

CREATE VIEW batch_progress AS
SELECT b.id AS batch_id, b.name, b.output_root, b.created_at, b.paused_at IS NOT NULL AS paused,
       count(j.id) AS jobs,
       count(*) FILTER (WHERE j.state = 'available') AS available,
       count(*) FILTER (WHERE j.state = 'scheduled') AS scheduled,
       count(*) FILTER (WHERE j.state = 'running') AS running,
       count(*) FILTER (WHERE j.state = 'retryable') AS retryable,
       count(*) FILTER (WHERE j.state = 'completed') AS completed,
       count(*) FILTER (WHERE j.state = 'cancelled') AS cancelled,
       count(*) FILTER (WHERE j.state = 'discarded') AS discarded
FROM batches b LEFT JOIN jobs j ON j.batch_id = b.id GROUP BY b.id;

CREATE VIEW attempt_costs AS
SELECT a.id AS attempt_id, j.batch_id, j.id AS job_id, p.sku, j.shot, j.variant, j.model_fingerprint, a.worker_id,
       a.started_at, a.finished_at, a.state, a.busy_to_us - a.busy_from_us AS busy_us, a.cost_microusd, a.rate_card_id,
       a.state = 'completed' AS useful
FROM attempts a JOIN jobs j ON j.id = a.job_id JOIN products p ON p.id = j.product_id;
COMMENT ON VIEW attempt_costs IS 'What each attempt cost; what is not useful is waste';

CREATE VIEW cost_by_sku AS
SELECT batch_id, sku, count(*) FILTER (WHERE useful) AS images,
       coalesce(sum(cost_microusd) FILTER (WHERE useful), 0)::bigint AS image_microusd,
       coalesce(sum(cost_microusd) FILTER (WHERE NOT useful), 0)::bigint AS waste_microusd
FROM attempt_costs GROUP BY batch_id, sku;

CREATE VIEW cost_by_model AS
SELECT c.model_fingerprint, m.name, count(*) FILTER (WHERE useful) AS images,
       coalesce(sum(cost_microusd) FILTER (WHERE useful), 0)::bigint AS image_microusd,
       coalesce(sum(cost_microusd) FILTER (WHERE NOT useful), 0)::bigint AS waste_microusd
FROM attempt_costs c JOIN model_weights m ON m.fingerprint = c.model_fingerprint GROUP BY c.model_fingerprint, m.name;

CREATE VIEW cost_by_day AS
SELECT finished_at::date AS day, count(*) FILTER (WHERE useful) AS images,
       coalesce(sum(cost_microusd) FILTER (WHERE useful), 0)::bigint AS image_microusd,
       coalesce(sum(cost_microusd) FILTER (WHERE NOT useful), 0)::bigint AS waste_microusd
FROM attempt_costs WHERE finished_at IS NOT NULL GROUP BY finished_at::date;

CREATE VIEW failures_by_reason AS
SELECT j.batch_id, coalesce(a.error_code, a.state::text) AS reason, count(*) AS attempts, max(a.finished_at) AS last_at,
       (array_agg(a.error_message ORDER BY a.id DESC))[1] AS last_message
FROM attempts a JOIN jobs j ON j.id = a.job_id
WHERE a.state IN ('failed', 'lost') GROUP BY j.batch_id, coalesce(a.error_code, a.state::text);

CREATE VIEW sku_history AS
SELECT p.sku, b.name AS batch, j.shot, j.variant, j.state, j.prompt, j.seed, j.model_fingerprint, i.relative_path,
       encode(i.sha256, 'hex') AS sha256, i.created_at AS made_at, a.worker_id, a.cost_microusd
FROM jobs j JOIN products p ON p.id = j.product_id JOIN batches b ON b.id = j.batch_id
LEFT JOIN images i ON i.job_id = j.id LEFT JOIN attempts a ON a.id = i.attempt_id;

CREATE VIEW embedding_cache AS
SELECT source, count(*) AS lookups FROM attempts, unnest(embedding_sources) AS source GROUP BY source;

-- Every microsecond of every worker: images, waste, and the gaps between attempts, each priced on its own. The gaps are
-- found from the stretches, so the difference is 0 only if stretches never overlap nor leave the worker's life.
CREATE VIEW cost_reconciliation AS
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
           coalesce(c.images, 0)::bigint AS images, coalesce(c.waste, 0)::bigint AS waste,
           coalesce(c.gaps, 0)::bigint AS gaps, coalesce(c.last_us, 0) AS last_us
    FROM workers w JOIN rate_cards r ON r.id = w.rate_card_id LEFT JOIN charged c ON c.worker_id = w.id
)
SELECT id AS worker_id, uptime_us, span_cost(0, uptime_us, microusd_per_hour) AS total_microusd,
       images AS image_microusd, waste AS waste_microusd,
       gaps + span_cost(last_us, uptime_us, microusd_per_hour) AS idle_microusd,
       span_cost(0, uptime_us, microusd_per_hour)
           - images - waste - gaps - span_cost(last_us, uptime_us, microusd_per_hour) AS difference_microusd
FROM total;

CREATE VIEW worker_utilisation AS
SELECT w.id AS worker_id, w.host, w.threads, w.kernel_class, w.started_at, w.heartbeat_at, w.stopped_at, c.uptime_us,
       coalesce(sum(a.busy_to_us - a.busy_from_us), 0)::bigint AS busy_us,
       count(*) FILTER (WHERE a.state = 'completed') AS images,
       c.image_microusd, c.waste_microusd, c.idle_microusd
FROM workers w JOIN cost_reconciliation c ON c.worker_id = w.id LEFT JOIN attempts a ON a.worker_id = w.id
GROUP BY w.id, c.uptime_us, c.image_microusd, c.waste_microusd, c.idle_microusd;

-- Seconds of work a model's unfinished jobs are, by the mean of its last 200 images; null before the first image.
CREATE VIEW backlog AS
SELECT m.fingerprint AS model_fingerprint, m.name, pending.jobs, pace.seconds_per_image,
       pending.jobs * pace.seconds_per_image AS backlog_seconds
FROM model_weights m
CROSS JOIN LATERAL (
    SELECT (SELECT count(*) FROM jobs j WHERE j.model_fingerprint = m.fingerprint AND j.state = 'available')
         + (SELECT count(*) FROM jobs j WHERE j.model_fingerprint = m.fingerprint AND j.state = 'running')
         + (SELECT count(*) FROM jobs j WHERE j.model_fingerprint = m.fingerprint AND j.state IN ('scheduled', 'retryable')
                AND j.scheduled_at <= now()) AS jobs) pending
CROSS JOIN LATERAL (
    SELECT avg(recent.busy) / 1e6 AS seconds_per_image FROM (
        SELECT a.busy_to_us - a.busy_from_us AS busy
        FROM images i JOIN attempts a ON a.id = i.attempt_id JOIN workers w ON w.id = a.worker_id
        WHERE w.model_fingerprint = m.fingerprint ORDER BY i.id DESC LIMIT 200) recent) pace;
COMMENT ON VIEW backlog IS 'One number to scale on, per model: seconds of one worker''s work that are waiting or under way';
