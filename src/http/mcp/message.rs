//! Messages of JSON-RPC 2.0, and which version of the protocol they are of.

use axum::http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};

use crate::http::problem::Problem;

/// Versions that begin with `initialize`, and the one in which every request says all about itself.
const HANDSHAKES: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];
const WITHOUT_HANDSHAKE: &str = "2026-07-28";
/// Where a request of the latter says so.
const META_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const META_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

/// Codes of JSON-RPC, and of the protocol where it has its own.
const PARSE_ERROR: i32 = -32700;
const INVALID_REQUEST: i32 = -32600;
const METHOD_NOT_FOUND: i32 = -32601;
const INVALID_PARAMS: i32 = -32602;
const INTERNAL_ERROR: i32 = -32603;
const HEADER_MISMATCH: i32 = -32020;
const UNSUPPORTED_VERSION: i32 = -32022;
/// In the part of the range that is left to implementations.
const REFUSED: i32 = -32003;
const BUSY: i32 = -32004;

/// Every version that is spoken.
pub fn versions() -> Vec<&'static str> {
    HANDSHAKES.into_iter().chain([WITHOUT_HANDSHAKE]).collect()
}

/// A request.
pub struct Message {
    pub id: Value,
    pub method: String,
    params: Map<String, Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    Handshake,
    WithoutHandshake,
}

impl Message {
    /// A request; nothing for a notification or an answer, which nobody waits for a word on.
    pub fn read(message: Value) -> Result<Option<Message>, (Value, Error)> {
        let no_request = |what: &str| (Value::Null, Error::no_request(what.to_owned()));
        let Value::Object(mut message) = message else { return Err(no_request("a message is a JSON object")) };
        if message.get("jsonrpc") != Some(&json!("2.0")) {
            return Err(no_request("a message has \"jsonrpc\": \"2.0\""));
        }
        let Some(id) = message.remove("id") else {
            return match message.get("method") {
                Some(Value::String(_)) => Ok(None),
                _ => Err(no_request("a message has a method")),
            };
        };
        if !id.is_string() && !id.is_i64() && !id.is_u64() {
            return Err(no_request("the id of a message is a text or a whole number"));
        }
        let method = match message.remove("method") {
            Some(Value::String(method)) => method,
            None if message.contains_key("result") || message.contains_key("error") => return Ok(None),
            _ => return Err((id, Error::no_request("the method of a message is a text".to_owned()))),
        };
        match message.remove("params") {
            None | Some(Value::Null) => Ok(Some(Message { id, method, params: Map::new() })),
            Some(Value::Object(params)) => Ok(Some(Message { id, method, params })),
            Some(_) => Err((id, Error::wrong("params is a JSON object"))),
        }
    }

    /// Which version it is of: what it says, what its headers say, and that the two agree.
    pub fn version(&self, headers: &HeaderMap) -> Result<Version, Error> {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let told = header("mcp-protocol-version");
        let meta = self.params.get("_meta").filter(|meta| meta.get(META_VERSION).is_some());
        let Some(meta) = meta else {
            return match told {
                Some(WITHOUT_HANDSHAKE) => Err(Error::wrong(format!("params._meta lacks '{META_VERSION}'"))),
                Some(told) if !HANDSHAKES.contains(&told) => Err(Error::unsupported(told)),
                _ => Ok(Version::Handshake),
            };
        };
        let said = meta[META_VERSION].as_str().ok_or_else(|| Error::wrong(format!("'{META_VERSION}' is a text")))?;
        let differs = |name: &str, told: Option<&str>, said: Option<&str>| match (told, said) {
            // What is not plain in a header is none of the names here, which will be said when it is looked for.
            (Some(told), Some(said)) if told != said && !told.starts_with("=?base64?") => {
                Err(Error::mismatch(name, told, said))
            }
            _ => Ok(()),
        };
        differs("mcp-protocol-version", told, Some(said))?;
        differs("mcp-method", header("mcp-method"), Some(&self.method))?;
        let name = if self.method == "resources/read" { "uri" } else { "name" };
        differs("mcp-name", header("mcp-name"), self.params.get(name).and_then(Value::as_str))?;
        if said != WITHOUT_HANDSHAKE {
            return Err(Error::unsupported(said));
        }
        if !meta.get(META_CAPABILITIES).is_some_and(Value::is_object) {
            return Err(Error::wrong(format!("params._meta lacks '{META_CAPABILITIES}'")));
        }
        Ok(Version::WithoutHandshake)
    }

