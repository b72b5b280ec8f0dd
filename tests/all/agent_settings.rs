//! `rollcall doctor --client`, in homes of made-up people.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{BINARY, OPERATOR, Server};
use serde_json::json;

const ADDRESS: &str = "http://rollcall.internal:8787";
const STANDS_FOR_TOKEN: &str = "rc_ingest_…";

/// A home with these files, and what the doctor says in it.
struct Home(tempfile::TempDir);

impl Home {
    fn with(files: &[(&str, &str)]) -> Home {
        let home = Home(tempfile::tempdir().unwrap());
        for (path, text) in files {
            let path = home.0.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        home
    }

    fn doctor(&self, client: &str, variables: &[(&str, &str)], arguments: &[&str]) -> (i32, String) {
        let mut command = Command::new(BINARY);
        command.args(["doctor", "--client", client]).args(arguments).env_clear();
        let output = command.env("HOME", self.0.path()).envs(variables.iter().copied()).output().unwrap();
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.code().unwrap(), text)
    }
}

/// The settings that docs/feeds.md shows, for an address and a token.
fn shown(name: &str, url: &str, token: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/clients").join(name);
    fs::read_to_string(path).unwrap().replace(ADDRESS, url).replace(STANDS_FOR_TOKEN, token)
}

/// Variables as a file of them has them.
fn variables(text: &str) -> Vec<(&str, &str)> {
    text.lines()
        .map(|line| line.split_once('=').unwrap())
        .map(|(name, value)| (name, value.trim_matches('"')))
        .collect()
}

