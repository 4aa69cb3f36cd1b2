-- The number to scale on leaves out what is paused: no worker, however many there are, would begin it.

CREATE OR REPLACE VIEW backlog AS
SELECT m.fingerprint AS model_fingerprint, m.name, pending.jobs, pace.seconds_per_image,
       pending.jobs * pace.seconds_per_image AS backlog_seconds, pending.paused_jobs
FROM model_weights m
CROSS JOIN LATERAL (
    SELECT (coalesce(sum(t.running), 0) + coalesce(sum(t.waiting) FILTER (WHERE NOT t.is_paused), 0))::bigint AS jobs,
           coalesce(sum(t.waiting) FILTER (WHERE t.is_paused), 0)::bigint AS paused_jobs
    FROM (
        SELECT b.paused_at IS NOT NULL OR EXISTS (
                   SELECT FROM model_limits l WHERE l.model_fingerprint = m.fingerprint AND l.paused_at IS NOT NULL) AS is_paused,
               tally.running, tally.available + coalesce(due.jobs, 0) AS waiting
        FROM batches b
        JOIN (SELECT batch_id, sum(available) AS available, sum(running) AS running FROM batch_tallies GROUP BY batch_id) tally
          ON tally.batch_id = b.id
        LEFT JOIN (SELECT batch_id, count(*) AS jobs FROM job_states
                   WHERE state IN ('scheduled', 'retryable') AND scheduled_at <= now() GROUP BY batch_id) due
          ON due.batch_id = b.id
        WHERE b.model_fingerprint = m.fingerprint) t) pending
CROSS JOIN LATERAL (
    SELECT avg(recent.busy) / 1e6 AS seconds_per_image FROM (
        SELECT a.busy_to_us - a.busy_from_us AS busy
        FROM images i JOIN attempts a ON a.id = i.attempt_id JOIN workers w ON w.id = a.worker_id
        WHERE w.model_fingerprint = m.fingerprint ORDER BY i.id DESC LIMIT 200) recent) pace;
COMMENT ON VIEW backlog IS 'One number to scale on, per model: seconds of one worker''s work that are waiting or under way, without what is paused';
COMMENT ON COLUMN backlog.paused_jobs IS 'Jobs that would wait for a worker if their batch or model were not paused';
