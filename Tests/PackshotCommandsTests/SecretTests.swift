import PackshotJobs
import PackshotPostgres
import PackshotRedis
import Testing

/// What a person sees of settings that hold passwords: nothing of the password, however the setting was mistyped.
@Suite("Secrets")
struct SecretTests {
    /// Pieces of three letters and more of a secret that a text repeats.
    private func pieces(of secret: String, in text: String) -> [String] {
        let letters = Array(secret)
        guard letters.count >= 3 else { return [] }
        return (0...(letters.count - 3)).map { String(letters[$0..<($0 + 3)]) }.filter(text.contains)
    }

    /// What libpq says in its own words of each part it was given.
    private func complaints(about parts: [String]) -> [String] {
        parts.flatMap {
            [
                "invalid integer value \"\($0)\" for connection option \"port\"",
                "could not translate host name \"\($0)\" to address: Name or service not known\n",
                "connection to server at \"\($0)\" (10.0.0.1), port 5432 failed: FATAL:  role \"\($0)\" does not exist",
                "connection to server on socket \"/run/\($0)/.s.PGSQL.5432\" failed: No such file or directory\n\tIs it there?",
                "FATAL:  database \"x\($0)\" does not exist", "FATAL:  la base de données « \($0) » n'existe pas",
                "definition of service \"\($0)\" not found", "FEHLER: Rolle »\($0)« existiert nicht",
                "password retrieved: \($0)",
            ]
        }
    }

    @Test(arguments: [
        "postgresql://shop:S3cretWord@db.example/packshot",
        "postgresql://shop:S3cret/Word@db.example/packshot", "postgresql://shop:S3cret@Word@db.example/packshot",
        "postgresql://shop:S3cret?Word@db.example/packshot", "postgresql://shop:S3cret#Word@db.example/packshot",
        "postgresql://shop:S3cret%Word@db.example/packshot", "postgresql://shop:S3cret:Word@db.example/packshot",
        "postgresql://shop:S3cret[Word@db.example/packshot", "postgresql://shop:S3cret]Word@db.example/packshot",
        "postgresql://shop:S3cret Word@db.example/packshot", "postgresql://shop:S3cret&Word@db.example/packshot",
        "postgresql://shop:S3cret\"Word@db.example/packshot", "postgresql://shop:S3cret'Word@db.example/packshot",
        "postgresql://shop:/S3cretWord@db.example/packshot", "postgresql://shop:S3cretWord/@db.example/packshot",
        "postgresql://shop:5432/S3cretWord@db.example/packshot",
        "postgresql://shop:5432?options=S3cretWord@db.example/packshot",
        "postgresql://shop:S3cretWord@/packshot", "postgresql://shop:S3cretWord@db.example:port/packshot",
        "postgresql://shop:S3cretWord@db.example:99999/packshot", "postgresql://S3cretWord@db.example/packshot",
        "postgresql:///shop:S3cretWord@db.example/packshot", "postgresql:///S3cretWord@db.example",
        "postgresql://db.example/packshot?user=shop&password=S3cretWord",
        "postgresql://db.example/packshot?password=S3cret@Word",
        "postgresql://db.example/packshot?password=S3cret/Word",
        "postgresql://db.example/packshot?pasword=S3cretWord",
        "postgresql://db.example/packshot?sslpassword=S3cretWord",
        "postgres://shop:S3cretWord@db.example,shop:S3cretWord@other/packshot",
        "jdbc:postgresql://db.example/packshot?user=shop&password=S3cretWord",
        "postgresql+psycopg2://shop:S3cretWord@db.example/packshot", "\"postgresql://shop:S3cretWord@db.example/x\"",
        " postgresql://shop:S3cretWord@db.example/packshot", "postgresql://shop:S3cretWord@db.example/packshot\nmore",
        "postgresql:/shop:S3cretWord@db.example/packshot", "postgresql:shop:S3cretWord@db.example",
        "shop:S3cretWord@db.example/packshot", "S3cretWord",
        "host=db.example password=S3cretWord dbname=packshot", "host=db.example password=S3cret Word",
        "host=db.example password='S3cretWord dbname=packshot", "host=db.example,password=S3cretWord",
        "host=db.example;password=S3cretWord;dbname=packshot", "host=db.example port=5432;password=S3cretWord",
        "host=db.example dbname=packshot;password=S3cretWord", "host=/run;password=S3cretWord",
        "host=shop:S3cretWord@db.example", "host=shop:S3cretWord", "hostaddr=S3cretWord@10.0.0.1",
        "host=db.example sslpassword=S3cretWord", "passwd=S3cretWord host=db.example",
        "service='a;password=S3cretWord'",
        "host=db.example passfile=/x user=shop password=S3cretWord", "host=db.example password = S3cretWord",
        "Server=db.example;User Id=shop;Password=S3cretWord;", "DATABASE_URL=postgresql://shop:S3cretWord@db.example/x",
    ])
    func nothingOfAPasswordIsShown(url: String) throws {
        var texts: [String] = []
        do {
            let read = try PostgresURL(url)
            texts.append(read.shown)
            texts += complaints(about: ["S3cretWord", "S3cret", "Word", "db.example;password=S3cretWord"]).map(
                read.redact)
        } catch {
            texts.append("\(error)")
        }
        for text in texts {
            // `password` alone is a word of libpq's; the secret's pieces are not.
            #expect(pieces(of: "S3cret", in: text) == [], "\(text)")
            #expect(pieces(of: "Word", in: text) == [], "\(text)")
        }
    }

