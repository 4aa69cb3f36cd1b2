-- What an image was allowed to leave out, beside its other settings, and what it then left out.

ALTER TABLE job_specs ADD COLUMN shortcuts jsonb;
COMMENT ON COLUMN job_specs.shortcuts IS 'stepCache, guidanceShare, solverOrder as asked for; null for the exact image';
ALTER TABLE images ADD COLUMN shortcuts jsonb;
COMMENT ON COLUMN images.shortcuts IS 'As in job_specs, with reusedSteps: the steps that reused an earlier one''s work; null for the exact image';

CREATE OR REPLACE VIEW jobs AS
SELECT j.id, j.batch_id, j.product_id, j.shot, j.variant, s.state, j.priority, s.attempt, s.max_attempts, j.model_fingerprint,
       j.prompt, j.negative_prompt, j.seed, j.width, j.height, j.steps, j.guidance, j.text_cleaning, j.relative_path,
       j.unique_key, j.created_at, s.available_at, s.scheduled_at, s.lease_expires_at, s.current_attempt_id, s.finished_at,
       s.error_code, s.error_message, j.shortcuts
FROM job_specs j JOIN job_states s ON s.job_id = j.id;
