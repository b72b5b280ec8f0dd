//! The command line, as the built binary.

use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::support::{BINARY, OPERATOR, Server, event};
use serde_json::{Value, json};

fn rollcall(arguments: &[&str]) -> Output {
    rollcall_with(arguments, b"")
}

fn rollcall_with(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(BINARY)
        .args(arguments)
        .env_remove("ROLLCALL_TOKEN")
        // No way to this machine, where nobody listens besides.
        .env("ALL_PROXY", "http://127.0.0.1:9")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // What refuses its arguments may have ended before it reads.
    if let Err(error) = child.stdin.take().unwrap().write_all(input) {
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    }
    child.wait_with_output().unwrap()
}

#[track_caller]
fn check(output: &Output, code: i32, words: &str) {
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(text.contains(words), "'{text}' does not say '{words}'");
}

fn events(ids: &[&str]) -> Vec<Value> {
    ids.iter().map(|id| event(id, "2026-06-01T10:00:00Z", &json!({}))).collect()
}

fn lines(ids: &[&str]) -> String {
    events(ids).iter().map(|e| format!("{e}\n")).collect()
}

fn requests(data_dir: &Path) -> u64 {
    let server = Server::start_in(data_dir);
    server.activity(OPERATOR, "from=2026-06-01&to=2026-06-01")["totals"]["requestCount"].as_u64().unwrap()
}

#[test]
fn every_form_of_file_is_loaded_and_again_doubles_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = directory.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let gzip = |bytes: &[u8]| {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(bytes).unwrap();
        gzip.finish().unwrap()
    };
    let csv = "id,timestamp,organizationId,projectId,apiKeyId,usedModel,promptTokens,cost\n\
               7,2026-06-01T10:00:00Z,acme,web,k1,openai/gpt-4o,100,0.25\n";
    let files = [
        file("a.ndjson", lines(&["1", "2"]).as_bytes()),
        file("b.jsonl.gz", &gzip(lines(&["3"]).as_bytes())),
        file("c.ndjson.zst", &zstd::encode_all(lines(&["4"]).as_bytes(), 1).unwrap()),
        file("d.json", serde_json::to_string_pretty(&events(&["5"])).unwrap().as_bytes()),
        file("e.json", serde_json::to_string_pretty(&events(&["6"])[0]).unwrap().as_bytes()),
        file("f.csv", csv.as_bytes()),
    ];
    let store = directory.path().join("store");
    let store_text = store.to_str().unwrap();
    let mut arguments = vec!["ingest", "--data-dir", store_text];
    arguments.extend(files.iter().map(String::as_str));
    check(&rollcall(&arguments), 0, "7 accepted, 0 duplicates, 0 rejected");
    check(&rollcall(&arguments), 0, "0 accepted, 7 duplicates, 0 rejected");
    let stdin = lines(&["8"]);
    check(&rollcall_with(&["ingest", "-", "--data-dir", store_text], stdin.as_bytes()), 0, "1 accepted");
    assert_eq!(requests(&store), 8);
}

