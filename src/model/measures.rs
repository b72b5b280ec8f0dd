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

    /// What is left when `part` is taken away; `None` when it is no part.
    pub fn without(&self, part: &Measures) -> Option<Measures> {
        let mut left = *self;
        for (count, of_part) in left.counts.iter_mut().zip(&part.counts) {
            *count = count.checked_sub(*of_part)?;
        }
        left.cost.0 -= part.cost.0;
        (left.cost.0 >= 0).then_some(left)
    }

    /// Adds `other`, or leaves `self` as it was.
    pub fn add(&mut self, other: &Measures) -> Result<(), Overflow> {
        let mut next = *self;
        for (a, b) in next.counts.iter_mut().zip(&other.counts) {
            *a = a.checked_add(*b).ok_or(Overflow)?;
        }
        next.cost.0 = next.cost.0.checked_add(other.cost.0).ok_or(Overflow)?;
        *self = next;
        Ok(())
    }
}

/// The sums of some events, and how much of them the organization's own provider keys paid for. The rest was paid with
/// Who pays the provider: the gateway's credits or the organization's own provider keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Mode {
    #[default]
    Credits = 0,
    ApiKeys = 1,
}

/// the gateway's credits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    pub all: Measures,
    pub api_keys_requests: u64,
    pub api_keys_cost: PicoUsd,
}

impl Usage {
    /// Measures that were all paid in one way.
    pub fn of(measures: Measures, mode: Mode) -> Usage {
        match mode {
            Mode::Credits => Usage { all: measures, ..Usage::default() },
            Mode::ApiKeys => {
                Usage { all: measures, api_keys_requests: measures.get(Count::Requests), api_keys_cost: measures.cost }
            }
        }
    }

    pub fn get(&self, count: Count) -> u64 {
        self.all.get(count)
    }

    pub fn cost(&self) -> PicoUsd {
        self.all.cost
    }

    pub fn credits_requests(&self) -> u64 {
        self.get(Count::Requests) - self.api_keys_requests
    }

    pub fn credits_cost(&self) -> PicoUsd {
        PicoUsd(self.all.cost.0 - self.api_keys_cost.0)
    }

    pub fn is_zero(&self) -> bool {
        *self == Usage::default()
    }

    /// What is left when `part` is taken away; `None` when it is no part.
    pub fn without(&self, part: &Usage) -> Option<Usage> {
        let api_keys_requests = self.api_keys_requests.checked_sub(part.api_keys_requests)?;
        let api_keys_cost = PicoUsd(self.api_keys_cost.0 - part.api_keys_cost.0);
        let left = Usage { all: self.all.without(&part.all)?, api_keys_requests, api_keys_cost };
        (api_keys_cost.0 >= 0).then_some(left)
    }

    /// Adds `other`, or leaves `self` as it was.
    pub fn add(&mut self, other: &Usage) -> Result<(), Overflow> {
        let requests = self.api_keys_requests.checked_add(other.api_keys_requests).ok_or(Overflow)?;
        let cost = self.api_keys_cost.0.checked_add(other.api_keys_cost.0).ok_or(Overflow)?;
        self.all.add(&other.all)?;
        (self.api_keys_requests, self.api_keys_cost) = (requests, PicoUsd(cost));
        Ok(())
    }
}
