-- Months of events begin at midnight UTC, whoever makes them: borders drawn by the session's time zone overlapped those of a worker
-- elsewhere, which then could not start.

CREATE OR REPLACE FUNCTION make_month_of_events(month date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    first timestamp := date_trunc('month', month::timestamp);
    name text := format('job_events_%s', to_char(first, 'YYYY_MM'));
BEGIN
    IF to_regclass(name) IS NOT NULL THEN RETURN; END IF;
    EXECUTE format('CREATE TABLE %I PARTITION OF job_events FOR VALUES FROM (%L) TO (%L)',
        name, first AT TIME ZONE 'UTC', (first + interval '1 month') AT TIME ZONE 'UTC');
EXCEPTION WHEN duplicate_table OR check_violation OR unique_violation OR invalid_object_definition THEN
    -- Somebody else made it, or the rest holds rows of that month already, or a month made by an earlier version reaches into it:
    -- all of that works, and the rest takes what has no month of its own.
    RETURN;
END $$;
