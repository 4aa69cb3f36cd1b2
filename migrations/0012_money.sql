-- Money: what a budget is held against is a sum that is kept for every batch, with a budget or without; what a worker's time is
-- charged with never overlaps; and the reconciliation can fail.

SET LOCAL statement_timeout = 0;

-- What a batch cost is in its tallies already, kept by whoever ends attempts and spread over many rows, so that they do not wait
-- for each other, nor for somebody who holds the batch's row. What is set aside belongs beside it.
DROP TRIGGER attempts_keep_committed ON attempts;
DROP FUNCTION keep_committed();
ALTER TABLE batches DROP COLUMN committed_microusd, ADD COLUMN budget_needed_microusd bigint;
COMMENT ON COLUMN batches.budget_microusd IS 'What it may cost; what it did cost and has set aside is in batch_budgets';
COMMENT ON COLUMN batches.budget_needed_microusd IS 'What the next image would have had to set aside when the budget paused the batch';
ALTER TABLE batch_tallies ADD COLUMN reserved_microusd bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN batch_tallies.reserved_microusd IS 'Set aside for attempts that run';
INSERT INTO batch_tallies AS t (batch_id, keeper, reserved_microusd)
    SELECT batch_id, 0, sum(reserved_microusd) FROM attempts WHERE state = 'running' AND reserved_microusd IS NOT NULL GROUP BY batch_id
    ON CONFLICT (batch_id, keeper) DO UPDATE SET reserved_microusd = t.reserved_microusd + excluded.reserved_microusd;

COMMENT ON COLUMN attempts.reserved_microusd IS 'Set aside of its batch''s budget, at the claim and under way; null without a budget';
-- What the budget learns from: a batch's latest attempts that had something set aside.
CREATE INDEX attempts_with_budget ON attempts (batch_id, id) WHERE reserved_microusd IS NOT NULL;

CREATE OR REPLACE FUNCTION tally_attempts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    mine integer := pg_backend_pid() % 64;
BEGIN
    -- Without a budget a claim changes nothing here, nor does a heartbeat.
    IF NOT EXISTS (SELECT FROM later WHERE state <> 'running' OR reserved_microusd IS NOT NULL) THEN RETURN NULL; END IF;
    INSERT INTO batch_tallies AS t (batch_id, keeper, images, lost_attempts, image_microusd, waste_microusd, reserved_microusd,
        busy_us, embed_us, sample_us, decode_us, encode_us, write_us, from_memory, from_redis, from_encoder)
    SELECT batch_id, mine,
           coalesce(sum(n) FILTER (WHERE state = 'completed'), 0),
           coalesce(sum(n) FILTER (WHERE state NOT IN ('completed', 'running')), 0),
           coalesce(sum(n * cost_microusd) FILTER (WHERE state = 'completed'), 0),
           coalesce(sum(n * cost_microusd) FILTER (WHERE state <> 'completed'), 0),
           coalesce(sum(n * reserved_microusd) FILTER (WHERE state = 'running'), 0),
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
    GROUP BY batch_id
    -- A heartbeat of attempts with a budget changes nothing either.
    HAVING bool_or(state <> 'running') OR coalesce(sum(n * reserved_microusd), 0) <> 0
    ORDER BY batch_id
    ON CONFLICT (batch_id, keeper) DO UPDATE SET images = t.images + excluded.images,
        lost_attempts = t.lost_attempts + excluded.lost_attempts, image_microusd = t.image_microusd + excluded.image_microusd,
        waste_microusd = t.waste_microusd + excluded.waste_microusd,
        reserved_microusd = t.reserved_microusd + excluded.reserved_microusd, busy_us = t.busy_us + excluded.busy_us,
        embed_us = t.embed_us + excluded.embed_us, sample_us = t.sample_us + excluded.sample_us,
        decode_us = t.decode_us + excluded.decode_us, encode_us = t.encode_us + excluded.encode_us,
        write_us = t.write_us + excluded.write_us, from_memory = t.from_memory + excluded.from_memory,
        from_redis = t.from_redis + excluded.from_redis, from_encoder = t.from_encoder + excluded.from_encoder;
    RETURN NULL;
END $$;
CREATE FUNCTION tally_new_attempts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM later WHERE reserved_microusd IS NOT NULL) THEN RETURN NULL; END IF;
    INSERT INTO batch_tallies AS t (batch_id, keeper, reserved_microusd)
    SELECT batch_id, pg_backend_pid() % 64, sum(reserved_microusd) FROM later
    WHERE state = 'running' AND reserved_microusd IS NOT NULL GROUP BY batch_id ORDER BY batch_id
    ON CONFLICT (batch_id, keeper) DO UPDATE SET reserved_microusd = t.reserved_microusd + excluded.reserved_microusd;
    RETURN NULL;
