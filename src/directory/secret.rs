//! Secrets and their hashes.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::RangeInclusive;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::store::record::{Decode, Encode};

/// A new token or session secret: 256 random bits, shown once.
pub struct Secret(String);

impl Secret {
    /// `prefix` tells people (and secret scanners) what they look at.
    pub fn generate(prefix: &str) -> Secret {
        let mut bytes = [0u8; 32];
        getrandom::fill(&mut bytes).expect("the operating system has random bytes");
        Secret(format!("{prefix}{}", hex(&bytes)))
    }

    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// What shows that somebody knows a secret, without telling it: S256 of PKCE (RFC 7636).
pub fn challenge(secret: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(secret.as_bytes()))
}

/// Whether a secret has the form of those made here: too many random bits to be guessed.
pub fn is_random_secret(secret: &str) -> bool {
    let random = secret.rsplit('_').next().unwrap_or_default();
    secret.starts_with("rc_") && random.len() == 64 && random.bytes().all(|b| b.is_ascii_hexdigit())
}

/// SHA-256 of a secret. Those made here have 256 random bits, so a slow hash would add nothing; an operator who
/// chooses a token is told to choose a long random one.
///
/// Looking one up compares hashes, never secrets, and in constant time: how long it takes says nothing about a secret.
#[derive(Debug, Clone, Copy, Eq, Encode, Decode)]
pub struct SecretHash([u8; 32]);

impl PartialEq for SecretHash {
    fn eq(&self, other: &SecretHash) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Hash for SecretHash {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl SecretHash {
    pub fn of(secret: &str) -> SecretHash {
        SecretHash(Sha256::digest(secret.as_bytes()).into())
    }

    pub fn to_hex(self) -> String {
        hex(&self.0)
    }

    pub(super) fn parse(text: &str) -> Option<SecretHash> {
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).ok()?;
        }
        Some(SecretHash(bytes))
    }
}

/// Whether `signature`, in hex, is the HMAC-SHA256 of the parts of a message, one after another, under a secret. How
/// long that takes says nothing about the right one.
pub fn is_signed(secret: &str, message: &[&[u8]], signature: &str) -> bool {
    let Some(signature) = SecretHash::parse(signature) else { return false };
    mac(secret.as_bytes(), message).verify_slice(&signature.0).is_ok()
}

/// The HMAC-SHA256 of the parts of a message under a secret, in hex.
pub fn signed(secret: &str, message: &[&[u8]]) -> String {
    hex(&mac(secret.as_bytes(), message).finalize().into_bytes())
}

/// The key that webhooks are signed with, as the Standard Webhooks specification has it. It has no way to be shown.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct SigningSecret(Vec<u8>);

impl SigningSecret {
    /// What it begins with where it is written, so that it is known for one wherever it turns up.
    pub const PREFIX: &'static str = "whsec_";
    /// What the specification allows.
    pub const BYTES: RangeInclusive<usize> = 24..=64;

    /// From the prefix and the base64 of the key.
    pub fn parse(text: &str) -> Option<SigningSecret> {
        let key = text.strip_prefix(Self::PREFIX).and_then(|text| STANDARD.decode(text).ok());
        key.filter(|key| Self::BYTES.contains(&key.len())).map(SigningSecret)
    }

    /// What is wrong with a text that is none, without the text.
    pub fn expected() -> String {
        let (from, to) = Self::BYTES.into_inner();
        format!("secret (not shown) must be {} and the base64 of {from} to {to} bytes", Self::PREFIX)
    }

    /// The signature of a message that is sent at `timestamp`.
    pub fn signature(&self, id: &str, timestamp: &str, body: &str) -> String {
        let message = [id, ".", timestamp, ".", body].map(str::as_bytes);
        format!("v1,{}", STANDARD.encode(mac(&self.0, &message).finalize().into_bytes()))
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningSecret")
    }
}

fn mac(key: &[u8], message: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key may have any length");
    message.iter().for_each(|part| mac.update(part));
    mac
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_read_back_and_secrets_differ() {
        let (a, b) = (Secret::generate("rc_"), Secret::generate("rc_"));
        assert_ne!(a.reveal(), b.reveal());
        assert_eq!(a.reveal().len(), 67);
        let hash = SecretHash::of(a.reveal());
        assert_eq!(SecretHash::parse(&hash.to_hex()), Some(hash));
        assert_eq!(SecretHash::parse("zz"), None);
        assert!(hash == SecretHash::of(a.reveal()) && hash != SecretHash::of(b.reveal()));
        assert!(is_random_secret(a.reveal()) && !is_random_secret("rc_secret") && !is_random_secret(&a.reveal()[3..]));
    }

    #[test]
    fn challenges_are_those_of_rfc_7636() {
        // Its appendix B.
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(challenge(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn signatures_of_webhooks_are_those_of_the_reference_libraries() {
        let secret = SigningSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = |body| secret.signature("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body);
        assert_eq!(signed("{\"test\": 2432232314}"), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_ne!(signed("{\"test\": 2432232315}"), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        for other in ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ=", &format!("whsec_{}", "A".repeat(88))] {
            assert!(SigningSecret::parse(other).is_none(), "{other}");
        }
    }

    #[test]
    fn signatures_are_those_of_rfc_4231() {
        // Its second test case.
        let right = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert!(is_signed("Jefe", &[b"what do ya want ", b"for nothing?"], right));
        assert!(!is_signed("Jefe", &[b"what do ya want for nothing!"], right));
        assert!(!is_signed("jefe", &[b"what do ya want for nothing?"], right));
        for wrong in ["", "5bdc", &right[..63], &right.replace('5', "g")] {
            assert!(!is_signed("Jefe", &[b"what do ya want for nothing?"], wrong));
        }
    }
}
