//! What lies between two sums, and where it comes from.
//!
//! Usage is kept as sums, so what one kind of request used is taken at the mean of its row: docs/reconciliation.md has
//! the rules. Whatever the means say, the causes of a gap add up to it exactly.

use crate::model::{Biller, Count, Overflow, PicoUsd, Usage};

/// Less than this, of a day, model and key, is rounding.
const CENT: i128 = 10_000_000_000;

/// Tokens of one side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Cached ones included.
    pub input: u64,
    pub cached: u64,
    pub output: u64,
}

/// Theirs less ours, by cause. They add up to the gap.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CountCauses {
    /// Theirs that never came here; below zero, ours that their report does not have.
    pub missing: i128,
    /// Requests that failed here.
    pub aborted: i128,
    /// Requests that the gateway's own cache answered.
    pub cached: i128,
}

/// The same of picodollars. What a cache of the gateway answers costs nothing on either side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CostCauses {
    pub missing: i128,
    pub aborted: i128,
    /// Requests here that no price is known for.
    pub unpriced: i128,
    /// What is left, when it is a cent or more: another price.
    pub price: i128,
    /// What is left, when it is less.
    pub rounding: i128,
}

/// Both sides of one measure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Compared<Side, Causes> {
    pub ours: Side,
    pub theirs: Side,
    pub causes: Causes,
}

/// Both sides of everything that a report says; `None` what none says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Comparison {
    pub requests: Option<Compared<u64, CountCauses>>,
    pub tokens: Option<Compared<Tokens, CountCauses>>,
    pub cost: Option<Compared<PicoUsd, CostCauses>>,
}

/// Sums that both sides have.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Side {
    requests: u64,
    tokens: Tokens,
    cost: PicoUsd,
}

impl Side {
    pub fn add(&mut self, requests: u64, tokens: &Tokens, cost: PicoUsd) -> Result<(), Overflow> {
        self.requests = self.requests.checked_add(requests).ok_or(Overflow)?;
        self.tokens.add(tokens)?;
        self.cost.0 = self.cost.0.checked_add(cost.0).ok_or(Overflow)?;
        Ok(())
    }
}

impl Tokens {
    fn add(&mut self, other: &Tokens) -> Result<(), Overflow> {
        for (sum, more) in
            [(&mut self.input, other.input), (&mut self.cached, other.cached), (&mut self.output, other.output)]
        {
            *sum = sum.checked_add(more).ok_or(Overflow)?;
        }
        Ok(())
    }

    pub fn total(&self) -> i128 {
        i128::from(self.input) + i128::from(self.output)
    }
}

/// One day, model and key: what rows are made of.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cell {
    ours: Side,
    pub theirs: Side,
    /// Of our requests.
    failed: u64,
    hits: u64,
    unpriced: u64,
}

impl Cell {
    pub fn add_ours(&mut self, usage: &Usage) -> Result<(), Overflow> {
        let tokens = Tokens {
            input: usage.get(Count::InputTokens),
            cached: usage.get(Count::CachedTokens),
            output: usage.get(Count::OutputTokens),
        };
        self.ours.add(usage.get(Count::Requests), &tokens, usage.cost())?;
        // No more than requests, whose sum was checked.
        self.failed += usage.get(Count::Errors) + usage.get(Count::ClientErrors);
        self.hits += usage.get(Count::CacheHits);
        self.unpriced += usage.get(Count::Unpriced);
        Ok(())
    }

    /// Compares what reports of `usage` and `costs` say, where there are such.
    pub fn compare(&self, usage: bool, costs: bool, biller: Biller) -> Comparison {
        let requests = (usage && biller.counts_requests()).then(|| self.requests());
        let tokens = usage.then(|| self.tokens(requests.as_ref()));
        let cost = costs.then(|| self.cost(requests.as_ref(), tokens.as_ref()));
        Comparison { requests, tokens, cost }
    }

    /// Requests can be counted, so this needs no means: hits never reached the provider, and of those that failed here
    /// it counted as many as it has beyond the others.
    fn requests(&self) -> Compared<u64, CountCauses> {
        let (ours, theirs) = (i128::from(self.ours.requests), i128::from(self.theirs.requests));
        let hits = i128::from(self.hits).min(ours);
        let failed = i128::from(self.failed).min(ours - hits);
        let beyond = theirs - (ours - hits - failed);
        let aborted = beyond.clamp(0, failed) - failed;
        let causes = CountCauses { missing: theirs - ours + hits - aborted, aborted, cached: -hits };
        Compared { ours: self.ours.requests, theirs: self.theirs.requests, causes }
    }