END $$;
CREATE TRIGGER attempts_tally_new AFTER INSERT ON attempts REFERENCING NEW TABLE AS later
    FOR EACH STATEMENT EXECUTE FUNCTION tally_new_attempts();

CREATE VIEW batch_budgets AS
SELECT b.id AS batch_id, b.name, b.budget_microusd, t.spent_microusd, t.reserved_microusd,
       t.spent_microusd + t.reserved_microusd AS committed_microusd,
       b.budget_microusd - t.spent_microusd - t.reserved_microusd AS left_microusd,
       greatest(0, t.spent_microusd - b.budget_microusd) AS over_microusd
FROM batches b CROSS JOIN LATERAL (
    SELECT coalesce(sum(image_microusd + waste_microusd), 0)::bigint AS spent_microusd,
           coalesce(sum(reserved_microusd), 0)::bigint AS reserved_microusd
    FROM batch_tallies WHERE batch_id = b.id) t;
COMMENT ON VIEW batch_budgets IS 'What each batch may cost (null for any amount), what it cost so far, and what is set aside for attempts that run';
COMMENT ON COLUMN batch_budgets.over_microusd IS 'What it cost beyond its budget; null without one';

-- A lost attempt is charged an estimate by the ledger's clock until its worker reports it. A worker that lives may report other
-- attempts instead: those stretches are its own, and the estimate keeps what is left.
ALTER TABLE attempts ADD COLUMN is_estimate boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN attempts.is_estimate IS 'Its stretch is the ledger''s guess: its worker never reported it';
UPDATE attempts SET is_estimate = true
    WHERE state IN ('lost', 'cancelled') AND busy_to_us IS NOT NULL AND resulting_state IS NULL AND stale_settlements = 0;
CREATE INDEX attempts_estimated ON attempts (worker_id) WHERE is_estimate;

-- One writer at a time for each worker's line, after its own rows are written and until it commits: what it reads then holds
-- everything others have charged to that line.
CREATE FUNCTION keep_stretches_apart() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    line text;
    report record;
    charged bigint;
BEGIN
    -- What is trimmed here needs no trimming.
    IF pg_trigger_depth() > 1 THEN RETURN NULL; END IF;
    FOR line IN SELECT DISTINCT worker_id FROM later WHERE state <> 'running' ORDER BY worker_id LOOP
        PERFORM pg_advisory_xact_lock(1818848869, hashtext(line));
        CONTINUE WHEN NOT EXISTS (SELECT FROM attempts WHERE worker_id = line AND is_estimate);
        FOR report IN
            SELECT DISTINCT l.busy_from_us AS starts, l.busy_to_us AS ends FROM later l
            JOIN attempts e ON e.worker_id = line AND e.is_estimate
                AND e.busy_from_us < l.busy_to_us AND e.busy_to_us > l.busy_from_us
            WHERE l.worker_id = line AND NOT l.is_estimate ORDER BY 1
        LOOP
            UPDATE attempts SET busy_from_us = t.starts, busy_to_us = t.ends,
                cost_microusd = span_cost(t.starts, t.ends, t.microusd_per_hour)
            FROM (SELECT e.id, r.microusd_per_hour,
                         CASE WHEN e.busy_from_us < report.starts THEN e.busy_from_us ELSE least(report.ends, e.busy_to_us) END AS starts,
                         CASE WHEN e.busy_from_us < report.starts THEN report.starts ELSE e.busy_to_us END AS ends
                  FROM attempts e JOIN rate_cards r ON r.id = e.rate_card_id
                  WHERE e.worker_id = line AND e.is_estimate
                    AND e.busy_from_us < report.ends AND e.busy_to_us > report.starts) t
            WHERE attempts.id = t.id;
        END LOOP;
        -- Estimates of this statement, which did not see what was reported while it ran. A worker has some hundred attempts in hand
        -- at the most, so that what it was charged with last is among its latest.
        IF EXISTS (SELECT FROM later WHERE worker_id = line AND is_estimate) THEN
            SELECT coalesce(max(o.busy_to_us), 0) INTO charged
            FROM (SELECT id, busy_to_us FROM attempts WHERE worker_id = line ORDER BY id DESC LIMIT 2000) o
            WHERE NOT EXISTS (SELECT FROM later l WHERE l.id = o.id AND l.is_estimate);
            UPDATE attempts SET busy_from_us = t.starts, busy_to_us = greatest(t.starts, attempts.busy_to_us),
                cost_microusd = span_cost(t.starts, greatest(t.starts, attempts.busy_to_us), t.microusd_per_hour)
            FROM (SELECT l.id, r.microusd_per_hour, greatest(l.busy_from_us, charged) AS starts
                  FROM later l JOIN rate_cards r ON r.id = l.rate_card_id
                  WHERE l.worker_id = line AND l.is_estimate AND l.busy_from_us < charged) t
            WHERE attempts.id = t.id;
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
-- After the tallies, by its name: what follows it is short.
CREATE TRIGGER attempts_trim AFTER UPDATE ON attempts REFERENCING NEW TABLE AS later
    FOR EACH STATEMENT EXECUTE FUNCTION keep_stretches_apart();

