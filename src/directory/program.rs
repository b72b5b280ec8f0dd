//! Programs that somebody has let in: each has a token of its own, which is worth no more than what they let it in by.

use std::sync::Arc;

use super::change::{ChangeError, RecordWrite, key, put};
use super::entries::Kind;
use super::{Directory, Session, Token};
use crate::model::UnixMs;

/// What is written before the id of a token or session in the place of who made a token.
const BY: &str = "login:";
/// Programs that somebody may have let in; of more, the oldest is out.
const PROGRAMS: usize = 50;

impl Token {
    /// Of a program that was let in by that token or session.
    pub fn for_program(self, by: &str) -> Token {
        let mut token = self;
        token.terms.made_by = Some(format!("{BY}{by}"));
        token
    }

    /// The token or session that a program was let in by; nothing of any other token.
    pub fn let_in_by(&self) -> Option<&str> {
        self.terms.made_by.as_deref()?.strip_prefix(BY)
    }
}

impl Directory {
    /// Programs that are in.
    pub fn programs(&self, now: UnixMs) -> impl Iterator<Item = (&str, &Token)> {
        self.tokens().filter(move |(_, token)| token.let_in_by().is_some() && !token.has_expired(now))
    }

    /// Whether what a program is to be let in by is still there.
    pub fn still_lets_in(&self, by: &str, now: UnixMs) -> bool {
        match self.token(by) {
            Some(token) => !token.has_expired(now),
            // Who comes by a proxy has neither.
            None => by.starts_with("proxy:") || self.sessions.keys().any(|hash| Session::id(hash) == by),
        }
    }

    pub(super) fn let_in(
        &mut self,
        id: String,
        token: Token,
        now: UnixMs,
        writes: &mut Vec<RecordWrite>,
    ) -> Result<(), ChangeError> {
        let by = token.let_in_by().unwrap_or_default();
        if !self.still_lets_in(by, now) {
            return Err(ChangeError::Unknown { what: "session or token", id: by.to_owned() });
        }
        let user_id = token.grant.user_id();
        let of_them = |other: &Token| other.let_in_by().is_some() && other.grant.user_id() == user_id;
        let mut theirs: Vec<(UnixMs, String)> = Vec::new();
        for (id, other) in self.tokens().filter(|(_, other)| of_them(other)) {
            let ends = if other.has_expired(now) { UnixMs::MIN } else { other.created };
            theirs.push((ends, id.to_owned()));
        }
        theirs.sort_unstable();
        let room = theirs.len().saturating_sub(PROGRAMS - 1);
        let out: Vec<String> = theirs
            .into_iter()
            .enumerate()
            .filter(|(index, (ends, _))| *index < room || *ends == UnixMs::MIN)
            .map(|(_, (_, id))| id)
            .collect();
        for id in out {
            self.revoke(id, writes)?;
        }
        writes.push((key(Kind::Token, "", &id), Some(token.encode())));
        put(writes, Kind::Terms, "", &id, &token.terms);
        Arc::make_mut(&mut self.token_ids).insert(token.hash, id.clone());
        Arc::make_mut(&mut self.tokens).insert(id, token);
        Ok(())
    }

    /// The programs that were let in by a token or session, which ends.
    pub(super) fn let_in_with(&self, by: &str) -> Vec<String> {
        self.tokens().filter(|(_, token)| token.let_in_by() == Some(by)).map(|(id, _)| id.to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Change, Grant, SecretHash, SessionsOf};
    use super::*;

    fn grant() -> Grant {
        Grant::User { user_id: "ada".into() }
    }

    fn program(id: &str, by: &str, created: UnixMs, expires: UnixMs) -> Change {
        let mut token = Token::new(grant(), id, SecretHash::of(id), created).for_program(by);
        token.terms.expires = Some(expires);
        Change::LetIn { id: id.into(), token, now: created }
    }

    fn directory() -> Directory {
        let mut directory = Directory::default();
        let token = Token::new(grant(), "", SecretHash::of("adas"), 0);
        directory.apply(Change::PutToken { id: "adas".into(), token }).unwrap();
        directory
    }

    fn ids(directory: &Directory, now: UnixMs) -> Vec<&str> {
        directory.programs(now).map(|(id, _)| id).collect()
    }

    #[test]
    fn a_program_is_out_with_what_it_was_let_in_by_and_by_itself() {
        let mut directory = directory();
        for (id, by) in [("1", "adas"), ("2", "adas"), ("3", "proxy:ada")] {
            directory.apply(program(id, by, 10, 1_000)).unwrap();
        }
        assert_eq!((ids(&directory, 999), ids(&directory, 1_000)), (vec!["1", "2", "3"], vec![]));
        for by in ["ses_gone", "tok_gone"] {
            let gone = directory.clone().apply(program("4", by, 10, 1_000)).unwrap_err();
            assert_eq!(gone, ChangeError::Unknown { what: "session or token", id: by.into() });
        }
        directory.apply(Change::CloseSessions(SessionsOf::Ids(vec!["2".into(), "adas".into()]))).unwrap();
        assert_eq!(ids(&directory, 10), ["1", "3"], "a token that is no program's is no session");
        assert!(directory.token("adas").is_some());
        let (_, writes) = directory.apply(Change::RevokeToken { id: "adas".into() }).unwrap();
        assert_eq!(ids(&directory, 10), ["3"]);
        assert!(writes.iter().any(|(key, bytes)| key.ends_with(b"\x001") && bytes.is_none()));
    }

    #[test]
    fn programs_of_a_person_are_bounded_and_those_that_expired_are_forgotten() {
        let mut directory = directory();
        directory.apply(program("first", "adas", 1, 5)).unwrap();
        for number in 0..=PROGRAMS {
            directory.apply(program(&format!("{number:03}"), "adas", 10 + number as i64, 1_000)).unwrap();
        }
        let left = ids(&directory, 0);
        assert_eq!((left.len(), left[0]), (PROGRAMS, "001"), "neither the expired nor the oldest");
    }
}
