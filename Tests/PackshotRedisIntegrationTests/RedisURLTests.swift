import PackshotJobs
import PackshotRedis
import Testing

@Suite struct RedisURLTests {
    @Test(
        arguments: [
            ("redis://localhost", .tcp(host: "localhost", port: 6379), nil, nil, 0, "packshot"),
            ("redis://localhost/", .tcp(host: "localhost", port: 6379), nil, nil, 0, "packshot"),
            ("REDIS://10.0.0.1:7000/3", .tcp(host: "10.0.0.1", port: 7000), nil, nil, 3, "packshot"),
            ("redis://:p%40ss%3Aw%2F@h:1/2?prefix=b-1", .tcp(host: "h", port: 1), nil, "p@ss:w/", 2, "b-1"),
            ("redis://user:a:b@c@h", .tcp(host: "h", port: 6379), "user", "a:b@c", 0, "packshot"),
            ("redis://user@h?db=4", .tcp(host: "h", port: 6379), "user", nil, 4, "packshot"),
            ("redis://u:%C5%BE%F0%9F%90%8E@h", .tcp(host: "h", port: 6379), "u", "ž🐎", 0, "packshot"),
            ("redis://[::1]:6380/1", .tcp(host: "::1", port: 6380), nil, nil, 1, "packshot"),
            ("redis://[fe80::1]", .tcp(host: "fe80::1", port: 6379), nil, nil, 0, "packshot"),
            ("unix:///run/redis.sock", .unix(path: "/run/redis.sock"), nil, nil, 0, "packshot"),
            ("unix://u:p@/run/r@1.sock?db=2&prefix=x:y", .unix(path: "/run/r@1.sock"), "u", "p", 2, "x:y"),
        ] as [(String, RedisURL.Address, String?, String?, Int, String)])
    func reads(
        _ text: String, _ address: RedisURL.Address, _ user: String?, _ password: String?, _ database: Int,
        _ prefix: String
    ) throws {
        let url = try RedisURL(text)
        #expect(url.address == address)
        #expect(url.user == user)
        #expect(url.password == password)
        #expect(url.database == database)
        #expect(url.prefix == prefix)
    }

    @Test(arguments: [
        ("", "redis://"), ("localhost:6379", "redis://"), ("http://sesame@h", "redis://"),
        ("rediss://:sesame@h", "TLS"), ("redis://:sesame@", "host"), ("redis://:sesame@:6379", "host"),
        ("redis://:sesame@h:0", "port"), ("redis://:sesame@h:65536", "port"), ("redis://:sesame@h:+80", "port"),
        ("redis://:sesame@h:6379:1", "port"), ("redis://:sesame@[::1", "]"), ("redis://:sesame@[::1]x", "]"),
        ("redis://:sesame@h/one", "database"), ("redis://:sesame@h/-1", "database"),
        ("redis://:sesame@h/1/2", "database"), ("redis://:sesame@h/99999999999999999999", "database"),
        ("redis://:sesame@h/1?db=2", "twice"), ("redis://h?password=sesame", "parameter"),
        ("redis://h?db=1&db=sesame", "two"), ("redis://h?prefix", "no value"),
        ("redis://h?prefix=", "prefix"), ("redis://h?prefix=a*", "prefix"),
        ("redis://:sesame%zz@h", "password"), ("redis://sesame%@h", "user"), ("unix://sesame", "absolute"),
        ("unix://", "absolute"), ("unix:///\(String(repeating: "x", count: 107))", "107"),
    ])
    func refusesAndKeepsSecrets(_ text: String, _ part: String) {
        let error = #expect(throws: StoreError.self) { try RedisURL(text) }
        #expect(error?.code == .configuration)
        #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
        #expect(error.map { String(reflecting: $0).contains("sesame") } == false)
    }

    @Test func describesWithoutSecrets() throws {
        let url = try RedisURL("redis://user:sesame@[::1]:7000/3?prefix=fleet")
        #expect(url.description == "redis://[::1]:7000/3")
        #expect(try RedisURL("unix://:sesame@/run/r.sock?db=2").description == "unix:///run/r.sock?db=2")
        var dumped = ""
        dump(url, to: &dumped)
        for text in ["\(url)", String(reflecting: url), dumped] { #expect(!text.contains("sesame")) }
    }

    @Test func changesItsPrefix() throws {
        let url = try RedisURL("redis://user:sesame@h/1?prefix=a")
        let other = try url.with(prefix: "b")
        #expect(other.prefix == "b" && other.password == "sesame" && other.database == 1)
        #expect(throws: StoreError.self) { try url.with(prefix: "no spaces") }
    }
}
