//! Programs that somebody who is signed in lets in, and `rollcall login`, which is one.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::support::provider::session_of;
use crate::support::{Answer, BINARY, OPERATOR, Server, bearer};

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const HERE: &str = "http://127.0.0.1:9/";
const ACTIVITY: &str = "/analytics/activity?organizationId=acme";

/// A server with Ada, who is signed in at the page: her token, its id and her cookie.
struct Installation {
    server: Server,
    token: String,
    token_id: String,
    cookie: String,
}

fn installed() -> Installation {
    let server = Server::start();
    let directory = json!({
        "organizations": [{"id": "acme"}], "users": [{"id": "ada", "name": "Ada"}],
        "members": [{"organizationId": "acme", "userId": "ada", "role": "owner"}],
    });
    server.put("/v1/directory", OPERATOR, &directory).ok();
    let made = server.post("/v1/tokens", OPERATOR, &json!({"kind": "user", "userId": "ada"})).ok().json();
    let (token, token_id) = (text(&made["token"]), text(&made["id"]));
    let cookie = session_of(&server.post("/v1/session", "", &json!({"token": token})).ok());
    Installation { server, token, token_id, cookie }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

impl Installation {
    fn at_page(&self, method: &str, path: &str, body: &Value) -> Answer {
        let headers = [("cookie", &*self.cookie), ("x-rollcall-request", "1"), ("content-type", "application/json")];
        self.server.send(
            method,
            path,
            &headers,
            if body.is_null() { String::new() } else { body.to_string() }.as_bytes(),
        )
    }

    fn form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.server.send("POST", path, &[("content-type", "application/x-www-form-urlencoded")], body.as_bytes())
    }

    /// The code that the browser brings to a program on its machine.
    fn code(&self) -> String {
        let body = json!({"redirectUri": HERE, "state": "s", "codeChallenge": CHALLENGE, "name": "laptop"});
        let to = text(&self.at_page("POST", "/v1/login", &body).ok().json()["redirectTo"]);
        let query = to.strip_prefix(&format!("{HERE}?")).unwrap();
        let mut pairs: HashMap<String, String> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        assert_eq!(pairs["state"], "s");
        pairs.remove("code").unwrap()
    }

    fn exchange(&self, code: &str, verifier: &str, redirect_uri: &str) -> Answer {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("code_verifier", verifier),
            ("redirect_uri", redirect_uri),
        ];
        self.form("/v1/login/token", &fields)
    }

    fn ask(&self, device_code: &str) -> Answer {
        let kind = "urn:ietf:params:oauth:grant-type:device_code";
        self.form("/v1/login/token", &[("grant_type", kind), ("device_code", device_code)])
    }

    fn sessions(&self) -> Vec<Value> {
        self.at_page("GET", "/v1/sessions", &Value::Null).ok().json()["sessions"].as_array().unwrap().clone()
    }
}

#[track_caller]
fn refused(answer: &Answer, error: &str) {
    answer.is_problem(400, "");
    assert_eq!(answer.json()["error"], error);
}

