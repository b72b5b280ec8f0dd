//! What coding agents left on disk, loaded by the built binary: once, again, from copies, in parts, beside telemetry.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::support::{BINARY, OPERATOR, Server};
use rollcall::engine::Engine;
use rollcall::ingest::transcripts::{Client, Session, Whose, calls, parse, write};
use rollcall::ingest::{Context, SentBy, TokenDefaults, for_ever};
use rollcall::pricing::PriceBook;
use serde_json::{Value, json};

/// Homes of real clients, and what their provider counted.
const CAPTURED: &str = "../shared/data/captured/transcripts";
const DAYS: &str = "from=2026-11-01&to=2026-11-30";

fn truth() -> Option<BTreeMap<String, Value>> {
    let path = Path::new(CAPTURED).join("truth.json");
    if !path.exists() {
        println!("left out: {} is not here", path.display());
        return None;
    }
    Some(serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap())
}

fn format_of(case: &str) -> &str {
    match case.split('-').next().unwrap() {
        "claude" => "claude-code",
        "gemini" => "gemini-cli",
        "qwen" => "qwen-code",
        name => name,
    }
}

/// Answered calls, input, cached, output, reasoning: of the calls with a line, and of a compaction, which has none.
fn expected(case: &str, truth: &Value) -> [u64; 5] {
    let names = ["calls", "input", "cached", "output", "reasoning"];
    let mut sums = names.map(|name| truth["totals"][name].as_u64().unwrap());
    if case == "claude-compact" {
        for call in truth["withoutALineOfTheirOwn"].as_array().unwrap() {
            sums[0] += 1;
            names[1..].iter().zip(&mut sums[1..]).for_each(|(name, sum)| *sum += call[name].as_u64().unwrap());
        }
    }
    sums
}

fn counted(server: &Server, organization: &str) -> [u64; 5] {
    let path = format!("/analytics/activity?organizationId={organization}&{DAYS}");
    let totals = server.get(&path, OPERATOR).ok().json()["totals"].clone();
    let of = |name: &str| totals[name].as_u64().unwrap();
    let answered = of("requestCount") - of("errorCount") - of("clientErrorCount");
    [answered, of("inputTokens"), of("cachedTokens"), of("outputTokens"), of("reasoningTokens")]
}

fn load(home: &Path, format: &str, flags: &[&str]) -> Output {
    let mut command = Command::new(BINARY);
    command.arg("ingest").arg(home).args(["--format", format]).args(flags);
    command.env_remove("ROLLCALL_TOKEN").output().unwrap()
}

#[track_caller]
fn check(output: &Output, code: i32, words: &[&str]) {
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{text}");
    for words in words {
        assert!(text.contains(words), "'{text}' does not say '{words}'");
    }
}

