//! What is summed.

use super::{Overflow, PicoUsd};

/// The counts of a rollup, in the order in which they are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum Count {
    Requests,
    TotalTokens,
    InputTokens,
    OutputTokens,
    CachedTokens,
    CacheWriteTokens,
    ReasoningTokens,
    Errors,
    ClientErrors,
    CacheHits,
    Unpriced,
}

/// How many counts there are.
pub const COUNTS: usize = 11;

/// The sums of some events: integer counts and exact money.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Measures {
    pub counts: [u64; COUNTS],
    pub cost: PicoUsd,
}

impl Measures {
    pub const ZERO: Measures = Measures { counts: [0; COUNTS], cost: PicoUsd::ZERO };

    pub fn get(&self, count: Count) -> u64 {
        self.counts[count as usize]
    }

    pub fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }

    /// Adds `other`, or leaves `self` as it was.
    pub fn add(&mut self, other: &Measures) -> Result<(), Overflow> {
        self.combine(other, u64::checked_add, i128::checked_add)
    }

    /// Takes `other` away, or leaves `self` as it was.
    pub fn subtract(&mut self, other: &Measures) -> Result<(), Overflow> {
        self.combine(other, u64::checked_sub, i128::checked_sub)
    }

    fn combine(
        &mut self,
        other: &Measures,
        count: impl Fn(u64, u64) -> Option<u64>,
        money: impl Fn(i128, i128) -> Option<i128>,
    ) -> Result<(), Overflow> {
        let mut next = *self;
        for (a, b) in next.counts.iter_mut().zip(&other.counts) {
            *a = count(*a, *b).ok_or(Overflow)?;
        }
        next.cost.0 = money(next.cost.0, other.cost.0).ok_or(Overflow)?;
        *self = next;
        Ok(())
    }
}
