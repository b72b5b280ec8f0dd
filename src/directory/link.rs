//! Links: questions that programs ask which can only open an address.

use super::{Directory, Grant, SecretHash};
use crate::model::UnixMs;
use crate::store::record::{Decode, Encode};

/// Links that an organization may have: a list that a person can still find one in.
pub const LINKS: usize = 1000;

/// How often it is written down that a link is in use, as of tokens.
const USE_MS: i64 = 3_600_000;

/// A question whose answer whoever has the address may read, for as long as who made it may. The secret in the address
/// is kept as its hash.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Link {
    pub organization_id: String,
    /// Path and query of a route of the API, without the form of the answer.
    pub question: String,
    pub format: LinkFormat,
    pub hash: SecretHash,
    /// The token that it was made with, whose rights it has, and with which it ends.
    pub token_id: String,
    /// Who made it, where they had signed in without a token: then it has theirs in the organization.
    pub user_id: Option<String>,
    pub created: UnixMs,
    /// From when on it is worth nothing.
    pub expires: Option<UnixMs>,
    /// When it was used last, at most an hour before it was.
    pub last_used: Option<UnixMs>,
}

/// In which form a link answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum LinkFormat {
    Csv,
    Json,
    Parquet,
}

impl Link {
    pub fn has_expired(&self, now: UnixMs) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    /// With which rights it is answered at a time; `None` once the token is gone or worth nothing.
    pub fn grant(&self, directory: &Directory, now: UnixMs) -> Option<Grant> {
        match &self.user_id {
            Some(user_id) => {
                let (organization_id, user_id) = (self.organization_id.clone(), user_id.clone());
                Some(Grant::Member { organization_id, user_id })
            }
            None => directory.token(&self.token_id).filter(|token| !token.has_expired(now)).map(|of| of.grant.clone()),
        }
    }

    /// Whether a use of it now has to be written down.
    pub fn is_used_anew(&self, now: UnixMs) -> bool {
        self.last_used.is_none_or(|last| now - last >= USE_MS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::{Change, ChangeError, Token};

    fn link(organization_id: &str, number: usize) -> Link {
        Link {
            organization_id: organization_id.to_owned(),
            question: "/analytics/activity".to_owned(),
            format: LinkFormat::Csv,
            hash: SecretHash::of(&format!("{organization_id} {number}")),
            token_id: "tok".to_owned(),
            user_id: None,
            created: 0,
            expires: None,
            last_used: None,
        }
    }

    #[test]
    fn links_of_an_organization_are_bounded() {
        let mut directory = Directory::default();
        let mut apply = |change| directory.apply(change).map(|(outcome, _)| outcome.changed);
        let put = |organization: &str, number: usize| Change::PutLink {
            id: format!("{organization}-{number}"),
            link: link(organization, number),
        };
        let unknown = ChangeError::Unknown { what: "token", id: "tok".into() };
        assert_eq!(apply(put("acme", 0)), Err(unknown), "whoever made it has no rights");
        let token = Token::new(Grant::Operator, "", SecretHash::of("secret"), 0);
        apply(Change::PutToken { id: "tok".into(), token }).unwrap();
        for number in 0..LINKS {
            assert_eq!(apply(put("acme", number)), Ok(1));
        }
        let most = ChangeError::TooMany { what: "links", organization: "acme".into(), most: LINKS };
        assert_eq!(apply(put("acme", LINKS)), Err(most));
        assert_eq!(apply(put("beta", 0)), Ok(1), "others have their own");
        assert_eq!(apply(Change::RemoveLink { id: "acme-0".into() }), Ok(1));
        assert_eq!(apply(put("acme", LINKS)), Ok(1));
    }

    #[test]
    fn a_link_is_found_by_its_secret_until_it_is_revoked_or_its_token_is() {
        let mut directory = Directory::default();
        let of = |id: &str| Token::new(Grant::Operator, "", SecretHash::of(id), 0);
        for id in ["tok", "other"] {
            directory.apply(Change::PutToken { id: id.into(), token: of(id) }).unwrap();
        }
        for number in 0..3 {
            let token_id = if number == 2 { "other" } else { "tok" }.to_owned();
            let link = Link { token_id, ..link("acme", number) };
            directory.apply(Change::PutLink { id: number.to_string(), link }).unwrap();
        }
        let found = |directory: &Directory, number: usize| {
            directory.link_by_secret(&format!("acme {number}")).map(|(id, _)| id.to_owned())
        };
        assert_eq!(found(&directory, 1).as_deref(), Some("1"));
        assert_eq!(found(&directory, 3), None);
        let by_nobodys_token = Link { token_id: "session".into(), user_id: Some("ada".into()), ..link("acme", 9) };
        directory.apply(Change::PutLink { id: "9".into(), link: by_nobodys_token.clone() }).unwrap();
        let ada = Grant::Member { organization_id: "acme".into(), user_id: "ada".into() };
        assert_eq!(by_nobodys_token.grant(&directory, 0), Some(ada), "of who signed in without a token");
        assert_eq!(link("acme", 1).grant(&directory, 0), Some(Grant::Operator));
        let (used, _) = directory.apply(Change::UseLink { id: "1".into(), now: USE_MS }).unwrap();
        let (again, _) = directory.apply(Change::UseLink { id: "1".into(), now: USE_MS + 1 }).unwrap();
        assert_eq!((used.changed, again.changed), (1, 0), "written down once an hour");
        directory.apply(Change::RemoveLink { id: "0".into() }).unwrap();
        assert_eq!(found(&directory, 0), None);
        let (_, writes) = directory.apply(Change::RevokeToken { id: "tok".into() }).unwrap();
        assert_eq!((found(&directory, 1), found(&directory, 2).as_deref()), (None, Some("2")));
        assert!(writes.iter().any(|(key, bytes)| key.ends_with(b"\x001") && bytes.is_none()), "{writes:?}");
    }
}