fn files_of(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files_of(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// The files of a home under other names, all in one folder.
fn renamed(home: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for (number, file) in files_of(home).iter().enumerate() {
        let ending = file.extension().unwrap().to_str().unwrap();
        // What a file is of is for its name to say where its lines do not.
        let name = file.file_name().unwrap().to_str().unwrap().replace("rollout", "copy");
        let name = if name.starts_with("agent-") { name } else { format!("{number} {name}.{ending}") };
        fs::copy(file, to.join(name)).unwrap();
    }
}

#[test]
fn captured_homes_are_counted_right_and_again_or_from_a_copy_change_nothing() {
    let Some(truth) = truth() else { return };
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().join("store");
    for case in truth.keys() {
        let home = Path::new(CAPTURED).join(case);
        let copy = directory.path().join(case);
        renamed(&home, &copy);
        let flags = ["--organization", case, "--data-dir", store.to_str().unwrap(), "--user", "mina@example.com"];
        check(&load(&home, format_of(case), &flags), 0, &[" 0 duplicates, 0 rejected"]);
        check(&load(&home, format_of(case), &flags), 0, &["0 accepted, ", " 0 rejected"]);
        check(&load(&copy, format_of(case), &flags), 0, &["0 accepted, ", " 0 rejected"]);
    }
    let server = Server::start_in(&store);
    for (case, truth) in &truth {
        assert_eq!(counted(&server, case), expected(case, truth), "{case}");
        let path = format!("/analytics/members?organizationId={case}&{DAYS}");
        let members = server.get(&path, OPERATOR).ok().json();
        let mina = members["members"].as_array().unwrap().iter().find(|member| member["email"] == "mina@example.com");
        assert!(mina.is_some_and(|mina| mina["requestCount"].as_u64() > Some(0)), "{case}: {members}");
        let path = format!("/analytics/activity?organizationId={case}&{DAYS}&groupBy=project");
        let ranking = server.get(&path, OPERATOR).ok().json()["ranking"].clone();
        assert_eq!(ranking[0]["key"], "app", "{case}: {ranking}");
    }
}

#[test]
fn captured_homes_are_counted_right_by_a_server_too() {
    let Some(truth) = truth() else { return };
    let server = Server::start();
    for (case, truth) in &truth {
        let token = server.token(&json!({"kind": "ingest", "organizationId": case, "label": "laptop"}));
        let home = Path::new(CAPTURED).join(case);
        let flags = ["--url", &server.url, "--token", &token, "--user", "mina"];
        check(&load(&home, format_of(case), &flags), 0, &[" 0 rejected"]);
        check(&load(&home, format_of(case), &flags), 0, &["0 accepted, ", " 0 rejected"]);
        assert_eq!(counted(&server, case), expected(case, truth), "{case}");
    }
}

/// A store that takes a home bit by bit.
struct Growing {
    engine: Arc<Engine>,
    prices: PriceBook,
    sent: BTreeMap<String, Vec<u8>>,
}

impl Growing {
    fn take(&mut self, client: Client, organization: &str, sessions: &[Session]) {
        let whose = Whose { organization: Some(organization.to_owned()), ..Whose::default() };
        let mut body = Vec::new();
        for (_, told) in calls(sessions.iter()).calls {
            let mut line = Vec::new();
            write(client, &told, &whose, &mut line);
            let known = self.sent.insert(format!("{organization} {}", told.id()), line.clone());
            if known.as_ref() != Some(&line) {
                body.extend(line);
            }
        }
        if body.is_empty() {
            return;
        }
        let sender = SentBy { name: client.name(), version: None };
        let token =
            TokenDefaults { project_id: Some("default"), api_key_id: Some("k"), sender, ..TokenDefaults::default() };
        let now = self.engine.now();
        let context = Context { now, prices: &self.prices, token, kept_since: &for_ever };
        let parsed = parse(&body, true, &context).unwrap().parsed;
        assert!(parsed.rejected.is_empty(), "{:?}", parsed.rejected);
        self.engine.submit(parsed.batch).unwrap().wait().unwrap();
    }
}

#[test]
fn any_part_of_a_file_is_a_state_and_the_end_is_the_same() {
    let Some(truth) = truth() else { return };
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(|| 1_795_970_000_000); // 2026-11-29T16:33:20Z
    let engine = Arc::new(Engine::open(directory.path(), clock).unwrap());
    let mut store = Growing { engine, prices: PriceBook::bundled(), sent: BTreeMap::new() };
    let mut organizations = Vec::new();
    for case in truth.keys().filter(|case| !case.starts_with("opencode")) {
        let client = Client::named(format_of(case)).unwrap();
        let files: Vec<(PathBuf, Vec<u8>)> = files_of(&Path::new(CAPTURED).join(case))
            .into_iter()
            .filter(|path| path.extension().is_some_and(|ending| ending == "jsonl"))
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect();
        // One file after another, in either order, and all of them at once, line by line.
        for (order, at_once) in [("forth", false), ("back", false), ("together", true)] {
            let organization = format!("{case}-{order}");
            let mut files = files.clone();
            if order == "back" {
                files.reverse();
            }
            let mut sessions: Vec<Session> = Vec::new();
            let mut rests: Vec<&[u8]> = Vec::new();
            for (path, bytes) in &files {
                sessions.push(Session::new(client, path.to_str().unwrap()));
                rests.push(bytes);
                while !at_once && step(sessions.last_mut().unwrap(), rests.last_mut().unwrap()) {
                    store.take(client, &organization, &sessions);
                }
            }
            while sessions
                .iter_mut()
                .zip(&mut rests)
                .filter_map(|(session, rest)| step(session, rest).then_some(()))
                .count()
                > 0
            {
                store.take(client, &organization, &sessions);
            }
            organizations.push((organization, case));
        }
    }
    store.engine.stop();
    drop(store);
    let server = Server::start_in(directory.path());
    for (organization, case) in organizations {
        assert_eq!(counted(&server, &organization), expected(case, &truth[case.as_str()]), "{organization}");
    }
}

/// Reads one line more. Whether there was one.
fn step(session: &mut Session, rest: &mut &[u8]) -> bool {
    let Some(end) = rest.iter().position(|byte| *byte == b'\n') else { return false };
    // Half of it first: of that nothing is taken.
    assert_eq!(session.read(&rest[..end / 2]), 0);
    session.read(&rest[..=end]);
    *rest = &rest[end + 1..];
    true
}

/// A line of Claude Code.
fn answer(id: &str, request: Option<&str>, is_whole: bool, output: u64) -> String {
    let request = request.map(|request| format!(r#","requestId":"{request}""#)).unwrap_or_default();
    let stop = if is_whole { r#""end_turn""# } else { "null" };
    format!(
        r#"{{"type":"assistant","timestamp":"2026-11-20T10:00:05.000Z","sessionId":"s","version":"2.1.332","cwd":"/home/kim/shop"{request},"message":{{"id":"{id}","model":"claude-opus-4-5","stop_reason":{stop},"usage":{{"input_tokens":100,"cache_read_input_tokens":0,"cache_creation_input_tokens":0,"output_tokens":{output}}}}}}}"#
    ) + "\n"
}

/// A home of Claude Code with one session.
struct Laptop(tempfile::TempDir);

impl Laptop {
    fn new() -> Laptop {
        let laptop = Laptop(tempfile::tempdir().unwrap());
        fs::create_dir_all(laptop.project()).unwrap();
        laptop
    }

    fn project(&self) -> PathBuf {
        self.0.path().join(".claude/projects/-home-kim-shop")
    }

    fn session(&self) -> PathBuf {
        self.project().join("s.jsonl")
    }

    fn append(&self, text: &str) {
        let file = fs::OpenOptions::new().create(true).append(true).open(self.session());
        file.unwrap().write_all(text.as_bytes()).unwrap();
    }

    fn load(&self, server: &Server, flags: &[&str]) -> Output {
        let to = ["--url", &server.url, "--token", OPERATOR, "--organization", "acme"];
        load(self.0.path(), "claude-code", &[&to, flags].concat())
    }
}

/// A record of Claude Code's telemetry of a request.
fn telemetry(request: &str, output: u64) -> Value {
    let attribute = |key: &str, value: Value| json!({"key": key, "value": value});
    let text = |text: &str| json!({"stringValue": text});
    let number = |number: u64| json!({"intValue": number.to_string()});
    json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [{
    "timeUnixNano": "1795168806000000000", "body": {"stringValue": "claude_code.api_request"},
    "attributes": [
        attribute("event.name", text("api_request")), attribute("request_id", text(request)),
        attribute("model", text("claude-opus-4-5")), attribute("input_tokens", number(100)),
        attribute("output_tokens", number(output)), attribute("organization.id", text("acme")),
    ]}]}]}]})
}