#[test]
fn a_program_on_the_same_machine_gets_a_token_once_with_what_it_alone_knows() {
    let of = installed();
    for (verifier, to) in [("another", HERE), (VERIFIER, "http://127.0.0.1:10/")] {
        let code = of.code();
        refused(&of.exchange(&code, verifier, to), "invalid_grant");
        refused(&of.exchange(&code, VERIFIER, HERE), "invalid_grant");
    }
    let code = of.code();
    let granted = of.exchange(&code, VERIFIER, HERE).ok();
    assert_eq!(granted.header("cache-control"), "no-store");
    let granted = granted.json();
    assert_eq!((&granted["token_type"], &granted["expires_in"]), (&json!("Bearer"), &json!(30 * 86_400)));
    refused(&of.exchange(&code, VERIFIER, HERE), "invalid_grant");
    let program = text(&granted["access_token"]);
    of.server.get(ACTIVITY, &program).ok();
    assert_eq!(of.server.get("/v1/me", &program).ok().json()["user"]["id"], "ada");

    // It is listed among her sessions, and told in the audit log, without its secret.
    let listed = of.sessions();
    let its = listed.iter().find(|one| one["id"] == granted["token_id"]).expect("it is listed");
    assert!(text(&its["program"]).starts_with("laptop, let in 20"), "{its}");
    assert!(!json!(listed).to_string().contains(&program));
    let log = of.server.get("/v1/audit", OPERATOR).ok().json();
    let made = log["entries"].as_array().unwrap().iter().find(|one| one["target"] == granted["token_id"]).unwrap();
    assert_eq!(
        (&made["action"], &made["actor"], &made["userId"]),
        (&json!("token-create"), &json!(of.token_id), &json!("ada"))
    );
    assert!(log.to_string().contains("the code is none") && !log.to_string().contains(&code));

    // What a program has opens no door to another, and it goes with what it was let in by.
    let body = json!({"redirectUri": HERE, "state": "s", "codeChallenge": CHALLENGE});
    of.server.post("/v1/login", &program, &body).is_problem(403, "at the page");
    of.server.delete(&format!("/v1/tokens/{}", of.token_id), OPERATOR).ok();
    of.server.get(ACTIVITY, &program).is_problem(401, "");
}

#[test]
fn a_program_may_no_longer_than_the_token_that_let_it_in() {
    let mut of = installed();
    let expires = "2999-01-01T00:00:00Z";
    let lent = json!({"kind": "user", "userId": "ada", "expiresAt": expires});
    let lent = of.server.token(&lent);
    of.cookie = session_of(&of.server.post("/v1/session", "", &json!({"token": lent})).ok());
    let session = of.exchange(&of.code(), VERIFIER, HERE).ok().json();
    assert_eq!(session["expires_in"], 30 * 86_400, "the session's longest");
    // Signed out before the program has fetched it.
    let code = of.code();
    of.at_page("DELETE", "/v1/session", &Value::Null).ok();
    of.exchange(&code, VERIFIER, HERE).ok();
    of.cookie = session_of(&of.server.post("/v1/session", "", &json!({"token": lent})).ok());
    let (code, tokens) = (of.code(), of.server.get("/v1/tokens", OPERATOR).ok().json());
    let lent = tokens["tokens"].as_array().unwrap().iter().find(|one| one["expiresAt"] == expires).unwrap();
    of.server.delete(&format!("/v1/tokens/{}", text(&lent["id"])), OPERATOR).ok();
    refused(&of.exchange(&code, VERIFIER, HERE), "access_denied");
}

