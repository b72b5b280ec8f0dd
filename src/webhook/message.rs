//! A message as the Standard Webhooks specification has it: its body, its signature, and one try at sending it; and the
//! same to addresses that are not the operator's, which have to be on the internet.

use std::time::Duration;

use serde::Serialize;
use serde_json::value::RawValue;

use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

use super::file::Receiver;
use crate::directory::SigningSecret;
use crate::http::{AlertHosts, is_public};
use crate::model::UnixMs;
use crate::signin::is_local;

/// How long a receiver may take to answer: what the specification recommends at least.
const PATIENCE: Duration = Duration::from_secs(15);

/// Longer waits than that are no answer to anything: the next try is earlier.
const MAX_RETRY_AFTER_S: f64 = 3600.0;

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

/// A request that is posted once.
pub struct Post<'a> {
    pub url: &'a str,
    /// Wherever that is: the operator says so.
    pub anywhere: bool,
    pub headers: Vec<(&'static str, &'a str)>,
    pub body: &'a str,
}

/// What was answered. The body is not read.
pub struct Answered {
    pub status: u16,
    /// How long to wait before the next.
    pub retry_after: Option<Duration>,
}

/// Sends messages. Its clones share connections.
#[derive(Clone)]
pub struct Sender {
    anywhere: ureq::Agent,
    /// Reaches addresses of the internet alone, and what the operator allows.
    public: ureq::Agent,
}

impl Sender {
    pub fn new(hosts: AlertHosts) -> Sender {
        let config = || {
            ureq::Agent::config_builder()
                .http_status_as_error(false)
                // What is sent is for the URL that was named.
                .max_redirects(0)
                .timeout_global(Some(PATIENCE))
                .user_agent(concat!("rollcall/", env!("CARGO_PKG_VERSION")))
                .build()
        };
        let resolver = PublicOnly { hosts, all: DefaultResolver::default() };
        let public = ureq::Agent::with_parts(config(), DefaultConnector::default(), resolver);
        Sender { anywhere: config().into(), public }
    }

    /// Sends once, signed as of now, and gives the status it was answered.
    pub fn send(&self, to: &Receiver, message: &Message, now: UnixMs) -> Result<u16, ureq::Error> {
        self.webhook(&to.url, true, Some(&to.secret), message, now).map(|answered| answered.status)
    }

    /// The same to any webhook, signed where there is a secret.
    pub fn webhook(
        &self,
        url: &str,
        anywhere: bool,
        secret: Option<&SigningSecret>,
        message: &Message,
        now: UnixMs,
    ) -> Result<Answered, ureq::Error> {
        let Message { id, body } = message;
        let timestamp = now.div_euclid(1000).to_string();
        let signature = secret.map(|secret| secret.signature(id, &timestamp, body));
        let mut headers = vec![("webhook-id", id.as_str()), ("webhook-timestamp", timestamp.as_str())];
        headers.extend(signature.as_deref().map(|signature| ("webhook-signature", signature)));
        self.post(&Post { url, anywhere, headers, body })
    }

    pub fn post(&self, post: &Post<'_>) -> Result<Answered, ureq::Error> {
        let proxy = if is_local(post.url) { None } else { ureq::Proxy::try_from_env() };
        // A proxy looks up the host itself, and it is for the proxy to say what may be reached through it.
        let proxy = proxy.filter(|proxy| post.url.parse().is_ok_and(|uri| !proxy.is_no_proxy(&uri)));
        let agent = if post.anywhere || proxy.is_some() { &self.anywhere } else { &self.public };
        let mut request = agent.post(post.url).config().proxy(proxy).build().header("content-type", "application/json");
        for (name, value) in &post.headers {
            request = request.header(*name, *value);
        }
        let response = request.send(post.body)?;
        let after = response.headers().get("retry-after").and_then(|after| after.to_str().ok()?.parse::<f64>().ok());
        let after = after.filter(|seconds| (0.0..=MAX_RETRY_AFTER_S).contains(seconds));
        Ok(Answered { status: response.status().as_u16(), retry_after: after.map(Duration::from_secs_f64) })
    }
}

/// Finds addresses of the internet alone, at the moment of sending: what a name stood for when it was checked says
/// nothing about now.
#[derive(Debug)]
struct PublicOnly {
    hosts: AlertHosts,
    all: DefaultResolver,
}

impl Resolver for PublicOnly {
    fn resolve(
        &self,
        uri: &ureq::http::Uri,
        config: &ureq::config::Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.all.resolve(uri, config, timeout)?;
        if uri.host().is_some_and(|host| self.hosts.names(host)) {
            return Ok(found);
        }
        let mut public = self.empty();
        for address in found.iter().filter(|address| is_public(address.ip())) {
            public.push(*address);
        }
        if public.is_empty() { Err(ureq::Error::Other(NotPublic.into())) } else { Ok(public) }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the host is not on the internet, and the operator does not allow it")]
struct NotPublic;

/// Whether a status says that a message was taken.
pub fn is_acknowledged(status: u16) -> bool {
    (200..300).contains(&status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_stand_for_addresses_of_this_machine_or_network_are_not_reached() {
        let send = |allowed: &str, anywhere: bool| {
            let sender = Sender::new(AlertHosts::parse(allowed).unwrap());
            // The port of nobody: where it is tried, the connection is refused.
            let post = Post { url: "https://localhost:1/in", anywhere, headers: Vec::new(), body: "{}" };
            sender.post(&post).err().unwrap().to_string()
        };
        assert!(send("", false).contains("not on the internet"));
        assert!(!send("", true).contains("not on the internet"));
        assert!(!send("localhost", false).contains("not on the internet"));
    }
}
