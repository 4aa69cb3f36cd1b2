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

    /// What libpq and servers say in their own words of a part they were given.
    private func complaints(about part: String) -> [String] {
        [
            "invalid integer value \"\(part)\" for connection option \"port\"",
            "could not translate host name \"\(part)\" to address: Name or service not known\n",
            "connection to server at \"\(part)\" (10.0.0.1), port 5432 failed: FATAL:  role \"\(part)\" does not exist",
            "connection to server on socket \"\(part)/.s.PGSQL.5432\" failed: No such file or directory\n\tIs it there?",
            "FATAL:  la base de données « \(part) » n'existe pas", "FEHLER: Rolle »\(part)« existiert nicht",
            "definition of service \"\(part)\" not found",
        ]
    }

    @Test(arguments: [
        "postgresql://shop:Zq7xKvwJy4pQz@db.example/packshot",
        "postgresql://shop:Zq7xKvw/Jy4pQz@db.example/packshot", "postgresql://shop:Zq7xKvw@Jy4pQz@db.example/packshot",
        "postgresql://shop:Zq7xKvw?Jy4pQz@db.example/packshot", "postgresql://shop:Zq7xKvw#Jy4pQz@db.example/packshot",
        "postgresql://shop:Zq7xKvw%Jy4pQz@db.example/packshot", "postgresql://shop:Zq7xKvw:Jy4pQz@db.example/packshot",
        "postgresql://shop:Zq7xKvw[Jy4pQz@db.example/packshot", "postgresql://shop:Zq7xKvw]Jy4pQz@db.example/packshot",
        "postgresql://shop:Zq7xKvw Jy4pQz@db.example/packshot", "postgresql://shop:Zq7xKvw&Jy4pQz@db.example/packshot",
        "postgresql://shop:Zq7xKvw\"Jy4pQz@db.example/packshot", "postgresql://shop:Zq7xKvw'Jy4pQz@db.example/packshot",
        "postgresql://shop:/Zq7xKvwJy4pQz@db.example/packshot", "postgresql://shop:Zq7xKvwJy4pQz/@db.example/packshot",
        "postgresql://shop:5432/Zq7xKvwJy4pQz@db.example/packshot",
        "postgresql://shop:5432?options=Zq7xKvwJy4pQz@db.example/packshot",
        "postgresql://shop:Zq7xKvwJy4pQz@/packshot", "postgresql://shop:Zq7xKvwJy4pQz@db.example:port/packshot",
        "postgresql://shop:Zq7xKvwJy4pQz@db.example:99999/packshot", "postgresql://Zq7xKvwJy4pQz@db.example/packshot",
        "postgresql:///shop:Zq7xKvwJy4pQz@db.example/packshot", "postgresql:///Zq7xKvwJy4pQz@db.example",
        "postgresql://db.example/packshot?user=shop&password=Zq7xKvwJy4pQz",
        "postgresql://db.example/packshot?password=Zq7xKvw@Jy4pQz",
        "postgresql://db.example/packshot?password=Zq7xKvw/Jy4pQz",
        "postgresql://db.example/packshot?pasword=Zq7xKvwJy4pQz",
        "postgresql://db.example/packshot?sslpassword=Zq7xKvwJy4pQz",
        "postgres://shop:Zq7xKvwJy4pQz@db.example,shop:Zq7xKvwJy4pQz@other/packshot",
        "jdbc:postgresql://db.example/packshot?user=shop&password=Zq7xKvwJy4pQz",
        "postgresql+psycopg2://shop:Zq7xKvwJy4pQz@db.example/packshot",
        "\"postgresql://shop:Zq7xKvwJy4pQz@db.example/x\"",
        " postgresql://shop:Zq7xKvwJy4pQz@db.example/packshot",
        "postgresql://shop:Zq7xKvwJy4pQz@db.example/packshot\nmore",
        "postgresql:/shop:Zq7xKvwJy4pQz@db.example/packshot", "postgresql:shop:Zq7xKvwJy4pQz@db.example",
        "shop:Zq7xKvwJy4pQz@db.example/packshot", "Zq7xKvwJy4pQz",
        "host=db.example password=Zq7xKvwJy4pQz dbname=packshot", "host=db.example password=Zq7xKvw Jy4pQz",
        "host=db.example password='Zq7xKvwJy4pQz dbname=packshot", "host=db.example,password=Zq7xKvwJy4pQz",
        "host=db.example;password=Zq7xKvwJy4pQz;dbname=packshot", "host=db.example port=5432;password=Zq7xKvwJy4pQz",
        "host=db.example dbname=packshot;password=Zq7xKvwJy4pQz", "host=/run;password=Zq7xKvwJy4pQz",
        "host=shop:Zq7xKvwJy4pQz@db.example", "host=shop:Zq7xKvwJy4pQz", "hostaddr=Zq7xKvwJy4pQz@10.0.0.1",
        "host=db.example sslpassword=Zq7xKvwJy4pQz", "passwd=Zq7xKvwJy4pQz host=db.example",
        "service='a;password=Zq7xKvwJy4pQz'",
        "host=db.example passfile=/x user=shop password=Zq7xKvwJy4pQz", "host=db.example password = Zq7xKvwJy4pQz",
        "Server=db.example;User Id=shop;Password=Zq7xKvwJy4pQz;",
        "DATABASE_URL=postgresql://shop:Zq7xKvwJy4pQz@db.example/x",
    ])
    func nothingOfAPasswordIsShown(url: String) throws {
        var texts: [String] = []
        do {
            let read = try PostgresURL(url)
            texts.append(read.shown)
            // Whatever stands between two marks of the address may be taken for a part of it.
            let parts = Set(url.split { ":/?#@&=; '\"".contains($0) }.map(String.init))
            for part in parts.union(["Zq7xKvwJy4pQz", "Zq7xKvw", "Jy4pQz"]) where url.contains(part) {
                texts += complaints(about: part).map(read.redact)
            }
        } catch {
            texts.append("\(error)")
        }
        for text in texts {
            #expect(pieces(of: "Zq7xKvw", in: text) == [], "\(text)")
            #expect(pieces(of: "Jy4pQz", in: text) == [], "\(text)")
        }
    }

    @Test func whatIsPlainIsShown() throws {
        for (url, shown) in [
            ("postgresql://shop:Zq7xKvwJy4pQz@db.example:5433/packshot", "db.example:5433/packshot"),
            ("postgresql:///packshot?host=%2Fvar%2Frun%2Fpg&user=shop", "/var/run/pg/packshot"),
            ("postgresql://[::1]:5433/packshot", "::1:5433/packshot"),
            ("host=10.0.0.1,10.0.0.2 port=1,2 dbname=packshot", "10.0.0.1,10.0.0.2:1,2/packshot"),
            ("dbname=packshot", "the local socket/packshot"),
            ("postgresql://shop:a%2Fb%40c@db.example/packshot?sslmode=require", "db.example/packshot"),
            ("postgresql://shop:a#b:c@db.example/packshot", "db.example/packshot"),
        ] {
            #expect(try PostgresURL(url).shown == shown)
        }
        let url = try PostgresURL("postgresql://shop:Zq7xKvwJy4pQz@db.example:5433/packshot")
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
        "redis://shop:Zq7xKvwJy4pQz@", "redis://shop:Zq7xKvw/Jy4pQz@host:6379/0",
        "redis://shop:1234/Zq7xKvwJy4pQz@host/0",
        "redis://host:6379,password=Zq7xKvwJy4pQz,ssl=False", "redis://host,password=Zq7xKvwJy4pQz",
        "host:6379,password=Zq7xKvwJy4pQz",
        "redis://shop:Zq7xKvw?Jy4pQz@host", "redis://shop:Zq7xKvw%zzJy4pQz@host", "redis://host/Zq7xKvwJy4pQz",
        "redis://host?password=Zq7xKvwJy4pQz", "unix:///run/redis.sock,password=Zq7xKvwJy4pQz",
        "unix://shop:Zq7xKvw/Jy4pQz@/run/r.sock",
        "unix:///run/redis.sock?password=Zq7xKvwJy4pQz", "rediss://shop:Zq7xKvwJy4pQz@host", "Zq7xKvwJy4pQz",
        "redis://shop:Zq7xKvwJy4pQz@host:port", "redis://[Zq7xKvwJy4pQz", "redis://host:Zq7xKvwJy4pQz",
        "REDIS_URL=redis://:Zq7xKvwJy4pQz@h",
        "redis://shop:Zq7xKvwJy4pQz@host/0?prefix=a/b",
    ])
    func nothingOfRedisPasswordIsShown(url: String) throws {
        var text = ""
        do { text = try RedisURL(url).description } catch { text = "\(error)" }
        #expect(pieces(of: "Zq7xKvw", in: text) == [], "\(text)")
        #expect(pieces(of: "Jy4pQz", in: text) == [], "\(text)")
    }

    @Test func aSocketsPathMayHoldAnything() throws {
        #expect(try RedisURL("unix:///tmp/a%3Fb%25%20c/redis.sock").address == .unix(path: "/tmp/a?b% c/redis.sock"))
    }
}
