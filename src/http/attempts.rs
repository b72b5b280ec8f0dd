//! Guessing tokens: how often it may be tried, and by whom. And how often a link may be opened.
//!
//! A secret made by Rollcall has 256 random bits and is not found by trying. One that an operator chose may be. So
//! where too many have failed, secrets of the first form are still looked up, which keeps nobody out, and others are
//! not, right or wrong.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, StatusCode};

use super::connections::Peer;
use super::places::network;
use super::problem::Problem;
use crate::calendar::rfc3339_utc;
use crate::directory::{Directory, Token, is_random_secret};
use crate::model::UnixMs;

/// Failures of one source in one minute after which it has to wait.
const FAILURES_PER_MINUTE: u32 = 60;
/// Sign-ins with one token in one minute: each is written to the store.
const SIGN_INS_PER_MINUTE: u32 = 60;
/// Sign-ins by a provider that one source begins in one minute, each of which asks it: an office behind one address.
const BEGINS_PER_MINUTE: u32 = 600;
/// Invitations of one organization in one minute, each of which may be a mail to somebody.
const INVITED_PER_MINUTE: u32 = 20;
/// How often one link may be opened in one minute. A database that reads a long file asks for some hundred parts of it.
const OPENED_PER_MINUTE: u32 = 600;
/// Failed sign-ins that the audit log is told of in one minute.
const FAILURES_WRITTEN_PER_MINUTE: u32 = 10;
/// Sources told apart in one minute: bounds memory. Further ones count as one.
const SOURCES: usize = 10_000;
const MINUTE_MS: i64 = 60_000;

/// Whoever a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Source(IpAddr);

impl Source {
    /// The address of the connection or, when a proxy on this machine has made it, the one the proxy names.
    pub fn of(headers: &HeaderMap, extensions: &Extensions) -> Source {
        let peer = extensions.get::<Peer>().map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |peer| peer.address);
        let peer = peer.to_canonical();
        Source(if peer.is_loopback() { forwarded_for(headers).unwrap_or(peer) } else { peer })
    }

    /// The network that it is counted by.
    pub fn network(self) -> IpAddr {
        network(self.0)
    }
}

impl<S: Sync> FromRequestParts<S> for Source {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Source, Infallible> {
        Ok(Source::of(&parts.headers, &parts.extensions))
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// The last address in the header: the one that the proxy added itself.
fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
    Some(last.rsplit(',').next()?.trim().parse::<IpAddr>().ok()?.to_canonical())
}

/// Counts failures and sign-ins by the minute.
#[derive(Default)]
pub struct Attempts(Mutex<Minute>);

#[derive(Default)]
struct Minute {
    number: i64,
    failures: HashMap<Option<IpAddr>, u32>,
    begins: HashMap<Option<IpAddr>, u32>,
    sign_ins: HashMap<String, u32>,
    /// Of organizations that there are.
    invited: HashMap<String, u32>,
    /// Of links that there are.
    opened: HashMap<String, u32>,
    /// Failures that the audit log has, and those it has not, of minutes before as well.
    written: u32,
    unwritten: u64,
}

impl Attempts {
    /// The token that a secret opens, with its id, or why the source does not get it.
    pub fn token<'d>(
        &self,
        directory: &'d Directory,
        secret: &str,
        source: Source,
        now: UnixMs,
    ) -> Result<(&'d str, &'d Token), Problem> {
        let random = is_random_secret(secret);
        let waits = self.has_failed_too_often(source, now);
        let found = if random || !waits { directory.token_by_secret(secret) } else { None };
        if let Some(expires) = found.and_then(|(_, token)| token.terms.expires.filter(|_| token.has_expired(now))) {
            return Err(Problem::unauthorized(format!("the access token expired at {}", rfc3339_utc(expires))));
        }
        found.ok_or_else(|| {
            if waits {
                return too_many("too many failed sign-ins from your address; try again in a minute");
            }
            // A token that was revoked is no guess: a sender that still has it must not keep others out.
            if !random {
                self.failed(source, now);
            }
            Problem::unauthorized("the access token is unknown or revoked")
        })
    }

