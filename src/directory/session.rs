//! Sessions: people at the page, each from a sign-in until they sign out, are too long away, or have been there for as
//! long as one may last.

use super::entries::{Grant, Kind};
use super::identity::ExternalIdentity;
use super::{Directory, SecretHash};
use crate::model::UnixMs;
use crate::store::record::{Decode, Encode};

/// How often it is written down that a session is in use, at most: seldom enough that questions stay reading.
const USE_MS: i64 = 3_600_000;

#[derive(Debug, Clone)]
pub struct Session {
    /// The token that it was opened with; empty where an account at another system did.
    pub token_id: String,
    pub expires: UnixMs,
    pub terms: SessionTerms,
}

/// What else is known of a session. A record of its own: older files have sessions without.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct SessionTerms {
    pub account: Option<Account>,
    /// 0 where it is not known, as are the others of older files.
    pub opened: UnixMs,
    /// When it was used last, at most an hour before it was.
    pub last_used: UnixMs,
    /// The address that it was opened from.
    pub from: String,
    /// What whoever signed in should know about it.
    pub notice: Option<String>,
}

/// Who signed in by another system.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Account {
    pub user_id: String,
    pub identity: ExternalIdentity,
    /// The session there.
    pub sid: Option<String>,
}

/// Which sessions are meant.
#[derive(Debug, Clone)]
pub enum SessionsOf {
    Secret(SecretHash),
    /// By their public ids, programs that somebody has let in as well.
    Ids(Vec<String>),
    /// All of a person, by tokens as well.
    User(String),
    /// Those of an account at another system; of one session there where it is named and known.
    Account {
        identity: ExternalIdentity,
        sid: Option<String>,
    },
}

/// A session that has not ended, and who it is of.
pub struct SignedIn<'d> {
    pub hash: SecretHash,
    pub session: &'d Session,
    pub grant: Grant,
}

impl Session {
    /// What it is known by: part of a hash of random bits, which is of no use to whoever reads it.
    pub fn id(hash: &SecretHash) -> String {
        format!("ses_{}", &hash.to_hex()[..16])
    }

    fn has_ended(&self, now: UnixMs, idle_ms: i64) -> bool {
        let last_used = self.terms.last_used;
        self.expires <= now || (last_used != 0 && now - last_used >= idle_ms)
    }

    /// Whether a use of it now has to be written down, so that a limit of idleness is kept to within a tenth.
    pub fn is_used_anew(&self, now: UnixMs, idle_ms: i64) -> bool {
        now - self.terms.last_used >= USE_MS.min(idle_ms / 10)
    }

    pub fn user_id(&self) -> Option<&str> {
        self.terms.account.as_ref().map(|account| &*account.user_id)
    }
}

impl Directory {
    /// The session of a secret, unless it has ended.
    pub fn signed_in(&self, secret: &str, now: UnixMs, idle_ms: i64) -> Option<SignedIn<'_>> {
        let hash = SecretHash::of(secret);
        self.sessions.get(&hash).and_then(|session| self.open(hash, session, now, idle_ms))
    }

    /// All sessions that have not ended.
    pub fn sessions(&self, now: UnixMs, idle_ms: i64) -> impl Iterator<Item = SignedIn<'_>> {
        self.sessions.iter().filter_map(move |(hash, session)| self.open(*hash, session, now, idle_ms))
    }

    fn open<'d>(&'d self, hash: SecretHash, session: &'d Session, now: UnixMs, idle_ms: i64) -> Option<SignedIn<'d>> {
        if session.has_ended(now, idle_ms) {
            return None;
        }
        let grant = match session.user_id() {
            Some(user_id) => Grant::User { user_id: user_id.to_owned() },
            None => self.tokens.get(&session.token_id).filter(|token| !token.has_expired(now))?.grant.clone(),
        };
        Some(SignedIn { hash, session, grant })
    }

    pub(super) fn is_meant(&self, of: &SessionsOf, hash: &SecretHash, session: &Session) -> bool {
        let account = session.terms.account.as_ref();
        match of {
            SessionsOf::Secret(one) => one == hash,
            SessionsOf::Ids(ids) => ids.contains(&Session::id(hash)),
            SessionsOf::User(user_id) => {
                let token = self.tokens.get(&session.token_id);
                session.user_id().or_else(|| token.and_then(|token| token.grant.user_id())) == Some(user_id)
            }
            SessionsOf::Account { identity, sid } => account.is_some_and(|account| {
                account.identity == *identity && (sid.is_none() || account.sid.is_none() || account.sid == *sid)
            }),
        }
    }
}

/// The records of a session.
pub(super) const RECORDS: [Kind; 2] = [Kind::Session, Kind::SessionTerms];
