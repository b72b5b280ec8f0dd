//! Where alerts may be sent. The operator names any address, as in the file of webhooks. Owners and admins have the
//! server make requests for them: these go to hosts on the internet, and into the operator's network only where the
//! operator says so.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use axum::http::Uri;

use crate::signin::is_private;

/// The hosts that owners and admins may name.
#[derive(Debug, Clone, Default)]
pub struct AlertHosts(Vec<String>);

impl AlertHosts {
    /// Those of a list: names or addresses, `*.` before a name for all below it. An empty one has all of the internet.
    pub fn parse(text: &str) -> Result<AlertHosts, String> {
        let hosts = text.split(',').map(str::trim).filter(|host| !host.is_empty());
        let host = |host: &str| {
            let name = host.strip_prefix("*.").unwrap_or(host);
            let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']' | '_');
            let is_host = !name.is_empty() && name.chars().all(allowed);
            let wrong = || format!("'{host}' is no host; write a name, an address, or *. and a name");
            is_host.then(|| host.to_ascii_lowercase()).ok_or_else(wrong)
        };
        hosts.map(host).collect::<Result<_, _>>().map(AlertHosts)
    }

    /// Whether the operator has named a host, so that requests may go wherever it is.
    pub fn names(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        self.0.iter().any(|allowed| match allowed.strip_prefix('*') {
            Some(below) => host.ends_with(below),
            None => *allowed == host,
        })
    }

    /// Checks a URL that somebody names.
    pub fn check(&self, url: &str, by_operator: bool) -> Result<(), String> {
        if !is_private(url) {
            return Err(
                "it must begin with https://, or with http:// when it is on this machine, and name no user".into()
            );
        }
        let host = url.parse::<Uri>().ok().and_then(|uri| uri.host().map(str::to_owned)).unwrap_or_default();
        if by_operator || self.names(&host) {
            return Ok(());
        }
        if !self.0.is_empty() {
            return Err(format!(
                "'{host}' is not among the hosts that the operator allows; ask them for --alert-hosts"
            ));
        }
        let address: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
        if host.eq_ignore_ascii_case("localhost") || address.is_some_and(|address| !is_public(address)) {
            return Err(format!("'{host}' is not on the internet; only the operator may name it, or allow it"));
        }
        Ok(())
    }
}

/// Whether an address is one of the internet, and not of a machine, a network or a purpose of its own (IANA's registries
/// of special addresses).
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(address) => is_public_v4(address),
            None => is_public_v6(address),
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = matches!(
        (a, b, c),
        (0 | 10 | 127 | 224..=255, ..)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    );
    !is_special
}

/// Of what is given out to the internet, without what has other addresses within.
fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x2002, ..] => false,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_internet_are_public() {
        for public in ["1.1.1.1", "100.63.255.255", "172.32.0.1", "192.0.1.1", "2606:4700::1", "::ffff:8.8.8.8"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for other in [
            "0.0.0.0",
            "10.1.2.3",
            "127.8.8.8",
            "100.100.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.168.1.1",
            "192.0.0.8",
            "198.18.0.1",
            "203.0.113.9",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fd00::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2001::1",
            "ff02::1",
        ] {
            assert!(!is_public(other.parse().unwrap()), "{other}");
        }
    }

    #[test]
    fn an_owner_names_hosts_of_the_internet_and_those_that_the_operator_allows() {
        let check = |allowed: &str, url: &str, by_operator: bool, expected: Result<(), &str>| {
            let said = AlertHosts::parse(allowed).unwrap().check(url, by_operator);
            match (said, expected) {
                (Ok(()), Ok(())) => {}
                (Err(said), Err(words)) => assert!(said.contains(words), "{url}: {said}"),
                (said, expected) => panic!("{url} by {by_operator}, {allowed}: {said:?}, not {expected:?}"),
            }
        };
        let not_on_internet = Err("not on the internet");
        check("", "https://hooks.example/in", false, Ok(()));
        check("", "http://hooks.example/in", false, Err("https://"));
        check("", "http://hooks.example/in", true, Err("https://"));
        check("", "http://127.0.0.1:8080/in", true, Ok(()));
        check("", "http://127.0.0.1:8080/in", false, not_on_internet);
        check("", "https://localhost/in", false, not_on_internet);
        check("", "https://[::1]:99/in", false, not_on_internet);
        check("", "https://169.254.169.254/latest", false, not_on_internet);
        check("", "https://me:pass@hooks.example", false, Err("name no user"));
        let allowed = "hooks.Internal, *.corp.example,127.0.0.1";
        check(allowed, "https://hooks.internal/in", false, Ok(()));
        check(allowed, "https://a.b.corp.example/in", false, Ok(()));
        check(allowed, "http://127.0.0.1:80/in", false, Ok(()));
        check(allowed, "https://corp.example/in", false, Err("not among the hosts"));
        check(allowed, "https://evilcorp.example/in", false, Err("not among the hosts"));
        check(allowed, "https://hooks.example/in", false, Err("not among the hosts"));
        check(allowed, "https://hooks.example/in", true, Ok(()));
        assert!(AlertHosts::parse("https://a").unwrap_err().contains("is no host"));
    }
}
