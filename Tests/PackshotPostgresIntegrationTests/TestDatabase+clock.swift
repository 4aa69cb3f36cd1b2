import Foundation

/// A clock that stands until a test moves it on. The ledger's own SQL runs as it is: the database finds functions of the same names first, which
/// say what the test says. So no statement can be forgotten, and none pays for it outside of tests.
extension TestDatabase {
    /// Connections made from now on go by the test's clock.
    func installClock() throws {
        let name = try sql("SELECT current_database()")[0]
        try sql(
            """
            CREATE SCHEMA test_clock;
            CREATE TABLE test_clock.hands (at timestamptz NOT NULL);
            INSERT INTO test_clock.hands VALUES (pg_catalog.now());
            CREATE FUNCTION test_clock.now() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT at FROM test_clock.hands';
            CREATE FUNCTION test_clock.clock_timestamp() RETURNS timestamptz LANGUAGE sql STABLE AS
                'SELECT at FROM test_clock.hands';
            -- What columns are filled with is bound to the server's functions when a table is made.
            DO $$
            DECLARE c record;
            BEGIN
                FOR c IN SELECT d.adrelid::regclass AS of, a.attname, pg_get_expr(d.adbin, d.adrelid) AS value
                         FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
                         WHERE pg_get_expr(d.adbin, d.adrelid) IN ('now()', 'clock_timestamp()') LOOP
                    EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET DEFAULT test_clock.%s', c.of, c.attname, c.value);
                END LOOP;
            END $$;
            ALTER DATABASE \(name) SET search_path = test_clock, public, pg_catalog
            """)
    }

    func advanceClock(_ duration: Duration) throws {
        try sql("UPDATE test_clock.hands SET at = at + interval '\(Int64(duration / .microseconds(1))) microseconds'")
    }

    func clock() throws -> Date {
        Date(timeIntervalSince1970: Double(try sql("SELECT extract(epoch FROM test_clock.now())")[0]) ?? 0)
    }
}
