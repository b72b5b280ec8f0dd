//! Sessions that are open: how they come to be, and what ends with what.

use std::sync::Arc;

use super::change::{ChangeError, RecordWrite, key, put};
use super::entries::Kind;
use super::session::{RECORDS, Session, SessionsOf};
use super::{Directory, Grant, SecretHash, Token};
use crate::model::UnixMs;

/// Sessions kept per token, or per person who signs in elsewhere; the oldest end when a new one is opened.
const SESSIONS_PER_PERSON: usize = 50;
/// And of all tokens together.
const SESSIONS: usize = 10_000;

impl Directory {
    pub(super) fn open_session(
        &mut self,
        hash: SecretHash,
        session: Session,
        now: UnixMs,
        writes: &mut Vec<RecordWrite>,
    ) {
        self.close_sessions(writes, |_, s| s.expires <= now);
        let same = |s: &Session| s.token_id == session.token_id && s.user_id() == session.user_id();
        self.make_room(writes, SESSIONS_PER_PERSON, same);
        self.make_room(writes, SESSIONS, |_| true);
        put(writes, Kind::Session, "", &hash.to_hex(), &(&session.token_id, &session.expires));
        put(writes, Kind::SessionTerms, "", &hash.to_hex(), &session.terms);
        Arc::make_mut(&mut self.sessions).insert(hash, session);
    }

    pub(super) fn use_session(&mut self, hash: &SecretHash, now: UnixMs, writes: &mut Vec<RecordWrite>) {
        // It may have ended since.
        if let Some(session) = Arc::make_mut(&mut self.sessions).get_mut(hash) {
            session.terms.last_used = session.terms.last_used.max(now);
            put(writes, Kind::SessionTerms, "", &hash.to_hex(), &session.terms);
        }
    }

    pub(super) fn end_sessions(&mut self, of: SessionsOf, writes: &mut Vec<RecordWrite>) -> Result<(), ChangeError> {
        let directory = self.clone();
        self.close_sessions(writes, |hash, session| directory.is_meant(&of, hash, session));
        let ids = if let SessionsOf::Ids(ids) = of { ids } else { Vec::new() };
        let is_program = |id: &String| directory.token(id).is_some_and(|token| token.let_in_by().is_some());
        ids.into_iter().filter(is_program).try_for_each(|id| self.revoke(id, writes))
    }

    pub(super) fn revoke(&mut self, id: String, writes: &mut Vec<RecordWrite>) -> Result<(), ChangeError> {
        let token = Arc::make_mut(&mut self.tokens).remove(&id);
        let token = token.ok_or(ChangeError::Unknown { what: "token", id: id.clone() })?;
        Arc::make_mut(&mut self.token_ids).remove(&token.hash);
        writes.extend([Kind::Token, Kind::Terms].map(|kind| (key(kind, "", &id), None)));
        if token.grant == Grant::Operator {
            // One that expires would leave nobody behind.
            let stays = |other: &Token| other.grant == Grant::Operator && other.terms.expires.is_none();
            if !self.tokens.values().any(stays) {
                return Err(ChangeError::LastOperator { id });
            }
            Arc::make_mut(&mut self.revoked).insert(token.hash);
            put(writes, Kind::Revoked, "", &token.hash.to_hex(), &());
        }
        self.end_with_token(writes, &id);
        Ok(())
    }

    /// Ends all sessions of a person, by whatever they signed in.
    pub(super) fn sign_out(&mut self, user_id: &str, writes: &mut Vec<RecordWrite>) {
        let (directory, of) = (self.clone(), SessionsOf::User(user_id.to_owned()));
        self.close_sessions(writes, |hash, session| directory.is_meant(&of, hash, session));
    }

    /// Ends the oldest of some sessions, so that with one more there are no more than `most`.
    fn make_room(&mut self, writes: &mut Vec<RecordWrite>, most: usize, of: impl Fn(&Session) -> bool) {
        let mut expiries: Vec<UnixMs> = self.sessions.values().filter(|s| of(s)).map(|s| s.expires).collect();
        if expiries.len() < most {
            return;
        }
        expiries.sort_unstable_by(|a, b| b.cmp(a));
        let oldest = expiries[most - 1];
        self.close_sessions(writes, |_, s| of(s) && s.expires <= oldest);
    }

    /// Ends what is worth no more than a token: sessions opened with it, links made with it, programs let in by it.
    pub(super) fn end_with_token(&mut self, writes: &mut Vec<RecordWrite>, token_id: &str) {
        self.close_sessions(writes, |_, session| session.token_id == token_id);
        let of_token = self.links.iter().filter(|(_, link)| link.token_id == token_id).map(|(id, _)| id.clone());
        for id in of_token.collect::<Vec<_>>() {
            self.remove_link(&id);
            writes.push((key(Kind::Link, "", &id), None));
        }
        for id in self.let_in_with(token_id) {
            self.revoke(id, writes).expect("it is no operator's, and there");
        }
    }

