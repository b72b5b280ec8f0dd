//! Guardrails and content filters that stepped in on a call, as whoever sends it tells: which, and never on what.

use super::Fingerprint;

/// What stepped in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Guard {
    /// One that was put before or behind the model.
    Guardrail = 1,
    /// The provider's own.
    ContentFilter = 2,
}

impl Guard {
    pub const ALL: [Guard; 2] = [Guard::Guardrail, Guard::ContentFilter];
}

/// A guard that stopped a call, cut its answer short, changed it or took exception to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Intervention {
    pub guard: Guard,
    /// What it is called.
    pub name: String,
}

impl Intervention {
    /// The id under which it is known of a call, so that it counts once.
    pub fn id(&self, call: Fingerprint) -> Fingerprint {
        Fingerprint::of_bytes(&[&call.0[..], b"\nguard", &[self.guard as u8], self.name.as_bytes()].concat())
    }
}
