//! The first of very many, without keeping the others.

use std::cmp::Ordering;

/// Kept beyond what is asked for, so that what comes is sorted out now and then and not each time.
const SPARE: usize = 1000;

/// The largest of what is offered, as many as asked for. Equal ranks are in the order of `tie`.
pub(super) struct Top<T, F> {
    limit: usize,
    tie: F,
    kept: Vec<(i128, T)>,
    /// The smallest rank that may be among them, once there are enough.
    least: Option<i128>,
    more: bool,
}

impl<T, F: Fn(&T, &T) -> Ordering> Top<T, F> {
    pub fn new(limit: usize, tie: F) -> Top<T, F> {
        Top { limit, tie, kept: Vec::new(), least: None, more: false }
    }

    /// Whether one of this rank may be among them.
    #[inline]
    pub fn takes(&self, rank: i128) -> bool {
        self.least.is_none_or(|least| rank >= least)
    }

    #[inline]
    pub fn offer(&mut self, rank: i128, one: T) {
        if !self.takes(rank) {
            return;
        }
        self.kept.push((rank, one));
        if self.kept.len() >= self.limit.saturating_mul(2).saturating_add(SPARE) {
            self.sort_out();
        }
    }

    fn sort_out(&mut self) {
        if self.kept.len() <= self.limit {
            return;
        }
        let tie = &self.tie;
        self.kept.select_nth_unstable_by(self.limit, |a, b| b.0.cmp(&a.0).then_with(|| tie(&a.1, &b.1)));
        self.kept.truncate(self.limit);
        self.least = self.kept.iter().map(|(rank, _)| *rank).min();
        self.more = true;
    }

    /// They, in order, and whether there were more.
    pub fn finish(mut self) -> (Vec<(i128, T)>, bool) {
        self.sort_out();
        let tie = &self.tie;
        self.kept.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| tie(&a.1, &b.1)));
        (self.kept, self.more)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_first_of_many_are_those_of_a_sorted_list(ranks in proptest::collection::vec(0i128..50, 0..4000), limit in 0usize..60) {
            let mut top = Top::new(limit, |a: &usize, b: &usize| b.cmp(a));
            let mut all: Vec<(i128, usize)> = ranks.iter().copied().zip(0..).collect();
            for (rank, number) in &all {
                top.offer(*rank, *number);
            }
            all.sort_by(|a, b| b.cmp(a));
            let more = all.len() > limit;
            all.truncate(limit);
            prop_assert_eq!(top.finish(), (all, more));
        }
    }
}
