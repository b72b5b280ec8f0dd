//! Signing in elsewhere: providers of OpenID Connect, and proxies that say who is there.
//!
//! Owns the operator's files about both, what is asked of a provider and how its answers are checked, and what of a
//! request a trusted proxy is believed.
//!
//! Does not know what anybody may do or whom the directory knows: it says who somebody is elsewhere, and in which groups.
//!
//! Invariants: nothing of a provider is believed that it has not signed for this installation and this sign-in; nothing of
//! a proxy that did not come from its address or with its secret; no answer is read without a limit of size and time;
//! secrets are in requests to their provider and nowhere else.

mod file;
mod oidc;
mod outgoing;
mod private;
mod proxy;
mod settings;

use std::collections::BTreeMap;

pub use file::{read_providers, read_proxy};
pub use oidc::{Begun, Fault, Pending, Provider};
pub use private::{is_local, is_private};
pub use proxy::Proxy;

use crate::directory::{ExternalIdentity, GroupGrant, GroupRule, given_by_groups};

/// Somebody, as a provider or a proxy says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    pub identity: ExternalIdentity,
    pub name: Option<String>,
    pub email: Option<String>,
    /// Whether they have shown that it is theirs.
    pub email_verified: bool,
    pub groups: Groups,
    /// Their session there.
    pub sid: Option<String>,
    /// What the provider is reminded of them by when they sign out.
    pub hint: Option<String>,
}

/// The groups somebody is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Groups {
    Known(Vec<String>),
    /// They are not all there, and why. Some of them are not worth having: which are missing could take rights away.
    Incomplete(String),
}

impl Visitor {
    pub fn verified_email(&self) -> Option<&str> {
        self.email.as_deref().filter(|_| self.email_verified)
    }

    /// What their groups give by some rules, by organization.
    pub fn grants(&self, rules: &[GroupRule]) -> BTreeMap<String, GroupGrant> {
        match &self.groups {
            Groups::Known(groups) => given_by_groups(rules, groups.iter().map(String::as_str)),
            Groups::Incomplete(_) => BTreeMap::new(),
        }
    }
}
