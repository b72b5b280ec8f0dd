//! A proxy that has people sign in and says in headers who is there: SAML by mod_auth_mellon, oauth2-proxy and the like.

use std::net::IpAddr;

use ureq::http::{HeaderMap, HeaderName};

use super::settings::ProxySettings;
use super::{Groups, Visitor};
use crate::directory::{ExternalIdentity, GroupRule};

/// What Apache writes for an attribute that is not there.
const NULL: &str = "(null)";
/// Groups that are looked at; a head of a request has room for fewer.
const GROUPS: usize = 20_000;

pub struct Proxy(ProxySettings);

impl Proxy {
    pub(super) fn new(settings: ProxySettings) -> Proxy {
        Proxy(settings)
    }

    pub fn rules(&self) -> &[GroupRule] {
        &self.0.groups
    }

    pub fn welcomes(&self) -> bool {
        self.0.welcomes
    }

    /// Who is there, by the headers of a request that came from `peer`: nobody where it is not from the proxy, or the proxy
    /// names nobody. The error is for whoever has set up the proxy.
    pub fn visitor(&self, peer: IpAddr, headers: &HeaderMap) -> Result<Option<Visitor>, String> {
        if !self.is_from_it(peer, headers) {
            return Ok(None);
        }
        let names = &self.0.headers;
        let Some(user) = one(headers, &names.user)? else { return Ok(None) };
        let optional = |name: &Option<HeaderName>| name.as_ref().map_or(Ok(None), |name| one(headers, name));
        let (email, name) = (optional(&names.email)?, optional(&names.name)?);
        let groups = optional(&names.groups)?.unwrap_or_default();
        let groups: Vec<String> = groups
            .split(&self.0.separator)
            .map(str::trim)
            .filter(|group| !group.is_empty() && *group != NULL)
            .map(str::to_owned)
            .collect();
        let groups = match groups.len() {
            0..=GROUPS => Groups::Known(groups),
            more => Groups::Incomplete(format!("the proxy names {more} groups; at most {GROUPS} are read")),
        };
        let identity = ExternalIdentity::new(&self.0.issuer, &user)
            .ok_or_else(|| format!("the header '{}' is no name of at most 512 characters", names.user))?;
        Ok(Some(Visitor {
            identity,
            name,
            email,
            email_verified: self.0.email_verified,
            groups,
            sid: None,
            hint: None,
        }))
    }

    fn is_from_it(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        let ProxySettings { sources, secret, .. } = &self.0;
        let from_there = sources.is_empty() || sources.iter().any(|source| source.has(peer));
        let has_secret = secret.as_ref().is_none_or(|secret| {
            let mut values = headers.get_all(&secret.name).iter();
            // Of two, one may be somebody else's.
            let value = values.next().filter(|_| values.next().is_none());
            value.and_then(|value| value.to_str().ok()).is_some_and(|value| secret.value.is(value))
        });
        from_there && has_secret
    }
}

/// The value of a header that may be there once. Missing and empty ones are none.
fn one(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, String> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(format!("the header '{name}' is there twice; have the proxy replace what others send"));
    }
    let text = str::from_utf8(value.as_bytes()).map_err(|_| format!("the header '{name}' is not UTF-8"))?.trim();
    Ok((!text.is_empty() && text != NULL).then(|| text.to_owned()))
}

#[cfg(test)]
mod tests {
    use ureq::http::HeaderValue;

    use super::super::read_proxy;
    use super::*;

    const FILE: &str = r#"{"sources": ["10.1.0.0/16", "::1"], "secretHeader": "X-Secret: s3cret", "issuer": "urn:acme",
        "headers": {"user": "X-User", "email": "X-Email", "name": "X-Name", "groups": "X-Groups"},
        "groupsSeparator": ";", "emailVerified": true}"#;

    fn visitor(file: &str, peer: &str, headers: &[(&str, &str)]) -> Result<Option<Visitor>, String> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        read_proxy(file).unwrap().visitor(peer.parse().unwrap(), &map)
    }

    #[test]
    fn whoever_is_not_the_proxy_is_nobody() {
        let (user, secret) = (("x-user", "ada"), ("x-secret", "s3cret"));
        let check = |file: &str, peer: &str, headers: &[(&str, &str)], expected: bool| {
            let found = visitor(file, peer, headers).unwrap().is_some();
            assert_eq!(found, expected, "{peer} {headers:?}");
        };
        check(FILE, "10.1.2.3", &[user, secret], true);
        check(FILE, "::ffff:10.1.2.3", &[user, secret], true);
        check(FILE, "::1", &[user, secret], true);
        check(FILE, "10.2.2.3", &[user, secret], false);
        check(FILE, "127.0.0.1", &[user, secret, ("x-forwarded-for", "10.1.2.3")], false);
        check(FILE, "10.1.2.3", &[user], false);
        check(FILE, "10.1.2.3", &[user, ("x-secret", "S3cret")], false);
        check(FILE, "10.1.2.3", &[user, ("x-secret", "")], false);
        check(FILE, "10.1.2.3", &[user, secret, secret], false);
        check(FILE, "10.1.2.3", &[user, ("x-secret", "wrong"), secret], false);
        check(FILE, "10.1.2.3", &[secret], false);
        let anywhere = FILE.replace(r#""10.1.0.0/16", "::1""#, "");
        check(&anywhere, "203.0.113.9", &[user, secret], true);
        check(&anywhere, "203.0.113.9", &[user], false);
        let by_address = FILE.replace(r#""secretHeader": "X-Secret: s3cret","#, "");
        check(&by_address, "10.1.2.3", &[user], true);
        check(&by_address, "10.2.2.3", &[user], false);
    }

    #[test]
    fn what_is_missing_is_missing_and_names_are_utf_8() {
        let secret = ("x-secret", "s3cret");
        let read = |headers: &[(&str, &str)]| {
            visitor(FILE, "10.1.2.3", &[headers, &[secret]].concat())
                .map(|found| found.map(|v| (v.identity.subject().to_owned(), v.email, v.name, v.groups)))
        };
        let known = |groups: &[&str]| Groups::Known(groups.iter().map(|group| (*group).to_owned()).collect());
        let somebody =
            [("x-user", "Zoë"), ("x-email", "z@acme.example"), ("x-name", "Zoë Übel"), ("x-groups", "a b; ü;;(null)")];
        let text = |text: &str| Some(text.to_owned());
        let all = ("Zoë".to_owned(), text("z@acme.example"), text("Zoë Übel"), known(&["a b", "ü"]));
        assert_eq!(read(&somebody), Ok(Some(all)));
        let nothing = [("x-user", "zoe"), ("x-email", "(null)"), ("x-name", " "), ("x-groups", "(null)")];
        assert_eq!(read(&nothing), Ok(Some(("zoe".to_owned(), None, None, known(&[])))));
        for nobody in ["(null)", "", "  "] {
            assert_eq!(read(&[("x-user", nobody)]), Ok(None));
        }
        assert!(read(&[("x-user", "ada"), ("x-user", "ben")]).unwrap_err().contains("'x-user' is there twice"));
        assert!(read(&[("x-user", "a"), ("x-groups", "b"), ("x-groups", "c")]).unwrap_err().contains("x-groups"));
        let mut latin = HeaderMap::new();
        latin.insert("x-secret", HeaderValue::from_static("s3cret"));
        latin.insert("x-user", HeaderValue::from_bytes(b"Zo\xeb").unwrap());
        let refused = read_proxy(FILE).unwrap().visitor("10.1.2.3".parse().unwrap(), &latin).unwrap_err();
        assert!(refused.contains("'x-user' is not UTF-8"));
    }
}