    fn close_sessions(&mut self, writes: &mut Vec<RecordWrite>, ends: impl Fn(&SecretHash, &Session) -> bool) {
        let ended: Vec<SecretHash> =
            self.sessions.iter().filter(|(hash, session)| ends(hash, session)).map(|(hash, _)| *hash).collect();
        for hash in ended {
            Arc::make_mut(&mut self.sessions).remove(&hash);
            writes.extend(RECORDS.map(|kind| (key(kind, "", &hash.to_hex()), None)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Account, Change, ExternalIdentity, SessionTerms};
    use super::*;

    #[test]
    fn a_token_that_has_ended_opens_nothing_and_one_that_stays_stays() {
        let hash = |secret: &str| SecretHash::of(secret);
        let token = |secret: &str, expires| {
            let mut token = Token::new(Grant::Operator, secret, hash(secret), 0);
            token.terms.expires = expires;
            Change::PutToken { id: secret.to_owned(), token }
        };
        let mut directory = Directory::default();
        for change in [token("first", None), token("lent", Some(1_000))] {
            directory.apply(change).unwrap();
        }
        let session = Session { token_id: "lent".into(), expires: 5_000, terms: SessionTerms::default() };
        directory.apply(Change::OpenSession { hash: hash("cookie"), session, now: 0 }).unwrap();
        assert!(directory.signed_in("cookie", 999, i64::MAX).is_some());
        assert!(directory.signed_in("cookie", 1_000, i64::MAX).is_none(), "a session ends with its token");
        assert!(
            directory.token("lent").unwrap().has_expired(1_000)
                && !directory.token("first").unwrap().has_expired(1_000)
        );
        let last = directory.clone().apply(Change::RevokeToken { id: "first".into() });
        assert_eq!(last.unwrap_err(), ChangeError::LastOperator { id: "first".into() }, "the other one ends by itself");

        // Once an hour, and never of one that is gone.
        let mut use_at = |now| directory.apply(Change::UseToken { id: "first".into(), now }).unwrap().0.changed;
        assert_eq!([0, 3_599_999, 3_600_000].map(&mut use_at), [1, 0, 1]);
        let gone = directory.apply(Change::UseToken { id: "gone".into(), now: 0 }).unwrap();
        assert_eq!(gone.0.changed, 0);
    }

    #[test]
    fn sessions_end_by_whose_they_are_and_when_nobody_is_there() {
        let mut directory = Directory::default();
        let token =
            |id: &str, grant| Change::PutToken { id: id.into(), token: Token::new(grant, id, SecretHash::of(id), 0) };
        directory.apply(token("operator", Grant::Operator)).unwrap();
        directory.apply(token("adas", Grant::User { user_id: "ada".into() })).unwrap();
        let identity = |subject: &str| ExternalIdentity::new("https://login.acme.example", subject).unwrap();
        let account = |subject: &str, sid: Option<&str>| Account {
            user_id: "ada".into(),
            identity: identity(subject),
            sid: sid.map(str::to_owned),
        };
        let mut open = |secret: &str, token_id: &str, account| {
            let terms = SessionTerms { account, opened: 1_000, last_used: 1_000, ..SessionTerms::default() };
            let session = Session { token_id: token_id.into(), expires: 9_000, terms };
            directory.apply(Change::OpenSession { hash: SecretHash::of(secret), session, now: 1_000 }).unwrap();
        };
        open("s-operator", "operator", None);
        open("s-token", "adas", None);
        open("s-one", "", Some(account("1", Some("one"))));
        open("s-two", "", Some(account("1", Some("two"))));
        open("s-none", "", Some(account("1", None)));
        open("s-other", "", Some(account("2", Some("one"))));
        let all = ["s-operator", "s-token", "s-one", "s-two", "s-none", "s-other"];
        let left = |directory: &Directory, now, idle| -> Vec<&str> {
            all.into_iter().filter(|secret| directory.signed_in(secret, now, idle).is_some()).collect()
        };
        assert_eq!((left(&directory, 8_999, 8_000), left(&directory, 9_000, 20_000)), (all.to_vec(), vec![]));
        let mut used = directory.clone();
        used.apply(Change::UseSession { hash: SecretHash::of("s-one"), now: 3_000 }).unwrap();
        assert_eq!(left(&used, 4_000, 3_000), ["s-one"]);
        let check = |of, expected: &[&str]| {
            let mut directory = directory.clone();
            directory.apply(Change::CloseSessions(of)).unwrap();
            assert_eq!(left(&directory, 2_000, 8_000), expected);
        };
        let of = |subject: &str, sid: Option<&str>| SessionsOf::Account {
            identity: identity(subject),
            sid: sid.map(str::to_owned),
        };
        check(SessionsOf::Secret(SecretHash::of("s-one")), &["s-operator", "s-token", "s-two", "s-none", "s-other"]);
        check(
            SessionsOf::Ids(vec![Session::id(&SecretHash::of("s-token"))]),
            &["s-operator", "s-one", "s-two", "s-none", "s-other"],
        );
        check(SessionsOf::User("ada".into()), &["s-operator"]);
        check(of("1", None), &["s-operator", "s-token", "s-other"]);
        check(of("1", Some("one")), &["s-operator", "s-token", "s-two", "s-other"]);
        check(of("3", None), &all);
    }

    #[test]
    fn the_oldest_sessions_end_when_there_are_too_many() {
        let mut directory = Directory::default();
        let mut opened: usize = 0;
        let mut open = |directory: &mut Directory, token_id: &str| {
            opened += 1;
            let terms = SessionTerms::default();
            let session = Session { token_id: token_id.into(), expires: opened as UnixMs, terms };
            let hash = SecretHash::of(&opened.to_string());
            directory.apply(Change::OpenSession { hash, session, now: 0 }).unwrap();
        };
        let of = |directory: &Directory, token_id: &str| {
            directory.sessions.values().filter(|s| s.token_id == token_id).count()
        };
        for _ in 0..SESSIONS_PER_PERSON + 1 {
            open(&mut directory, "a");
        }
        assert_eq!(of(&directory, "a"), SESSIONS_PER_PERSON);
        assert!(!directory.sessions.contains_key(&SecretHash::of("1")), "the oldest");
        for number in 0..SESSIONS / SESSIONS_PER_PERSON {
            (0..SESSIONS_PER_PERSON).for_each(|_| open(&mut directory, &number.to_string()));
        }
        assert_eq!((directory.sessions.len(), of(&directory, "a")), (SESSIONS, 0));
    }
}
