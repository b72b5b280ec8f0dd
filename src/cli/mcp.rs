//! `rollcall mcp`: questions of an assistant over standard input and output, handed on to the server.

use std::io::{BufRead, Read, Write};
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::Failure;
use super::output::Output;
use super::target::{Target, TargetArguments};
use crate::http::{App, post_and_wait};

/// Longest message: what the server takes.
const LIMIT_BYTES: usize = 1 << 20;
const PATH: &str = "/mcp";
/// The code of an error inside of whoever answers.
const INTERNAL_ERROR: i32 = -32603;

/// Answer an assistant's questions over standard input and output (Model Context Protocol)
#[derive(Args)]
#[command(after_help = "Examples:
  claude mcp add rollcall --env ROLLCALL_TOKEN=rc_user_… -- rollcall mcp \\
      --url https://rollcall.example
  codex mcp add rollcall --env ROLLCALL_TOKEN=rc_user_… -- rollcall mcp \\
      --url https://rollcall.example
  ROLLCALL_TOKEN=rc_user_… rollcall mcp --url http://127.0.0.1:8787

Assistants start this themselves and leave out the shell's environment, so the token belongs into
their settings. Whose token it is decides what they may ask. See docs/mcp.md.")]
pub struct Arguments {
    #[command(flatten)]
    target: TargetArguments,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let target = arguments.target.open(false)?;
    let (mut input, mut output) = (std::io::stdin().lock(), Output);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = (&mut input).take(LIMIT_BYTES as u64 + 1).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(ExitCode::SUCCESS);
        }
        if read > LIMIT_BYTES {
            return Err(Failure(format!("a message is longer than {LIMIT_BYTES} bytes")));
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        if let Some(answer) = answer(&line, target.hand_on(&line)) {
            writeln!(output, "{answer}")?;
            output.flush()?;
        }
    }
}

impl Target {
    /// What the server says to a message: nothing to what nobody waits for a word on.
    fn hand_on(&self, message: &[u8]) -> Result<String, Failure> {
        match self {
            Target::Server(client) => client.exchange(PATH, "application/json", message),
            Target::Local(engine) => {
                let (app, mut answer) = (App::for_one_question(engine.clone()), Vec::new());
                post_and_wait(app, PATH, "application/json", message.to_vec(), &mut answer)?;
                Ok(String::from_utf8_lossy(&answer).into_owned())
            }
        }
    }
}

/// The line back. Whoever waits for one gets it, also where the server cannot be reached or refuses: then it says why.
fn answer(message: &[u8], handed_on: Result<String, Failure>) -> Option<String> {
    let message = serde_json::from_slice::<Value>(message).unwrap_or_default();
    let id = message.get("id").filter(|_| message.get("method").is_some());
    let is_answer = message.get("result").or(message.get("error")).is_some();
    if id.is_none() && (is_answer || message.get("method").is_some()) {
        return None;
    }
    let failed = |error: Value| {
        let id = id?;
        Some(json!({"jsonrpc": "2.0", "id": id, "error": error}).to_string())
    };
    match handed_on {
        Ok(answer) if answer.is_empty() => None,
        Ok(answer) => match serde_json::from_str::<Value>(&answer) {
            // A refusal of the whole request, made before anybody read whose it is.
            Ok(mut refused) if refused["id"].is_null() && refused["error"].is_object() && id.is_some() => {
                failed(refused["error"].take())
            }
            // On one line, as the next is the next message.
            Ok(_) => Some(answer.replace(['\n', '\r'], "")),
            Err(_) => failed(json!({"code": INTERNAL_ERROR, "message": "the server answered in an unknown form"})),
        },
        Err(Failure(reason)) => failed(json!({"code": INTERNAL_ERROR, "message": reason})),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_waits_for_an_answer_gets_one() {
        let check = |message: Value, handed_on: Result<&str, &str>, expected: Option<Value>| {
            let handed_on = handed_on.map(str::to_owned).map_err(|reason| Failure(reason.into()));
            let line = answer(message.to_string().as_bytes(), handed_on);
            assert_eq!(line.map(|line| serde_json::from_str::<Value>(&line).unwrap()), expected);
        };
        let request = json!({"jsonrpc": "2.0", "id": 7, "method": "ping"});
        let notification = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        let error =
            |code: i32, message: &str| json!({"jsonrpc": "2.0", "id": 7, "error": {"code": code, "message": message}});
        let pong = json!({"jsonrpc": "2.0", "id": 7, "result": {}});
        check(request.clone(), Ok(&pong.to_string()), Some(pong.clone()));
        check(request.clone(), Ok("{\n \"id\": 7,\r\n \"result\": {},\n\"jsonrpc\": \"2.0\"}\n"), Some(pong));
        check(notification.clone(), Ok(""), None);
        let refused = json!({"id": null, "error": {"code": -32003, "message": "unknown token"}, "status": 401});
        check(request.clone(), Ok(&refused.to_string()), Some(error(-32003, "unknown token")));
        check(request.clone(), Err("it cannot be reached"), Some(error(-32603, "it cannot be reached")));
        check(request, Ok("<html>"), Some(error(-32603, "the server answered in an unknown form")));
        check(notification.clone(), Ok(&refused.to_string()), None);
        check(json!({"jsonrpc": "2.0", "id": 7, "result": {}}), Ok(&refused.to_string()), None);
        let invalid = json!({"jsonrpc": "2.0", "id": null, "error": {"code": -32600, "message": "no method"}});
        check(json!({}), Ok(&invalid.to_string()), Some(invalid.clone()));
        check(notification.clone(), Err("it cannot be reached"), None);
        check(notification, Ok("<html>"), None);
    }
}
