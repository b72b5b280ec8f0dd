//! A message as the Standard Webhooks specification has it: its body, its signature, and one try at sending it.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::value::RawValue;

use super::file::{Receiver, Secret};
use crate::directory::sign;
use crate::http::is_local;
use crate::model::UnixMs;

/// How long a receiver may take to answer: what the specification recommends at least.
const PATIENCE: Duration = Duration::from_secs(15);

/// What is sent, whenever that is.
pub struct Message {
    pub id: String,
    pub body: String,
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    timestamp: &'a str,
    data: &'a RawValue,
}

impl Message {
    /// `timestamp` is the moment that the data is of, in RFC 3339.
    pub fn new(kind: &str, id: String, timestamp: &str, data: &RawValue) -> Message {
        let body = serde_json::to_string(&Body { kind, timestamp, data }).expect("texts serialize");
        Message { id, body }
    }
}

/// Sends messages. Its clones share connections.
#[derive(Clone)]
pub struct Sender(ureq::Agent);

impl Default for Sender {
    fn default() -> Sender {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            // What is sent is for the URL in the file.
            .max_redirects(0)
            .timeout_global(Some(PATIENCE))
            .user_agent(concat!("rollcall/", env!("CARGO_PKG_VERSION")))
            .build();
        Sender(config.into())
    }
}

impl Sender {
    /// Sends once, signed as of now, and gives the status it was answered. The answer's body is not read.
    pub fn send(&self, to: &Receiver, message: &Message, now: UnixMs) -> Result<u16, ureq::Error> {
        let Message { id, body } = message;
        let timestamp = now.div_euclid(1000).to_string();
        let proxy = if is_local(&to.url) { None } else { ureq::Proxy::try_from_env() };
        let request = self.0.post(&to.url).config().proxy(proxy).build();
        let request = request
            .header("content-type", "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", &timestamp);
        let request = request.header("webhook-signature", signature(&to.secret, id, &timestamp, body));
        request.send(body).map(|response| response.status().as_u16())
    }
}

/// Whether a status says that a message was taken.
pub fn is_acknowledged(status: u16) -> bool {
    (200..300).contains(&status)
}

fn signature(secret: &Secret, id: &str, timestamp: &str, body: &str) -> String {
    let message = [id, ".", timestamp, ".", body].map(str::as_bytes);
    format!("v1,{}", STANDARD.encode(sign(&secret.0, &message)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_the_reference_libraries() {
        let secret = Secret(STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap());
        let signed = |body| signature(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body);
        assert_eq!(signed("{\"test\": 2432232314}"), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_ne!(signed("{\"test\": 2432232315}"), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
