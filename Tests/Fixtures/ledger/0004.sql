CREATE TYPE public.attempt_state AS ENUM (
    'running',
    'completed',
    'failed',
    'lost',
    'handed_back',
    'cancelled'
);
CREATE TYPE public.job_state AS ENUM (
    'available',
    'scheduled',
    'running',
    'retryable',
    'completed',
    'cancelled',
    'discarded'
);
CREATE FUNCTION public.change_job() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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
CREATE FUNCTION public.keep_committed() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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
CREATE FUNCTION public.make_month_of_events(month date) RETURNS void
    LANGUAGE plpgsql
    AS $$
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
CREATE FUNCTION public.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation'; END $$;
CREATE FUNCTION public.span_cost(from_us bigint, to_us bigint, microusd_per_hour bigint) RETURNS bigint
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT (floor(to_us::numeric * microusd_per_hour / 3600000000)
         - floor(from_us::numeric * microusd_per_hour / 3600000000))::bigint $$;
COMMENT ON FUNCTION public.span_cost(from_us bigint, to_us bigint, microusd_per_hour bigint) IS 'Micro-dollars for microseconds from_us to to_us of a worker''s time line';
CREATE FUNCTION public.tally_attempts() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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
CREATE FUNCTION public.tally_jobs() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
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
CREATE FUNCTION public.tally_new_jobs() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO batch_tallies AS t (batch_id, keeper, available, scheduled)
    SELECT batch_id, pg_backend_pid() % 64, count(*) FILTER (WHERE state = 'available'), count(*) FILTER (WHERE state = 'scheduled')
    FROM later GROUP BY batch_id ORDER BY batch_id
    ON CONFLICT (batch_id, keeper) DO UPDATE SET available = t.available + excluded.available,
        scheduled = t.scheduled + excluded.scheduled;
    RETURN NULL;
END $$;
CREATE TABLE public.attempts (
    id bigint NOT NULL,
    job_id bigint NOT NULL,
    worker_id text NOT NULL,
    number integer NOT NULL,
    state public.attempt_state DEFAULT 'running'::public.attempt_state NOT NULL,
    started_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    finished_at timestamp with time zone,
    rate_card_id bigint NOT NULL,
    busy_from_us bigint,
    busy_to_us bigint,
    cost_microusd bigint DEFAULT 0 NOT NULL,
    embed_us bigint DEFAULT 0 NOT NULL,
    sample_us bigint DEFAULT 0 NOT NULL,
    decode_us bigint DEFAULT 0 NOT NULL,
    encode_us bigint DEFAULT 0 NOT NULL,
    write_us bigint DEFAULT 0 NOT NULL,
    embedding_sources text[] DEFAULT '{}'::text[] NOT NULL,
    step integer DEFAULT 0 NOT NULL,
    steps integer DEFAULT 0 NOT NULL,
    resulting_state public.job_state,
    stale_settlements integer DEFAULT 0 NOT NULL,
    error_code text,
    error_message text,
    reserved_microusd bigint,
    batch_id bigint NOT NULL,
    cancelled_at timestamp with time zone,
    CONSTRAINT attempts_busy_runs_forward CHECK (((busy_from_us >= 0) AND (busy_to_us >= busy_from_us))),
    CONSTRAINT attempts_cost_microusd_check CHECK ((cost_microusd >= 0)),
    CONSTRAINT attempts_ended_has_an_end CHECK (((state = 'running'::public.attempt_state) = (finished_at IS NULL))),
    CONSTRAINT attempts_ended_is_charged CHECK (((state = 'running'::public.attempt_state) OR ((busy_from_us IS NOT NULL) AND (busy_to_us IS NOT NULL)))),
    CONSTRAINT attempts_number_check CHECK ((number >= 1)),
    CONSTRAINT attempts_reserved_microusd_check CHECK ((reserved_microusd >= 0))
)
WITH (fillfactor='50');
COMMENT ON TABLE public.attempts IS 'One try at a job by one worker, with its time by stage and its cost';
COMMENT ON COLUMN public.attempts.busy_from_us IS 'Start of the stretch of its worker''s time line it is charged with, microseconds; stretches of a worker never overlap';
COMMENT ON COLUMN public.attempts.embedding_sources IS 'memory, redis or encoder: for the prompt, and with guidance for the negative prompt';
COMMENT ON COLUMN public.attempts.stale_settlements IS 'How often its worker reported an end that did not count any more';
COMMENT ON COLUMN public.attempts.reserved_microusd IS 'Set aside of its batch''s budget at the claim; null without a budget';
COMMENT ON COLUMN public.attempts.cancelled_at IS 'When a person cancelled its job while it ran';
CREATE TABLE public.job_specs (
    id bigint NOT NULL,
    batch_id bigint NOT NULL,
    product_id bigint NOT NULL,
    shot text NOT NULL,
    variant integer NOT NULL,
    priority smallint NOT NULL,
    model_fingerprint text NOT NULL,
    prompt text NOT NULL,
    negative_prompt text NOT NULL,
    seed numeric(20,0) NOT NULL,
    width integer NOT NULL,
    height integer NOT NULL,
    steps integer NOT NULL,
    guidance double precision NOT NULL,
    relative_path text NOT NULL,
    unique_key bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    text_cleaning text,
    start_at timestamp with time zone,
    shortcuts jsonb,
    CONSTRAINT jobs_guidance_check CHECK ((guidance >= (1)::double precision)),
    CONSTRAINT jobs_height_check CHECK ((height > 0)),
    CONSTRAINT jobs_priority_check CHECK (((priority >= 0) AND (priority <= 9))),
    CONSTRAINT jobs_relative_path_check CHECK (((relative_path <> ''::text) AND (relative_path !~~ '/%'::text))),
    CONSTRAINT jobs_seed_check CHECK (((seed >= (0)::numeric) AND (seed <= '18446744073709551615'::numeric))),
    CONSTRAINT jobs_steps_check CHECK ((steps > 0)),
    CONSTRAINT jobs_text_cleaning_check CHECK ((text_cleaning = ANY (ARRAY['full'::text, 'light'::text]))),
    CONSTRAINT jobs_unique_key_check CHECK ((length(unique_key) = 32)),
    CONSTRAINT jobs_variant_check CHECK ((variant >= 0)),
    CONSTRAINT jobs_width_check CHECK ((width > 0))
)
WITH (fillfactor='100');
COMMENT ON TABLE public.job_specs IS 'One image to make: product x shot x variant, as it was submitted; never changed';
COMMENT ON COLUMN public.job_specs.unique_key IS 'SHA-256 over model, prompt, settings, product, shot, variant and output root: the same job is made once';
COMMENT ON COLUMN public.job_specs.text_cleaning IS 'How prompts are to be cleaned; null for the model''s own way';
COMMENT ON COLUMN public.job_specs.start_at IS 'Not to be begun before, as asked for';
COMMENT ON COLUMN public.job_specs.shortcuts IS 'stepCache, guidanceShare, solverOrder as asked for; null for the exact image';
CREATE TABLE public.products (
    id bigint NOT NULL,
    batch_id bigint NOT NULL,
    sku text NOT NULL,
    title text NOT NULL,
    attributes jsonb NOT NULL,
    CONSTRAINT products_sku_check CHECK ((sku <> ''::text))
);
COMMENT ON TABLE public.products IS 'Catalog rows as they were submitted';
CREATE VIEW public.attempt_costs AS
 SELECT a.id AS attempt_id,
    j.batch_id,
    j.id AS job_id,
    p.sku,
    j.shot,
    j.variant,
    j.model_fingerprint,
    a.worker_id,
    a.started_at,
    a.finished_at,
    a.state,
    (a.busy_to_us - a.busy_from_us) AS busy_us,
    a.cost_microusd,
    a.rate_card_id,
    (a.state = 'completed'::public.attempt_state) AS useful
   FROM ((public.attempts a
     JOIN public.job_specs j ON ((j.id = a.job_id)))
     JOIN public.products p ON ((p.id = j.product_id)));