    /// Whether a source may try to sign in, which has to be no guess.
    pub fn may_try(&self, source: Source, now: UnixMs) -> Result<(), Problem> {
        if self.has_failed_too_often(source, now) {
            return Err(too_many("too many failed sign-ins from your address; try again in a minute"));
        }
        Ok(())
    }

    /// Takes note of a sign-in that begins, unless there are too many.
    pub fn begin(&self, source: Source, now: UnixMs) -> Result<(), Problem> {
        let mut minute = self.minute(now);
        let counted_as = counted_as(&minute.begins, source);
        let begins = minute.begins.entry(counted_as).or_default();
        if *begins >= BEGINS_PER_MINUTE {
            return Err(too_many("too many sign-ins begin at your address; try again in a minute"));
        }
        *begins += 1;
        Ok(())
    }

    /// Takes note of a sign-in, unless there are too many with this token.
    pub fn sign_in(&self, token_id: &str, now: UnixMs) -> Result<(), Problem> {
        let mut minute = self.minute(now);
        let sign_ins = minute.sign_ins.entry(token_id.to_owned()).or_default();
        if *sign_ins >= SIGN_INS_PER_MINUTE {
            return Err(too_many("too many sign-ins with this token; try again in a minute"));
        }
        *sign_ins += 1;
        Ok(())
    }

    /// Takes note that an organization invites somebody, unless there are too many.
    pub fn invite(&self, organization_id: &str, now: UnixMs) -> Result<(), Problem> {
        let mut minute = self.minute(now);
        let invited = minute.invited.entry(organization_id.to_owned()).or_default();
        if *invited >= INVITED_PER_MINUTE {
            return Err(too_many("too many invitations in this organization; try again in a minute"));
        }
        *invited += 1;
        Ok(())
    }

    /// Takes note that a link is opened, unless it is too often.
    pub fn open_link(&self, link_id: &str, now: UnixMs) -> Result<(), Problem> {
        let mut minute = self.minute(now);
        let opened = minute.opened.entry(link_id.to_owned()).or_default();
        if *opened >= OPENED_PER_MINUTE {
            return Err(too_many("the link is opened too often; try again in a minute"));
        }
        *opened += 1;
        Ok(())
    }

    /// Whether the audit log may have one more failure: if so, how many it has not since the last. Someone who guesses
    /// must not fill the disk.
    pub fn may_write_failure(&self, now: UnixMs) -> Option<u64> {
        let mut minute = self.minute(now);
        if minute.written >= FAILURES_WRITTEN_PER_MINUTE {
            minute.unwritten += 1;
            return None;
        }
        minute.written += 1;
        Some(std::mem::take(&mut minute.unwritten))
    }

    /// Never whoever is on this machine: they are past guessing, and must not be kept out by their own mistakes.
    fn has_failed_too_often(&self, source: Source, now: UnixMs) -> bool {
        if source.0.is_loopback() {
            return false;
        }
        let minute = self.minute(now);
        minute
            .failures
            .get(&counted_as(&minute.failures, source))
            .is_some_and(|failures| *failures >= FAILURES_PER_MINUTE)
    }

    /// Takes note of an attempt that may have been a guess.
    pub fn failed(&self, source: Source, now: UnixMs) {
        let mut minute = self.minute(now);
        let counted_as = counted_as(&minute.failures, source);
        *minute.failures.entry(counted_as).or_default() += 1;
    }

    fn minute(&self, now: UnixMs) -> MutexGuard<'_, Minute> {
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = now.div_euclid(MINUTE_MS);
        if minute.number != number {
            *minute = Minute { number, unwritten: minute.unwritten, ..Minute::default() };
        }
        minute
    }
}

fn counted_as(counts: &HashMap<Option<IpAddr>, u32>, source: Source) -> Option<IpAddr> {
    let network = Some(source.network());
    if counts.len() < SOURCES || counts.contains_key(&network) { network } else { None }
}