    fn tokens(&self, requests: Option<&Compared<u64, CountCauses>>) -> Compared<Tokens, CountCauses> {
        let (ours, theirs) = (self.ours.tokens.total(), self.theirs.tokens.total());
        let mut rest = theirs - ours;
        let answered = self.ours.requests.saturating_sub(self.failed);
        let cached = take(&mut rest, -share(ours, self.hits.into(), answered.into()));
        // A request that failed is taken to be as large as one that did not. What the provider never saw made it bill
        // nothing.
        let of_requests = |failed: i128| match answered {
            0 => share_of_many(theirs, failed, self.theirs.requests.into()),
            _ => share_of_many(ours, failed, answered.into()),
        };
        let failed = i128::from(self.failed);
        let seen = requests.map_or(failed, |of| failed + of.causes.aborted);
        let wanted = if rest < 0 { -of_requests(failed) } else { of_requests(seen) };
        let aborted = take(&mut rest, wanted);
        let causes = CountCauses { missing: rest, aborted, cached };
        Compared { ours: self.ours.tokens, theirs: self.theirs.tokens, causes }
    }

    fn cost(
        &self,
        requests: Option<&Compared<u64, CountCauses>>,
        tokens: Option<&Compared<Tokens, CountCauses>>,
    ) -> Compared<PicoUsd, CostCauses> {
        let (ours, theirs) = (self.ours.cost.0, self.theirs.cost.0);
        let mut rest = theirs - ours;
        // What is more on their side is taken at their price, what is more on ours at ours.
        let worth = |of: i128, our_all: i128, their_all: i128| {
            if of >= 0 { share(theirs, of, their_all) } else { -share(ours, -of, our_all) }
        };
        let money_of = |cause: fn(&CountCauses) -> i128| match (tokens, requests) {
            (Some(t), _) if t.ours.total() + t.theirs.total() > 0 => {
                worth(cause(&t.causes), t.ours.total(), t.theirs.total())
            }
            (_, Some(r)) => worth(cause(&r.causes), r.ours.into(), r.theirs.into()),
            _ => 0,
        };
        // A model, or a tool, that only one side has.
        let one_sided = self.ours.requests == 0 || (theirs == 0 && tokens.is_none());
        let mut causes = CostCauses::default();
        if one_sided {
            causes.missing = rest;
        } else if rest.abs() < CENT {
            causes.rounding = rest;
        } else {
            causes.missing = take(&mut rest, money_of(|causes| causes.missing));
            causes.aborted = take(&mut rest, money_of(|causes| causes.aborted));
            causes.unpriced = take(&mut rest, share(theirs, self.unpriced.into(), self.ours.requests.into()));
            let left = if rest.abs() < CENT { &mut causes.rounding } else { &mut causes.price };
            *left = rest;
        }
        Compared { ours: self.ours.cost, theirs: self.theirs.cost, causes }
    }
}

/// As much of what is left as a cause asks for: never more than there is, nor the other way.
fn take(rest: &mut i128, wanted: i128) -> i128 {
    let taken = if *rest < 0 { wanted.clamp(*rest, 0) } else { wanted.clamp(0, *rest) };
    *rest -= taken;
    taken
}

/// `amount` times `part` by `whole`, towards zero, and no more than the amount.
fn share(amount: i128, part: i128, whole: i128) -> i128 {
    share_of_many(amount, part.min(whole), whole)
}

/// The same with a part that may be several wholes. Nothing of nothing; the largest number there is when it is larger.
fn share_of_many(amount: i128, part: i128, whole: i128) -> i128 {
    if whole <= 0 || part <= 0 {
        return 0;
    }
    // Only absurd figures saturate, and then the caller takes no more than is left.
    let of_wholes = (amount / whole).saturating_mul(part);
    of_wholes.saturating_add((amount % whole).saturating_mul(part) / whole)
}