#[test]
fn a_program_elsewhere_shows_a_code_that_somebody_types() {
    let of = installed();
    let begin = || of.form("/v1/login/device", &[("client_id", "any"), ("client_name", "builder")]).ok().json();
    let begun = begin();
    let code = text(&begun["user_code"]);
    assert_eq!(begun["verification_uri"], format!("{}/login", of.server.url));
    assert_eq!(begun["verification_uri_complete"], format!("{}/login?code={code}", of.server.url));
    let device = text(&begun["device_code"]);
    refused(&of.ask(&device), "authorization_pending");
    refused(&of.ask(&device), "slow_down");
    let path = format!("/v1/login/device/{}", code.to_lowercase().replace('-', ""));
    let asking = of.at_page("GET", &path, &Value::Null).ok().json();
    assert_eq!((&asking["name"], &asking["from"]), (&json!("builder"), &json!("127.0.0.1")));
    of.server.get(&path, &of.token).is_problem(403, "at the page");
    of.server.get(&path, OPERATOR).is_problem(403, "only a person");
    let without = [("cookie", &*of.cookie), ("content-type", "application/json")];
    of.server.send("POST", &path, &without, b"{\"allow\":true}").is_problem(403, "x-rollcall-request");
    of.at_page("POST", "/v1/login/device/BBBB-BBBB", &json!({"allow": true})).is_problem(404, "no program shows");
    assert_eq!(of.at_page("POST", &path, &json!({"allow": true})).status, 204);
    of.at_page("POST", &path, &json!({"allow": false})).is_problem(404, "decided on already");
    let granted = of.ask(&device).ok().json();
    refused(&of.ask(&device), "expired_token");
    let program = text(&granted["access_token"]);
    of.server.get(ACTIVITY, &program).ok();
    // It ends its own session, and nobody else's.
    assert_eq!(of.server.delete("/v1/session", &program).status, 204);
    of.server.get(ACTIVITY, &program).is_problem(401, "");
    of.server.delete("/v1/session", &of.token).ok();
    of.server.get(ACTIVITY, &of.token).ok();

    let begun = begin();
    let path = format!("/v1/login/device/{}", text(&begun["user_code"]));
    assert_eq!(of.at_page("POST", &path, &json!({"allow": false})).status, 204);
    refused(&of.ask(&text(&begun["device_code"])), "access_denied");
    refused(&of.form("/v1/login/token", &[("grant_type", "password")]), "unsupported_grant_type");
    refused(&of.form("/v1/login/token", &[]), "invalid_request");
    of.form("/v1/login/device", &[("client_name", &"a".repeat(101))]).is_problem(400, "at most 100");
    assert_eq!(of.form("/v1/login/device", &[("client_name", &"a".repeat(9_000))]).status, 413);
}

#[test]
fn one_ends_all_others_and_the_operator_all_of_somebody() {
    let of = installed();
    let programs = [(); 2].map(|()| text(&of.exchange(&of.code(), VERIFIER, HERE).ok().json()["access_token"]));
    let other = session_of(&of.server.post("/v1/session", "", &json!({"token": of.token})).ok());
    let operator = session_of(&of.server.post("/v1/session", "", &json!({"token": OPERATOR})).ok());
    assert_eq!(of.sessions().len(), 4);
    let me = |cookie: &str| of.server.send("GET", "/v1/me", &[("cookie", cookie)], b"").status;
    of.at_page("DELETE", "/v1/sessions?userId=ben", &Value::Null).is_problem(403, "for the operator");
    assert_eq!(of.server.delete("/v1/sessions", &programs[0]).status, 204);
    assert_eq!((me(&of.cookie), me(&other), me(&operator)), (401, 401, 200));
    of.server.get(ACTIVITY, &programs[0]).ok();
    of.server.get(ACTIVITY, &programs[1]).is_problem(401, "");
    assert_eq!(of.server.delete("/v1/sessions?userId=ada", OPERATOR).status, 204);
    of.server.get(ACTIVITY, &programs[0]).is_problem(401, "");
    let operators = [("cookie", &*operator), ("x-rollcall-request", "1")];
    assert_eq!(of.server.send("DELETE", "/v1/sessions", &operators, b"").status, 204);
    assert_eq!(me(&operator), 200, "their own stays");
}