fn too_many(detail: &str) -> Problem {
    Problem::new(StatusCode::TOO_MANY_REQUESTS, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(address: &str) -> Source {
        Source(address.parse().unwrap())
    }

    fn from(peer: &str, forwarded: &[&str]) -> String {
        let mut request = axum::http::Request::builder();
        for value in forwarded {
            request = request.header("x-forwarded-for", *value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        parts.extensions.insert(Peer { address: peer.parse().unwrap(), tls: false });
        Source::of(&parts.headers, &parts.extensions).to_string()
    }

    #[test]
    fn only_a_proxy_on_this_machine_is_believed() {
        assert_eq!(from("127.0.0.1", &["198.51.100.7, 203.0.113.9"]), "203.0.113.9");
        assert_eq!(from("::ffff:127.0.0.1", &["198.51.100.7", "203.0.113.9"]), "203.0.113.9");
        assert_eq!(from("127.0.0.1", &["nonsense"]), "127.0.0.1");
        assert_eq!(from("127.0.0.1", &[]), "127.0.0.1");
        assert_eq!(from("198.51.100.7", &["203.0.113.9"]), "198.51.100.7");
    }

    #[test]
    fn a_source_that_fails_waits_and_others_do_not() {
        let (attempts, directory) = (Attempts::default(), Directory::default());
        let status = |secret: &str, from: &str, now| {
            attempts.token(&directory, secret, source(from), now).unwrap_err().status.as_u16()
        };
        for _ in 0..FAILURES_PER_MINUTE {
            assert_eq!(status("guess", "2001:db8::1", 0), 401);
        }
        assert_eq!(status("guess", "2001:db8::1", 0), 429);
        assert_eq!(status("guess", "2001:db8::2", 0), 429, "of the same network");
        assert_eq!(status("guess", "2001:db8:1::1", 0), 401);
        assert_eq!(status("guess", "2001:db8::1", MINUTE_MS), 401, "a minute later");
        assert_eq!(status(&format!("rc_user_{}", "0".repeat(64)), "2001:db8::1", 0), 401, "no guess");
    }

    #[test]
    fn sources_take_bounded_memory() {
        let (attempts, directory) = (Attempts::default(), Directory::default());
        for number in 0..3 * SOURCES as u32 {
            let from = Source(IpAddr::V4(number.into()));
            let refused = attempts.token(&directory, "guess", from, 0).unwrap_err().status;
            assert!(refused == StatusCode::UNAUTHORIZED || number > SOURCES as u32);
        }
        assert_eq!(attempts.minute(0).failures.len(), SOURCES + 1);
    }

    #[test]
    fn one_token_signs_in_so_often_a_minute() {
        let attempts = Attempts::default();
        for _ in 0..SIGN_INS_PER_MINUTE {
            assert!(attempts.sign_in("a", 0).is_ok());
        }
        assert_eq!(attempts.sign_in("a", 0).unwrap_err().status, StatusCode::TOO_MANY_REQUESTS);
        assert!(attempts.sign_in("b", 0).is_ok() && attempts.sign_in("a", MINUTE_MS).is_ok());
    }

    #[test]
    fn one_organization_invites_so_many_a_minute() {
        let attempts = Attempts::default();
        assert!((0..INVITED_PER_MINUTE).all(|_| attempts.invite("acme", 0).is_ok()));
        assert_eq!(attempts.invite("acme", 0).unwrap_err().status, StatusCode::TOO_MANY_REQUESTS);
        assert!(attempts.invite("beta", 0).is_ok() && attempts.invite("acme", MINUTE_MS).is_ok());
    }

    #[test]
    fn one_source_begins_so_many_sign_ins_a_minute() {
        let attempts = Attempts::default();
        for _ in 0..BEGINS_PER_MINUTE {
            assert!(attempts.begin(source("203.0.113.9"), 0).is_ok());
        }
        assert_eq!(attempts.begin(source("203.0.113.9"), 0).unwrap_err().status, StatusCode::TOO_MANY_REQUESTS);
        assert!(attempts.begin(source("203.0.113.8"), 0).is_ok());
        assert!(attempts.begin(source("203.0.113.9"), MINUTE_MS).is_ok());
    }

    #[test]
    fn failures_do_not_fill_the_audit_log() {
        let attempts = Attempts::default();
        let written = (0..1000).filter(|_| attempts.may_write_failure(0).is_some()).count();
        assert_eq!(written, FAILURES_WRITTEN_PER_MINUTE as usize);
        assert_eq!(attempts.may_write_failure(MINUTE_MS), Some(990), "they are counted");
        assert_eq!(attempts.may_write_failure(MINUTE_MS), Some(0));
    }
}
