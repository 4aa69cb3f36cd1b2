import Foundation
import Synchronization
import Testing

/// A clock of a test database that stands until the test moves it on. The ledger's own SQL runs as it is: the database finds
/// functions of the same names first, which say what the test says. So no statement can be forgotten, and none pays for it
/// outside of tests.
final class ServerClock: Sendable {
    private let session: Mutex<BlockingSession>
    private let microseconds: Mutex<Int64>

    /// Connections made from now on go by it.
    init(_ database: TestDatabase) throws {
        let name = try database.sql("SELECT current_database()")[0]
        let start = try database.sql(
            """
            CREATE SCHEMA test_clock;
            CREATE TABLE test_clock.hands (at timestamptz NOT NULL) WITH (fillfactor = 10);
            INSERT INTO test_clock.hands VALUES (date_trunc('second', pg_catalog.now()));
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
            UPDATE ledger_watch SET last_pass = test_clock.now();
            ALTER DATABASE \(name) SET search_path = test_clock, public, pg_catalog;
            SELECT extract(epoch FROM at)::bigint FROM test_clock.hands
            """)[0]
        microseconds = Mutex(try #require(Int64(start)) * 1_000_000)
        session = Mutex(try BlockingSession(database))
    }

    var now: Date { Date(timeIntervalSince1970: Double(microseconds.withLock { $0 }) / 1e6) }

    func advance(_ duration: Duration) throws {
        let step = Int64(duration / .microseconds(1))
        try session.withLock {
            try $0.run("UPDATE test_clock.hands SET at = at + interval '\(step) microseconds'")
        }
        microseconds.withLock { $0 += step }
    }
}
