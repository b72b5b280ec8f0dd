//! What calls under way may come to cost, until they say or ten minutes pass.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::model::{Fingerprint, UnixMs};

/// How long a call that is not told of counts with its estimate: longer than providers let one take.
pub const KEPT_MS: i64 = 10 * 60_000;
/// Calls that were told of lately, of which it is remembered that they were.
const TOLD: usize = 1 << 16;
/// Ended ones that may still lie in the queue beside those that are not.
const SLACK: usize = 1024;

/// What one call reserves: in which accounts and in which window of each, and how much.
#[derive(Debug, Clone)]
pub(super) struct Reservation {
    pub parts: Vec<Part>,
    pub until: UnixMs,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub account: u32,
    /// When the account's window began.
    pub window: UnixMs,
    pub amount: i128,
}

/// Those of an organization, by call.
#[derive(Debug, Default)]
pub(super) struct Reservations {
    of: HashMap<Fingerprint, Reservation>,
    /// In the order in which they were made, which is that in which they end.
    ends: VecDeque<(UnixMs, Fingerprint)>,
    /// Calls that reserved something and were told of since, the oldest first: asked about again they reserve nothing.
    told: VecDeque<Fingerprint>,
    are_told: HashSet<Fingerprint>,
}

impl Reservations {
    pub fn len(&self) -> usize {
        self.of.len()
    }

    pub fn take(&mut self, call: &Fingerprint) -> Option<Reservation> {
        if self.of.is_empty() { None } else { self.of.remove(call) }
    }

    /// Takes that of a call whose event has come.
    pub fn tell(&mut self, call: &Fingerprint) -> Option<Reservation> {
        let told = self.take(call)?;
        if self.are_told.insert(*call) {
            self.told.push_back(*call);
        }
        if self.told.len() > TOLD {
            self.told.pop_front().map(|oldest| self.are_told.remove(&oldest));
        }
        Some(told)
    }

    pub fn is_told(&self, call: &Fingerprint) -> bool {
        self.are_told.contains(call)
    }

    /// Keeps one; `again` where it took the place of one that was taken before.
    pub fn keep(&mut self, call: Fingerprint, reservation: Reservation, again: bool) {
        if !again {
            self.ends.push_back((reservation.until, call));
        }
        self.of.insert(call, reservation);
        if self.ends.len() > 2 * self.of.len() + SLACK {
            let of = &self.of;
            self.ends.retain(|(until, call)| of.get(call).is_some_and(|kept| kept.until == *until));
        }
    }

    /// The next one whose time is over. A clock that went back ends those that were made after what it shows now.
    pub fn ended(&mut self, now: UnixMs) -> Option<Reservation> {
        while let Some((until, call)) = self.ends.front().copied() {
            let is_over = until <= now || until > now + KEPT_MS;
            if !is_over {
                return None;
            }
            self.ends.pop_front();
            if self.of.get(&call).is_some_and(|kept| kept.until == until) {
                return self.of.remove(&call);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_end_in_order_and_take_no_more_memory_than_there_are() {
        let mut reservations = Reservations::default();
        let call = |number: usize| Fingerprint::of(&number.to_string());
        let make = |until| Reservation { parts: Vec::new(), until };
        for number in 0..100_000 {
            reservations.keep(call(number), make(number as i64), false);
            if number >= 10 {
                assert!(reservations.take(&call(number - 10)).is_some());
            }
        }
        assert_eq!(reservations.len(), 10);
        assert!(reservations.ends.len() <= 2 * 10 + SLACK + 1, "{}", reservations.ends.len());
        assert_eq!(reservations.ended(99_989).map(|ended| ended.until), None);
        assert_eq!(reservations.ended(99_991).map(|ended| ended.until), Some(99_990));
        assert_eq!(reservations.ended(99_991).map(|ended| ended.until), Some(99_991));
        assert_eq!(reservations.ended(99_991).map(|ended| ended.until), None);
        for number in 0..TOLD + 5 {
            reservations.keep(call(number), make(99_992), false);
            assert!(reservations.tell(&call(number)).is_some());
        }
        assert_eq!([4, 5].map(|number| reservations.is_told(&call(number))), [false, true]);
        // The clock went back a day.
        assert_eq!(reservations.ended(-86_400_000).map(|ended| ended.until), Some(99_992));
    }
}
