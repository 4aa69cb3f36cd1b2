-- Who this ledger is, and where it lives. A dump carries the id along, but not the system and the database it is restored into:
-- that is how a copy is told from the original. Redis and the output folders remember the same.

CREATE TABLE ledger (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    system_identifier text NOT NULL,
    database_oid bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    former_id uuid,
    settled_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE ledger IS 'One row: who this ledger is and where it lives; packshot ledger shows and changes it';
COMMENT ON COLUMN ledger.system_identifier IS 'PostgreSQL''s, as it was when the ledger settled here; 0 where the server does not say it';
COMMENT ON COLUMN ledger.former_id IS 'What it was a copy of, if it was renamed';
COMMENT ON COLUMN ledger.settled_at IS 'When it was made, adopted or renamed here';

-- A server may keep its system identifier to itself; then the database's number alone tells copies apart.
CREATE FUNCTION present_home(OUT system_identifier text, OUT database_oid bigint) LANGUAGE plpgsql STABLE AS $$
BEGIN
    database_oid := (SELECT d.oid::bigint FROM pg_database d WHERE d.datname = current_database());
    BEGIN
        system_identifier := (SELECT c.system_identifier::text FROM pg_control_system() c);
    EXCEPTION WHEN insufficient_privilege OR undefined_function OR feature_not_supported THEN
        system_identifier := '0';
    END;
END $$;
COMMENT ON FUNCTION present_home IS 'The PostgreSQL system and the database this is asked in';

INSERT INTO ledger (system_identifier, database_oid) SELECT h.system_identifier, h.database_oid FROM present_home() h;

-- Images whose files were found to be gone and whose jobs are made again. Their attempts and costs stay as they are.
CREATE TABLE lost_images (
    id bigint PRIMARY KEY,
    job_id bigint NOT NULL,
    attempt_id bigint NOT NULL,
    batch_id bigint NOT NULL,
    relative_path text NOT NULL,
    sha256 bytea NOT NULL,
    made_at timestamptz NOT NULL,
    lost_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX lost_images_of_job ON lost_images (job_id);
COMMENT ON TABLE lost_images IS 'Images whose files were gone when packshot retry looked: made, paid for and made again';

ALTER TABLE workers ADD COLUMN output_root text CHECK (output_root LIKE '/%');
COMMENT ON COLUMN workers.output_root IS 'Where it writes images, whatever their batches say (worker --out); NULL for the batches'' folders';