-- Stretches that were charged twice before this migration: the estimate is what gives way.
UPDATE attempts SET busy_from_us = t.ends, busy_to_us = t.ends, cost_microusd = 0
FROM (SELECT e.id, e.busy_to_us AS ends FROM attempts e
      WHERE e.is_estimate AND EXISTS (
          SELECT FROM attempts o WHERE o.worker_id = e.worker_id AND NOT o.is_estimate
            AND o.busy_from_us < e.busy_to_us AND o.busy_to_us > e.busy_from_us)) t
WHERE attempts.id = t.id;

-- Where two attempts are charged with the same stretch of a worker's time.
CREATE VIEW charged_twice AS
SELECT worker_id, attempt_id, number, other[2] AS other_attempt_id, busy_from_us AS from_us, least(busy_to_us, other[1]) AS to_us
FROM (SELECT worker_id, id AS attempt_id, number, busy_from_us, busy_to_us,
             max(ARRAY[busy_to_us, id]) OVER (PARTITION BY worker_id ORDER BY busy_from_us, busy_to_us, id
                 ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS other
      FROM attempts WHERE busy_to_us > busy_from_us) a
WHERE busy_from_us < other[1];
COMMENT ON VIEW charged_twice IS 'None in a sound ledger: attempts whose stretch of their worker''s time begins before another one''s ends';

-- Gaps are what lies between everything before and the next stretch, never less than nothing: time that is charged twice is
-- missing from the sum.
CREATE OR REPLACE VIEW cost_reconciliation AS
WITH spans AS (
    SELECT a.worker_id, a.busy_from_us, a.busy_to_us, a.cost_microusd, a.state,
           coalesce(max(a.busy_to_us) OVER (PARTITION BY a.worker_id ORDER BY a.busy_from_us, a.busy_to_us, a.id
               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before_us
    FROM attempts a WHERE a.busy_to_us IS NOT NULL
), charged AS (
    SELECT s.worker_id, max(s.busy_to_us) AS last_us,
           sum(s.cost_microusd) FILTER (WHERE s.state = 'completed') AS images,
           sum(s.cost_microusd) FILTER (WHERE s.state <> 'completed') AS waste,
           sum(span_cost(s.before_us, greatest(s.before_us, s.busy_from_us), r.microusd_per_hour)) AS gaps
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

-- Whatever in workers' time cannot be. A worker's time line is its own clock's; the ledger's says how long it was there: from its
-- registration to when it was last heard of, or to the end of what it was charged with. The two may differ by a second and a
-- thousandth.
CREATE VIEW cost_faults AS
SELECT 'chargedTwice' AS kind, worker_id, ARRAY[other_attempt_id, attempt_id] AS attempts, to_us - from_us AS amount FROM charged_twice
UNION ALL
SELECT 'priced', a.worker_id, ARRAY[a.id], a.cost_microusd - span_cost(a.busy_from_us, a.busy_to_us, r.microusd_per_hour)
FROM attempts a JOIN rate_cards r ON r.id = a.rate_card_id
WHERE a.busy_to_us IS NOT NULL AND a.cost_microusd <> span_cost(a.busy_from_us, a.busy_to_us, r.microusd_per_hour)
UNION ALL
SELECT 'outlived', l.worker_id, '{}', l.uptime_us - l.life_us
FROM (SELECT w.id AS worker_id, greatest(w.uptime_us, coalesce(a.last_us, 0)) AS uptime_us,
             (extract(epoch FROM greatest(w.stopped_at, w.heartbeat_at, a.last_at) - w.started_at) * 1000000)::bigint AS life_us
      FROM workers w LEFT JOIN (SELECT worker_id, max(finished_at) AS last_at, max(busy_to_us) AS last_us
                                FROM attempts GROUP BY worker_id) a ON a.worker_id = w.id) l
WHERE l.uptime_us > l.life_us + l.life_us / 1000 + 1000000
UNION ALL
SELECT 'overdrawn', worker_id, '{}', -idle_microusd FROM cost_reconciliation WHERE idle_microusd < 0;
COMMENT ON VIEW cost_faults IS 'None in a sound ledger: amount is in microseconds for chargedTwice and outlived, in micro-dollars for the others';