#[test]
fn exports_of_other_programs_are_loaded_by_their_columns() {
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().join("store");
    let store = store.to_str().unwrap();
    let prices = directory.path().join("prices.json");
    let entry = r#"{"prices": [{"model": "own-7b", "inputPerMillion": "2.5", "outputPerMillion": "10"}]}"#;
    std::fs::write(&prices, entry).unwrap();
    let prices = prices.to_str().unwrap();
    let load = |arguments: &[&str], input: &str| {
        let arguments = [&["ingest", "-", "--organization", "acme"], arguments].concat();
        rollcall_with(&arguments, input.as_bytes())
    };
    let spend = "request_id,call_type,api_key,spend,total_tokens,prompt_tokens,completion_tokens,startTime,model,\
                 custom_llm_provider,team_id,cache_hit,status,metadata\n\
                 r1,acompletion,88dc,0.0125,12,10,2,2026-06-01 10:00:00.5,gpt-4o,openai,web,False,success,\
                 \"{\"\"usage_object\"\": {\"\"prompt_tokens_details\"\": {\"\"cached_tokens\"\": 4}}}\"\n\
                 r2,acompletion,88dc,0.0,1500,1000,500,2026-06-01T23:59:59+00,own-7b,vllm,web,,success,{}\n\
                 r3,acompletion,88dc,0.0,0,0,0,2026-06-02 00:00:00,gpt-4o,openai,web,,failure,{}\n";
    let format = ["--format", "litellm-spend-logs", "--prices", prices];
    let dry = load(&[&format[..], &["--dry-run"]].concat(), spend);
    check(&dry, 0, "0 would be rejected; nothing was loaded");
    // The reported cost, and 1,000 tokens at 2.5 and 500 at 10 USD a million.
    check(&dry, 0, "2026-06-01");
    check(&dry, 0, "0.02");
    assert!(!Path::new(store).exists());
    check(&load(&[&format[..], &["--data-dir", store]].concat(), spend), 0, "3 accepted, 0 duplicates, 0 rejected");

    let bill = "when;price\n".replace(';', ",") + "1780315200,0.5\n1780315201,0.25\n";
    let columns = ["--map", "timestamp=when", "--map", "cost=price", "--set", "id=bill-{row}"];
    let names = ["--set", "projectId=web", "--set", "apiKeyId=bill", "--set", "usedModel=openai/gpt-4o"];
    let again = [&columns[..], &names, &["--data-dir", store]].concat();
    check(&load(&again, &bill), 0, "2 accepted, 0 duplicates");
    check(&load(&again, &bill), 0, "0 accepted, 2 duplicates");

    check(&load(&["--map", "price=cost", "--dry-run"], ""), 2, "--map price=cost: an event has no field 'price'");
    check(&load(&["--map", "cost", "--dry-run"], ""), 2, "--map cost: there is no = in it");
    let own = event("own", "2026-06-01T10:00:00Z", &json!({})).to_string();
    check(&load(&["--format", "csv", "--dry-run"], &own), 0, "0 would be rejected");
    check(&load(&["--format", "excel", "--dry-run"], ""), 2, "possible values: litellm-spend-logs");
    std::fs::write(prices, entry.replace("2.5", "-1")).unwrap();
    check(&load(&[&format[..], &["--dry-run"]].concat(), spend), 2, "entry 1: inputPerMillion \"-1\" is negative");
    check(&rollcall(&["serve", "--data-dir", store, "--prices", prices]), 2, "entry 1: inputPerMillion");

    let server = Server::start_in(Path::new(store));
    let totals = server.activity(OPERATOR, "from=2026-06-01&to=2026-06-02")["totals"].clone();
    let expected = json!([5, 1512, 4, 1, 0]);
    let fields = ["requestCount", "totalTokens", "cachedTokens", "errorCount", "unpricedRequestCount"];
    assert_eq!(json!(fields.map(|field| totals[field].clone())), expected, "{totals}");
    assert_eq!(totals["cost"], json!(0.77), "{totals}");
}

#[test]
fn observations_of_langfuse_are_loaded_as_calls_and_its_steps_skipped() {
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().join("store");
    let observation = |id: &str, kind: &str, model: &str, usage: Value| {
        let fields = json!({
            "id": id, "type": kind, "project_id": "web", "start_time": "2026-06-01 23:59:59.999000",
            "provided_model_name": model, "usage_details": usage, "total_cost": 0.125, "level": "DEFAULT",
            "input": "a prompt", "output": "an answer", "user_id": "ada",
        });
        format!("{fields}\n")
    };
    let usage = json!({"input": 70, "input_cached_tokens": 30, "output": 12, "total": 112});
    let file = [
        observation("s1", "SPAN", "", json!({})),
        observation("g1", "GENERATION", "gpt-4o", usage),
        observation("e1", "EMBEDDING", "text-embedding-3-small", json!({"input": 8, "total": 8})),
        observation("t1", "TOOL", "", json!({})),
    ];
    let common = ["ingest", "-", "--organization", "acme", "--format", "langfuse", "--set", "usedProvider=openai"];
    let load = |more: &[&str]| rollcall_with(&[&common[..], more].concat(), file.concat().as_bytes());
    check(&load(&["--dry-run"]), 1, "apiKeyId is missing");
    let into = ["--map", "apiKeyId=user_id", "--data-dir", store.to_str().unwrap()];
    check(&load(&into), 0, "2 rows are no calls of a model and were skipped\n2 accepted, 0 duplicates, 0 rejected");
    check(&load(&into), 0, "0 accepted, 2 duplicates, 0 rejected");

    let server = Server::start_in(&store);
    let answer = server.activity(OPERATOR, "from=2026-06-01&to=2026-06-01&groupBy=apiKey");
    let totals = &answer["totals"];
    let sums = ["requestCount", "inputTokens", "cachedTokens", "outputTokens", "totalTokens"];
    assert_eq!(json!(sums.map(|name| totals[name].clone())), json!([2, 108, 30, 12, 120]), "{totals}");
    assert_eq!((&totals["cost"], &answer["ranking"][0]["key"]), (&json!(0.25), &json!("ada")));
}