    /// The version to go on with: the one that is asked for, if it is spoken.
    pub fn agreed_version(&self) -> &str {
        let asked = self.params.get("protocolVersion").and_then(Value::as_str);
        let latest = HANDSHAKES[HANDSHAKES.len() - 1];
        asked.filter(|asked| HANDSHAKES.contains(asked)).unwrap_or(latest)
    }

    /// A parameter that is a text.
    pub fn text(&self, name: &str) -> Result<&str, Error> {
        let text = self.params.get(name).and_then(Value::as_str);
        text.ok_or_else(|| Error::wrong(format!("params.{name} is missing, or no text")))
    }

    /// What a tool is called with.
    pub fn arguments(&self) -> Result<Option<&Map<String, Value>>, Error> {
        match self.params.get("arguments") {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(arguments)) => Ok(Some(arguments)),
            Some(_) => Err(Error::wrong("params.arguments is a JSON object")),
        }
    }
}

/// Why there is no result.
#[derive(Debug, Serialize)]
pub struct Error {
    code: i32,
    message: String,
    #[serde(skip_serializing_if = "Value::is_null")]
    data: Value,
}

impl Error {
    fn new(code: i32, message: impl Into<String>) -> Error {
        Error { code, message: message.into(), data: Value::Null }
    }

    /// What a route or the door answered instead: the reason, and the problem as the API has it.
    pub fn of(problem: &Problem) -> Error {
        let code = match problem.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => REFUSED,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => BUSY,
            status if status.is_server_error() => INTERNAL_ERROR,
            _ => INVALID_PARAMS,
        };
        Error { data: json!(problem.body()), ..Error::new(code, &*problem.detail) }
    }

    pub fn unreadable(error: &serde_json::Error) -> Error {
        Error::new(PARSE_ERROR, format!("the message is no JSON: {error}"))
    }

    pub fn no_request(what: String) -> Error {
        Error::new(INVALID_REQUEST, what)
    }

    pub fn wrong(what: impl Into<String>) -> Error {
        Error::new(INVALID_PARAMS, what)
    }

    pub fn unknown_method(method: &str) -> Error {
        Error::new(METHOD_NOT_FOUND, format!("there is no method '{method}'"))
    }

    pub fn is_unknown_method(&self) -> bool {
        self.code == METHOD_NOT_FOUND
    }

    fn mismatch(name: &str, told: &str, said: &str) -> Error {
        Error::new(HEADER_MISMATCH, format!("the header {name} is '{told}', but the message says '{said}'"))
    }

    fn unsupported(version: &str) -> Error {
        let supported = versions();
        let message = format!("protocol version '{version}' is not spoken; spoken are {}", supported.join(", "));
        Error {
            data: json!({"supported": supported, "requested": version}),
            ..Error::new(UNSUPPORTED_VERSION, message)
        }
    }

    fn status(&self) -> StatusCode {
        match self.code {
            METHOD_NOT_FOUND => StatusCode::NOT_FOUND,
            INTERNAL_ERROR => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// A message back.
pub struct Answered {
    pub status: StatusCode,
    pub message: Box<RawValue>,
}

impl Answered {
    pub fn done(id: Value, result: &RawValue) -> Answered {
        #[derive(Serialize)]
        struct Done<'a> {
            jsonrpc: &'static str,
            id: Value,
            result: &'a RawValue,
        }
        let message = to_raw_value(&Done { jsonrpc: "2.0", id, result }).expect("texts serialize");
        Answered { status: StatusCode::OK, message }
    }

    pub fn failed(id: Value, error: Error) -> Answered {
        let status = error.status();
        let message = to_raw_value(&json!({"jsonrpc": "2.0", "id": id, "error": error})).expect("texts serialize");
        Answered { status, message }
    }

    pub fn batch(answers: Vec<Answered>) -> Answered {
        let messages: Vec<_> = answers.into_iter().map(|answer| answer.message).collect();
        Answered { status: StatusCode::OK, message: to_raw_value(&messages).expect("texts serialize") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(params: Value) -> Message {
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        Message::read(message).ok().flatten().expect("a request")
    }

    #[test]
    fn what_is_no_request_is_told_from_what_nobody_waits_for() {
        let check = |message: Value, expected: Result<bool, i32>| {
            let read = Message::read(message.clone()).map(|read| read.is_some()).map_err(|(_, error)| error.code);
            assert_eq!(read, expected, "{message}");
        };
        for (message, expected) in [
            (json!({"jsonrpc": "2.0", "id": 1, "method": "ping"}), Ok(true)),
            (json!({"jsonrpc": "2.0", "id": "a", "method": "ping", "params": null}), Ok(true)),
            (json!({"jsonrpc": "2.0", "method": "notifications/initialized"}), Ok(false)),
            (json!({"jsonrpc": "2.0", "id": 1, "result": {}}), Ok(false)),
            (json!({"jsonrpc": "2.0", "id": 1, "error": {"code": 1, "message": ""}}), Ok(false)),
            (json!({"jsonrpc": "1.0", "id": 1, "method": "ping"}), Err(INVALID_REQUEST)),
            (json!({"id": 1, "method": "ping"}), Err(INVALID_REQUEST)),
            (json!({"jsonrpc": "2.0", "id": null, "method": "ping"}), Err(INVALID_REQUEST)),
            (json!({"jsonrpc": "2.0", "id": 1.5, "method": "ping"}), Err(INVALID_REQUEST)),
            (json!({"jsonrpc": "2.0", "id": 1, "method": 7}), Err(INVALID_REQUEST)),
            (json!({"jsonrpc": "2.0"}), Err(INVALID_REQUEST)),
            (json!({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": []}), Err(INVALID_PARAMS)),
            (json!([]), Err(INVALID_REQUEST)),
            (json!("ping"), Err(INVALID_REQUEST)),
        ] {
            check(message, expected);
        }
    }

    #[test]
    fn the_version_is_what_the_message_and_its_headers_agree_on() {
        let meta = |version: &str| json!({"name": "me", "_meta": {META_VERSION: version, META_CAPABILITIES: {}}});
        let check = |params: Value, headers: &[(&'static str, &str)], expected: Result<Version, i32>| {
            let headers = headers.iter().map(|(name, value)| ((*name).parse().unwrap(), value.parse().unwrap()));
            let version = request(params).version(&headers.collect()).map_err(|error| error.code);
            assert_eq!(version, expected);
        };
        let version = "mcp-protocol-version";
        check(json!({}), &[], Ok(Version::Handshake));
        check(json!({"_meta": {"progressToken": 1}}), &[(version, "2025-06-18")], Ok(Version::Handshake));
        check(json!({}), &[(version, "2020-01-01")], Err(UNSUPPORTED_VERSION));
        check(json!({}), &[(version, WITHOUT_HANDSHAKE)], Err(INVALID_PARAMS));
        check(meta(WITHOUT_HANDSHAKE), &[], Ok(Version::WithoutHandshake));
        let all = [(version, WITHOUT_HANDSHAKE), ("mcp-method", "tools/call"), ("mcp-name", "me")];
        check(meta(WITHOUT_HANDSHAKE), &all, Ok(Version::WithoutHandshake));
        check(meta("2030-01-01"), &[(version, "2030-01-01")], Err(UNSUPPORTED_VERSION));
        check(meta(WITHOUT_HANDSHAKE), &[(version, "2025-11-25")], Err(HEADER_MISMATCH));
        check(meta(WITHOUT_HANDSHAKE), &[("mcp-method", "tools/list")], Err(HEADER_MISMATCH));
        check(meta(WITHOUT_HANDSHAKE), &[("mcp-name", "members")], Err(HEADER_MISMATCH));
        check(json!({"_meta": {META_VERSION: WITHOUT_HANDSHAKE}}), &[], Err(INVALID_PARAMS));
        check(json!({"_meta": {META_VERSION: 7, META_CAPABILITIES: {}}}), &[], Err(INVALID_PARAMS));
    }

    #[test]
    fn a_client_gets_the_version_it_asks_for_or_the_latest() {
        let check = |params: Value, expected: &str| assert_eq!(request(params).agreed_version(), expected);
        check(json!({"protocolVersion": "2024-11-05"}), "2024-11-05");
        check(json!({"protocolVersion": "2025-06-18"}), "2025-06-18");
        check(json!({"protocolVersion": "2030-01-01"}), "2025-11-25");
        check(json!({}), "2025-11-25");
    }
}