    @Test func whatIsPlainIsShown() throws {
        for (url, shown) in [
            ("postgresql://shop:S3cretWord@db.example:5433/packshot", "db.example:5433/packshot"),
            ("postgresql:///packshot?host=%2Fvar%2Frun%2Fpg&user=shop", "/var/run/pg/packshot"),
            ("postgresql://[::1]:5433/packshot", "::1:5433/packshot"),
            ("host=10.0.0.1,10.0.0.2 port=1,2 dbname=packshot", "10.0.0.1,10.0.0.2:1,2/packshot"),
            ("dbname=packshot", "the local socket/packshot"),
            ("postgresql://shop:a%2Fb%40c@db.example/packshot?sslmode=require", "db.example/packshot"),
            ("postgresql://shop:a#b:c@db.example/packshot", "db.example/packshot"),
        ] {
            #expect(try PostgresURL(url).shown == shown)
        }
        let url = try PostgresURL("postgresql://shop:S3cretWord@db.example:5433/packshot")
        let refusal =
            "connection to server at \"db.example\" (10.0.0.1), port 5433 failed: FATAL:  password authentication failed for user \"shop\""
        #expect(url.redact(refusal) == refusal)
        let missing = "root certificate file \"/root/.postgresql/root.crt\" does not exist"
        #expect(url.redact(missing) == missing)
    }

    @Test func aPasswordOfOneLetterIsNotSpelledOutByWhatIsMissing() throws {
        let message = "connection to server at \"localhost\" (127.0.0.1), port 5432 failed: FATAL:  no"
        #expect(try PostgresURL("postgresql://shop:t@localhost/packshot").redact(message) == message)
    }

    @Test(arguments: [
        "redis://shop:S3cretWord@", "redis://shop:S3cret/Word@host:6379/0", "redis://shop:1234/S3cretWord@host/0",
        "redis://host:6379,password=S3cretWord,ssl=False", "redis://host,password=S3cretWord",
        "host:6379,password=S3cretWord",
        "redis://shop:S3cret?Word@host", "redis://shop:S3cret%zzWord@host", "redis://host/S3cretWord",
        "redis://host?password=S3cretWord", "unix:///run/redis.sock,password=S3cretWord",
        "unix://shop:S3cret/Word@/run/r.sock",
        "unix:///run/redis.sock?password=S3cretWord", "rediss://shop:S3cretWord@host", "S3cretWord",
        "redis://shop:S3cretWord@host:port", "redis://[S3cretWord", "redis://host:S3cretWord",
        "REDIS_URL=redis://:S3cretWord@h",
        "redis://shop:S3cretWord@host/0?prefix=a/b",
    ])
    func nothingOfRedisPasswordIsShown(url: String) throws {
        var text = ""
        do { text = try RedisURL(url).description } catch { text = "\(error)" }
        #expect(pieces(of: "S3cret", in: text) == [], "\(text)")
        #expect(pieces(of: "Word", in: text) == [], "\(text)")
    }

    @Test func aSocketsPathMayHoldAnything() throws {
        #expect(try RedisURL("unix:///tmp/a%3Fb%25%20c/redis.sock").address == .unix(path: "/tmp/a?b% c/redis.sock"))
    }
}