#[test]
fn the_doctor_says_what_is_missing() {
    let server = Server::start();
    let ask = || rollcall(&["doctor", "--data-dir", server.data_dir.to_str().unwrap(), "--token", OPERATOR]);
    check(&ask(), 1, "missing  there is no organization yet");
    check(&ask(), 1, "missing  no scheduled backup was made");
    let old = event("1", "2026-06-01T10:00:00Z", &json!({}));
    server.send_events(OPERATOR, &old);
    check(&ask(), 1, "missing  acme: no usage in the last 7 days");
    let now = chrono::Utc::now().to_rfc3339();
    let unpriced = json!({"usedModel": "mine/own-7b", "cost": null});
    server.send_events(OPERATOR, &json!([event("2", &now, &unpriced), event("3", &now, &json!({}))]));
    check(&ask(), 1, "ok       acme: 2 requests in the last 7 days");
    check(&ask(), 1, "missing  acme: 1 of them have no price");
    check(&ask(), 1, "missing  acme: 2 of them are of keys without a creator");
    let keys = json!({"apiKeys": [{"id": "k1", "organizationId": "acme", "projectId": "web", "createdBy": "ada"}]});
    server.put("/v1/directory", OPERATOR, &keys).ok();
    let text = String::from_utf8(ask().stdout).unwrap();
    assert!(!text.contains("without a creator"), "{text}");
    let directory = tempfile::tempdir().unwrap();
    check(&rollcall(&["doctor", "--data-dir", directory.path().to_str().unwrap()]), 2, "there is no store in");
    check(&rollcall(&["doctor", "--url", "http://127.0.0.1:9", "--token", "x"]), 2, "cannot be reached");
}

#[test]
fn bad_lines_are_named_and_the_exit_code_tells() {
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().to_str().unwrap();
    let body = format!("{}{{\"id\":\"bad\"}}\nnot json\n{}", lines(&["1"]), lines(&["2"]));
    let output = rollcall_with(&["ingest", "-", "--data-dir", store], body.as_bytes());
    check(&output, 1, "2 accepted, 0 duplicates, 2 rejected");
    check(&output, 1, "event 2 (bad): timestamp is missing");
    check(&output, 1, "event 3: an event is a JSON object");
    check(&rollcall(&["ingest", "/no/such/file", "--data-dir", store]), 2, "/no/such/file: No such file");
    check(&rollcall(&["ingest", "x"]), 2, "--data-dir");
    check(&rollcall(&["token", "list", "--data-dir", "/no/such/store"]), 2, "there is no store in /no/such/store");
    let marked = format!("\u{feff}{}", lines(&["3"]));
    check(&rollcall_with(&["ingest", "-", "--data-dir", store], marked.as_bytes()), 0, "1 accepted");
    let bare = r#"{"id":"4","timestamp":"2026-06-01T10:00:00Z","projectId":"web","apiKeyId":"k1","usedModel":"openai/gpt-4o","cost":1}"#;
    check(
        &rollcall_with(&["ingest", "-", "--data-dir", store, "--organization", "acme"], bare.as_bytes()),
        0,
        "1 accepted",
    );
    check(&rollcall(&["frobnicate"]), 2, "unrecognized subcommand");
}

