//! `rollcall login` and `rollcall logout`: signing in as a person by the server's page, instead of by a token in the shell.

use std::io::{IsTerminal, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::Value;

use super::client::{Client, post_form};
use super::logins::Login;
use super::{Failure, system_clock};
use crate::calendar::rfc3339_utc;
use crate::directory::{Secret, challenge};
use crate::http::wire::{DeviceCode, GrantedToken, Me};
use crate::signin::is_private;

/// How long somebody may take to sign in, as the server has it.
const PATIENCE: Duration = Duration::from_secs(600);
/// How long a browser may take to say what it wants.
const REQUEST: Duration = Duration::from_secs(5);
const REQUEST_BYTES: u64 = 8 << 10;
/// Connections that are answered: a browser opens a few of which it uses one.
const CONNECTIONS: usize = 100;

/// Sign in to a server as a person, by its page in a browser
#[derive(Args)]
#[command(after_help = "Examples:
  rollcall login --url https://rollcall.example
  rollcall login --url https://rollcall.example --device

Commands with --url use it from then on where neither --token nor ROLLCALL_TOKEN is set. What
the server gives is kept in ~/.config/rollcall/logins, for you alone, and lasts as long as a
session of the page may.")]
pub struct Arguments {
    /// The server
    #[arg(long, value_name = "URL", env = "ROLLCALL_URL")]
    url: String,
    /// Show a code to type at the page, in a browser on whatever machine has one
    #[arg(long, env = "ROLLCALL_DEVICE", value_parser = clap::builder::FalseyValueParser::new())]
    device: bool,
}

/// Sign out of a server that `rollcall login` has signed in to
#[derive(Args)]
#[command(after_help = "Example:\n  rollcall logout --url https://rollcall.example")]
pub struct Logout {
    /// The server
    #[arg(long, value_name = "URL", env = "ROLLCALL_URL")]
    url: String,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let url = arguments.url.trim_end_matches('/');
    if !is_private(url) {
        return Err(Failure(format!(
            "'{url}' must be https:// (http:// when it is on this machine): whoever reads along could do what you may"
        )));
    }
    let granted = if arguments.device { by_code(url)? } else { by_browser(url)? };
    let me: Me = Client::new(url, granted.access_token.clone()).get("/v1/me")?;
    let now = system_clock()();
    let login =
        Login { url: url.to_owned(), token: granted.access_token, expires_unix_ms: now + granted.expires_in * 1_000 };
    let path = login.keep()?;
    let who = me.user.map(|user| user.name.or(user.email).unwrap_or(user.id)).unwrap_or_default();
    eprintln!("Signed in to {url} as {who}, until {}. Kept in {}.", rfc3339_utc(login.expires_unix_ms), path.display());
    Ok(ExitCode::SUCCESS)
}

pub fn log_out(arguments: &Logout) -> Result<ExitCode, Failure> {
    let Some(login) = Login::at(&arguments.url)? else {
        return Err(Failure(format!("nobody is signed in to {} here", arguments.url)));
    };
    login.forget()?;
    let told = Client::new(&login.url, login.token).sign_out();
    told.map_err(|Failure(why)| {
        let until = rfc3339_utc(login.expires_unix_ms);
        Failure(format!(
            "{why}\nforgotten here, but the server still takes it until {until}: end it on its page Sessions"
        ))
    })?;
    eprintln!("Signed out of {}.", login.url);
    Ok(ExitCode::SUCCESS)
}

/// By a browser on this machine, which brings a code to an address of this process.
fn by_browser(url: &str) -> Result<GrantedToken, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let redirect_uri = format!("http://127.0.0.1:{}/", listener.local_addr()?.port());
    let [state, verifier] = [(); 2].map(|()| Secret::generate("").reveal().to_owned());
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("redirect_uri", &redirect_uri)
        .append_pair("state", &state)
        .append_pair("code_challenge", &challenge(&verifier))
        .append_pair("name", &host())
        .finish();
    let page = format!("{url}/login?{query}");
    eprintln!("Open this address in a browser on this machine, and let rollcall in there:\n\n  {page}\n");
    show(&page);
    let code = code_from(listener, state)?;
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("code_verifier", &verifier),
        ("redirect_uri", &redirect_uri),
    ];
    granted(post_form(url, "/v1/login/token", &fields)?).map_err(|(_, why)| why)
}