type Client = (&'static str, &'static [(&'static str, &'static str)], Option<&'static str>);

/// Each client, its file of settings, and where that and its variables are kept.
const CLIENTS: [Client; 6] = [
    ("codex", &[(".codex/config.toml", "codex.toml")], None),
    ("claude-code", &[(".claude/settings.json", "claude-code.json")], None),
    ("gemini-cli", &[(".gemini/settings.json", "gemini-cli.json"), (".gemini/.env", "gemini-cli.env")], None),
    ("qwen-code", &[(".qwen/settings.json", "qwen-code.json"), (".qwen/.env", "qwen-code.env")], None),
    ("opencode", &[(".config/opencode/opencode.json", "opencode.json")], Some("opencode.env")),
    ("copilot", &[], Some("copilot.env")),
];

fn home_of(client: &str, url: &str, token: &str) -> (Home, String) {
    let (_, files, variables) = CLIENTS.into_iter().find(|(name, ..)| *name == client).unwrap();
    let texts: Vec<_> = files.iter().map(|(path, name)| (*path, shown(name, url, token))).collect();
    let home = Home::with(&texts.iter().map(|(path, text)| (*path, text.as_str())).collect::<Vec<_>>());
    (home, variables.map(|name| shown(name, url, token)).unwrap_or_default())
}

#[test]
fn from_the_settings_that_are_shown_nothing_is_missing() {
    let server = Server::start();
    let made = server.post("/v1/tokens", OPERATOR, &json!({"kind": "ingest", "organizationId": "acme"})).ok().json();
    let token = made["token"].as_str().unwrap();
    for (client, ..) in CLIENTS {
        let (home, shell) = home_of(client, &server.url, token);
        for arguments in [&[][..], &["--url", &server.url]] {
            let (code, text) = home.doctor(client, &variables(&shell), arguments);
            assert_eq!(code, 0, "{client}: {text}");
            assert!(text.contains("takes events with this token") && !text.contains(token), "{client}: {text}");
        }
        let elsewhere = home.doctor(client, &variables(&shell), &["--url", "https://rollcall.example"]);
        assert!(
            elsewhere.0 == 1 && elsewhere.1.contains("it must be https://rollcall.example/v1/otlp"),
            "{elsewhere:?}"
        );
        let (code, text) = Home::with(&[]).doctor(client, &[], &[]);
        assert!(code == 1 && text.contains("missing"), "{client}: {text}");
    }
    assert_eq!(server.get("/v1/intake", OPERATOR).ok().json()["intake"], json!([]), "nothing was sent");
}

#[test]
fn a_token_that_the_server_does_not_know_is_found_by_asking_it() {
    let server = Server::start();
    let token = format!("rc_ingest_{}", "0".repeat(64));
    for (client, ..) in CLIENTS {
        let (home, shell) = home_of(client, &server.url, &token);
        let (code, text) = home.doctor(client, &variables(&shell), &[]);
        assert!(code == 1 && text.contains("answered 401") && !text.contains(&token), "{client}: {text}");
        let (home, shell) = home_of(client, "http://127.0.0.1:9", &token);
        let (code, text) = home.doctor(client, &variables(&shell), &[]);
        assert!(code == 1 && text.contains("cannot be reached") && !text.contains(&token), "{client}: {text}");
    }
}

/// Changes one text of the settings that are shown, wherever it stands.
#[track_caller]
fn check(client: &str, from: &str, to: &str, expected: &str) {
    let token = &format!("rc_ingest_{}", "5ec7e7".repeat(11))[..74];
    let change = |text: String| text.replace(from, to);
    let (_, files, shell) = CLIENTS.into_iter().find(|(name, ..)| *name == client).unwrap();
    let texts: Vec<_> =
        files.iter().map(|(path, name)| (*path, change(shown(name, "http://127.0.0.1:9", token)))).collect();
    let home = Home::with(&texts.iter().map(|(path, text)| (*path, text.as_str())).collect::<Vec<_>>());
    let shell = shell.map(|name| change(shown(name, "http://127.0.0.1:9", token))).unwrap_or_default();
    let (code, text) = home.doctor(client, &variables(&shell), &[]);
    assert_eq!(code, 1, "{client}, {to}: {text}");
    let is_said = text.lines().any(|line| line.starts_with("missing") && line.contains(expected));
    assert!(is_said, "{client}: '{text}' does not say '{expected}'");
    assert!(!text.contains("5ec7e7"), "{client}: the token is in '{text}'");
}

#[test]
fn what_is_wrong_is_named_with_what_is_allowed() {
    // Codex adds nothing to its address; the others do.
    check(
        "codex",
        "/v1/otlp/v1/logs",
        "/v1/otlp",
        "endpoint is http://127.0.0.1:9/v1/otlp; it must end in /v1/otlp/v1/logs: nothing is",
    );
    check("codex", "/v1/otlp/v1/logs", "/v1/otlp/v1/traces", "it must end in /v1/otlp/v1/logs");
    check("codex", "\"binary\"", "\"grpc\"", "protocol is grpc; it must be binary or json");
    check(
        "codex",
        "protocol = \"binary\"\n",
        "",
        "protocol is not set, which is no protocol; it must be binary or json",
    );
    check("codex", "otlp-http", "otlp-grpc", "otel.exporter is otlp-grpc; it must be otlp-http");
    check("codex", "[otel.exporter.otlp-http]", "[otel.elsewhere]", "otel.exporter is not set, which is none");
    check("codex", "authorization =", "x-token =", "headers has no authorization");
    check("codex", "Bearer rc", "Bearer%20rc", "it must begin with \"Bearer \"");
    check("codex", "headers =", "headers", "config.toml is no TOML, in line 4");
    check(
        "gemini-cli",
        "    \"otlpProtocol\": \"http\",\n",
        "",
        "telemetry.otlpProtocol is not set, which is grpc; it must be http",
    );
    check("gemini-cli", "\"local\"", "\"gcp\"", "telemetry.target is gcp; it must be local");
    check("gemini-cli", "\"enabled\": true", "\"enabled\": false", "telemetry.enabled is false; it must be true or 1");
    check("gemini-cli", "/v1/otlp", "/v1/otlp/v1/logs", "it must end in /v1/otlp: the rest is added to it");
    check(
        "gemini-cli",
        "\"target\"",
        "\"outfile\": \"x.log\", \"target\"",
        "telemetry.outfile is x.log; it must not be set",
    );
    check("qwen-code", "authorization=", "x-token=", "OTEL_EXPORTER_OTLP_HEADERS has no authorization");
    check("qwen-code", "\"telemetry\"", "telemetry", "settings.json is no JSON, in line 2");
    check(
        "claude-code",
        "_ENABLE_TELEMETRY",
        "_ENABLE",
        "CLAUDE_CODE_ENABLE_TELEMETRY is not set, which is 0; it must be 1",
    );
    check("claude-code", "\"otlp\"", "\"console\"", "OTEL_LOGS_EXPORTER is console; it must be otlp");
    check(
        "claude-code",
        "http/protobuf",
        "grpc",
        "OTEL_EXPORTER_OTLP_PROTOCOL is grpc; it must be http/protobuf or http/json",
    );
    check(
        "claude-code",
        "OTLP_ENDPOINT",
        "OTLP_LOGS_ENDPOINT",
        "OTLP_LOGS_ENDPOINT is http://127.0.0.1:9/v1/otlp; it must end in",
    );
    check("claude-code", "http://127", "127", "it must begin with http:// or https://");
    check("claude-code", "http://127", "http://mina:5ec7e7@127", "it must name a server, and nobody's password");
    check("claude-code", "Bearer rc_ingest_", "Bearer rc_operator_", "has a token of another kind");
    check(
        "claude-code",
        "Bearer rc_ingest_",
        "Bearer rc_ingest_5ec7e7",
        "has a token of 80 characters; it must have 74",
    );
    check("claude-code", "Bearer", "Basic", "has another kind of authorization");
    check("opencode", "true", "false", "experimental.openTelemetry is false; it must be true");
    check("opencode", "_DELAY=100", "_DELAY=60000", "OTEL_BSP_SCHEDULE_DELAY is 60000; it must be 500 or less");
    check(
        "copilot",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_ENDPOINT",
        "OTEL_EXPORTER_OTLP_ENDPOINT is not set; it must be http://SERVER:8787/v1/otlp",
    );
    check("copilot", "authorization=Bearer rc", "authorization=Bearer%20", "has a token of another kind");
}

/// As the versions that docs/feeds.md names were seen to take them.
#[test]
fn comments_and_last_commas_are_read_by_those_who_read_them() {
    let comment = "{ // who is \"there\", {\n /* and\n [ */";
    for (client, file, last, takes_comments, takes_commas) in [
        ("gemini-cli", ".gemini/settings.json", "\"logPrompts\": false", true, false),
        ("qwen-code", ".qwen/settings.json", "\"logPrompts\": false", true, false),
        ("claude-code", ".claude/settings.json", "rc_ingest_x\"", false, false),
        ("opencode", ".config/opencode/opencode.json", "\"mina@example.com\"", true, true),
    ] {
        let check = |from: &str, to: &str, is_read: bool| {
            let (home, _) = home_of(client, "http://127.0.0.1:9", "rc_ingest_x");
            let path = home.0.path().join(file);
            let text = fs::read_to_string(&path).unwrap();
            fs::write(&path, text.replacen(from, to, 1)).unwrap();
            let (_, said) = home.doctor(client, &[], &[]);
            let expected = if is_read { "json is read" } else { "json is no JSON, in line" };
            assert!(said.contains(expected), "{client}: '{said}' does not say '{expected}'");
        };
        check("{", comment, takes_comments);
        check(last, &format!("{last},"), takes_commas);
    }
}

#[test]
fn a_shell_s_variables_overrule_the_files_of_gemini_cli() {
    let (home, _) = home_of("gemini-cli", "http://127.0.0.1:9", "rc_ingest_x");
    let (_, said) = home.doctor("gemini-cli", &[("GEMINI_TELEMETRY_OTLP_PROTOCOL", "grpc")], &[]);
    assert!(said.contains("missing  telemetry.otlpProtocol is grpc; it must be http"), "{said}");
}
