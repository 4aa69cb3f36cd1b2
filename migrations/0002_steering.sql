-- Steering: budgets, limits by model, how prompts were cleaned; and history in parts by month.

ALTER TABLE batches
    ADD COLUMN budget_microusd bigint CHECK (budget_microusd >= 0),
    ADD COLUMN committed_microusd bigint NOT NULL DEFAULT 0,
    ADD COLUMN pause_reason text,
    ADD CONSTRAINT batches_reason_is_of_a_pause CHECK (pause_reason IS NULL OR paused_at IS NOT NULL);
COMMENT ON COLUMN batches.committed_microusd IS 'With a budget: what its attempts cost, plus what is set aside for those that run';

ALTER TABLE attempts ADD COLUMN reserved_microusd bigint CHECK (reserved_microusd >= 0);
COMMENT ON COLUMN attempts.reserved_microusd IS 'Set aside of its batch''s budget at the claim; null without a budget';

ALTER TABLE jobs ADD COLUMN text_cleaning text CHECK (text_cleaning IN ('full', 'light'));
COMMENT ON COLUMN jobs.text_cleaning IS 'How prompts are to be cleaned; null for the model''s own way';

ALTER TABLE images
    ADD COLUMN prompt_tokens_used integer CHECK (prompt_tokens_used >= 0),
    ADD COLUMN text_cleaning text CHECK (text_cleaning IN ('full', 'light')),
    ADD COLUMN dropped_letters boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN images.prompt_tokens_used IS 'Less than prompt_tokens when the prompt was cut to the model''s length';
COMMENT ON COLUMN images.dropped_letters IS 'Cleaning took letters out of the prompt';

-- Keeps batches.committed_microusd: what is set aside while an attempt runs, what it cost once it has ended.
CREATE FUNCTION keep_committed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before bigint := 0;
    after bigint := CASE WHEN NEW.state = 'running' THEN NEW.reserved_microusd ELSE NEW.cost_microusd END;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        before := CASE WHEN OLD.state = 'running' THEN OLD.reserved_microusd ELSE OLD.cost_microusd END;
    END IF;
    IF after <> before THEN
        UPDATE batches SET committed_microusd = committed_microusd + after - before
        WHERE id = (SELECT batch_id FROM jobs WHERE jobs.id = NEW.job_id);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER attempts_keep_committed AFTER INSERT OR UPDATE ON attempts
    FOR EACH ROW WHEN (NEW.reserved_microusd IS NOT NULL) EXECUTE FUNCTION keep_committed();

CREATE TABLE model_limits (
    model_fingerprint text PRIMARY KEY REFERENCES model_weights,
    paused_at timestamptz,
    max_running integer CHECK (max_running > 0),
    per_minute integer CHECK (per_minute > 0),
    tokens double precision NOT NULL DEFAULT 0 CHECK (tokens >= 0),
    refilled_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE model_limits IS 'Models the fleet may not work on as fast as it can; others have no row';
COMMENT ON COLUMN model_limits.tokens IS 'Jobs that may begin now under per_minute, as of refilled_at';

-- Cancelled jobs whose last attempt may still run somewhere.
CREATE INDEX jobs_cancelled ON jobs (finished_at) WHERE state = 'cancelled';

CREATE VIEW dead_letters AS
SELECT j.batch_id, b.name AS batch, j.id AS job_id, p.sku, j.shot, j.variant, j.attempt AS attempts, j.error_code AS reason,
       j.error_message AS message, j.finished_at AS discarded_at
FROM jobs j JOIN batches b ON b.id = j.batch_id JOIN products p ON p.id = j.product_id WHERE j.state = 'discarded';
COMMENT ON VIEW dead_letters IS 'Jobs that were given up, with the reason; packshot retry makes them available again';

CREATE VIEW idle_time AS
SELECT worker_id, uptime_us - busy_us AS idle_us, idle_microusd FROM worker_utilisation;
COMMENT ON VIEW idle_time IS 'What each worker''s time cost while it held no job';

-- History in parts by month: old months are dropped in one piece (DROP TABLE job_events_2026_11), new ones are made by workers.
ALTER TABLE job_events RENAME TO job_events_before;
ALTER TABLE job_events_before DROP CONSTRAINT job_events_pkey;
ALTER INDEX job_events_of_job RENAME TO job_events_before_of_job;
DROP TRIGGER job_events_append_only ON job_events_before;
CREATE TABLE job_events (
    id bigint GENERATED ALWAYS AS IDENTITY,
    job_id bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    event text NOT NULL,
    from_state job_state NOT NULL,
    to_state job_state NOT NULL,
    attempt_id bigint,
    worker_id text,
    detail text
) PARTITION BY RANGE (at);
CREATE INDEX job_events_of_job ON job_events (job_id, id);
CREATE TABLE job_events_rest PARTITION OF job_events DEFAULT;

CREATE FUNCTION make_month_of_events(month date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    first date := date_trunc('month', month);
    name text := format('job_events_%s', to_char(first, 'YYYY_MM'));
BEGIN
    IF to_regclass(name) IS NOT NULL THEN RETURN; END IF;
    EXECUTE format('CREATE TABLE %I PARTITION OF job_events FOR VALUES FROM (%L) TO (%L)',
        name, first::timestamptz, (first + interval '1 month')::timestamptz);
EXCEPTION WHEN duplicate_table OR check_violation THEN
    -- Somebody else made it, or the rest holds rows of that month already; both work.
    RETURN;
END $$;
SELECT make_month_of_events(now()::date), make_month_of_events((now() + interval '1 month')::date);
INSERT INTO job_events (job_id, at, event, from_state, to_state, attempt_id, worker_id, detail)
    SELECT job_id, at, event, from_state, to_state, attempt_id, worker_id, detail FROM job_events_before ORDER BY id;
DROP TABLE job_events_before;
CREATE TRIGGER job_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON job_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
COMMENT ON TABLE job_events IS 'Every change of a job''s state after its submission; rows are never changed, months are dropped whole';
