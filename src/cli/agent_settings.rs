//! `rollcall doctor --client`: what coding agents' own settings say, beside what they have to say.
//!
//! The settings that docs/feeds.md shows are in data/clients, and a test holds that nothing is missing from them. Which
//! file, variable and default count was seen by running the versions named there. No token is ever printed.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde_json::Value;

use super::Failure;
use super::client::Client;
use super::findings::Findings;

/// Far above any settings written by hand.
const LARGEST_FILE_BYTES: u64 = 1 << 20;
/// What each exporter is given, and adds `/v1/logs` or `/v1/traces` to.
const OTLP: &str = "/v1/otlp";
const LOGS: &str = "/v1/otlp/v1/logs";
/// What a token that may send begins with, and how long it is.
const TOKEN_START: &str = "rc_ingest_";
const TOKEN_LENGTH: usize = TOKEN_START.len() + 64;

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Agent {
    Codex,
    ClaudeCode,
    GeminiCli,
    QwenCode,
    Opencode,
    Copilot,
}

/// One setting: its name, what it says, and what it has to say.
struct Setting {
    name: String,
    said: Option<String>,
    rule: Rule,
}

enum Rule {
    /// One of these; what the agent takes when it is not set is last.
    OneOf(&'static [&'static str], &'static str),
    /// A list with this in it.
    Lists(&'static str),
    /// The address of a server of ours with this path.
    Address(&'static str),
    /// What an `authorization` header says.
    Bearer,
    /// A number up to this; what the agent takes otherwise, and what comes of it.
    AtMost(u64, &'static str),
    /// Not to be set, for what comes of it.
    Unset(&'static str),
}

/// Where an agent looks: its user's home, and the variables of the shell that it is started from.
struct Machine {
    home: PathBuf,
    variables: HashMap<String, String>,
}

/// Says what is missing from the settings of an agent on this machine. `url` is the server they should name, if any.
pub fn look(agent: Agent, url: Option<&str>, findings: &mut Findings) -> Result<(), Failure> {
    let home = std::env::home_dir().ok_or_else(|| Failure("this machine names no home directory: set HOME".into()))?;
    // What is not text is no setting of theirs.
    let variables =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let machine = Machine { home, variables: variables.collect() };
    let before = findings.missing;
    let settings = match agent {
        Agent::Codex => machine.codex(findings),
        Agent::ClaudeCode => machine.claude_code(findings),
        Agent::GeminiCli => machine.fork(".gemini", "GEMINI", findings),
        Agent::QwenCode => machine.fork(".qwen", "QWEN", findings),
        Agent::Opencode => machine.opencode(findings),
        Agent::Copilot => machine.exporter(vec![Setting::one_of(
            "OTEL_EXPORTER_OTLP_PROTOCOL",
            machine.variable("OTEL_EXPORTER_OTLP_PROTOCOL"),
            &["http/json", "http/protobuf"],
            "http/json",
        )]),
    };
    for setting in &settings {
        match setting.fault(url) {
            Some(fault) => findings.missing(format!("{} {fault}", setting.name)),
            None => findings.ok(format!("{} {}", setting.name, setting.shown())),
        }
    }
    if findings.missing == before {
        knock(&settings, findings);
    }
    Ok(())
}

/// Whether the server takes events with the agent's address and token: an empty post tells.
fn knock(settings: &[Setting], findings: &mut Findings) {
    let said = |is: fn(&Rule) -> bool| settings.iter().find(|one| is(&one.rule)).and_then(|one| one.said.as_deref());
    let address = said(|rule| matches!(rule, Rule::Address(_)));
    let header = said(|rule| matches!(rule, Rule::Bearer));
    let (Some(address), Some(header)) = (address, header) else { return };
    let (server, _) = address.split_once(OTLP).expect("an address without fault has the path");
    let token = header.trim_start_matches("Bearer ").to_owned();
    match Client::new(server, token).post_body::<Value>(LOGS, b"{}") {
        Ok(_) => findings.ok(format!("{} takes events with this token", shown(server))),
        Err(error) => findings.missing(format!("the server takes no events with these settings: {error}")),
    }
}

impl Setting {
    fn new(name: impl Into<String>, said: Option<String>, rule: Rule) -> Setting {
        Setting { name: name.into(), said, rule }
    }

    fn one_of(
        name: impl Into<String>,
        said: Option<String>,
        allowed: &'static [&'static str],
        otherwise: &'static str,
    ) -> Setting {
        Setting::new(name, said, Rule::OneOf(allowed, otherwise))
    }

    /// What it says, without secrets.
    fn shown(&self) -> String {
        match (&self.rule, self.said.as_deref()) {
            (Rule::Bearer, Some(_)) => "has a token".to_owned(),
            (_, Some(said)) => format!("is {}", shown(said)),
            (Rule::OneOf(_, otherwise), None) => format!("is not set, which is {otherwise}"),
            (_, None) => "is not set".to_owned(),
        }
    }

    /// What is wrong with it, and what it has to be.
    fn fault(&self, url: Option<&str>) -> Option<String> {
        let must = match (&self.rule, self.said.as_deref()) {
            (Rule::OneOf(allowed, otherwise), said) if allowed.contains(&said.unwrap_or(otherwise)) => return None,
            (Rule::OneOf(allowed, _), _) => format!("it must be {}", allowed.join(" or ")),
            (Rule::Lists(wanted), Some(said)) if said.split(',').any(|one| one.trim() == *wanted) => return None,
            (Rule::Lists(wanted), _) => format!("it must be {wanted}"),
            (Rule::Address(path), said) => match said.map(|said| address_fault(said, path, url)) {
                Some(None) => return None,
                Some(Some(fault)) => fault,
                None => format!("it must be {}{path}", url.unwrap_or("http://SERVER:8787").trim_end_matches('/')),
            },
            (Rule::Bearer, Some(said)) => return bearer_fault(said),
            (Rule::Bearer, None) => {
                return Some("has no authorization; it must be \"Bearer \" and an ingest token".to_owned());
            }
            (Rule::AtMost(most, _), Some(said)) if said.parse::<u64>().is_ok_and(|value| value <= *most) => {
                return None;
            }
            (Rule::AtMost(most, otherwise), _) => format!("it must be {most} or less: {otherwise}"),
            (Rule::Unset(_), None) => return None,
            (Rule::Unset(consequence), Some(_)) => format!("it must not be set: {consequence}"),
        };
        Some(format!("{}; {must}", self.shown()))
    }
}

fn address_fault(said: &str, path: &str, url: Option<&str>) -> Option<String> {
    let rest = said.strip_prefix("http://").or_else(|| said.strip_prefix("https://"));
    let Some(rest) = rest else { return Some("it must begin with http:// or https://".to_owned()) };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.is_empty() || host.contains('@') {
        return Some("it must name a server, and nobody's password".to_owned());
    }
    // A slash at the end is the exporters' own affair where they add a path; it is another path where they don't.
    let is_whole = path == LOGS;
    let found = if is_whole { &rest[host.len()..] } else { rest[host.len()..].trim_end_matches('/') };
    if found != path {
        let why = if is_whole { "nothing is added to it" } else { "the rest is added to it" };
        return Some(format!("it must end in {path}: {why}"));
    }
    let url = url?.trim_end_matches('/');
    (said.trim_end_matches('/').strip_suffix(path) != Some(url)).then(|| format!("it must be {url}{path}"))
}

fn bearer_fault(said: &str) -> Option<String> {
    let Some(token) = said.strip_prefix("Bearer ") else {
        return Some("has another kind of authorization; it must begin with \"Bearer \"".to_owned());
    };
    if !token.starts_with(TOKEN_START) {
        return Some(format!("has a token of another kind; it must be one that only sends: {TOKEN_START}…"));
    }
    let length = token.chars().count();
    (length != TOKEN_LENGTH).then(|| {
        format!("has a token of {length} characters; it must have {TOKEN_LENGTH}, as it was shown when it was made")
    })
}

/// A value without what could be a secret: a token, or an address's user, password and query.
fn shown(value: &str) -> String {
    let mut text = value.split("rc_").next().unwrap_or_default().to_owned();
    if text.len() < value.len() {
        text.push_str("rc_…");
    }
    if let Some((scheme, rest)) = text.clone().split_once("://") {
        let host = rest.split(['?', '#']).next().unwrap_or_default();
        text = format!("{scheme}://{}", host.rsplit('@').next().unwrap_or_default());
    }
    text
}

impl Machine {
    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).filter(|value| !value.is_empty()).cloned()
    }

    fn folder(&self, variable: &str, otherwise: &str) -> PathBuf {
        self.variable(variable).map_or_else(|| self.home.join(otherwise), PathBuf::from)
    }

    /// Codex has everything in one file, and takes no variables.
    fn codex(&self, findings: &mut Findings) -> Vec<Setting> {
        let path = self.folder("CODEX_HOME", ".codex").join("config.toml");
        let config = read(&path, toml_value, findings).unwrap_or_default();
        let exporter = &config["otel"]["exporter"];
        let kind = exporter.as_str().map(str::to_owned).or_else(|| exporter.as_object()?.keys().next().cloned());
        let is_http = kind.as_deref() == Some("otlp-http");
        let mut settings = vec![Setting::one_of("otel.exporter", kind, &["otlp-http"], "none")];
        if is_http {
            let exporter = &exporter["otlp-http"];
            let name = |key: &str| format!("otel.exporter.otlp-http.{key}");
            let headers = exporter["headers"].as_object();
            let header =
                headers.and_then(|all| all.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization")));
            settings.extend([
                Setting::new(name("endpoint"), text(&exporter["endpoint"]), Rule::Address(LOGS)),
                Setting::one_of(name("protocol"), text(&exporter["protocol"]), &["binary", "json"], "no protocol"),
                Setting::new(name("headers"), header.and_then(|(_, value)| text(value)), Rule::Bearer),
            ]);
        }
        settings
    }

    /// Gemini CLI and its fork Qwen Code: a file, variables that overrule it, and a file of variables.
    fn fork(mut self, folder: &str, prefix: &str, findings: &mut Findings) -> Vec<Setting> {
        let folder = self.home.join(folder);
        let config = read(&folder.join("settings.json"), json_with_comments, findings).unwrap_or_default();
        self.add_variables(&folder.join(".env"));
        self.add_variables(&self.home.join(".env"));
        let telemetry = &config["telemetry"];
        let said = |variable: &str, key: &str| {
            self.variable(&format!("{prefix}_TELEMETRY_{variable}")).or_else(|| text(&telemetry[key]))
        };
        let name = |key: &str| format!("telemetry.{key}");
        let endpoint = self
            .variable(&format!("{prefix}_TELEMETRY_OTLP_ENDPOINT"))
            .or_else(|| self.variable("OTEL_EXPORTER_OTLP_ENDPOINT"))
            .or_else(|| text(&telemetry["otlpEndpoint"]));
        if said("LOG_PROMPTS", "logPrompts").as_deref() != Some("false") {
            findings.note("telemetry.logPrompts is not false: prompts are sent, and dropped by the server");
        }
        vec![
            Setting::one_of(name("enabled"), said("ENABLED", "enabled"), &["true", "1"], "false"),
            Setting::one_of(name("target"), said("TARGET", "target"), &["local"], "local"),
            Setting::new(name("outfile"), said("OUTFILE", "outfile"), Rule::Unset("all goes into that file")),
            Setting::one_of(name("otlpProtocol"), said("OTLP_PROTOCOL", "otlpProtocol"), &["http"], "grpc"),
            Setting::new(name("otlpEndpoint"), endpoint, Rule::Address(OTLP)),
            self.headers("OTEL_EXPORTER_OTLP_HEADERS"),
        ]
    }

    /// Claude Code: variables, which its own settings overrule, and an administrator's settings those.
    fn claude_code(mut self, findings: &mut Findings) -> Vec<Setting> {
        let own = self.folder("CLAUDE_CONFIG_DIR", ".claude").join("settings.json");
        let managed = Path::new("/etc/claude-code/managed-settings.json");
        for path in [own.as_path(), managed] {
            // Variables alone will do.
            if !path.exists() {
                continue;
            }
            let config = read(path, json, findings).unwrap_or_default();
            for (name, value) in config["env"].as_object().into_iter().flatten() {
                self.variables.insert(name.clone(), text(value).unwrap_or_default());
            }
        }
        let of_logs = |what: &str| {
            let name = format!("OTEL_EXPORTER_OTLP_LOGS_{what}");
            let is_set = self.variable(&name).is_some();
            if is_set { name } else { format!("OTEL_EXPORTER_OTLP_{what}") }
        };
        let endpoint = of_logs("ENDPOINT");
        let path = if endpoint.contains("LOGS") { LOGS } else { OTLP };
        let setting = |name: String, rule| Setting::new(name.clone(), self.variable(&name), rule);
        vec![
            setting("CLAUDE_CODE_ENABLE_TELEMETRY".into(), Rule::OneOf(&["1", "true"], "0")),
            setting("OTEL_LOGS_EXPORTER".into(), Rule::Lists("otlp")),
            setting(of_logs("PROTOCOL"), Rule::OneOf(&["http/protobuf", "http/json"], "no protocol")),
            setting(endpoint, Rule::Address(path)),
            self.headers(&of_logs("HEADERS")),
        ]
    }

    /// opencode: a file that switches it on, and variables that say where to.
    fn opencode(self, findings: &mut Findings) -> Vec<Setting> {
        let folder = self.folder("XDG_CONFIG_HOME", ".config").join("opencode");
        let path = self.variable("OPENCODE_CONFIG").map(PathBuf::from).unwrap_or_else(|| {
            let jsonc = folder.join("opencode.jsonc");
            if jsonc.exists() { jsonc } else { folder.join("opencode.json") }
        });
        let config = read(&path, json_with_comments_and_commas, findings).unwrap_or_default();
        let switch = text(&config["experimental"]["openTelemetry"]);
        let delay = "OTEL_BSP_SCHEDULE_DELAY";
        if text(&config["username"]).is_none() {
            findings.note("username is not set: calls belong to whoever is said to have the token's key");
        }
        let lost = "otherwise 5000, and what a run did in its last seconds is not sent";
        self.exporter(vec![
            Setting::one_of("experimental.openTelemetry", switch, &["true"], "false"),
            Setting::new(delay, self.variable(delay), Rule::AtMost(500, lost)),
        ])
    }

    /// These, and the variables that OpenTelemetry's exporters have for where to.
    fn exporter(&self, mut settings: Vec<Setting>) -> Vec<Setting> {
        let endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";
        settings.push(Setting::new(endpoint, self.variable(endpoint), Rule::Address(OTLP)));
        settings.push(self.headers("OTEL_EXPORTER_OTLP_HEADERS"));
        settings
    }

    /// The header in a variable of `name=value` by commas, with spaces as they are or as `%20`.
    fn headers(&self, variable: &str) -> Setting {
        let headers = self.variable(variable).unwrap_or_default();
        let pairs = headers.split(',').filter_map(|pair| pair.split_once('='));
        let header =
            pairs.filter(|(name, _)| name.trim().eq_ignore_ascii_case("authorization")).map(|(_, value)| value);
        let said = header.map(|value| value.trim().replace("%20", " ")).next();
        Setting::new(variable, said, Rule::Bearer)
    }

    /// Variables of a file, which those of the shell overrule.
    fn add_variables(&mut self, path: &Path) {
        let Ok(text) = fs::read_to_string(path) else { return };
        for line in text.lines() {
            let line = line.trim().trim_start_matches("export ");
            let Some((name, value)) = line.split_once('=').filter(|_| !line.starts_with('#')) else { continue };
            let value = value.trim().trim_matches(['"', '\'']);
            self.variables.entry(name.trim().to_owned()).or_insert_with(|| value.to_owned());
        }
    }
}

/// A setting as text, whatever its type.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    }
}

/// A file of settings, or nothing and why.
fn read(path: &Path, parse: fn(&str) -> Result<Value, String>, findings: &mut Findings) -> Option<Value> {
    let name = path.display();
    let text = match fs::metadata(path) {
        Ok(file) if file.len() > LARGEST_FILE_BYTES => {
            Err(format!("has {} bytes; at most {LARGEST_FILE_BYTES} are read", file.len()))
        }
        _ => fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}")),
    };
    match text.and_then(|text| parse(&text)) {
        Ok(value) => {
            findings.ok(format!("{name} is read"));
            Some(value)
        }
        Err(fault) => {
            findings.missing(format!("{name} {fault}"));
            None
        }
    }
}

