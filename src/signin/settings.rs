//! What the operator has set, after it was checked.

use std::fmt;
use std::net::IpAddr;

use ureq::http::HeaderName;
use ureq::tls::Certificate;

use crate::directory::{GroupRule, SecretHash};

/// A secret that has no way to be shown by mistake.
#[derive(Clone)]
pub struct SecretText(String);

impl SecretText {
    pub fn new(text: String) -> SecretText {
        SecretText(text)
    }

    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether it is that. How long it takes says nothing about it.
    pub fn is(&self, other: &str) -> bool {
        SecretHash::of(&self.0) == SecretHash::of(other)
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText")
    }
}

pub struct ProviderSettings {
    /// Of what it signs, and where it is found.
    pub issuer: String,
    pub client_id: String,
    pub client_secret: Option<SecretText>,
    /// On its button.
    pub name: String,
    /// Asked for in the place of the usual ones.
    pub scopes: Option<Vec<String>>,
    pub groups_claim: String,
    pub groups: Vec<GroupRule>,
    /// People who are not in the directory are entered if their groups give them something.
    pub welcomes: bool,
    /// Nobody signs in by a user token.
    pub enforces: bool,
    /// Who signs out here is led there to sign out as well.
    pub signs_out: bool,
    /// Who alone vouches for its address, where that is not who does for all.
    pub authorities: Option<Vec<Certificate<'static>>>,
}

pub struct ProxySettings {
    /// Where it is; anywhere when empty.
    pub sources: Vec<Network>,
    pub secret: Option<SecretHeader>,
    /// Of the identities that it tells of.
    pub issuer: String,
    pub headers: Headers,
    /// Between groups.
    pub separator: String,
    /// Addresses that it tells of are verified.
    pub email_verified: bool,
    pub groups: Vec<GroupRule>,
    pub welcomes: bool,
}

/// The headers that say who is there.
pub struct Headers {
    pub user: HeaderName,
    pub email: Option<HeaderName>,
    pub name: Option<HeaderName>,
    pub groups: Option<HeaderName>,
}

/// What a proxy shows that nobody else knows.
pub struct SecretHeader {
    pub name: HeaderName,
    pub value: SecretText,
}

/// Addresses with the same first bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    first: u128,
    bits: u8,
}

impl Network {
    /// Without a number of bits one address. Nothing where there are more bits than an address has, or some are set after
    /// those: a network that was meant otherwise.
    pub fn new(address: IpAddr, bits: Option<u8>) -> Option<Network> {
        // As an IPv6 address, as a socket of both has it.
        let (first, all, before) = match address {
            IpAddr::V4(address) => (address.to_ipv6_mapped().to_bits(), 32, 96),
            IpAddr::V6(address) => (address.to_bits(), 128, 0),
        };
        let bits = bits.unwrap_or(all);
        let network = (bits <= all).then_some(Network { first, bits: before + bits })?;
        (network.first & !network.mask() == 0).then_some(network)
    }

    fn mask(self) -> u128 {
        u128::MAX.checked_shl(u32::from(128 - self.bits)).unwrap_or(0)
    }

    pub fn has(self, address: IpAddr) -> bool {
        let address = match address {
            IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
            IpAddr::V6(address) => address.to_bits(),
        };
        address & self.mask() == self.first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_the_addresses_with_its_first_bits() {
        let check = |network: &str, bits: Option<u8>, address: &str, expected: Option<bool>| {
            let network = Network::new(network.parse().unwrap(), bits);
            let has = network.map(|network| network.has(address.parse().unwrap()));
            assert_eq!(has, expected, "{network:?} {address}");
        };
        check("127.0.0.1", None, "127.0.0.1", Some(true));
        check("127.0.0.1", None, "::ffff:127.0.0.1", Some(true));
        check("::ffff:127.0.0.1", None, "127.0.0.1", Some(true));
        check("127.0.0.1", None, "127.0.0.2", Some(false));
        check("127.0.0.1", None, "::1", Some(false));
        check("10.0.0.0", Some(8), "10.255.0.1", Some(true));
        check("10.0.0.0", Some(8), "11.0.0.1", Some(false));
        check("0.0.0.0", Some(0), "203.0.113.9", Some(true));
        check("0.0.0.0", Some(0), "2001:db8::1", Some(false));
        check("::", Some(0), "2001:db8::1", Some(true));
        check("2001:db8::", Some(32), "2001:db8:1::1", Some(true));
        check("2001:db8::", Some(32), "2001:db9::1", Some(false));
        check("10.0.0.1", Some(8), "10.0.0.1", None);
        check("10.0.0.0", Some(33), "10.0.0.1", None);
    }

    #[test]
    fn a_secret_is_compared_and_not_shown() {
        let secret = SecretText::new("abc".into());
        assert!(secret.is("abc") && !secret.is("ab") && !secret.is(""));
        assert_eq!(format!("{secret:?}"), "SecretText");
    }
}