impl Comparison {
    pub(super) fn add(&mut self, other: &Comparison) -> Result<(), Overflow> {
        if let Some(more) = &other.requests {
            let sum = self.requests.get_or_insert_default();
            sum.ours = sum.ours.checked_add(more.ours).ok_or(Overflow)?;
            sum.theirs = sum.theirs.checked_add(more.theirs).ok_or(Overflow)?;
            sum.causes.add(&more.causes);
        }
        if let Some(more) = &other.tokens {
            let sum = self.tokens.get_or_insert_default();
            sum.ours.add(&more.ours)?;
            sum.theirs.add(&more.theirs)?;
            sum.causes.add(&more.causes);
        }
        if let Some(more) = &other.cost {
            let sum = self.cost.get_or_insert_default();
            for (sum, more) in [
                (&mut sum.ours.0, more.ours.0),
                (&mut sum.theirs.0, more.theirs.0),
                (&mut sum.causes.missing, more.causes.missing),
                (&mut sum.causes.aborted, more.causes.aborted),
                (&mut sum.causes.unpriced, more.causes.unpriced),
                (&mut sum.causes.price, more.causes.price),
                (&mut sum.causes.rounding, more.causes.rounding),
            ] {
                *sum = sum.checked_add(more).ok_or(Overflow)?;
            }
        }
        Ok(())
    }
}