// Neither says what stands where it fails, only where: it may be a token.

fn toml_value(text: &str) -> Result<Value, String> {
    toml::from_str(text).map_err(|error| {
        let line =
            error.span().map_or(1, |span| text.bytes().take(span.start).filter(|byte| *byte == b'\n').count() + 1);
        format!("is no TOML, in line {line}")
    })
}

// What agents take for JSON differs, and one that takes less reads nothing of a file that has more.

fn json(text: &str) -> Result<Value, String> {
    json_beside(text, "without comments")
}

fn json_with_comments(text: &str) -> Result<Value, String> {
    json_beside(&without_comments(text, false), "and no comma before a closing bracket")
}

fn json_with_comments_and_commas(text: &str) -> Result<Value, String> {
    json_beside(&without_comments(text, true), "with or without comments")
}

fn json_beside(text: &str, what: &str) -> Result<Value, String> {
    let fault = |error: serde_json::Error| format!("is no JSON, in line {}; it must be, {what}", error.line());
    serde_json::from_str(text).map_err(fault)
}

/// JSON without its comments, and without commas before a closing bracket where they are allowed, in as many lines.
fn without_comments(text: &str, allows_commas: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let length = if next == '"' {
            string_length(rest)
        } else if rest.starts_with("//") {
            rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
            continue;
        } else if rest.starts_with("/*") {
            let end = rest[2..].find("*/").map_or(rest.len(), |at| at + 4);
            out.extend(rest[..end].chars().filter(|c| *c == '\n'));
            rest = &rest[end..];
            continue;
        } else {
            next.len_utf8()
        };
        if allows_commas && matches!(next, '}' | ']') && out.trim_end().ends_with(',') {
            let at = out.trim_end().len() - 1;
            out.remove(at);
        }
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    out
}

/// How long the string is that a text begins with.
fn string_length(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}
