//! Sessions of servers that keep nothing: the cookie itself says who it is of and until when, signed with what all such
//! servers of a cluster know and no database. It ends with its token, as every session does.

use crate::directory::{Directory, Grant, SecretHash, Session, is_signed, signed};
use crate::model::UnixMs;

/// What such a cookie begins with, and with the signature its version.
const PREFIX: &str = "signed1";

/// What cookies are signed with.
pub struct CookieKey(String);

/// A session that has not ended.
pub struct Opened {
    pub token_id: String,
    pub grant: Grant,
    pub id: String,
}

impl CookieKey {
    /// From the operator's token, which is no key itself: what is signed with it could be guessed at.
    pub fn of(operator_token: &str) -> CookieKey {
        CookieKey(SecretHash::of(&format!("rollcall cookies {operator_token}")).to_hex())
    }

    /// The cookie of a session that was opened with a token.
    pub fn cookie(&self, token_id: &str, expires: UnixMs) -> String {
        let said = format!("{PREFIX}.{expires}.{token_id}");
        format!("{said}.{}", signed(&self.0, &[said.as_bytes()]))
    }

    /// Whose session a cookie is.
    pub fn opened(&self, cookie: &str, directory: &Directory, now: UnixMs) -> Option<Opened> {
        let (said, signature) = cookie.rsplit_once('.')?;
        if !is_signed(&self.0, &[said.as_bytes()], signature) {
            return None;
        }
        let (expires, token_id) = said.strip_prefix(PREFIX)?.strip_prefix('.')?.split_once('.')?;
        let expires: UnixMs = expires.parse().ok()?;
        let token = directory.token(token_id).filter(|token| expires > now && !token.has_expired(now))?;
        Some(Opened {
            token_id: token_id.to_owned(),
            grant: token.grant.clone(),
            id: Session::id(&SecretHash::of(cookie)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::{Change, Token};

    #[test]
    fn a_cookie_is_of_its_token_until_either_ends_and_of_nobody_who_changes_it() {
        let mut directory = Directory::default();
        let token = Token::new(Grant::Operator, "t", SecretHash::of("secret"), 0);
        directory.apply(Change::PutToken { id: "tok_1.x".into(), token }).unwrap();
        let key = CookieKey::of("the operator's token");
        let cookie = key.cookie("tok_1.x", 1000);
        let opened = key.opened(&cookie, &directory, 999).unwrap();
        assert_eq!((opened.token_id.as_str(), &opened.grant), ("tok_1.x", &Grant::Operator));
        assert!(key.opened(&cookie, &directory, 1000).is_none(), "it has ended");
        assert!(key.opened(&cookie, &Directory::default(), 999).is_none(), "its token was revoked");
        assert!(CookieKey::of("another").opened(&cookie, &directory, 999).is_none());
        assert!(CookieKey::of("the operator's token").opened(&cookie, &directory, 999).is_some(), "at another server");
        for changed in
            [cookie.replace("1000", "9000"), cookie.replace("tok_1", "tok_2"), cookie[..40].to_owned(), String::new()]
        {
            assert!(key.opened(&changed, &directory, 999).is_none(), "{changed}");
        }
    }
}
