//! A server of the built binary, and ways to talk to it.
#![allow(dead_code, reason = "each test file uses a part of this")]

pub mod disk;
pub mod knots;
pub mod ledger;
pub mod mail;
pub mod otlp;
pub mod provider;
pub mod random;
pub mod receiver;
pub mod world;

use std::io::{BufRead, BufReader, PipeWriter, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

pub const BINARY: &str = env!("CARGO_BIN_EXE_rollcall");
pub const OPERATOR: &str = "operator-token-of-the-tests";
const START: Duration = Duration::from_secs(30);

/// A running `rollcall serve`. Killed when dropped.
pub struct Server {
    pub url: String,
    pub data_dir: PathBuf,
    /// What it has logged so far.
    pub log: Arc<Mutex<String>>,
    child: Child,
    _directory: Option<tempfile::TempDir>,
}

/// An answer, whatever its status.
pub struct Answer {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }

    /// Asserts a problem document with this status and these words.
    #[track_caller]
    pub fn is_problem(&self, status: u16, words: &str) {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text);
        let body = self.json();
        assert_eq!(body["status"], status);
        assert!(body["title"].is_string() && body["type"].is_string());
        let detail = body["detail"].as_str().unwrap();
        assert!(detail.contains(words), "'{detail}' does not say '{words}'");
    }

    #[track_caller]
    pub fn ok(self) -> Answer {
        assert!((200..300).contains(&self.status), "{} {}", self.status, self.text);
        self
    }
}

impl Server {
    pub fn start() -> Server {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_owned();
        let mut server = Server::start_in(&path);
        server._directory = Some(directory);
        server
    }

    /// Starts on a store that may exist already.
    pub fn start_in(data_dir: &Path) -> Server {
        Server::start_with(data_dir, OPERATOR)
    }

    pub fn start_with(data_dir: &Path, operator_token: &str) -> Server {
        Server::start_logging(data_dir, operator_token, "info")
    }

    pub fn start_logging(data_dir: &Path, operator_token: &str, level: &str) -> Server {
        Server::start_set(data_dir, operator_token, &[("ROLLCALL_LOG", level)])
    }

    /// Starts with settings by their variables.
    pub fn start_set(data_dir: &Path, operator_token: &str, settings: &[(&str, &str)]) -> Server {
        let mut command = Command::new(BINARY);
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data_dir);
        command.env("ROLLCALL_LOG", "info").envs(settings.iter().copied());
        Server::start_command(command, data_dir, operator_token)
    }

    /// Starts with a standard error that this does not read.
    pub fn start_unread(data_dir: &Path, stderr: PipeWriter) -> Server {
        let mut command = Command::new(BINARY);
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data_dir);
        let child = command.env("ROLLCALL_OPERATOR_TOKEN", OPERATOR).stderr(stderr).spawn().unwrap();
        let (log, address) = (Arc::default(), data_dir.join("server.url"));
        let mut server = Server { url: String::new(), data_dir: data_dir.to_owned(), log, child, _directory: None };
        let deadline = Instant::now() + START;
        while !server.url.ends_with('\n') {
            assert!(Instant::now() < deadline, "the server did not start in time");
            server.url = std::fs::read_to_string(&address).unwrap_or_default();
        }
        server.url.pop();
        server
    }

    /// Starts what a command starts.
    pub fn start_command(mut command: Command, data_dir: &Path, operator_token: &str) -> Server {
        command.env("ROLLCALL_OPERATOR_TOKEN", operator_token).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (ready, address) = mpsc::channel();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let log = Arc::new(Mutex::new(String::new()));
        let written = log.clone();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                written.lock().unwrap().push_str(&format!("{line}\n"));
                // In plain text, or as JSON.
                if let Some(at) = line.split("address=").nth(1).or(line.split("\"address\":\"").nth(1)) {
                    let _ = ready.send(at.split([' ', '"']).next().unwrap().to_owned());
                }
            }
        });
        let address = address.recv_timeout(START).expect("the server starts");
        Server { url: format!("http://{address}"), data_dir: data_dir.to_owned(), log, child, _directory: None }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends the process without a warning.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks the process to end, and gives its exit code.
    pub fn terminate(&mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let deadline = Instant::now() + Duration::from_secs(12);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "the server did not stop in time");
            std::thread::yield_now();
        }
    }

    pub fn get(&self, path: &str, token: &str) -> Answer {
        self.send("GET", path, &[("authorization", &bearer(token))], b"")
    }

    pub fn post(&self, path: &str, token: &str, body: &Value) -> Answer {
        self.json("POST", path, token, body)
    }

    pub fn put(&self, path: &str, token: &str, body: &Value) -> Answer {
        self.json("PUT", path, token, body)
    }

    pub fn delete(&self, path: &str, token: &str) -> Answer {
        self.send("DELETE", path, &[("authorization", &bearer(token))], b"")
    }

    pub fn json(&self, method: &str, path: &str, token: &str, body: &Value) -> Answer {
        let headers = [("authorization", &*bearer(token)), ("content-type", "application/json")];
        self.send(method, path, &headers, body.to_string().as_bytes())
    }

    /// Sends a request as it is. Tokens go in `authorization` by [`bearer`].
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            // Where it leads is a part of the answer.
            .max_redirects(0)
            .timeout_global(Some(Duration::from_secs(60)))
            .build()
            .into();
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = agent.run(request.body(body).unwrap()).unwrap();
        let mut text = Vec::new();
        response.body_mut().as_reader().read_to_end(&mut text).unwrap();
        let text = String::from_utf8_lossy(&text).into_owned();
        Answer { status: response.status().as_u16(), headers: response.headers().clone(), text }
    }

    /// Makes a token and gives its secret.
    pub fn token(&self, body: &Value) -> String {
        let answer = self.post("/v1/tokens", OPERATOR, body).ok();
        answer.json()["token"].as_str().unwrap().to_owned()
    }

    pub fn user_token(&self, user_id: &str) -> String {
        self.token(&json!({"kind": "user", "userId": user_id, "label": "test"}))
    }

    pub fn send_events(&self, token: &str, events: &Value) -> Value {
        self.post("/v1/events", token, events).ok().json()
    }

    pub fn activity(&self, token: &str, query: &str) -> Value {
        self.get(&format!("/analytics/activity?organizationId=acme&{query}"), token).ok().json()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// A valid event with `extra` put over it.
pub fn event(id: &str, timestamp: &str, extra: &Value) -> Value {
    let mut event = json!({
        "id": id, "timestamp": timestamp, "organizationId": "acme", "projectId": "web", "apiKeyId": "k1",
        "usedModel": "openai/gpt-4o", "promptTokens": 100, "completionTokens": 20, "cost": "0.25"
    });
    event.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    event
}

/// The text of a number in JSON, which a float would round.
pub fn number_text(json: &str, field: &str) -> String {
    let at = json.find(&format!("\"{field}\":")).unwrap() + field.len() + 3;
    json[at..].chars().take_while(|c| !matches!(c, ',' | '}')).collect()
}