COMMENT ON VIEW public.attempt_costs IS 'What each attempt cost; what is not useful is waste';
ALTER TABLE public.attempts ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.attempts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.batch_tallies (
    batch_id bigint NOT NULL,
    keeper integer NOT NULL,
    available bigint DEFAULT 0 NOT NULL,
    scheduled bigint DEFAULT 0 NOT NULL,
    running bigint DEFAULT 0 NOT NULL,
    retryable bigint DEFAULT 0 NOT NULL,
    completed bigint DEFAULT 0 NOT NULL,
    cancelled bigint DEFAULT 0 NOT NULL,
    discarded bigint DEFAULT 0 NOT NULL,
    images bigint DEFAULT 0 NOT NULL,
    lost_attempts bigint DEFAULT 0 NOT NULL,
    image_microusd bigint DEFAULT 0 NOT NULL,
    waste_microusd bigint DEFAULT 0 NOT NULL,
    busy_us bigint DEFAULT 0 NOT NULL,
    embed_us bigint DEFAULT 0 NOT NULL,
    sample_us bigint DEFAULT 0 NOT NULL,
    decode_us bigint DEFAULT 0 NOT NULL,
    encode_us bigint DEFAULT 0 NOT NULL,
    write_us bigint DEFAULT 0 NOT NULL,
    from_memory bigint DEFAULT 0 NOT NULL,
    from_redis bigint DEFAULT 0 NOT NULL,
    from_encoder bigint DEFAULT 0 NOT NULL
)
WITH (fillfactor='20');
COMMENT ON TABLE public.batch_tallies IS 'Running sums over job_states and attempts by batch: add up the rows of a batch';
CREATE TABLE public.batches (
    id bigint NOT NULL,
    name text NOT NULL,
    output_root text NOT NULL,
    source_path text NOT NULL,
    source_sha256 bytea NOT NULL,
    model_fingerprint text NOT NULL,
    max_attempts integer NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    paused_at timestamp with time zone,
    last_job_id bigint DEFAULT 0 NOT NULL,
    dispatched_through bigint DEFAULT 0 NOT NULL,
    budget_microusd bigint,
    committed_microusd bigint DEFAULT 0 NOT NULL,
    pause_reason text,
    tenant text,
    weight integer DEFAULT 1 NOT NULL,
    share text GENERATED ALWAYS AS (COALESCE(('t:'::text || tenant), ('b:'::text || id))) STORED,
    CONSTRAINT batches_budget_microusd_check CHECK ((budget_microusd >= 0)),
    CONSTRAINT batches_max_attempts_check CHECK (((max_attempts >= 1) AND (max_attempts <= 100))),
    CONSTRAINT batches_name_check CHECK ((name <> ''::text)),
    CONSTRAINT batches_output_root_check CHECK ((output_root ~~ '/%'::text)),
    CONSTRAINT batches_reason_is_of_a_pause CHECK (((pause_reason IS NULL) OR (paused_at IS NOT NULL))),
    CONSTRAINT batches_source_sha256_check CHECK ((length(source_sha256) = 32)),
    CONSTRAINT batches_tenant_check CHECK ((tenant <> ''::text)),
    CONSTRAINT batches_weight_check CHECK (((weight >= 1) AND (weight <= 100)))
);
COMMENT ON TABLE public.batches IS 'The jobs of one catalog under one name; submitting again under the same name adds what is new';
COMMENT ON COLUMN public.batches.dispatched_through IS 'Jobs up to this id were given to the queue';
COMMENT ON COLUMN public.batches.committed_microusd IS 'With a budget: what its attempts cost, plus what is set aside for those that run';
COMMENT ON COLUMN public.batches.weight IS 'Its turns for each one of a batch of weight 1';
COMMENT ON COLUMN public.batches.share IS 'Who takes turns in the queue: the tenant, or the batch itself';
CREATE TABLE public.images (
    id bigint NOT NULL,
    job_id bigint NOT NULL,
    attempt_id bigint NOT NULL,
    batch_id bigint NOT NULL,
    relative_path text NOT NULL,
    sha256 bytea NOT NULL,
    byte_count bigint NOT NULL,
    width integer NOT NULL,
    height integer NOT NULL,
    effective_prompt text NOT NULL,
    prompt_tokens integer NOT NULL,
    version text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    prompt_tokens_used integer,
    text_cleaning text,
    dropped_letters boolean DEFAULT false NOT NULL,
    shortcuts jsonb,
    CONSTRAINT images_byte_count_check CHECK ((byte_count > 0)),
    CONSTRAINT images_height_check CHECK ((height > 0)),
    CONSTRAINT images_prompt_tokens_check CHECK ((prompt_tokens >= 0)),
    CONSTRAINT images_prompt_tokens_used_check CHECK ((prompt_tokens_used >= 0)),
    CONSTRAINT images_sha256_check CHECK ((length(sha256) = 32)),
    CONSTRAINT images_text_cleaning_check CHECK ((text_cleaning = ANY (ARRAY['full'::text, 'light'::text]))),
    CONSTRAINT images_width_check CHECK ((width > 0))
);
COMMENT ON TABLE public.images IS 'Finished files: what is here is on disk, and what is on disk is here';
COMMENT ON COLUMN public.images.prompt_tokens_used IS 'Less than prompt_tokens when the prompt was cut to the model''s length';
COMMENT ON COLUMN public.images.dropped_letters IS 'Cleaning took letters out of the prompt';
COMMENT ON COLUMN public.images.shortcuts IS 'As in job_specs, with reusedSteps: the steps that reused an earlier one''s work; null for the exact image';
CREATE TABLE public.job_states (
    job_id bigint NOT NULL,
    batch_id bigint NOT NULL,
    state public.job_state NOT NULL,
    attempt integer DEFAULT 0 NOT NULL,
    max_attempts integer NOT NULL,
    available_at timestamp with time zone DEFAULT now() NOT NULL,
    scheduled_at timestamp with time zone,
    lease_expires_at timestamp with time zone,
    current_attempt_id bigint,
    finished_at timestamp with time zone,
    error_code text,
    error_message text,
    CONSTRAINT job_states_attempts_in_range CHECK (((attempt >= 0) AND (attempt <= max_attempts))),
    CONSTRAINT job_states_discarded_has_a_reason CHECK (((state <> 'discarded'::public.job_state) OR (error_code IS NOT NULL))),
    CONSTRAINT job_states_final_has_an_end CHECK (((state = ANY (ARRAY['completed'::public.job_state, 'cancelled'::public.job_state, 'discarded'::public.job_state])) = (finished_at IS NOT NULL))),
    CONSTRAINT job_states_later_has_a_time CHECK (((state = ANY (ARRAY['scheduled'::public.job_state, 'retryable'::public.job_state])) = (scheduled_at IS NOT NULL))),
    CONSTRAINT job_states_running_is_held CHECK ((((state = 'running'::public.job_state) = (lease_expires_at IS NOT NULL)) AND ((state <> 'running'::public.job_state) OR (current_attempt_id IS NOT NULL))))
)
WITH (fillfactor='70');
COMMENT ON TABLE public.job_states IS 'Where each job stands; the one part of a job that changes';
COMMENT ON COLUMN public.job_states.attempt IS 'Attempts begun and not handed back';
COMMENT ON COLUMN public.job_states.available_at IS 'Since when it waits for a worker';
COMMENT ON COLUMN public.job_states.current_attempt_id IS 'Fencing token: only this attempt may finish the job';
CREATE TABLE public.model_weights (
    fingerprint text NOT NULL,
    name text NOT NULL,
    path text NOT NULL,
    pipeline_class text NOT NULL,
    parameter_count bigint NOT NULL,
    byte_count bigint NOT NULL,
    first_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT model_weights_byte_count_check CHECK ((byte_count >= 0)),
    CONSTRAINT model_weights_fingerprint_check CHECK ((fingerprint ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT model_weights_parameter_count_check CHECK ((parameter_count >= 0))
);
COMMENT ON TABLE public.model_weights IS 'Checkpoints jobs were submitted with, by the SHA-256 over configs, tokenizer and weights';
COMMENT ON COLUMN public.model_weights.path IS 'Folder it was last submitted from; workers started without --model look there';
CREATE TABLE public.workers (
    id text NOT NULL,
    host text NOT NULL,
    process_id integer NOT NULL,
    version text NOT NULL,
    threads integer NOT NULL,
    kernel_class text NOT NULL,
    model_fingerprint text NOT NULL,
    rate_card_id bigint NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    heartbeat_at timestamp with time zone DEFAULT now() NOT NULL,
    stopped_at timestamp with time zone,
    uptime_us bigint DEFAULT 0 NOT NULL,
    drain_requested_at timestamp with time zone,
    CONSTRAINT workers_threads_check CHECK ((threads > 0)),
    CONSTRAINT workers_uptime_us_check CHECK ((uptime_us >= 0))
)
WITH (fillfactor='50');
COMMENT ON TABLE public.workers IS 'Every start of a worker process';
COMMENT ON COLUMN public.workers.uptime_us IS 'Length of its time line so far, in microseconds; what it costs is this times its rate';
CREATE VIEW public.backlog AS
 SELECT m.fingerprint AS model_fingerprint,
    m.name,
    pending.jobs,
    pace.seconds_per_image,
    ((pending.jobs)::numeric * pace.seconds_per_image) AS backlog_seconds
   FROM ((public.model_weights m
     CROSS JOIN LATERAL ( SELECT (( SELECT (COALESCE(sum((t.available + t.running)), (0)::numeric))::bigint AS "coalesce"
                   FROM (public.batches b
                     JOIN public.batch_tallies t ON ((t.batch_id = b.id)))
                  WHERE (b.model_fingerprint = m.fingerprint)) + ( SELECT count(*) AS count
                   FROM (public.job_states s
                     JOIN public.batches b ON ((b.id = s.batch_id)))
                  WHERE ((b.model_fingerprint = m.fingerprint) AND (s.state = ANY (ARRAY['scheduled'::public.job_state, 'retryable'::public.job_state])) AND (s.scheduled_at <= now())))) AS jobs) pending)
     CROSS JOIN LATERAL ( SELECT (avg(recent.busy) / '1000000'::numeric) AS seconds_per_image
           FROM ( SELECT (a.busy_to_us - a.busy_from_us) AS busy
                   FROM ((public.images i
                     JOIN public.attempts a ON ((a.id = i.attempt_id)))
                     JOIN public.workers w ON ((w.id = a.worker_id)))
                  WHERE (w.model_fingerprint = m.fingerprint)
                  ORDER BY i.id DESC
                 LIMIT 200) recent) pace);
COMMENT ON VIEW public.backlog IS 'One number to scale on, per model: seconds of one worker''s work that are waiting or under way';
CREATE VIEW public.batch_progress AS
 SELECT b.id AS batch_id,
    b.name,
    b.output_root,
    b.created_at,
    (b.paused_at IS NOT NULL) AS paused,
    ((((((t.available + t.scheduled) + t.running) + t.retryable) + t.completed) + t.cancelled) + t.discarded) AS jobs,
    t.available,
    t.scheduled,
    t.running,
    t.retryable,
    t.completed,
    t.cancelled,
    t.discarded
   FROM (public.batches b
     CROSS JOIN LATERAL ( SELECT (COALESCE(sum(batch_tallies.available), (0)::numeric))::bigint AS available,
            (COALESCE(sum(batch_tallies.scheduled), (0)::numeric))::bigint AS scheduled,
            (COALESCE(sum(batch_tallies.running), (0)::numeric))::bigint AS running,
            (COALESCE(sum(batch_tallies.retryable), (0)::numeric))::bigint AS retryable,
            (COALESCE(sum(batch_tallies.completed), (0)::numeric))::bigint AS completed,
            (COALESCE(sum(batch_tallies.cancelled), (0)::numeric))::bigint AS cancelled,
            (COALESCE(sum(batch_tallies.discarded), (0)::numeric))::bigint AS discarded
           FROM public.batch_tallies
          WHERE (batch_tallies.batch_id = b.id)) t);
ALTER TABLE public.batches ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.batches_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE VIEW public.cost_by_day AS
 SELECT (attempt_costs.finished_at)::date AS day,
    count(*) FILTER (WHERE attempt_costs.useful) AS images,
    (COALESCE(sum(attempt_costs.cost_microusd) FILTER (WHERE attempt_costs.useful), (0)::numeric))::bigint AS image_microusd,
    (COALESCE(sum(attempt_costs.cost_microusd) FILTER (WHERE (NOT attempt_costs.useful)), (0)::numeric))::bigint AS waste_microusd
   FROM public.attempt_costs
  WHERE (attempt_costs.finished_at IS NOT NULL)
  GROUP BY ((attempt_costs.finished_at)::date);
CREATE VIEW public.cost_by_model AS
 SELECT c.model_fingerprint,
    m.name,
    count(*) FILTER (WHERE c.useful) AS images,
    (COALESCE(sum(c.cost_microusd) FILTER (WHERE c.useful), (0)::numeric))::bigint AS image_microusd,
    (COALESCE(sum(c.cost_microusd) FILTER (WHERE (NOT c.useful)), (0)::numeric))::bigint AS waste_microusd
   FROM (public.attempt_costs c
     JOIN public.model_weights m ON ((m.fingerprint = c.model_fingerprint)))
  GROUP BY c.model_fingerprint, m.name;
CREATE VIEW public.cost_by_sku AS
 SELECT attempt_costs.batch_id,
    attempt_costs.sku,
    count(*) FILTER (WHERE attempt_costs.useful) AS images,
    (COALESCE(sum(attempt_costs.cost_microusd) FILTER (WHERE attempt_costs.useful), (0)::numeric))::bigint AS image_microusd,
    (COALESCE(sum(attempt_costs.cost_microusd) FILTER (WHERE (NOT attempt_costs.useful)), (0)::numeric))::bigint AS waste_microusd
   FROM public.attempt_costs
  GROUP BY attempt_costs.batch_id, attempt_costs.sku;
CREATE TABLE public.rate_cards (
    id bigint NOT NULL,
    name text NOT NULL,
    microusd_per_hour bigint NOT NULL,
    valid_from timestamp with time zone DEFAULT now() NOT NULL,
    valid_to timestamp with time zone,
    CONSTRAINT rate_cards_check CHECK (((valid_to IS NULL) OR (valid_to >= valid_from))),
    CONSTRAINT rate_cards_microusd_per_hour_check CHECK ((microusd_per_hour >= 0)),
    CONSTRAINT rate_cards_name_check CHECK ((name <> ''::text))
);
COMMENT ON TABLE public.rate_cards IS 'Price of one hour of one worker, in millionths of a US dollar; a changed price is a new row';
CREATE VIEW public.cost_reconciliation AS
 WITH spans AS (
         SELECT a.worker_id,
            a.busy_from_us,
            a.busy_to_us,
            a.cost_microusd,
            a.state,
            lag(a.busy_to_us, 1, (0)::bigint) OVER (PARTITION BY a.worker_id ORDER BY a.busy_from_us, a.busy_to_us, a.id) AS before_us
           FROM public.attempts a
          WHERE (a.busy_to_us IS NOT NULL)
        ), charged AS (
         SELECT s.worker_id,
            max(s.busy_to_us) AS last_us,
            sum(s.cost_microusd) FILTER (WHERE (s.state = 'completed'::public.attempt_state)) AS images,
            sum(s.cost_microusd) FILTER (WHERE (s.state <> 'completed'::public.attempt_state)) AS waste,
            sum(public.span_cost(s.before_us, s.busy_from_us, r.microusd_per_hour)) AS gaps
           FROM ((spans s
             JOIN public.workers w ON ((w.id = s.worker_id)))
             JOIN public.rate_cards r ON ((r.id = w.rate_card_id)))
          GROUP BY s.worker_id
        ), total AS (
         SELECT w.id,
            r.microusd_per_hour,
            GREATEST(w.uptime_us, COALESCE(c.last_us, (0)::bigint)) AS uptime_us,
            (COALESCE(c.images, (0)::numeric))::bigint AS images,
            (COALESCE(c.waste, (0)::numeric))::bigint AS waste,
            (COALESCE(c.gaps, (0)::numeric))::bigint AS gaps,
            COALESCE(c.last_us, (0)::bigint) AS last_us
           FROM ((public.workers w
             JOIN public.rate_cards r ON ((r.id = w.rate_card_id)))
             LEFT JOIN charged c ON ((c.worker_id = w.id)))
        )
 SELECT total.id AS worker_id,
    total.uptime_us,
    public.span_cost((0)::bigint, total.uptime_us, total.microusd_per_hour) AS total_microusd,
    total.images AS image_microusd,
    total.waste AS waste_microusd,
    (total.gaps + public.span_cost(total.last_us, total.uptime_us, total.microusd_per_hour)) AS idle_microusd,
    ((((public.span_cost((0)::bigint, total.uptime_us, total.microusd_per_hour) - total.images) - total.waste) - total.gaps) - public.span_cost(total.last_us, total.uptime_us, total.microusd_per_hour)) AS difference_microusd
   FROM total;
CREATE VIEW public.jobs AS
 SELECT j.id,
    j.batch_id,
    j.product_id,
    j.shot,
    j.variant,
    s.state,
    j.priority,
    s.attempt,
    s.max_attempts,
    j.model_fingerprint,
    j.prompt,
    j.negative_prompt,
    j.seed,
    j.width,
    j.height,
    j.steps,
    j.guidance,
    j.text_cleaning,
    j.relative_path,
    j.unique_key,
    j.created_at,
    s.available_at,
    s.scheduled_at,
    s.lease_expires_at,
    s.current_attempt_id,
    s.finished_at,
    s.error_code,
    s.error_message,
    j.shortcuts
   FROM (public.job_specs j
     JOIN public.job_states s ON ((s.job_id = j.id)));
COMMENT ON VIEW public.jobs IS 'One image to make: product x shot x variant; the unit of work, retry and cost';
CREATE VIEW public.dead_letters AS
 SELECT j.batch_id,
    b.name AS batch,
    j.id AS job_id,
    p.sku,
    j.shot,
    j.variant,
    j.attempt AS attempts,
    j.error_code AS reason,
    j.error_message AS message,
    j.finished_at AS discarded_at
   FROM ((public.jobs j
     JOIN public.batches b ON ((b.id = j.batch_id)))
     JOIN public.products p ON ((p.id = j.product_id)))
  WHERE (j.state = 'discarded'::public.job_state);
COMMENT ON VIEW public.dead_letters IS 'Jobs that were given up, with the reason; packshot retry makes them available again';
CREATE VIEW public.embedding_cache AS
 SELECT source.source,
    count(*) AS lookups
   FROM public.attempts,
    LATERAL unnest(attempts.embedding_sources) source(source)
  GROUP BY source.source;
CREATE VIEW public.failures_by_reason AS
 SELECT attempts.batch_id,
    attempts.error_code AS reason,
    count(*) AS attempts,
    max(attempts.finished_at) AS last_at,
    (array_agg(attempts.error_message ORDER BY attempts.id DESC))[1] AS last_message
   FROM public.attempts
  WHERE ((attempts.error_code IS NOT NULL) AND (attempts.state = ANY (ARRAY['failed'::public.attempt_state, 'lost'::public.attempt_state])))
  GROUP BY attempts.batch_id, attempts.error_code;
CREATE VIEW public.worker_utilisation AS
SELECT
    NULL::text AS worker_id,
    NULL::text AS host,
    NULL::integer AS threads,
    NULL::text AS kernel_class,
    NULL::timestamp with time zone AS started_at,
    NULL::timestamp with time zone AS heartbeat_at,
    NULL::timestamp with time zone AS stopped_at,
    NULL::bigint AS uptime_us,
    NULL::bigint AS busy_us,
    NULL::bigint AS images,
    NULL::bigint AS image_microusd,
    NULL::bigint AS waste_microusd,
    NULL::bigint AS idle_microusd;
CREATE VIEW public.idle_time AS
 SELECT worker_utilisation.worker_id,
    (worker_utilisation.uptime_us - worker_utilisation.busy_us) AS idle_us,
    worker_utilisation.idle_microusd
   FROM public.worker_utilisation;
COMMENT ON VIEW public.idle_time IS 'What each worker''s time cost while it held no job';
ALTER TABLE public.images ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.images_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.job_events (
    id bigint NOT NULL,
    job_id bigint NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    event text NOT NULL,
    from_state public.job_state NOT NULL,
    to_state public.job_state NOT NULL,
    attempt_id bigint,
    worker_id text,
    detail text
)
PARTITION BY RANGE (at);
COMMENT ON TABLE public.job_events IS 'Every change of a job''s state after its submission; rows are never changed, months are dropped whole';
CREATE TABLE public.job_events_2026_11 (
    id bigint NOT NULL,
    job_id bigint NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    event text NOT NULL,
    from_state public.job_state NOT NULL,
    to_state public.job_state NOT NULL,
    attempt_id bigint,
    worker_id text,
    detail text
);
CREATE TABLE public.job_events_2026_12 (
    id bigint NOT NULL,
    job_id bigint NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    event text NOT NULL,
    from_state public.job_state NOT NULL,
    to_state public.job_state NOT NULL,
    attempt_id bigint,
    worker_id text,
    detail text
);
ALTER TABLE public.job_events ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.job_events_id_seq1
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.job_events_rest (
    id bigint NOT NULL,
    job_id bigint NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    event text NOT NULL,
    from_state public.job_state NOT NULL,
    to_state public.job_state NOT NULL,
    attempt_id bigint,
    worker_id text,
    detail text
);
ALTER TABLE public.job_specs ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.job_specs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.model_limits (
    model_fingerprint text NOT NULL,
    paused_at timestamp with time zone,
    max_running integer,
    per_minute integer,
    tokens double precision DEFAULT 0 NOT NULL,
    refilled_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT model_limits_max_running_check CHECK ((max_running > 0)),
    CONSTRAINT model_limits_per_minute_check CHECK ((per_minute > 0)),
    CONSTRAINT model_limits_tokens_check CHECK ((tokens >= (0)::double precision))
);
COMMENT ON TABLE public.model_limits IS 'Models the fleet may not work on as fast as it can; others have no row';
COMMENT ON COLUMN public.model_limits.tokens IS 'Jobs that may begin now under per_minute, as of refilled_at';
ALTER TABLE public.products ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.products_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE public.rate_cards ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.rate_cards_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.schema_migrations (
    version integer NOT NULL,
    name text NOT NULL,
    checksum bytea NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE VIEW public.sku_history AS
 SELECT p.sku,
    b.name AS batch,
    j.shot,
    j.variant,
    s.state,
    j.prompt,
    j.seed,
    j.model_fingerprint,
    i.relative_path,
    encode(i.sha256, 'hex'::text) AS sha256,
    i.created_at AS made_at,
    a.worker_id,
    a.cost_microusd
   FROM (((((public.job_specs j
     JOIN public.job_states s ON ((s.job_id = j.id)))
     JOIN public.products p ON ((p.id = j.product_id)))
     JOIN public.batches b ON ((b.id = j.batch_id)))
     LEFT JOIN public.images i ON ((i.job_id = j.id)))
     LEFT JOIN public.attempts a ON ((a.id = i.attempt_id)));
ALTER TABLE ONLY public.job_events ATTACH PARTITION public.job_events_2026_11 FOR VALUES FROM ('2026-11-01 00:00:00+00') TO ('2026-12-01 00:00:00+00');
ALTER TABLE ONLY public.job_events ATTACH PARTITION public.job_events_2026_12 FOR VALUES FROM ('2026-12-01 00:00:00+00') TO ('2027-01-01 00:00:00+00');
ALTER TABLE ONLY public.job_events ATTACH PARTITION public.job_events_rest DEFAULT;
INSERT INTO public.attempts OVERRIDING SYSTEM VALUE VALUES
	(1, 1, 'vm.29886.cva1otya9n9z', 1, 'completed', '2026-11-26 10:46:19.228613+00', '2026-11-26 10:46:19.270586+00', 1, 43819, 87983, 1, 972, 10169, 0, 0, 0, '{encoder}', 0, 0, 'completed', 0, NULL, NULL, NULL, 1, NULL),
	(2, 4, 'vm.29886.cva1otya9n9z', 1, 'completed', '2026-11-26 10:46:19.235406+00', '2026-11-26 10:46:19.29138+00', 1, 87983, 97972, 0, 790, 10085, 0, 0, 0, '{encoder}', 0, 0, 'completed', 0, NULL, NULL, NULL, 1, NULL),
	(7, 7, 'vm.29886.cva1otya9n9z', 1, 'completed', '2026-11-26 10:46:19.287247+00', '2026-11-26 10:46:19.310807+00', 1, 97972, 154227, 2, 1411, 10090, 0, 0, 0, '{encoder}', 0, 0, 'completed', 0, NULL, NULL, NULL, 1, NULL),
	(10, 10, 'vm.29886.cva1otya9n9z', 1, 'completed', '2026-11-26 10:46:19.287256+00', '2026-11-26 10:46:19.321032+00', 1, 154227, 164724, 0, 1313, 10084, 0, 0, 0, '{encoder}', 0, 0, 'completed', 0, NULL, NULL, NULL, 1, NULL),
	(3, 2, 'vm.29886.cva1otya9n9z', 1, 'completed', '2026-11-26 10:46:19.287196+00', '2026-11-26 10:46:19.33235+00', 1, 164724, 175877, 0, 1141, 10086, 0, 0, 0, '{encoder}', 0, 0, 'completed', 0, NULL, NULL, NULL, 1, NULL),
	(4, 3, 'vm.29886.cva1otya9n9z', 1, 'completed', '2026-11-26 10:46:19.287235+00', '2026-11-26 10:46:19.347464+00', 1, 175877, 191224, 1, 969, 10074, 0, 0, 0, '{memory}', 0, 0, 'completed', 0, NULL, NULL, NULL, 1, NULL),
	(5, 5, 'vm.29886.cva1otya9n9z', 1, 'completed', '2026-11-26 10:46:19.28724+00', '2026-11-26 10:46:19.352429+00', 1, 191224, 196172, 0, 67, 10078, 0, 0, 0, '{memory}', 0, 0, 'completed', 0, NULL, NULL, NULL, 1, NULL),
	(6, 6, 'vm.29886.cva1otya9n9z', 1, 'completed', '2026-11-26 10:46:19.287244+00', '2026-11-26 10:46:19.370426+00', 1, 196172, 206680, 0, 5208, 10132, 0, 0, 0, '{memory}', 0, 0, 'completed', 0, NULL, NULL, NULL, 1, NULL),
	(8, 8, 'vm.29886.cva1otya9n9z', 1, 'completed', '2026-11-26 10:46:19.28725+00', '2026-11-26 10:46:19.398235+00', 1, 206680, 220938, 1, 1111, 10379, 0, 0, 0, '{encoder}', 0, 0, 'completed', 0, NULL, NULL, NULL, 1, NULL),
	(9, 9, 'vm.29886.cva1otya9n9z', 1, 'completed', '2026-11-26 10:46:19.287253+00', '2026-11-26 10:46:19.398352+00', 1, 220938, 229852, 0, 227, 10137, 0, 0, 0, '{memory}', 0, 0, 'completed', 0, NULL, NULL, NULL, 1, NULL),
	(11, 11, 'vm.29886.cva1otya9n9z', 1, 'completed', '2026-11-26 10:46:19.287259+00', '2026-11-26 10:46:19.398379+00', 1, 229852, 240597, 0, 1272, 10247, 0, 0, 0, '{encoder}', 0, 0, 'completed', 0, NULL, NULL, NULL, 1, NULL),
	(12, 12, 'vm.29886.cva1otya9n9z', 1, 'completed', '2026-11-26 10:46:19.287262+00', '2026-11-26 10:46:19.457179+00', 1, 240597, 254569, 1, 74, 10102, 0, 0, 0, '{memory}', 0, 0, 'completed', 0, NULL, NULL, NULL, 1, NULL);
INSERT INTO public.batch_tallies VALUES
	(1, 59, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
	(1, 5, -12, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
	(1, 6, 0, 0, -12, 0, 12, 0, 0, 12, 0, 6, 0, 210750, 14555, 121663, 0, 0, 0, 5, 0, 7),
	(2, 43, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
	(2, 50, -1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
INSERT INTO public.batches OVERRIDING SYSTEM VALUE VALUES
	(1, 'first', '/srv/images', 'cat.csv', '\x611d19cdab125d67bb9e32d43f4240500c622bdde27841ff5efe5ba56ea2080c', '084be7fbbefa7052e5ed85b9eecc100a7bf121b7dc5718ca4f14ea99ef1b2ecd', 3, '2026-11-26 10:46:18.992387+00', NULL, 12, 12, NULL, 0, NULL, NULL, 1, DEFAULT),
	(2, 'second', '/srv/images', 'cat.csv', '\x611d19cdab125d67bb9e32d43f4240500c622bdde27841ff5efe5ba56ea2080c', '084be7fbbefa7052e5ed85b9eecc100a7bf121b7dc5718ca4f14ea99ef1b2ecd', 3, '2026-11-26 10:46:19.848016+00', NULL, 16, 16, 5000000, 0, NULL, 'acme', 1, DEFAULT),
	(3, 'third', '/srv/images', 'cat.csv', '\x611d19cdab125d67bb9e32d43f4240500c622bdde27841ff5efe5ba56ea2080c', '084be7fbbefa7052e5ed85b9eecc100a7bf121b7dc5718ca4f14ea99ef1b2ecd', 3, '2026-11-26 10:46:20.006157+00', NULL, 0, 0, NULL, 0, NULL, NULL, 1, DEFAULT);
INSERT INTO public.images OVERRIDING SYSTEM VALUE VALUES
	(1, 1, 1, 1, 'first/MUG-1/MUG-1.packshot.0.png', '\x3e33d2549af5f47783d4e670869e21cd6c713c92d7d57eb518afaa13efe185dc', 192, 8, 8, 'Stoneware mug, sand, on a white background', 7, '0.1.0', '2026-11-26 10:46:19.266921+00', 7, NULL, false, NULL),
	(2, 4, 2, 1, 'first/MUG-2/MUG-2.packshot.0.png', '\x75c812a8ef98ddb50097d4ea6af8f41743193760a09b4c07bfc164956c99b03f', 192, 8, 8, 'Stoneware mug, blue, on a white background', 7, '0.1.0', '2026-11-26 10:46:19.290918+00', 7, NULL, false, NULL),
	(3, 7, 7, 1, 'first/MUG-3/MUG-3.packshot.0.png', '\x49f961ee2e4294beaee43761df302ab26581a7fd303b2ef4cdee5b25dd1ad601', 192, 8, 8, 'Mug "large", 27 cl, neutral, on a white background', 9, '0.1.0', '2026-11-26 10:46:19.310106+00', 9, NULL, false, NULL),
	(4, 10, 10, 1, 'first/BOWL-1/BOWL-1.packshot.0.png', '\x2b60da664bdefa93d111e8512f82199f9cd4a3f87e1e5e4868afec24dd867d01', 192, 8, 8, 'Schüssel, rot, on a white background', 6, '0.1.0', '2026-11-26 10:46:19.320554+00', 6, NULL, false, NULL),
	(5, 2, 3, 1, 'first/MUG-1/MUG-1.scene.0.png', '\xb294568b41239cf768e638b0eded52562a9e19c97274a08b12850678fcd5a027', 192, 8, 8, 'Stoneware mug on a wooden table', 6, '0.1.0', '2026-11-26 10:46:19.331952+00', 6, NULL, false, '{"stepCache": 0.1, "reusedSteps": 0}'),
	(6, 3, 4, 1, 'first/MUG-1/MUG-1.scene.1.png', '\xb294568b41239cf768e638b0eded52562a9e19c97274a08b12850678fcd5a027', 192, 8, 8, 'Stoneware mug on a wooden table', 6, '0.1.0', '2026-11-26 10:46:19.347096+00', 6, NULL, false, '{"stepCache": 0.1, "reusedSteps": 0}'),
	(7, 5, 5, 1, 'first/MUG-2/MUG-2.scene.0.png', '\xb294568b41239cf768e638b0eded52562a9e19c97274a08b12850678fcd5a027', 192, 8, 8, 'Stoneware mug on a wooden table', 6, '0.1.0', '2026-11-26 10:46:19.352066+00', 6, NULL, false, '{"stepCache": 0.1, "reusedSteps": 0}'),
	(8, 6, 6, 1, 'first/MUG-2/MUG-2.scene.1.png', '\xb294568b41239cf768e638b0eded52562a9e19c97274a08b12850678fcd5a027', 192, 8, 8, 'Stoneware mug on a wooden table', 6, '0.1.0', '2026-11-26 10:46:19.363325+00', 6, NULL, false, '{"stepCache": 0.1, "reusedSteps": 0}'),
	(9, 8, 8, 1, 'first/MUG-3/MUG-3.scene.0.png', '\xff79c812023220228499b3343b6a922ea7c3e7efe7f94017566171e5db907ca5', 192, 8, 8, 'Mug "large", 27 cl on a wooden table', 8, '0.1.0', '2026-11-26 10:46:19.397173+00', 8, NULL, false, '{"stepCache": 0.1, "reusedSteps": 0}'),
	(10, 9, 9, 1, 'first/MUG-3/MUG-3.scene.1.png', '\xff79c812023220228499b3343b6a922ea7c3e7efe7f94017566171e5db907ca5', 192, 8, 8, 'Mug "large", 27 cl on a wooden table', 8, '0.1.0', '2026-11-26 10:46:19.397173+00', 8, NULL, false, '{"stepCache": 0.1, "reusedSteps": 0}'),
	(11, 11, 11, 1, 'first/BOWL-1/BOWL-1.scene.0.png', '\x821d8e7779540b969002511c4ce930f947ea51bfd44163051223c5d20f91437a', 192, 8, 8, 'Schüssel on a wooden table', 5, '0.1.0', '2026-11-26 10:46:19.397173+00', 5, NULL, false, '{"stepCache": 0.1, "reusedSteps": 0}'),
	(12, 12, 12, 1, 'first/BOWL-1/BOWL-1.scene.1.png', '\x821d8e7779540b969002511c4ce930f947ea51bfd44163051223c5d20f91437a', 192, 8, 8, 'Schüssel on a wooden table', 5, '0.1.0', '2026-11-26 10:46:19.456539+00', 5, NULL, false, '{"stepCache": 0.1, "reusedSteps": 0}');
INSERT INTO public.job_events_2026_11 VALUES
	(1, 1, '2026-11-26 10:46:19.228265+00', 'claimed', 'available', 'running', 1, 'vm.29886.cva1otya9n9z', NULL),
	(2, 4, '2026-11-26 10:46:19.235291+00', 'claimed', 'available', 'running', 2, 'vm.29886.cva1otya9n9z', NULL),
	(3, 1, '2026-11-26 10:46:19.269882+00', 'completed', 'running', 'completed', 1, 'vm.29886.cva1otya9n9z', NULL),
	(4, 2, '2026-11-26 10:46:19.287024+00', 'claimed', 'available', 'running', 3, 'vm.29886.cva1otya9n9z', NULL),
	(5, 3, '2026-11-26 10:46:19.287038+00', 'claimed', 'available', 'running', 4, 'vm.29886.cva1otya9n9z', NULL),
	(6, 5, '2026-11-26 10:46:19.287041+00', 'claimed', 'available', 'running', 5, 'vm.29886.cva1otya9n9z', NULL),
	(7, 6, '2026-11-26 10:46:19.287043+00', 'claimed', 'available', 'running', 6, 'vm.29886.cva1otya9n9z', NULL),
	(8, 7, '2026-11-26 10:46:19.287045+00', 'claimed', 'available', 'running', 7, 'vm.29886.cva1otya9n9z', NULL),
	(9, 8, '2026-11-26 10:46:19.287047+00', 'claimed', 'available', 'running', 8, 'vm.29886.cva1otya9n9z', NULL),
	(10, 9, '2026-11-26 10:46:19.287048+00', 'claimed', 'available', 'running', 9, 'vm.29886.cva1otya9n9z', NULL),
	(11, 10, '2026-11-26 10:46:19.28705+00', 'claimed', 'available', 'running', 10, 'vm.29886.cva1otya9n9z', NULL),
	(12, 11, '2026-11-26 10:46:19.287052+00', 'claimed', 'available', 'running', 11, 'vm.29886.cva1otya9n9z', NULL),
	(13, 12, '2026-11-26 10:46:19.287053+00', 'claimed', 'available', 'running', 12, 'vm.29886.cva1otya9n9z', NULL),
	(14, 4, '2026-11-26 10:46:19.291238+00', 'completed', 'running', 'completed', 2, 'vm.29886.cva1otya9n9z', NULL),
	(15, 7, '2026-11-26 10:46:19.310553+00', 'completed', 'running', 'completed', 7, 'vm.29886.cva1otya9n9z', NULL),
	(16, 10, '2026-11-26 10:46:19.320862+00', 'completed', 'running', 'completed', 10, 'vm.29886.cva1otya9n9z', NULL),
	(17, 2, '2026-11-26 10:46:19.332218+00', 'completed', 'running', 'completed', 3, 'vm.29886.cva1otya9n9z', NULL),
	(18, 3, '2026-11-26 10:46:19.347341+00', 'completed', 'running', 'completed', 4, 'vm.29886.cva1otya9n9z', NULL),
	(19, 5, '2026-11-26 10:46:19.352306+00', 'completed', 'running', 'completed', 5, 'vm.29886.cva1otya9n9z', NULL),
	(20, 6, '2026-11-26 10:46:19.36667+00', 'completed', 'running', 'completed', 6, 'vm.29886.cva1otya9n9z', NULL),
	(21, 8, '2026-11-26 10:46:19.397815+00', 'completed', 'running', 'completed', 8, 'vm.29886.cva1otya9n9z', NULL),
	(22, 9, '2026-11-26 10:46:19.397842+00', 'completed', 'running', 'completed', 9, 'vm.29886.cva1otya9n9z', NULL),
	(23, 11, '2026-11-26 10:46:19.397849+00', 'completed', 'running', 'completed', 11, 'vm.29886.cva1otya9n9z', NULL),
	(24, 12, '2026-11-26 10:46:19.456972+00', 'completed', 'running', 'completed', 12, 'vm.29886.cva1otya9n9z', NULL),
	(25, 15, '2026-11-26 10:46:19.9218+00', 'cancelled', 'available', 'cancelled', NULL, NULL, NULL);
INSERT INTO public.job_specs OVERRIDING SYSTEM VALUE VALUES
	(1, 1, 1, 'packshot', 0, 4, '084be7fbbefa7052e5ed85b9eecc100a7bf121b7dc5718ca4f14ea99ef1b2ecd', 'Stoneware mug, sand, on a white background', '', 3590564209, 128, 128, 12, 2, 'first/MUG-1/MUG-1.packshot.0.png', '\xcd0045b6accc520f0a333afebb52cccb1b252db758321c477ff16e4a26f041a7', '2026-11-26 10:46:18.992387+00', NULL, NULL, NULL),
	(2, 1, 1, 'scene', 0, 6, '084be7fbbefa7052e5ed85b9eecc100a7bf121b7dc5718ca4f14ea99ef1b2ecd', 'Stoneware mug on a wooden table', 'blurry', 545414236, 128, 128, 12, 2, 'first/MUG-1/MUG-1.scene.0.png', '\x3bf251b87515d5aec07580bc28ff72d26aa192579ea424c9f01dc5d00755aa6b', '2026-11-26 10:46:18.992387+00', NULL, NULL, '{"stepCache": 0.1}'),
	(3, 1, 1, 'scene', 1, 6, '084be7fbbefa7052e5ed85b9eecc100a7bf121b7dc5718ca4f14ea99ef1b2ecd', 'Stoneware mug on a wooden table', 'blurry', 1579667253, 128, 128, 12, 2, 'first/MUG-1/MUG-1.scene.1.png', '\x3621b4daf4682ee10e86efdf1523d22a2323c9eeab696a412247271a24c47695', '2026-11-26 10:46:18.992387+00', NULL, NULL, '{"stepCache": 0.1}'),
	(4, 1, 2, 'packshot', 0, 4, '084be7fbbefa7052e5ed85b9eecc100a7bf121b7dc5718ca4f14ea99ef1b2ecd', 'Stoneware mug, blue, on a white background', '', 2457064051, 128, 128, 12, 2, 'first/MUG-2/MUG-2.packshot.0.png', '\x1530c0d35ce649c108fa335ac4d78e1ac12bd44b6fb095b1668ece437ff55de1', '2026-11-26 10:46:18.992387+00', NULL, NULL, NULL),
	(5, 1, 2, 'scene', 0, 6, '084be7fbbefa7052e5ed85b9eecc100a7bf121b7dc5718ca4f14ea99ef1b2ecd', 'Stoneware mug on a wooden table', 'blurry', 2013345846, 128, 128, 12, 2, 'first/MUG-2/MUG-2.scene.0.png', '\xb4c800d92b63935277a455a3da664be890cfdec40f84a6c2abfbb3fe09d05f0e', '2026-11-26 10:46:18.992387+00', NULL, NULL, '{"stepCache": 0.1}'),
	(6, 1, 2, 'scene', 1, 6, '084be7fbbefa7052e5ed85b9eecc100a7bf121b7dc5718ca4f14ea99ef1b2ecd', 'Stoneware mug on a wooden table', 'blurry', 4155088470, 128, 128, 12, 2, 'first/MUG-2/MUG-2.scene.1.png', '\x45d7788f06749109bc159e4c11d8515e5632c4eb8b2328a7139aef93e511eee2', '2026-11-26 10:46:18.992387+00', NULL, NULL, '{"stepCache": 0.1}'),
	(7, 1, 3, 'packshot', 0, 4, '084be7fbbefa7052e5ed85b9eecc100a7bf121b7dc5718ca4f14ea99ef1b2ecd', 'Mug "large", 27 cl, neutral, on a white background', '', 3196363341, 128, 128, 12, 2, 'first/MUG-3/MUG-3.packshot.0.png', '\x52f60ae7e4d445374f336e17d94487cd30163dbadc2d52e7c7e8914f761d02ea', '2026-11-26 10:46:18.992387+00', NULL, NULL, NULL),
	(8, 1, 3, 'scene', 0, 6, '084be7fbbefa7052e5ed85b9eecc100a7bf121b7dc5718ca4f14ea99ef1b2ecd', 'Mug "large", 27 cl on a wooden table', 'blurry', 2156015362, 128, 128, 12, 2, 'first/MUG-3/MUG-3.scene.0.png', '\x68348483fd0de21c66ee86c09cf51ff507bf3447c3399d8761fc6cd9ab0aec80', '2026-11-26 10:46:18.992387+00', NULL, NULL, '{"stepCache": 0.1}'),
	(9, 1, 3, 'scene', 1, 6, '084be7fbbefa7052e5ed85b9eecc100a7bf121b7dc5718ca4f14ea99ef1b2ecd', 'Mug "large", 27 cl on a wooden table', 'blurry', 1344412196, 128, 128, 12, 2, 'first/MUG-3/MUG-3.scene.1.png', '\x14873b525f7d4e6c78cf32394c737092a21663e29ab3dad4536cd98650a15b3e', '2026-11-26 10:46:18.992387+00', NULL, NULL, '{"stepCache": 0.1}'),
	(10, 1, 4, 'packshot', 0, 4, '084be7fbbefa7052e5ed85b9eecc100a7bf121b7dc5718ca4f14ea99ef1b2ecd', 'Schüssel, rot, on a white background', '', 442871538, 128, 128, 12, 2, 'first/BOWL-1/BOWL-1.packshot.0.png', '\x09d9f90c24472e81fce35b60d2a4c1ffd3e9b505054c338be68f783c08cfda22', '2026-11-26 10:46:18.992387+00', NULL, NULL, NULL),
	(11, 1, 4, 'scene', 0, 6, '084be7fbbefa7052e5ed85b9eecc100a7bf121b7dc5718ca4f14ea99ef1b2ecd', 'Schüssel on a wooden table', 'blurry', 3123205535, 128, 128, 12, 2, 'first/BOWL-1/BOWL-1.scene.0.png', '\x278b8509bae742c5adb173ed21233550e4fb329925814fc0d6c6fbebc52b2ea1', '2026-11-26 10:46:18.992387+00', NULL, NULL, '{"stepCache": 0.1}'),
	(12, 1, 4, 'scene', 1, 6, '084be7fbbefa7052e5ed85b9eecc100a7bf121b7dc5718ca4f14ea99ef1b2ecd', 'Schüssel on a wooden table', 'blurry', 3310005716, 128, 128, 12, 2, 'first/BOWL-1/BOWL-1.scene.1.png', '\xbd616a45e5dfc7f80f91c3dcaf62b7b8c7932fde35c884a7610800bdc6ad7acd', '2026-11-26 10:46:18.992387+00', NULL, NULL, '{"stepCache": 0.1}'),
	(13, 2, 5, 'main', 0, 4, '084be7fbbefa7052e5ed85b9eecc100a7bf121b7dc5718ca4f14ea99ef1b2ecd', 'Stoneware mug on a white background, studio product photo', '', 1695571946, 128, 128, 28, 4, 'second/MUG-1/MUG-1.main.0.png', '\x13f5d3588950e33076875a2c776cad0e8490f3e3f3d1e6bacc55bf6d1bb27085', '2026-11-26 10:46:19.848016+00', NULL, NULL, NULL),
	(14, 2, 6, 'main', 0, 4, '084be7fbbefa7052e5ed85b9eecc100a7bf121b7dc5718ca4f14ea99ef1b2ecd', 'Stoneware mug on a white background, studio product photo', '', 564717203, 128, 128, 28, 4, 'second/MUG-2/MUG-2.main.0.png', '\x0c37726af78d101ed7507b2b1c34209b499da5598c1a5e36ec8e9e6c16ccb977', '2026-11-26 10:46:19.848016+00', NULL, NULL, NULL),
	(15, 2, 7, 'main', 0, 4, '084be7fbbefa7052e5ed85b9eecc100a7bf121b7dc5718ca4f14ea99ef1b2ecd', 'Mug "large", 27 cl on a white background, studio product photo', '', 3633181052, 128, 128, 28, 4, 'second/MUG-3/MUG-3.main.0.png', '\x208536926265ab3299a30c97fd67e8ef947854ce5996d741a61cfe7e42aeb900', '2026-11-26 10:46:19.848016+00', NULL, NULL, NULL),
	(16, 2, 8, 'main', 0, 4, '084be7fbbefa7052e5ed85b9eecc100a7bf121b7dc5718ca4f14ea99ef1b2ecd', 'Schüssel on a white background, studio product photo', '', 4223591836, 128, 128, 28, 4, 'second/BOWL-1/BOWL-1.main.0.png', '\x4d83887ffa7a95b0987d49ab149d6fb90c833a9642302fde63af9393b27c2564', '2026-11-26 10:46:19.848016+00', NULL, NULL, NULL);
INSERT INTO public.job_states VALUES
	(1, 1, 'completed', 1, 3, '2026-11-26 10:46:19.266921+00', NULL, NULL, 1, '2026-11-26 10:46:19.266921+00', NULL, NULL),
	(4, 1, 'completed', 1, 3, '2026-11-26 10:46:19.290918+00', NULL, NULL, 2, '2026-11-26 10:46:19.290918+00', NULL, NULL),
	(7, 1, 'completed', 1, 3, '2026-11-26 10:46:19.310106+00', NULL, NULL, 7, '2026-11-26 10:46:19.310106+00', NULL, NULL),
	(10, 1, 'completed', 1, 3, '2026-11-26 10:46:19.320554+00', NULL, NULL, 10, '2026-11-26 10:46:19.320554+00', NULL, NULL),
	(2, 1, 'completed', 1, 3, '2026-11-26 10:46:19.331952+00', NULL, NULL, 3, '2026-11-26 10:46:19.331952+00', NULL, NULL),
	(3, 1, 'completed', 1, 3, '2026-11-26 10:46:19.347096+00', NULL, NULL, 4, '2026-11-26 10:46:19.347096+00', NULL, NULL),
	(5, 1, 'completed', 1, 3, '2026-11-26 10:46:19.352066+00', NULL, NULL, 5, '2026-11-26 10:46:19.352066+00', NULL, NULL),
	(6, 1, 'completed', 1, 3, '2026-11-26 10:46:19.363325+00', NULL, NULL, 6, '2026-11-26 10:46:19.363325+00', NULL, NULL),
	(8, 1, 'completed', 1, 3, '2026-11-26 10:46:19.397173+00', NULL, NULL, 8, '2026-11-26 10:46:19.397173+00', NULL, NULL),
	(9, 1, 'completed', 1, 3, '2026-11-26 10:46:19.397173+00', NULL, NULL, 9, '2026-11-26 10:46:19.397173+00', NULL, NULL),
	(11, 1, 'completed', 1, 3, '2026-11-26 10:46:19.397173+00', NULL, NULL, 11, '2026-11-26 10:46:19.397173+00', NULL, NULL),
	(12, 1, 'completed', 1, 3, '2026-11-26 10:46:19.456539+00', NULL, NULL, 12, '2026-11-26 10:46:19.456539+00', NULL, NULL),
	(13, 2, 'available', 0, 3, '2026-11-26 10:46:19.848016+00', NULL, NULL, NULL, NULL, NULL, NULL),
	(14, 2, 'available', 0, 3, '2026-11-26 10:46:19.848016+00', NULL, NULL, NULL, NULL, NULL, NULL),
	(16, 2, 'available', 0, 3, '2026-11-26 10:46:19.848016+00', NULL, NULL, NULL, NULL, NULL, NULL),
	(15, 2, 'cancelled', 0, 3, '2026-11-26 10:46:19.848016+00', NULL, NULL, NULL, '2026-11-26 10:46:19.920331+00', NULL, NULL);
INSERT INTO public.model_weights VALUES
	('084be7fbbefa7052e5ed85b9eecc100a7bf121b7dc5718ca4f14ea99ef1b2ecd', 'packshot-tiny', '/srv/models/packshot-tiny', 'PRXPixelPipeline', 10296000, 20603968, '2026-11-26 10:46:18.992387+00');
INSERT INTO public.products OVERRIDING SYSTEM VALUE VALUES
	(1, 1, 'MUG-1', 'Stoneware mug', '{"color": "sand"}'),
	(2, 1, 'MUG-2', 'Stoneware mug', '{"color": "blue"}'),
	(3, 1, 'MUG-3', 'Mug "large", 27 cl', '{}'),
	(4, 1, 'BOWL-1', 'Schüssel', '{"color": "rot"}'),
	(5, 2, 'MUG-1', 'Stoneware mug', '{"color": "sand"}'),
	(6, 2, 'MUG-2', 'Stoneware mug', '{"color": "blue"}'),
	(7, 2, 'MUG-3', 'Mug "large", 27 cl', '{}'),
	(8, 2, 'BOWL-1', 'Schüssel', '{"color": "rot"}'),
	(9, 3, 'MUG-1', 'Stoneware mug', '{"color": "sand"}'),
	(10, 3, 'MUG-2', 'Stoneware mug', '{"color": "blue"}'),
	(11, 3, 'MUG-3', 'Mug "large", 27 cl', '{}'),
	(12, 3, 'BOWL-1', 'Schüssel', '{"color": "rot"}');
INSERT INTO public.rate_cards OVERRIDING SYSTEM VALUE VALUES
	(1, 'default', 100000, '2026-11-26 10:46:19.155947+00', NULL);
INSERT INTO public.schema_migrations VALUES
	(1, '0001_ledger', '\x38bf671702e2863fc8b8a0767b119e33b0f927cb4729decdfe18c48599043e58', '2026-11-26 10:46:18.582225+00'),
	(2, '0002_steering', '\xf7c1d42d1894c3c46ffe1f0da5e90ecd4ce350abd1fad813122b05a5dd557bd5', '2026-11-26 10:46:18.707822+00'),
	(3, '0003_job_states', '\x8e90762b055b9752a0406c16c26d49635fb7e30e737d433d4d066411332160f7', '2026-11-26 10:46:18.767056+00'),
	(4, '0004_shortcuts', '\x3621f80e63c609dfa24b08121b9878936d89b08d6c77734747a1bcd2ad613ece', '2026-11-26 10:46:18.884076+00');
INSERT INTO public.workers VALUES
	('vm.29886.cva1otya9n9z', 'vm', 29886, '0.1.0', 1, 'simulated', '084be7fbbefa7052e5ed85b9eecc100a7bf121b7dc5718ca4f14ea99ef1b2ecd', 1, '2026-11-26 10:46:19.155947+00', '2026-11-26 10:46:19.725517+00', '2026-11-26 10:46:19.725517+00', 569624, NULL);
SELECT pg_catalog.setval('public.attempts_id_seq', 12, true);
SELECT pg_catalog.setval('public.batches_id_seq', 3, true);
SELECT pg_catalog.setval('public.images_id_seq', 12, true);
SELECT pg_catalog.setval('public.job_events_id_seq1', 25, true);
SELECT pg_catalog.setval('public.job_specs_id_seq', 28, true);
SELECT pg_catalog.setval('public.products_id_seq', 12, true);
SELECT pg_catalog.setval('public.rate_cards_id_seq', 1, true);
ALTER TABLE ONLY public.attempts
    ADD CONSTRAINT attempts_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.batch_tallies
    ADD CONSTRAINT batch_tallies_pkey PRIMARY KEY (batch_id, keeper);
ALTER TABLE ONLY public.batches
    ADD CONSTRAINT batches_output_root_name_key UNIQUE (output_root, name);
ALTER TABLE ONLY public.batches
    ADD CONSTRAINT batches_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.images
    ADD CONSTRAINT images_batch_id_relative_path_key UNIQUE (batch_id, relative_path);
ALTER TABLE ONLY public.images
    ADD CONSTRAINT images_job_id_key UNIQUE (job_id);
ALTER TABLE ONLY public.images
    ADD CONSTRAINT images_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.job_specs
    ADD CONSTRAINT job_specs_path_once_a_batch UNIQUE (batch_id, relative_path);
ALTER TABLE ONLY public.job_specs
    ADD CONSTRAINT job_specs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.job_specs
    ADD CONSTRAINT job_specs_unique_key UNIQUE (unique_key);
ALTER TABLE ONLY public.job_states
    ADD CONSTRAINT job_states_pkey PRIMARY KEY (job_id);
ALTER TABLE ONLY public.model_limits
    ADD CONSTRAINT model_limits_pkey PRIMARY KEY (model_fingerprint);
ALTER TABLE ONLY public.model_weights
    ADD CONSTRAINT model_weights_pkey PRIMARY KEY (fingerprint);
ALTER TABLE ONLY public.products
    ADD CONSTRAINT products_batch_id_sku_key UNIQUE (batch_id, sku);
ALTER TABLE ONLY public.products
    ADD CONSTRAINT products_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.rate_cards
    ADD CONSTRAINT rate_cards_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (version);
ALTER TABLE ONLY public.workers
    ADD CONSTRAINT workers_pkey PRIMARY KEY (id);
CREATE INDEX attempts_cancelled ON public.attempts USING btree (cancelled_at) WHERE (cancelled_at IS NOT NULL);
CREATE INDEX attempts_of_job ON public.attempts USING btree (job_id, id);
CREATE INDEX attempts_of_worker ON public.attempts USING btree (worker_id, id);
CREATE INDEX attempts_with_error ON public.attempts USING btree (batch_id, id) WHERE (error_code IS NOT NULL);
CREATE INDEX batches_to_dispatch ON public.batches USING btree (id) WHERE (dispatched_through < last_job_id);
CREATE INDEX images_by_content ON public.images USING btree (sha256);
CREATE INDEX job_events_of_job ON ONLY public.job_events USING btree (job_id, id);
CREATE INDEX job_events_2026_11_job_id_id_idx ON public.job_events_2026_11 USING btree (job_id, id);
CREATE INDEX job_events_2026_12_job_id_id_idx ON public.job_events_2026_12 USING btree (job_id, id);
CREATE INDEX job_events_rest_job_id_id_idx ON public.job_events_rest USING btree (job_id, id);
CREATE INDEX job_specs_of_product ON public.job_specs USING btree (product_id);
CREATE INDEX job_states_due ON public.job_states USING btree (scheduled_at) WHERE (state = ANY (ARRAY['scheduled'::public.job_state, 'retryable'::public.job_state]));
CREATE INDEX job_states_leased ON public.job_states USING btree (lease_expires_at) WHERE (state = 'running'::public.job_state);
CREATE INDEX job_states_waiting ON public.job_states USING btree (batch_id, job_id) WHERE (state = 'available'::public.job_state);
CREATE UNIQUE INDEX rate_cards_one_valid ON public.rate_cards USING btree (name) WHERE (valid_to IS NULL);
ALTER INDEX public.job_events_of_job ATTACH PARTITION public.job_events_2026_11_job_id_id_idx;
ALTER INDEX public.job_events_of_job ATTACH PARTITION public.job_events_2026_12_job_id_id_idx;
ALTER INDEX public.job_events_of_job ATTACH PARTITION public.job_events_rest_job_id_id_idx;
CREATE OR REPLACE VIEW public.worker_utilisation AS
 SELECT w.id AS worker_id,
    w.host,
    w.threads,
    w.kernel_class,
    w.started_at,
    w.heartbeat_at,
    w.stopped_at,
    c.uptime_us,
    (COALESCE(sum((a.busy_to_us - a.busy_from_us)), (0)::numeric))::bigint AS busy_us,
    count(*) FILTER (WHERE (a.state = 'completed'::public.attempt_state)) AS images,
    c.image_microusd,
    c.waste_microusd,
    c.idle_microusd
   FROM ((public.workers w
     JOIN public.cost_reconciliation c ON ((c.worker_id = w.id)))
     LEFT JOIN public.attempts a ON ((a.worker_id = w.id)))
  GROUP BY w.id, c.uptime_us, c.image_microusd, c.waste_microusd, c.idle_microusd;
CREATE TRIGGER attempts_keep_committed AFTER INSERT OR UPDATE ON public.attempts FOR EACH ROW WHEN ((new.reserved_microusd IS NOT NULL)) EXECUTE FUNCTION public.keep_committed();
CREATE TRIGGER attempts_tally AFTER UPDATE ON public.attempts REFERENCING OLD TABLE AS earlier NEW TABLE AS later FOR EACH STATEMENT EXECUTE FUNCTION public.tally_attempts();
CREATE TRIGGER job_events_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.job_events FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();
CREATE TRIGGER job_states_tally AFTER UPDATE ON public.job_states REFERENCING OLD TABLE AS earlier NEW TABLE AS later FOR EACH STATEMENT EXECUTE FUNCTION public.tally_jobs();
CREATE TRIGGER job_states_tally_new AFTER INSERT ON public.job_states REFERENCING NEW TABLE AS later FOR EACH STATEMENT EXECUTE FUNCTION public.tally_new_jobs();
CREATE TRIGGER jobs_change INSTEAD OF UPDATE ON public.jobs FOR EACH ROW EXECUTE FUNCTION public.change_job();
ALTER TABLE ONLY public.batches
    ADD CONSTRAINT batches_model_fingerprint_fkey FOREIGN KEY (model_fingerprint) REFERENCES public.model_weights(fingerprint);
ALTER TABLE ONLY public.model_limits
    ADD CONSTRAINT model_limits_model_fingerprint_fkey FOREIGN KEY (model_fingerprint) REFERENCES public.model_weights(fingerprint);
ALTER TABLE ONLY public.workers
    ADD CONSTRAINT workers_model_fingerprint_fkey FOREIGN KEY (model_fingerprint) REFERENCES public.model_weights(fingerprint);
ALTER TABLE ONLY public.workers
    ADD CONSTRAINT workers_rate_card_id_fkey FOREIGN KEY (rate_card_id) REFERENCES public.rate_cards(id);
