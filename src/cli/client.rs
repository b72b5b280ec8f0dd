//! Talking to a running server.

use std::io::{Read, Write};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Failure;
use crate::http::wire::{IngestAnswer, UnsentBody};
use crate::signin::is_local;

/// Tries at sending a batch, counting the first. Ids make repeating harmless.
const TRIES: u32 = 8;
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// How long most requests may take.
const PATIENCE: Duration = Duration::from_secs(120);

pub struct Client {
    agent: ureq::Agent,
    url: String,
    authorization: String,
    trust: Trust,
}

/// Whom to believe that they are the server.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trust {
    Certificates,
    /// Whoever listens where the server says, on this machine: its certificate is for another name.
    Address,
}

impl Client {
    pub fn new(url: &str, token: String) -> Client {
        Client::trusting(Trust::Certificates, url, token)
    }

    /// The server on this machine that has a store open.
    pub fn local(url: &str, token: String) -> Client {
        Client::trusting(Trust::Address, url, token)
    }

    fn trusting(trust: Trust, url: &str, token: String) -> Client {
        Client {
            agent: agent(url, Some(PATIENCE), trust),
            url: url.trim_end_matches('/').to_owned(),
            authorization: format!("Bearer {token}"),
            trust,
        }
    }

    /// Sends events.
    pub fn send_events(&self, content_type: &str, body: &[u8]) -> Result<IngestAnswer, Failure> {
        self.send("/v1/events", content_type, body)
    }

    /// Sends events to an endpoint; waits and repeats while the server is busy or away.
    pub fn send<T: DeserializeOwned>(&self, path: &str, content_type: &str, body: &[u8]) -> Result<T, Failure> {
        self.read(self.send_patiently(path, content_type, body)?)
    }

    /// Tells of records that are not sent.
    pub fn enter_unsent(&self, unsent: &[UnsentBody]) -> Result<(), Failure> {
        let body = serde_json::to_vec(unsent).expect("texts and numbers serialize");
        self.text(self.send_patiently("/v1/intake", "application/json", &body)?).map(drop)
    }

    fn send_patiently(
        &self,
        path: &str,
        content_type: &str,
        body: &[u8],
    ) -> Result<ureq::http::Response<ureq::Body>, Failure> {
        let mut wait = FIRST_WAIT;
        for attempt in 1.. {
            let request = self.agent.post(format!("{}{path}", self.url));
            let sent =
                request.header("authorization", &self.authorization).header("content-type", content_type).send(body);
            let busy = match sent {
                Ok(response) if response.status().as_u16() == 503 => "it is busy".to_owned(),
                Ok(response) => return Ok(response),
                Err(error) => error.to_string(),
            };
            if attempt == TRIES {
                return Err(Failure(format!("{} did not take the events after {TRIES} tries: {busy}", self.url)));
            }
            std::thread::sleep(wait);
            wait *= 2;
        }
        unreachable!("the loop ends by returning")
    }

    /// Asks for work that takes as long as the store is large.
    pub fn post_and_wait<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Failure> {
        let request = agent(&self.url, None, self.trust)
            .post(format!("{}{path}", self.url))
            .header("authorization", &self.authorization);
        self.read(request.send_json(body).map_err(|e| self.unreachable(&e))?)
    }

    /// Writes an answer of any size into `out`. `progress` is told how much has come, and of how much if that is known.
    pub fn download(
        &self,
        path: &str,
        mut out: impl Write,
        mut progress: impl FnMut(u64, Option<u64>),
    ) -> Result<(), Failure> {
        let mut response = self.get_when_not_busy(path)?;
        let length = response.headers().get("content-length").and_then(|length| length.to_str().ok()?.parse().ok());
        let mut reader = response.body_mut().as_reader();
        let (mut chunk, mut got) = (vec![0; 1 << 20], 0);
        loop {
            let broken = |e| Failure(format!("{} broke off after {got} bytes: {e}", self.url));
            let read = reader.read(&mut chunk).map_err(broken)?;
            if read == 0 {
                break;
            }
            out.write_all(&chunk[..read])?;
            got += read as u64;
            progress(got, length);
        }
        match length {
            Some(length) if length != got => {
                Err(Failure(format!("{} sent {got} bytes of {length} and broke off", self.url)))
            }
            _ => Ok(()),
        }
    }

    /// Asks for something that takes long; waits and repeats while the server is busy with the like.
    fn get_when_not_busy(&self, path: &str) -> Result<ureq::http::Response<ureq::Body>, Failure> {
        let mut wait = FIRST_WAIT;
        for attempt in 1.. {
            let request = agent(&self.url, None, self.trust)
                .get(format!("{}{path}", self.url))
                .header("authorization", &self.authorization);
            let response = request.call().map_err(|e| self.unreachable(&e))?;
            match response.status().as_u16() {
                503 if attempt < TRIES => {}
                200 => return Ok(response),
                _ => return Err(self.problem(response)),
            }
            std::thread::sleep(wait);
            wait *= 2;
        }
        unreachable!("the loop ends by returning")
    }

    /// The text of an answer.
    pub fn get_text(&self, path: &str) -> Result<String, Failure> {
        let request = self.agent.get(format!("{}{path}", self.url)).header("authorization", &self.authorization);
        self.text(request.call().map_err(|e| self.unreachable(&e))?)
    }

