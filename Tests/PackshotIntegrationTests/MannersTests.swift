import Foundation
import PNGImage
import Testing

extension IntegrationTests {
    /// How the command line answers: errors that begin alike, documented exit codes, lists that say what they leave out, files
    /// where they were asked for.
    @Suite("Manners of the command line")
    struct MannersTests {
        private func enqueue(_ site: Site, _ extra: [String] = [], rows: Int = 1, environment: [String: String] = [:])
            throws
            -> Program.Outcome
        {
            try site.run(
                ["enqueue", try site.catalog(rows: rows), "--model", Program.demoModel, "--out", site.out] + extra,
                environment: environment)
        }

        @Test func errorsBeginAlikeAndHaveTheirExitCode() async throws {
            try await Site.with { site in
                let fifo = "\(site.folder)/pipes"
                mkdir(fifo, 0o755)
                mkfifo("\(fifo)/model_index.json", 0o644)
                mkdir("\(site.folder)/zero", 0o755)
                symlink("/dev/zero", "\(site.folder)/zero/model_index.json")
                let catalog = try site.catalog(rows: 1)
                let submit = ["enqueue", catalog, "--model", Program.demoModel]
                let cases: [(arguments: [String], environment: [String: String], status: Int32, says: String)] = [
                    (["enqeue", "x.csv"], [:], 2, "did you mean enqueue?"),
                    (
                        ["enqueue", catalog, "--modle", Program.demoModel, "--out", "x"], [:], 2,
                        "did you mean --model?"
                    ),
                    (["status", "--limt", "3"], [:], 2, "did you mean --limit?"),
                    (["enqueue"], [:], 2, "Usage: packshot enqueue"),
                    (submit + ["--out", ""], [:], 2, "the value of --out is empty"),
                    (submit + ["--out", "x", "--name", ""], [:], 2, "the value of --name is empty"),
                    (submit + ["--out", "x", "--priority", "-40"], [:], 2, "--priority is -9 to 9"),
                    (["jobs", "x", "--limit", "-1"], [:], 2, "--limit is at least 1"),
                    (["status"], ["PACKSHOT_LOG_LEVEL": "verbose"], 4, "it can be trace, debug, info, notice"),
                    (["cancel", "--where", "sku=*"], [:], 2, "say --all"),
                    (["plan-capacity", "9", "--model", "nothing"], [:], 8, "knows no model"),
                    (
                        ["plan-capacity", "9", "--model", Program.demoModel], [:], 8,
                        "knows no model with the weights in"
                    ),
                    (["model", "verify", fifo], [:], 4, "no regular file"),
                    (["generate", "--model", fifo, "--prompt", "x", "--output", "x.png"], [:], 4, "no regular file"),
                    (
                        ["generate", "--model", "\(site.folder)/zero", "--prompt", "x", "--output", "x.png"], [:], 4,
                        "no regular file"
                    ),
                    (
                        ["generate", "--model", Program.demoModel, "--prompt", "x", "--output", "/proc/x/y.png"], [:],
                        4, "/proc/x"
                    ),
                    (
                        ["generate", "--model", Program.demoModel, "--prompt", "x", "--output", "\(catalog)/y.png"],
                        [:], 4, "catalog.csv"
                    ),
                    (submit + ["--out", site.out, "--manifest", site.folder], [:], 4, "is a folder"),
                    (["verify", "--image", site.folder], [:], 8, "cannot be read"),
                    (
                        ["status"], ["DATABASE_URL": "", "DATABASE_URL_FILE": "postgresql://u:Secret@h/db"], 4,
                        "DATABASE_URL_FILE"
                    ),
                    (["status"], ["DATABASE_URL": "", "DATABASE_URL_FILE": "/dev/zero"], 4, "DATABASE_URL_FILE"),
                    (["status"], ["DATABASE_URL": "postgresql://u:Secret/x@h/db"], 5, "percent-encoded"),
                    (["migrate"], ["DATABASE_URL": "postgresql://u:Secret@x@h/db"], 5, "percent-encoded"),
                    (["doctor", "--quiet"], ["DATABASE_URL": "host=h;password=Secret"], 5, "percent-encoded"),
                    (["audit"], ["REDIS_URL": "redis://h:1,password=Secret"], 5, "Redis URL"),
                ]
                for (arguments, environment, status, says) in cases {
                    let outcome = try site.run(arguments, environment: environment)
                    #expect(outcome.status == status, "\(arguments): \(outcome.errors)")
                    #expect(outcome.errors.hasPrefix("packshot: "), "\(arguments): \(outcome.errors)")
                    #expect(outcome.errors.contains(says), "\(arguments): \(outcome.errors)")
                    #expect(
                        !outcome.errors.contains("Secret") && !outcome.output.contains("Secret"), "\(outcome.errors)")
                }
                for folder in [fifo, "\(site.folder)/zero"] {
                    let inspected = try site.run(["model", "inspect", folder])
                    #expect(
                        inspected.status == 4 && inspected.output.contains("no regular file"), "\(inspected.output)")
                }
                #expect(try site.count("SELECT count(*) FROM batches") == 0)
                #expect(try enqueue(site, ["--name", "urgent", "--priority", "-4"]).status == 0)
            }
        }

        @Test func cancellingTheWholeFleetIsAskedFor() async throws {
            try await Site.with { site in
                try #require(try enqueue(site, ["--name", "a"], rows: 3).status == 0)
                let refused = try site.run(["cancel", "--where", "sku=SKU-*"])
                #expect(
                    refused.status == 2 && refused.errors.contains("this selects 3 jobs of all batches"),
                    "\(refused.errors)")
                #expect(try site.count("SELECT count(*) FROM jobs WHERE state = 'cancelled'") == 0)
                let id = try site.count("SELECT min(id) FROM jobs")
                #expect(
                    try site.run(["cancel", "--where", "job=\(id)"]).output == "1 jobs cancelled\n", "one job is named")
                #expect(try site.run(["cancel", "--where", "sku=SKU-*", "--all"]).output == "2 jobs cancelled\n")
            }
        }

        @Test func listsSayWhatTheyLeaveOut() async throws {
            try await Site.with { site in
                for name in ["a", "b", "c"] {
                    try #require(
                        try site.run([
                            "enqueue", try site.catalog(rows: 3), "--model", Program.demoModel, "--out",
                            "\(site.out)-\(name)",
                            "--name", name, "--start-at", "+1h",
                        ]).status == 0)
                }
                let status = try site.run(["status", "--limit", "2"])
                #expect(
                    status.output.contains("… and 1 more batches; --limit N or --all shows them"), "\(status.output)")
                #expect(try !site.run(["status", "--all"]).output.contains("more batches"))
                #expect(try site.run(["status", "--limit", "2", "--json"]).output.contains("\"batchesInAll\" : 3"))
                for form in [[], ["--json"]] {
                    let jobs = try site.run(["jobs", "--where", "state=scheduled", "--limit", "2"] + form)
                    #expect(
                        jobs.errors == "packshot: … and 7 more jobs; --limit N or --all shows more\n", "\(jobs.errors)")
                    #expect(try site.run(["jobs", "--where", "state=scheduled", "--all"] + form).errors.isEmpty)
                }
            }
        }

        @Test func nothingFromACatalogSteersTheTerminal() async throws {
            try await Site.with { site in
                let root = "\(site.folder)/a\u{1B}[31mb\u{202E}c"
                let catalog = try site.file("c.csv", "sku,title\nA-1,mug\n")
                try #require(
                    try site.run(["enqueue", catalog, "--model", Program.demoModel, "--out", root, "--name", "x"])
                        .status == 0)
                for command in [["status"], ["status", "x"], ["status", "x", "--json"], ["jobs", "x"], ["audit"]] {
                    let outcome = try site.run(command)
                    #expect(
                        !(outcome.output + outcome.errors).unicodeScalars.contains {
                            [0x1B, 0x202E].contains($0.value)
                        })
                }
                #expect(try site.run(["status", "x"]).output.contains("a\\u{1b}[31mb\\u{202e}c"))
            }
        }

        @Test func filesAreWrittenWhereTheyWereAskedFor() async throws {
            try await Site.with { site in
                let folder = site.folder
                func submit(_ manifest: String, _ redirection: String = "") throws -> Program.Outcome {
                    try RunningProgram(
                        "/bin/bash",
                        [
                            "-c", "exec \"$0\" \"$@\" \(redirection)", try #require(Program.path), "enqueue",
                            try site.catalog(rows: 2), "--model", Program.demoModel, "--out", site.out, "--manifest",
                            manifest,
                        ], environment: site.environment, folder: folder
                    ).wait()
                }
                func lines(_ path: String) throws -> Int {
                    try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").count
                }
                // A link stays one, also one that led nowhere yet; folders are made.
                try Data("old\n".utf8).write(to: URL(fileURLWithPath: "\(folder)/real"))
                symlink("real", "\(folder)/link")
                symlink("made/later", "\(folder)/dangling")
                for (name, target) in [("link", "real"), ("dangling", "made/later")] {
                    try #require(try submit("\(folder)/\(name)").status == 0)
                    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\(name)") == target)
                    #expect(try lines("\(folder)/\(target)") == 2)
                }
                let deep = try submit("\(folder)/new/deep/list.jsonl")
                #expect(
                    deep.status == 0 && deep.errors.contains("made the folder \(folder)/new/deep"), "\(deep.errors)")
                // Pipes and streams get it.
                mkfifo("\(folder)/pipe", 0o644)
                let reader = try RunningProgram(
                    "/bin/cat", ["\(folder)/pipe"], environment: site.environment, folder: folder)
                try #require(try submit("\(folder)/pipe").status == 0)
                #expect(try reader.wait().output.split(separator: "\n").count == 2)
                for stream in ["/dev/stdout", "/dev/fd/1"] {
                    let outcome = try submit(stream)
                    #expect(
                        outcome.status == 0 && outcome.output.split(separator: "\n").count == 3,
                        "two lines and the name")
                }
                // What cannot take it is no success, and is what it was.
                let full = try submit("/dev/full")
                #expect(full.status == 1 && full.errors.contains("its manifest is lost"), "\(full.errors)")
                var status = stat()
                #expect(stat("/dev/full", &status) == 0 && status.st_mode & S_IFMT == S_IFCHR)

                // The same for pictures.
                symlink("\(folder)/picture.png", "\(folder)/linked.png")
                symlink("/dev/full", "\(folder)/full.png")
                let generate = [
                    "generate", "--model", Program.demoModel, "--prompt", "mug", "--steps", "1", "--guidance", "1",
                    "--output",
                ]
                #expect(try site.run(generate + ["\(folder)/linked.png"]).status == 0)
                #expect(FileManager.default.fileExists(atPath: "\(folder)/picture.png"))
                #expect(
                    try FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/linked.png")
                        == "\(folder)/picture.png")
                let lost = try site.run(generate + ["\(folder)/full.png"])
                #expect(
                    lost.status == 1 && lost.errors.contains("full.png cannot be written: No space left"),
                    "\(lost.errors)")
                let made = try site.run(generate + ["\(folder)/pictures/of/mug.png"])
                #expect(made.status == 0 && made.errors.contains("made the folder"), "\(made.errors)")
            }
        }

        @Test(arguments: [
            ("\"steps\":1", "\"steps\":0"), ("\"steps\":1", "\"steps\":99999999"), ("\"width\":64", "\"width\":0"),
            ("\"width\":64", "\"width\":1000000"), ("\"width\":64", "\"width\":-64"), ("\"seed\":7", "\"seed\":-1"),
            ("\"guidance\":1", "\"guidance\":-5"), ("\"spec\":{", "\"spec\":{\"x\":[[[["),
            ("\"prompt\":", "\"prompts\":"),
        ])
        func aForgedImageFailsVerification(from: String, to: String) async throws {
            try await Site.with(migrated: false) { site in
                let path = "\(site.folder)/mug.png"
                try #require(
                    try site.run([
                        "generate", "--model", Program.demoModel, "--prompt", "mug", "--seed", "7", "--steps", "1",
                        "--guidance", "1", "--width", "64", "--height", "64", "--output", path,
                    ]).status == 0)
                let decoded = try PNGDecoder.decode(Array(try Data(contentsOf: URL(fileURLWithPath: path))))
                let forged = decoded.text.map { text -> PNGText in
                    var text = text
                    if text.keyword == "packshot" {
                        #expect(text.text.contains(from), "\(text.text)")
                        text.text = text.text.replacingOccurrences(of: from, with: to)
                    }
                    return text
                }
                try Data(try PNGEncoder.encode(decoded.bitmap, text: forged)).write(to: URL(fileURLWithPath: path))
                let outcome = try site.run(["verify", "--image", path, "--rerender", "--model", Program.demoModel])
                #expect(outcome.status == 7, "\(outcome.errors)")
                #expect(outcome.errors.hasPrefix("packshot: \(path)"), "\(outcome.errors)")
            }
        }

        @Test func noSettingChangesWhatIsStored() async throws {
            try await Site.with { site in
                let name = try #require(try site.sql("SELECT current_database()").first)
                for setting in [
                    "client_encoding = 'LATIN1'", "timezone = 'Asia/Tokyo'", "bytea_output = 'escape'",
                    "datestyle = 'German, DMY'",
                    "intervalstyle = 'sql_standard'", "extra_float_digits = -15", "standard_conforming_strings = off",
                    "array_nulls = off", "transform_null_equals = on",
                ] {
                    _ = try site.sql("ALTER DATABASE \(name) SET \(setting)")
                }
                let environment = [
                    "PGCLIENTENCODING": "LATIN1", "PGTZ": "America/New_York", "PGDATESTYLE": "SQL, DMY",
                    "PGOPTIONS": "-c bytea_output=escape -c extra_float_digits=-15",
                ]
                let catalog = try site.file("c.csv", "sku,title\nA-1,Grüße aus 東京\n")
                let submit = ["enqueue", catalog, "--model", Program.demoModel, "--out", site.out, "--name", "x"]
                let submitted = try site.run(submit, environment: environment)
                try #require(submitted.status == 0, "\(submitted.errors)")
                let worker = try site.run(
                    ["worker", "--model", Program.demoModel, "--simulate", "1ms", "--drain"], environment: environment)
                try #require(worker.status == 0, "\(worker.errors)")
                #expect(
                    try site.sql(
                        "SELECT encode(convert_to(prompt, 'UTF8'), 'hex') LIKE '%4772c3bcc39f6520617573%' FROM jobs")
                        == ["t"])
                #expect(try site.count("SELECT count(*) FROM images") == 1)
                let audit = try site.run(["audit", "--strict"], environment: environment)
                #expect(audit.status == 0, "\(audit.output)")
                let again = try site.run(submit, environment: environment)
                #expect(again.status == 0 && again.errors.contains("1 known"), "\(again.errors)")
            }
        }

        @Test func monthsOfAnotherTimeZoneKeepNoWorkerFromStarting() async throws {
            try await Site.with { site in
                // As a worker of an earlier version in New York drew its borders: five hours later than UTC's.
                _ = try site.sql(
                    """
                    DO $$ DECLARE part regclass; BEGIN
                        FOR part IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'job_events'::regclass
                            AND inhrelid::regclass::text ~ '_[0-9]{4}_[0-9]{2}$' LOOP
                            EXECUTE format('DROP TABLE %s', part);
                        END LOOP;
                        EXECUTE format('CREATE TABLE job_events_before PARTITION OF job_events FOR VALUES FROM (%L) TO (%L)',
                            (date_trunc('month', now() AT TIME ZONE 'UTC') - interval '1 month') AT TIME ZONE 'America/New_York',
                            date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'America/New_York');
                    END $$
                    """)
                try #require(try enqueue(site).status == 0)
                let worker = try site.run(
                    ["worker", "--model", Program.demoModel, "--simulate", "1ms", "--drain"],
                    environment: ["PGTZ": "Asia/Tokyo"])
                #expect(worker.status == 0, "\(worker.errors)")
                #expect(try site.count("SELECT count(*) FROM jobs WHERE state = 'completed'") == 1)
            }
        }

        @Test func threadsAboveTheProcessorsAreNotCountedOn() async throws {
            try await Site.with { site in
                let worker = try site.run(["worker", "--model", Program.demoModel, "--threads", "999", "--drain"])
                #expect(worker.status == 0)
                #expect(
                    worker.errors.contains("instead of 999") && !worker.errors.contains("with 999"), "\(worker.errors)")
            }
        }

        @Test func doctorTellsOfPostgreSQLWhatItTellsOfRedis() async throws {
            try await Site.with { site in
                let outcome = try site.run(["doctor"])
                #expect(outcome.status == 0)
                #expect(
                    outcome.output.contains("encoding UTF8, time zone") && outcome.output.contains("fsync on"),
                    "\(outcome.output)")
                #expect(outcome.output.contains("connections in use"))
                let name = try #require(try site.sql("SELECT current_database()").first)
                _ = try site.sql("ALTER DATABASE \(name) SET synchronous_commit = off")
                let risky = try site.run(["doctor"])
                #expect(risky.status == 0 && risky.output.contains("synchronous_commit is off"), "\(risky.output)")
            }
        }
    }
}