#[test]
fn beside_telemetry_of_the_same_calls_nothing_doubles_in_any_order() {
    let steps: [fn(&Server, &Laptop); 3] = [
        |server, _| drop(server.post("/v1/otlp/v1/logs", OPERATOR, &telemetry("req_1", 80)).ok()),
        |server, laptop| {
            fs::write(laptop.session(), answer("m1", Some("req_1"), false, 7)).unwrap();
            check(&laptop.load(server, &[]), 0, &["0 rejected"]);
        },
        |server, laptop| {
            fs::write(laptop.session(), answer("m1", Some("req_1"), true, 80)).unwrap();
            check(&laptop.load(server, &[]), 0, &["0 rejected"]);
        },
    ];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let (server, laptop) = (Server::start(), Laptop::new());
        for step in order {
            steps[step](&server, &laptop);
        }
        assert_eq!(counted(&server, "acme"), [1, 100, 0, 80, 0], "{order:?}");
        // A copy that has lost the request's id is still the same call.
        fs::write(laptop.session(), answer("m1", None, true, 80)).unwrap();
        check(&laptop.load(&server, &[]), 0, &["0 accepted, 1 duplicates"]);
        assert_eq!(counted(&server, "acme"), [1, 100, 0, 80, 0], "{order:?}");
    }
}

#[test]
fn a_copy_without_the_requests_id_may_come_first() {
    let (server, laptop) = (Server::start(), Laptop::new());
    fs::write(laptop.session(), answer("m1", None, false, 7)).unwrap();
    check(&laptop.load(&server, &[]), 0, &["1 accepted", "1 of them are lower bounds"]);
    laptop.append(&answer("m1", Some("req_1"), true, 80));
    check(&laptop.load(&server, &[]), 0, &["1 accepted", "told more of calls that were counted before"]);
    server.post("/v1/otlp/v1/logs", OPERATOR, &telemetry("req_1", 80)).ok();
    assert_eq!(counted(&server, "acme"), [1, 100, 0, 80, 0]);
}