/// The command, with settings in a folder and no token.
fn rollcall(settings: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.args(arguments).env("XDG_CONFIG_HOME", settings).env_remove("ROLLCALL_TOKEN").stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs it to its end: the exit code, and what it has said.
fn run(settings: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = rollcall(settings, arguments).output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    (output.status.code(), said)
}

/// Starts a sign-in, and waits for the address that it shows.
fn begin(settings: &Path, arguments: &[&str], marker: &str) -> (Child, String) {
    let mut child = rollcall(settings, arguments).spawn().unwrap();
    let lines = BufReader::new(child.stderr.as_mut().unwrap()).lines().map_while(Result::ok);
    let line = lines.into_iter().find(|line| line.contains(marker)).expect("it shows an address");
    let address = line.split_whitespace().find(|word| word.contains(marker)).unwrap().to_owned();
    (child, address)
}

#[test]
fn rollcall_login_signs_in_by_the_page_and_logout_out() {
    let of = installed();
    let folder = tempfile::tempdir().unwrap();
    let (settings, url) = (folder.path(), of.server.url.as_str());
    let query = ["query", "activity", "--url", url, "--organization", "acme"];
    let (code, said) = run(settings, &query);
    assert!(code == Some(2) && said.contains(&format!("rollcall login --url {url}")), "{said}");
    let (mut child, address) = begin(settings, &["login", "--url", url], "redirect_uri=");
    let asked: HashMap<String, String> =
        form_urlencoded::parse(address.split_once('?').unwrap().1.as_bytes()).into_owned().collect();
    let [to, state] = ["redirect_uri", "state"].map(|name| asked[name].as_str());
    let body =
        json!({"redirectUri": to, "state": state, "codeChallenge": asked["code_challenge"], "name": asked["name"]});
    let to = text(&of.at_page("POST", "/v1/login", &body).ok().json()["redirectTo"]);
    // Somebody who knows the port and not the state.
    let get = |url: &str| ureq::get(url).config().http_status_as_error(false).build().call().unwrap().status();
    assert_eq!(get(&to.replace(state, "another")), 404);
    assert_eq!(get(&to), 200);
    assert!(child.wait().unwrap().success());

    let mut kept = std::fs::read_dir(settings.join("rollcall/logins")).unwrap();
    let file = kept.next().unwrap().unwrap();
    assert_eq!((file.metadata().unwrap().permissions().mode() & 0o777, kept.count()), (0o600, 0));
    let (code, said) = run(settings, &query);
    assert_eq!(code, Some(0), "{said}");
    let (_, said) = run(settings, &["sessions", "list", "--url", url]);
    let current: Vec<&str> = said.lines().filter(|line| line.ends_with("\tcurrent")).collect();
    assert!(current.len() == 1 && current[0].contains("\tada\t") && current[0].contains("let in"), "{said}");
    assert_eq!(said.lines().count(), 2);
    let (code, said) = run(settings, &["sessions", "end", "--others", "--url", url]);
    assert_eq!((code, of.at_page("GET", "/v1/me", &Value::Null).status), (Some(0), 401), "{said}");

    let token: Value = serde_json::from_slice(&std::fs::read(file.path()).unwrap()).unwrap();
    assert_eq!(run(settings, &["logout", "--url", url]).0, Some(0));
    of.server.get(ACTIVITY, &text(&token["token"])).is_problem(401, "");
    assert_eq!((file.path().exists(), run(settings, &["logout", "--url", url]).0), (false, Some(2)));
    let (code, said) = run(settings, &["login", "--url", "http://rollcall.example"]);
    assert!(code == Some(2) && said.contains("must be https://"), "{said}");
}

#[test]
fn rollcall_login_works_without_a_browser() {
    let of = installed();
    let folder = tempfile::tempdir().unwrap();
    let (settings, url) = (folder.path(), of.server.url.as_str());
    let (mut child, address) = begin(settings, &["login", "--device", "--url", url], "/login?code=");
    let code = address.split_once("code=").unwrap().1;
    assert_eq!(of.at_page("POST", &format!("/v1/login/device/{code}"), &json!({"allow": true})).status, 204);
    assert!(child.wait().unwrap().success());
    let session = of.sessions().into_iter().find(|one| one["program"].is_string()).unwrap();
    let (code, said) = run(settings, &["sessions", "end", session["id"].as_str().unwrap(), "--url", url]);
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = run(settings, &["sessions", "list", "--url", url]);
    assert!(code == Some(2) && said.contains("401"), "{said}");
    // Nothing to end with, and still no longer here.
    assert_eq!(run(settings, &["logout", "--url", url]).0, Some(0));
    let by_operator = of.server.send("GET", "/v1/sessions", &[("authorization", &bearer(OPERATOR))], b"").ok().json();
    assert_eq!(by_operator["sessions"].as_array().unwrap().len(), 1);
}