/// By a browser anywhere, in which somebody types a code.
fn by_code(url: &str) -> Result<GrantedToken, Failure> {
    let (status, body) = post_form(url, "/v1/login/device", &[("client_name", &host())])?;
    let begun = if status == 200 { serde_json::from_value::<DeviceCode>(body.clone()).ok() } else { None };
    let begun = begun.ok_or_else(|| refused(&body))?;
    eprintln!(
        "Open {} in any browser and type this code:\n\n  {}\n\nor open {}\n",
        begun.verification_uri, begun.user_code, begun.verification_uri_complete
    );
    let fields = [("grant_type", "urn:ietf:params:oauth:grant-type:device_code"), ("device_code", &*begun.device_code)];
    let until = Instant::now() + Duration::from_secs(begun.expires_in.max(0).unsigned_abs());
    let mut interval = Duration::from_secs(begun.interval.clamp(1, 60).unsigned_abs());
    while Instant::now() < until {
        std::thread::sleep(interval);
        match granted(post_form(url, "/v1/login/token", &fields)?) {
            Err((Value::String(error), _)) if error == "authorization_pending" => {}
            // As RFC 8628 has it.
            Err((Value::String(error), _)) if error == "slow_down" => interval += Duration::from_secs(5),
            answer => return answer.map_err(|(_, why)| why),
        }
    }
    Err(Failure("nobody has typed the code in time; begin again".into()))
}

/// The token in an answer, or OAuth's word for why there is none, and the server's.
fn granted((status, body): (u16, Value)) -> Result<GrantedToken, (Value, Failure)> {
    let token = if status == 200 { serde_json::from_value(body.clone()).ok() } else { None };
    token.ok_or_else(|| (body["error"].clone(), refused(&body)))
}

fn refused(body: &Value) -> Failure {
    let detail = body["detail"].as_str().unwrap_or("it answered in an unknown form; it may be an older version");
    Failure(format!("the server did not let rollcall in: {detail}"))
}

/// The code that a browser brings with the right state.
fn code_from(listener: TcpListener, state: String) -> Result<String, Failure> {
    let (codes, code) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().take(CONNECTIONS).flatten() {
            let (codes, state) = (codes.clone(), state.clone());
            // A browser opens connections ahead on which it says nothing.
            std::thread::spawn(move || take_code(stream, &state, &codes));
        }
    });
    code.recv_timeout(PATIENCE).map_err(|_| Failure("nobody has signed in in time; begin again".into()))
}

fn take_code(stream: TcpStream, state: &str, codes: &Sender<String>) -> Option<()> {
    stream.set_read_timeout(Some(REQUEST)).ok()?;
    let (mut head, mut byte) = (Vec::new(), [0]);
    let mut reader = std::io::BufReader::new(&stream).take(REQUEST_BYTES);
    while !head.ends_with(b"\r\n\r\n") {
        reader.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).ok()?;
    let code = code_in(head.lines().next()?, state);
    let (status, text) = match code {
        Some(_) => ("200 OK", "You can close this page, and go on where you began."),
        None => ("404 Not Found", "There is nothing here."),
    };
    let head = "content-type: text/plain; charset=utf-8\r\ncache-control: no-store\r\nreferrer-policy: no-referrer\r\nconnection: close";
    let answer = format!("HTTP/1.1 {status}\r\n{head}\r\ncontent-length: {}\r\n\r\n{text}", text.len());
    let _ = (&stream).write_all(answer.as_bytes());
    codes.send(code?).ok()
}

/// The code in the first line of a request that has the state.
fn code_in(line: &str, state: &str) -> Option<String> {
    let query = line.strip_prefix("GET /?")?.split(' ').next()?;
    let of = |wanted: &str| form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == wanted);
    of("state").filter(|(_, given)| given == state)?;
    of("code").map(|(_, code)| code.into_owned())
}

/// Has a browser show a page, where there is one to be had; the address is printed anyway.
fn show(page: &str) {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if !std::io::stderr().is_terminal() {
        return;
    }
    let program = match std::env::var("BROWSER") {
        Ok(browser) if !browser.is_empty() => browser,
        _ if cfg!(target_os = "macos") => "open".to_owned(),
        _ if is_set("DISPLAY") || is_set("WAYLAND_DISPLAY") => "xdg-open".to_owned(),
        _ => return,
    };
    let _ = Command::new(program).arg(page).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
}

/// What the page calls this program.
fn host() -> String {
    let read = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let asked = || {
        let output = Command::new("hostname").stderr(Stdio::null()).output().ok()?;
        String::from_utf8(output.stdout).ok()
    };
    let host = read.or_else(asked).unwrap_or_default();
    let host: String = host.trim().chars().filter(|c| !c.is_control()).take(80).collect();
    if host.is_empty() { "rollcall".to_owned() } else { format!("rollcall on {host}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_taken_with_the_state_that_it_was_asked_for_with() {
        let check = |line: &str, expected: Option<&str>| {
            assert_eq!(code_in(line, "s").as_deref(), expected, "{line}");
        };
        check("GET /?code=c%2F1&state=s HTTP/1.1", Some("c/1"));
        check("GET /?state=s&code=c HTTP/1.1", Some("c"));
        check("GET /?code=c&state=t HTTP/1.1", None);
        check("GET /?code=c HTTP/1.1", None);
        check("GET /?state=s HTTP/1.1", None);
        check("GET /favicon.ico HTTP/1.1", None);
        check("POST /?code=c&state=s HTTP/1.1", None);
        check("", None);
    }
}