impl CountCauses {
    /// Parts of 64-bit counts, far from what 128 bits hold.
    fn add(&mut self, other: &CountCauses) {
        self.missing += other.missing;
        self.aborted += other.aborted;
        self.cached += other.cached;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn side(requests: u64, tokens: u64, cents: i64) -> Side {
        let tokens = Tokens { input: tokens / 2, cached: tokens / 4, output: tokens - tokens / 2 };
        Side { requests, tokens, cost: PicoUsd(i128::from(cents) * CENT) }
    }

    fn cell(ours: Side, theirs: Side) -> Cell {
        Cell { ours, theirs, ..Cell::default() }
    }

    /// Missing, aborted and cached requests and tokens, then missing, aborted, unpriced and price in cents.
    type Expected = ([i128; 3], [i128; 3], [i128; 4]);

    #[track_caller]
    fn check(cell: Cell, (requests, tokens, cents): Expected) {
        let found = cell.compare(true, true, Biller::OpenAi);
        let counts = |causes: CountCauses| [causes.missing, causes.aborted, causes.cached];
        assert_eq!(counts(found.requests.unwrap().causes), requests, "requests");
        assert_eq!(counts(found.tokens.unwrap().causes), tokens, "tokens");
        let cost = found.cost.unwrap().causes;
        let [missing, aborted, unpriced, price] = cents.map(|cents| cents * CENT);
        let expected = CostCauses { missing, aborted, unpriced, price, rounding: 0 };
        assert_eq!(cost, expected);
    }

    #[test]
    fn each_cause_by_itself() {
        let both = side(100, 10_000, 500);
        check(cell(both, both), ([0; 3], [0; 3], [0; 4]));
        check(cell(both, side(120, 12_000, 600)), ([20, 0, 0], [2000, 0, 0], [100, 0, 0, 0]));
        check(cell(both, side(80, 8_000, 400)), ([-20, 0, 0], [-2000, 0, 0], [-100, 0, 0, 0]));
        check(cell(Side::default(), side(3, 300, 9)), ([3, 0, 0], [300, 0, 0], [9, 0, 0, 0]));
        check(cell(side(3, 300, 9), Side::default()), ([-3, 0, 0], [-300, 0, 0], [-9, 0, 0, 0]));
        check(cell(both, side(100, 10_000, 450)), ([0; 3], [0; 3], [0, 0, 0, -50]));
        // A hit was counted here at no cost, and the provider never saw it.
        check(Cell { hits: 20, ..cell(both, side(80, 8_000, 500)) }, ([0, 0, -20], [0, 0, -2000], [0; 4]));
        // Ten failed here before they were counted in tokens; the provider answered them all.
        let failed = Cell { failed: 10, ..cell(side(110, 10_000, 500), side(110, 11_000, 550)) };
        check(failed, ([0; 3], [0, 1000, 0], [0, 50, 0, 0]));
        // It never saw them.
        check(Cell { failed: 10, ..cell(side(110, 10_000, 500), both) }, ([0, -10, 0], [0; 3], [0; 4]));
        let unpriced = Cell { unpriced: 20, ..cell(side(100, 10_000, 400), both) };
        check(unpriced, ([0; 3], [0; 3], [0, 0, 100, 0]));
    }

    #[test]
    fn less_than_a_cent_is_rounding_unless_only_one_side_has_it() {
        let cost = |ours: Side, theirs: Side| {
            let found = Cell { failed: 1, ..cell(ours, theirs) }.compare(true, true, Biller::OpenAi);
            found.cost.unwrap().causes
        };
        let little = |requests, picos| Side { cost: PicoUsd(picos), ..side(requests, 100 * requests, 0) };
        let rounding = CostCauses { rounding: CENT - 1, ..CostCauses::default() };
        assert_eq!(cost(little(3, 7 * CENT), little(4, 8 * CENT - 1)), rounding);
        let missing = CostCauses { missing: 5, ..CostCauses::default() };
        assert_eq!(cost(Side::default(), little(1, 5)), missing);
    }

    #[test]
    fn what_is_not_reported_is_not_compared() {
        let one = cell(side(3, 300, 9), side(0, 0, 12));
        let costs_only = one.compare(false, true, Biller::OpenAi);
        assert_eq!((costs_only.requests, costs_only.tokens), (None, None));
        assert_eq!(costs_only.cost.unwrap().causes.price, 3 * CENT);
        let usage_only = cell(side(3, 300, 9), side(0, 300, 0)).compare(true, false, Biller::Anthropic);
        assert_eq!((usage_only.requests, usage_only.cost), (None, None));
        assert_eq!(usage_only.tokens.unwrap().causes, CountCauses::default());
        // A model that is on no bill, and a tool that is counted nowhere.
        let unbilled = cell(side(3, 300, 9), Side::default()).compare(false, true, Biller::OpenAi);
        assert_eq!(unbilled.cost.unwrap().causes.missing, -9 * CENT);
        let tool = cell(Side::default(), side(0, 0, 7)).compare(true, true, Biller::Anthropic);
        assert_eq!(tool.cost.unwrap().causes.missing, 7 * CENT);
    }

    fn any_side() -> impl Strategy<Value = Side> {
        let tokens = (0u64..1 << 40, 0u64..1 << 40, 0u64..1 << 40);
        (0u64..1 << 20, tokens, -(1i128 << 70)..1 << 70).prop_map(|(requests, (input, cached, output), cost)| {
            let scale = if requests % 3 == 0 { 40 } else { 0 };
            let tokens = Tokens { input: input >> scale, cached: cached >> scale, output: output >> scale };
            Side { requests: requests >> (requests % 20), tokens, cost: PicoUsd(cost >> scale) }
        })
    }

    proptest! {
        #[test]
        fn causes_add_up_to_the_gap(
            ours in any_side(), theirs in any_side(), failed in any::<u32>(), hits in any::<u32>(), unpriced in any::<u32>(),
            reported in any::<(bool, bool, bool)>(),
        ) {
            let part = |of: u32| u64::from(of) % (ours.requests + 1);
            let ours = Side { cost: PicoUsd(ours.cost.0.abs()), ..ours };
            let cell = Cell { ours, theirs, failed: part(failed), hits: part(hits), unpriced: part(unpriced) };
            let biller = if reported.2 { Biller::OpenAi } else { Biller::Anthropic };
            let found = cell.compare(reported.1, reported.0, biller);
            prop_assert_eq!(found.cost.is_some(), reported.0);
            prop_assert_eq!(found.tokens.is_some(), reported.1);
            prop_assert_eq!(found.requests.is_some(), reported.1 && reported.2);
            let sum = |causes: CountCauses| causes.missing + causes.aborted + causes.cached;
            if let Some(requests) = found.requests {
                prop_assert_eq!(sum(requests.causes), i128::from(theirs.requests) - i128::from(ours.requests));
            }
            if let Some(tokens) = found.tokens {
                let gap = theirs.tokens.total() - ours.tokens.total();
                prop_assert_eq!(sum(tokens.causes), gap);
                for cause in [tokens.causes.missing, tokens.causes.aborted, tokens.causes.cached] {
                    prop_assert!(cause.signum() * gap.signum() >= 0 && cause.abs() <= gap.abs());
                }
            }
            if let Some(cost) = found.cost {
                let CostCauses { missing, aborted, unpriced, price, rounding } = cost.causes;
                let gap = theirs.cost.0 - ours.cost.0;
                prop_assert_eq!(missing + aborted + unpriced + price + rounding, gap);
                for cause in [missing, aborted, unpriced, price, rounding] {
                    prop_assert!(cause.signum() * gap.signum() >= 0 && cause.abs() <= gap.abs());
                }
                prop_assert!(rounding.abs() < CENT && (price == 0 || price.abs() >= CENT));
            }
        }

        #[test]
        fn shares_are_what_arithmetic_without_limits_says(amount in -(1i128 << 60)..1 << 60, part in 0i128..1 << 60, whole in 1i128..1 << 60) {
            prop_assert_eq!(share(amount, part, whole), amount * part.min(whole) / whole);
        }
    }
}
