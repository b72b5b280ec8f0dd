//! Where secrets may be sent.

use ureq::http::Uri;

/// Whether what is sent to a URL is encrypted, or stays on this machine. Decided by the host that a request goes to,
/// which a user before it, as in `http://127.0.0.1:x@elsewhere`, can make look like another.
pub fn is_private(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else { return false };
    let has_user = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
    !has_user && (uri.scheme_str() == Some("https") || uri.scheme_str() == Some("http") && is_here(&uri))
}

/// Whether a URL is on this machine. What goes there must not take its way through a proxy.
pub fn is_local(url: &str) -> bool {
    url.parse().is_ok_and(|uri| is_here(&uri))
}

fn is_here(uri: &Uri) -> bool {
    matches!(uri.host(), Some("127.0.0.1" | "[::1]" | "localhost"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_must_stay_secret_goes_nowhere_in_the_clear() {
        for (url, expected) in [
            ("https://api.openai.com", true),
            ("https://proxy.example:8443/openai", true),
            ("http://127.0.0.1:9000", true),
            ("http://[::1]:9000", true),
            ("http://localhost", true),
            ("http://127.0.0.1:x@evil.example", false),
            ("http://127.0.0.1:9000@evil.example:80", false),
            ("https://127.0.0.1@evil.example", false),
            ("http://127.0.0.1.evil.example:9000", false),
            ("http://evil.example", false),
            ("ftp://127.0.0.1", false),
            ("127.0.0.1:9000", false),
            ("", false),
        ] {
            assert_eq!(is_private(url), expected, "{url}");
        }
    }
}
