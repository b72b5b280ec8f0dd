//! Pages of other sites: which may read answers, by a token that they have.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// Hours for which a browser may remember what it may ask.
const REMEMBERED: std::time::Duration = std::time::Duration::from_secs(3600);

/// Sites whose pages may read answers. Cookies never go with what they ask, so they need a token of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origins(Vec<String>);

impl Origins {
    /// Origins joined by commas, or `*`.
    pub fn parse(text: &str) -> Result<Origins, String> {
        let origins: Vec<String> = text.split(',').map(|origin| origin.trim().to_ascii_lowercase()).collect();
        match origins.iter().find(|origin| *origin != "*" && !is_origin(origin)) {
            Some(wrong) => Err(format!("'{wrong}' is no origin; write https://host, https://host:port, or *")),
            None => Ok(Origins(origins)),
        }
    }

    fn has(&self, origin: &str) -> bool {
        self.0.iter().any(|known| known == "*" || known.eq_ignore_ascii_case(origin))
    }

    /// Tells browsers.
    pub fn layer(&self) -> CorsLayer {
        let names = |names: &[&'static str]| names.iter().map(|name| HeaderName::from_static(name)).collect::<Vec<_>>();
        let origins = self.clone();
        CorsLayer::new()
            .allow_origin(AllowOrigin::predicate(move |origin, _| {
                origin.to_str().is_ok_and(|origin| origins.has(origin))
            }))
            .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE])
            .allow_headers(names(&[
                "authorization",
                "content-type",
                "if-none-match",
                "if-range",
                "mcp-method",
                "mcp-name",
                "mcp-protocol-version",
                "range",
            ]))
            .expose_headers(names(&[
                "accept-ranges",
                "content-disposition",
                "content-range",
                "etag",
                "retry-after",
                "www-authenticate",
            ]))
            .max_age(REMEMBERED)
    }
}

/// Whether a page may ask by what its browser says of it: one of this server or of an allowed site, or no page at all.
pub fn may_ask(headers: &HeaderMap, origins: Option<&Origins>) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let host = headers.get(header::HOST).map(HeaderValue::as_bytes).unwrap_or_default();
    let own = origin.split_once("://").is_some_and(|(_, named)| named.as_bytes().eq_ignore_ascii_case(host));
    own || origins.is_some_and(|origins| origins.has(origin))
}

fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| {
        !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_a_scheme_and_a_host() {
        for (text, expected) in [
            ("https://app.example.com", true),
            ("http://localhost:5173, https://App.example.com", true),
            ("http://[::1]:8080", true),
            ("*", true),
            ("app.example.com", false),
            ("https://app.example.com/", false),
            ("https://", false),
            ("ftp://app.example.com", false),
            ("https://a,", false),
            ("", false),
        ] {
            assert_eq!(Origins::parse(text).is_ok(), expected, "{text}");
        }
    }

    #[test]
    fn a_page_of_another_site_asks_only_where_that_is_allowed() {
        let allowed = Origins::parse("https://app.example.com").unwrap();
        let check = |origin: Option<&str>, origins: Option<&Origins>, expected: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static("rollcall.example:8787"));
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().unwrap());
            }
            assert_eq!(may_ask(&headers, origins), expected, "{origin:?}");
        };
        check(None, None, true);
        check(Some("http://rollcall.example:8787"), None, true);
        check(Some("https://Rollcall.example:8787"), None, true);
        check(Some("https://app.example.com"), None, false);
        check(Some("https://app.example.com"), Some(&allowed), true);
        check(Some("https://app.example.com.evil"), Some(&allowed), false);
        check(Some("http://rollcall.example"), Some(&allowed), false);
        check(Some("null"), Some(&allowed), false);
    }
}