    pub fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let request = self.agent.get(format!("{}{path}", self.url)).header("authorization", &self.authorization);
        self.read(request.call().map_err(|e| self.unreachable(&e))?)
    }

    pub fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Failure> {
        let request = self.agent.post(format!("{}{path}", self.url)).header("authorization", &self.authorization);
        self.read(request.send_json(body).map_err(|e| self.unreachable(&e))?)
    }

    /// Sends JSON that is text already.
    pub fn post_body<T: DeserializeOwned>(&self, path: &str, body: &[u8]) -> Result<T, Failure> {
        self.post_as(path, "application/json", body)
    }

    /// The body of what is answered to a message, also to one that is refused: protocols of their own say why in theirs.
    pub fn exchange(&self, path: &str, content_type: &str, body: &[u8]) -> Result<String, Failure> {
        let request = self.agent.post(format!("{}{path}", self.url)).header("authorization", &self.authorization);
        let request =
            request.header("content-type", content_type).header("accept", "application/json, text/event-stream");
        let mut response = request.send(body).map_err(|e| self.unreachable(&e))?;
        let kind = response.headers().get("content-type").is_some_and(|kind| kind == "application/json");
        if !kind && !response.status().is_success() {
            return Err(self.problem(response));
        }
        let text = response.body_mut().with_config().limit(1 << 30).read_to_string();
        text.map_err(|e| self.unreachable(&e))
    }

    /// Sends a text of some type.
    pub fn post_as<T: DeserializeOwned>(&self, path: &str, content_type: &str, body: &[u8]) -> Result<T, Failure> {
        let request = self.agent.post(format!("{}{path}", self.url)).header("authorization", &self.authorization);
        let request = request.header("content-type", content_type);
        self.read(request.send(body).map_err(|e| self.unreachable(&e))?)
    }

    pub fn put<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Failure> {
        let request = self.agent.put(format!("{}{path}", self.url)).header("authorization", &self.authorization);
        self.read(request.send_json(body).map_err(|e| self.unreachable(&e))?)
    }

    pub fn delete(&self, path: &str) -> Result<(), Failure> {
        let request = self.agent.delete(format!("{}{path}", self.url)).header("authorization", &self.authorization);
        let response = request.call().map_err(|e| self.unreachable(&e))?;
        if response.status().is_success() { Ok(()) } else { Err(self.problem(response)) }
    }

    /// Ends the session that the token is of. One that has ended is none.
    pub fn sign_out(&self) -> Result<(), Failure> {
        let request = self.agent.delete(format!("{}/v1/session", self.url));
        let response = request.header("authorization", &self.authorization).call().map_err(|e| self.unreachable(&e))?;
        let is_out = response.status().is_success() || response.status() == 401;
        if is_out { Ok(()) } else { Err(self.problem(response)) }
    }

    fn text(&self, mut response: ureq::http::Response<ureq::Body>) -> Result<String, Failure> {
        if !response.status().is_success() {
            return Err(self.problem(response));
        }
        let text = response.body_mut().with_config().limit(1 << 30).read_to_string();
        text.map_err(|e| self.unreachable(&e))
    }

    fn read<T: DeserializeOwned>(&self, response: ureq::http::Response<ureq::Body>) -> Result<T, Failure> {
        let text = self.text(response)?;
        serde_json::from_str(&text).map_err(|e| Failure(format!("{} answered in an unknown form: {e}", self.url)))
    }

    fn problem(&self, mut response: ureq::http::Response<ureq::Body>) -> Failure {
        let status = response.status();
        let text = response.body_mut().read_to_string().unwrap_or_default();
        let detail = serde_json::from_str::<serde_json::Value>(&text).ok();
        let detail = detail.and_then(|body| body["detail"].as_str().map(str::to_owned)).unwrap_or(text);
        Failure(format!("{} answered {status}: {detail}", self.url))
    }

    fn unreachable(&self, error: &ureq::Error) -> Failure {
        Failure(format!("{} cannot be reached: {error}", self.url))
    }
}

/// Sends a form without a token, and hands over what is answered.
pub fn post_form(url: &str, path: &str, fields: &[(&str, &str)]) -> Result<(u16, serde_json::Value), Failure> {
    let client = Client::new(url, String::new());
    let request = client.agent.post(format!("{}{path}", client.url));
    let mut response = request.send_form(fields.iter().copied()).map_err(|e| client.unreachable(&e))?;
    let text = response.body_mut().with_config().limit(1 << 20).read_to_string().map_err(|e| client.unreachable(&e))?;
    Ok((response.status().as_u16(), serde_json::from_str(&text).unwrap_or_default()))
}

/// The environment's proxy, where a URL is not on this machine.
pub fn proxy_to(url: &str) -> Option<ureq::Proxy> {
    if is_local(url) { None } else { ureq::Proxy::try_from_env() }
}

fn agent(url: &str, patience: Option<Duration>, trust: Trust) -> ureq::Agent {
    let tls = ureq::tls::TlsConfig::builder().disable_verification(trust == Trust::Address).build();
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .user_agent(concat!("rollcall/", env!("CARGO_PKG_VERSION")))
        .tls_config(tls)
        .proxy(proxy_to(url))
        .timeout_connect(Some(Duration::from_secs(10)))
        .timeout_global(patience)
        .build();
    config.into()
}

/// A text as one segment of a path.
pub fn escaped(segment: &str) -> String {
    let keep = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~');
    segment.bytes().map(|b| if keep(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_of_a_path_are_escaped() {
        assert_eq!(escaped("a/b c?é"), "a%2Fb%20c%3F%C3%A9");
    }
}