#[test]
fn commands_talk_to_the_server_that_has_the_store_open() {
    let server = Server::start();
    let store = server.data_dir.to_str().unwrap();
    let with_token =
        |arguments: &[&str], input: &[u8]| rollcall_with(&[arguments, &["--token", OPERATOR]].concat(), input);
    check(&with_token(&["ingest", "-", "--data-dir", store], lines(&["1", "2"]).as_bytes()), 0, "2 accepted");
    check(
        &with_token(&["ingest", "-", "--url", &server.url], lines(&["2", "3"]).as_bytes()),
        0,
        "1 accepted, 1 duplicates",
    );
    check(&rollcall_with(&["ingest", "-", "--url", &server.url], b""), 2, "set ROLLCALL_TOKEN");
    check(
        &rollcall_with(&["ingest", "-", "--url", &server.url, "--token", "wrong"], lines(&["4"]).as_bytes()),
        2,
        "401",
    );
    // Without a token there is no way in: the file is locked, and the tests' operator token is in no file.
    check(&rollcall(&["token", "list", "--data-dir", store]), 2, "in use by another process");

    let created = with_token(
        &["token", "create", "ingest", "--organization", "acme", "--label", "ci", "--url", &server.url],
        b"",
    );
    check(&created, 0, "rc_ingest_");
    let secret = String::from_utf8(created.stdout).unwrap();
    assert_eq!(server.send_events(secret.trim(), &events(&["5"])[0])["accepted"], 1);
    let listed = with_token(&["token", "list", "--url", &server.url], b"");
    let text = String::from_utf8(listed.stdout).unwrap();
    let id = text.lines().find(|line| line.contains("ci")).unwrap().split('\t').next().unwrap();
    check(&with_token(&["token", "revoke", id, "--url", &server.url], b""), 0, "");
    assert_eq!(server.post("/v1/events", secret.trim(), &events(&["6"])[0]).status, 401);

    let exported = with_token(&["directory", "export", "--url", &server.url], b"");
    check(&exported, 0, "\"apiKeys\"");
    let other = tempfile::tempdir().unwrap();
    let other = other.path().to_str().unwrap();
    check(&rollcall_with(&["directory", "import", "-", "--data-dir", other], &exported.stdout), 0, "entries written");
    assert_eq!(rollcall(&["directory", "export", "--data-dir", other]).stdout, exported.stdout);
}

#[test]
fn a_second_server_on_the_same_store_is_refused() {
    let server = Server::start();
    let output = rollcall(&["serve", "--listen", "127.0.0.1:0", "--data-dir", server.data_dir.to_str().unwrap()]);
    check(&output, 2, "the store is in use by another process");
    let address = server.url.trim_start_matches("http://");
    let other = tempfile::tempdir().unwrap();
    let output = rollcall(&["serve", "--listen", address, "--data-dir", other.path().to_str().unwrap()]);
    check(&output, 2, "choose another --listen");
}

#[test]
fn the_first_start_makes_the_operators_token() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = Command::new(BINARY)
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(directory.path())
        .env_remove("ROLLCALL_OPERATOR_TOKEN")
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let address = directory.path().join("server.url");
    while !address.exists() || std::fs::read_to_string(&address).unwrap().is_empty() {
        assert!(child.try_wait().unwrap().is_none(), "the server ended");
        std::thread::yield_now();
    }
    let file = directory.path().join("operator.token");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    // The token in the file is the one that opens: the command line uses it by itself.
    check(&rollcall(&["token", "list", "--data-dir", directory.path().to_str().unwrap()]), 0, "first operator token");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn help_has_examples_and_versions_name_the_zone_rules() {
    check(&rollcall(&["--version"]), 0, "time zones 20");
    let mut commands = commands_of(&[]);
    assert!(commands.len() > 20, "{commands:?}");
    while let Some(command) = commands.pop() {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        commands.extend(commands_of(&words));
        let help = help_of(&words);
        let (_, examples) =
            help.split_once("\nExample").unwrap_or_else(|| panic!("{command:?} has no example:\n{help}"));
        // A line that was wrapped goes on in one that begins with something else.
        let mut goes_on = false;
        for line in examples.lines().filter(|line| line.starts_with("  ")) {
            let first = line.split_whitespace().find(|word| !word.contains('=')).unwrap_or_default();
            assert!(goes_on || ["rollcall", "zcat", "claude", "codex"].contains(&first), "{command:?}: {line}");
            assert!(line.chars().count() < 98, "{command:?}: {line}");
            goes_on = line.ends_with('\\');
        }
    }
}