#[test]
fn a_directory_is_followed_as_it_grows() {
    let (server, laptop) = (Server::start(), Laptop::new());
    let token = server.token(&json!({"kind": "ingest", "organizationId": "acme", "label": "laptop"}));
    laptop.append(&answer("m1", Some("req_1"), false, 7));
    let mut command = Command::new(BINARY);
    command.arg("ingest").arg(laptop.0.path()).args(["--format", "claude-code", "--watch", "1", "--url", &server.url]);
    let mut watching = command.env("ROLLCALL_TOKEN", token).stdout(Stdio::null()).spawn().unwrap();
    let until = |expected: [u64; 5]| {
        let deadline = Instant::now() + Duration::from_secs(60);
        // Before the first call there is no such organization.
        let is_known = || server.get("/v1/directory?organizationId=acme", OPERATOR).status == 200;
        while !is_known() || counted(&server, "acme") != expected {
            assert!(Instant::now() < deadline, "not {expected:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    // Half a line is none yet.
    let line = answer("m1", Some("req_1"), true, 80);
    laptop.append(&line[..50]);
    until([1, 100, 0, 7, 0]);
    laptop.append(&line[50..]);
    until([1, 100, 0, 80, 0]);
    // Moved away, with another in its place that is as long, and gone.
    fs::rename(laptop.session(), laptop.project().join("old.jsonl")).unwrap();
    laptop.append(&answer("m2", Some("req_2"), true, 1));
    until([2, 200, 0, 81, 0]);
    fs::remove_file(laptop.project().join("old.jsonl")).unwrap();
    fs::write(laptop.session(), answer("m3", Some("req_3"), true, 5)).unwrap();
    until([3, 300, 0, 86, 0]);
    assert!(Command::new("kill").args(["-TERM", &watching.id().to_string()]).status().unwrap().success());
    assert_eq!(watching.wait().unwrap().code(), Some(0));
}

#[test]
fn what_was_not_taken_is_named_by_file_and_line() {
    let (server, laptop) = (Server::start(), Laptop::new());
    let good = answer("m1", None, true, 5);
    laptop.append(&good);
    laptop.append(&answer("m2", None, true, 5).replace("2026-11-20", "2019-11-20"));
    laptop.append(&answer("m3", None, true, 5).replace("2026-11-20", "2126-11-20"));
    laptop.append("{\"usage\": this is cut\n");
    laptop.append(&good[..good.len() / 2]);
    let said = laptop.load(&server, &["--project-map", "/home/kim/shop=web", "--user", "kim"]);
    check(
        &said,
        1,
        &[
            "1 accepted, 0 duplicates, 3 rejected",
            "s.jsonl:2: the call has no time that a clock can have shown",
            "s.jsonl:3: the start at 4950842405000 ms is more than 24 hours ahead",
            "s.jsonl:4: the line is not valid JSON",
            "s.jsonl:5: the line is half-written",
        ],
    );
    let path = format!("/analytics/activity?organizationId=acme&{DAYS}&groupBy=project,apiKey");
    assert_eq!(server.get(&path, OPERATOR).ok().json()["ranking"][0]["keys"], json!(["web", "claude-code:kim"]));
}

#[test]
fn flags_for_transcripts_and_for_files_are_not_mixed() {
    let laptop = Laptop::new();
    laptop.append(&answer("m1", None, true, 5));
    let session = laptop.session();
    let try_flags = |format: &str, flags: &[&str], words: &str| {
        let store = laptop.0.path().join("store");
        let output = load(&session, format, &[flags, &["--data-dir", store.to_str().unwrap()]].concat());
        check(&output, 2, &[words]);
    };
    try_flags("csv", &["--user", "kim"], "--user is for what a coding agent left on disk");
    try_flags("cursor", &["--watch"], "--watch is for what a coding agent left on disk");
    try_flags("claude-code", &["--map", "a=b"], "--map is for files of events");
    try_flags("claude-code", &["--dry-run", "--watch", "5"], "--dry-run looks once");
    try_flags("claude-code", &["--project-map", "shop"], "--project-map shop: it must be FOLDER=PROJECT");
    try_flags("claude-code", &["--watch", "0"], "0 is not in 1..=86400");
    let output = load(&session, "claude-code", &["--dry-run", "--organization", "acme"]);
    check(&output, 0, &["Claude Code: 1 calls in 1 files", "2026-11-20", "nothing was loaded"]);
}

#[test]
fn a_compressed_session_of_codex_is_read_like_a_plain_one() {
    let Some(truth) = truth() else { return };
    let (server, folder) = (Server::start(), tempfile::tempdir().unwrap());
    for file in files_of(&Path::new(CAPTURED).join("codex-tool-calls")) {
        let compressed = zstd::encode_all(&fs::read(&file).unwrap()[..], 3).unwrap();
        let name = format!("{}.zst", file.file_name().unwrap().to_str().unwrap());
        fs::write(folder.path().join(name), compressed).unwrap();
    }
    let to = ["--url", &server.url, "--token", OPERATOR, "--organization", "acme"];
    check(&load(folder.path(), "codex", &to), 0, &["3 accepted"]);
    check(&load(&Path::new(CAPTURED).join("codex-tool-calls"), "codex", &to), 0, &["0 accepted, 3 duplicates"]);
    assert_eq!(counted(&server, "acme"), expected("codex-tool-calls", &truth["codex-tool-calls"]));
}

#[test]
fn opencodes_database_is_read_with_what_it_has_not_written_back_yet() {
    let folder = tempfile::tempdir().unwrap();
    let database = rusqlite::Connection::open(folder.path().join("opencode.db")).unwrap();
    database.pragma_update(None, "journal_mode", "WAL").unwrap();
    database.execute_batch("CREATE TABLE message (id TEXT PRIMARY KEY, session_id TEXT, data TEXT)").unwrap();
    let put = |id: &str, created: u64| {
        let row = json!({"role": "assistant", "modelID": "gpt-5-mini", "providerID": "openai", "path": {"cwd": "/w/shop"},
            "cost": 0.25, "time": {"created": created, "completed": created + 5},
            "tokens": {"input": 10, "output": 5, "reasoning": 2, "cache": {"read": 30, "write": 0}}});
        database.execute("INSERT INTO message VALUES (?1, 's', ?2)", (id, row.to_string())).unwrap();
    };
    put("a", 1_795_964_774_000);
    let server = Server::start();
    let to = ["--url", &server.url, "--token", OPERATOR, "--organization", "acme"];
    check(&load(folder.path(), "opencode", &to), 0, &["1 accepted"]);
    // The row of a forked session is the same call, another time is another.
    put("b", 1_795_964_774_000);
    put("c", 1_795_964_775_000);
    assert!(folder.path().join("opencode.db-wal").exists());
    check(&load(folder.path(), "opencode", &to), 0, &["1 accepted, 1 duplicates"]);
    assert_eq!(counted(&server, "acme"), [2, 80, 60, 14, 4]);
    assert_eq!(server.activity(OPERATOR, DAYS)["totals"]["cost"], 0.5);
    check(&load(&folder.path().join("nothing.db"), "opencode", &to), 2, &["nothing.db: No such file"]);
}

#[test]
fn the_door_of_transcripts_is_for_tokens_that_may_send() {
    let server = Server::start();
    let line = r#"{"client":"codex","id":"c1","timestamp":1795964774000,"usedModel":"gpt-5","promptTokens":1,"completionTokens":1}"#;
    let send = |token: &str, body: &str| {
        let headers = [("authorization", &*crate::support::bearer(token)), ("content-type", "application/x-ndjson")];
        server.send("POST", "/v1/ingest/transcripts", &headers, body.as_bytes())
    };
    let token = server.token(&json!({"kind": "ingest", "organizationId": "acme", "label": "laptop"}));
    assert_eq!(send(&token, line).ok().json()["accepted"], 1);
    assert_eq!(
        send(OPERATOR, line).ok().json()["rejected"][0]["error"].as_str().map(|why| &why[..25]),
        Some("organizationId is missing")
    );
    server
        .put(
            "/v1/directory",
            OPERATOR,
            &json!({"organizations": [{"id": "acme"}], "users": [{"id": "kim"}],
        "members": [{"organizationId": "acme", "userId": "kim", "role": "owner"}]}),
        )
        .ok();
    assert_eq!(send(&server.user_token("kim"), line).status, 403);
    assert_eq!(send("nobody", line).status, 401);
    send(&token, "").is_problem(400, "the body is empty");
    for (line, why) in [
        (r#"{"client":"emacs","id":"c"}"#, "client is 'emacs'; known are claude-code, codex"),
        (r#"{"id":"c"}"#, "client is missing"),
        (r#"{"client":"codex","id":"c"}"#, "the call has no time"),
        (r#"{"client":"codex","timestamp":1795964774000}"#, "id is missing"),
        (
            r#"{"client":"codex","id":"c","timestamp":1795964774000,"failure":"maybe"}"#,
            "failure is 'maybe'; allowed are",
        ),
        ("[]", "the call is not valid JSON"),
    ] {
        let answer = send(&token, line).ok().json();
        assert!(answer["rejected"][0]["error"].as_str().unwrap().starts_with(why), "{line}: {answer}");
    }
}