fn help_of(command: &[&str]) -> String {
    let help = rollcall(&[command, &["--help"]].concat());
    assert_eq!(help.status.code(), Some(0), "{command:?}");
    String::from_utf8(help.stdout).unwrap()
}

/// The commands of one, as its help lists them.
fn commands_of(command: &[&str]) -> Vec<Vec<String>> {
    let help = help_of(command);
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    names.map(|name| command.iter().copied().chain([name]).map(str::to_owned).collect()).collect()
}

#[test]
fn questions_are_answered_on_the_terminal_as_over_http() {
    let server = Server::start();
    server.send_events(OPERATOR, &Value::from(events(&["1", "2"])));
    let directory = json!({
        "users": [{"id": "ada", "name": "Ada"}],
        "members": [{"organizationId": "acme", "userId": "ada", "role": "owner"}],
        "apiKeys": [{"id": "k1", "projectId": "web", "createdBy": "ada"}],
    });
    server.put("/v1/directory", OPERATOR, &directory).ok();
    let day = ["--organization", "acme", "--from", "2026-06-01", "--to", "2026-06-02"];
    let ask = |question: &[&str], from: &[&str]| rollcall(&[&["query"], question, &day, from].concat());
    let at_server = ["--url", &server.url, "--token", OPERATOR];
    check(&ask(&["activity", "--group-by", "user"], &at_server), 0, "Ada");
    check(&ask(&["members"], &at_server), 0, "0.5");
    check(&ask(&["member", "ada"], &at_server), 0, "gpt-4o");
    check(&ask(&["key", "k1"], &at_server), 0, "█");
    check(&ask(&["key", "none"], &at_server), 2, "there is no API key 'none'");
    check(&ask(&["activity", "--timezone", "Mars/Base"], &at_server), 2, "timezone 'Mars/Base' is unknown");
    check(
        &ask(&["activity", "--csv"], &at_server),
        0,
        "2026-06-01,gpt-4o,gpt-4o,false,false,2026f,0.5,2,240,2,0,0.5,0",
    );
    let over_http =
        server.get("/analytics/members?organizationId=acme&from=2026-06-01&to=2026-06-02", OPERATOR).ok().text;
    let answer = ask(&["members", "--json"], &at_server);
    assert_eq!(String::from_utf8(answer.stdout).unwrap(), over_http);
    // The same from the files, once no server has them.
    let data_dir = server.data_dir.clone();
    let kept = tempfile::tempdir().unwrap();
    let copy = kept.path().join("rollcall.redb");
    let mut server = server;
    assert_eq!(server.terminate(), Some(0));
    std::fs::copy(data_dir.join("rollcall.redb"), &copy).unwrap();
    let answer = ask(&["members", "--json"], &["--data-dir", kept.path().to_str().unwrap()]);
    assert_eq!(String::from_utf8(answer.stdout).unwrap(), over_http);
    check(
        &ask(&["activity", "--group-by", "project,model"], &["--data-dir", kept.path().to_str().unwrap()]),
        0,
        "web · gpt-4o",
    );
}

/// Those that print as they go panicked, and others said that a pipe was broken.
#[test]
fn a_command_ends_quietly_when_nobody_reads_on() {
    let server = Server::start();
    server.send_events(OPERATOR, &json!(events(&["1"])));
    let own: &[&[&str]] = &[
        &["token", "list"],
        &["directory", "export"],
        &["doctor"],
        &["query", "activity", "--csv", "--organization", "acme"],
    ];
    let own = own.iter().map(|command| [*command, &["--url", &server.url, "--token", OPERATOR]].concat());
    for command in own.chain([vec!["openapi"]]) {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let child = Command::new(BINARY).args(&command).stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
        let ended = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(0), "{command:?}: {said}");
        assert!(!said.contains("panicked") && !said.contains("pipe"), "{command:?}: {said}");
    }
}
