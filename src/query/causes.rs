//! Why a key's cost differs between two windows.
//!
//! Each cause is the change of one thing, at the mean of both windows of all others, so it does not matter in which
//! order causes are worked out or which window is named first; docs/change.md has the formulas. A cause is one exact
//! fraction, cut towards zero to whole picodollars. What the cuts leave, a few picodollars of a key and model, goes to
//! its largest cause.

use num_bigint::BigInt;

use crate::model::Overflow;

/// Why a cost moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// More or fewer requests in all.
    Volume,
    /// Other keys' part of the requests, or other models' part of a key's.
    Mix,
    /// Another price for the same tokens.
    Price,
    /// Another part of input from caches.
    Cache,
    /// Longer or shorter requests.
    TokensPerRequest,
    /// Keys of the later window only.
    New,
    /// Keys of the earlier window only.
    Gone,
    /// Requests that have no price in one window.
    Unpriced,
}

impl Cause {
    pub const ALL: [Cause; 8] = [
        Cause::Volume,
        Cause::Mix,
        Cause::Price,
        Cause::Cache,
        Cause::TokensPerRequest,
        Cause::New,
        Cause::Gone,
        Cause::Unpriced,
    ];
}

/// Picodollars by cause.
pub type ByCause = [i128; Cause::ALL.len()];

/// What a key and model used in one window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Side {
    pub requests: u64,
    /// Those of the requests that have no price.
    pub unpriced: u64,
    pub cost: i128,
    /// What the tokens are worth at one price for both windows, and what they would be without any cache; zero where
    /// that is not known.
    pub worth: i128,
    pub worth_uncached: i128,
}

/// What a side is, as far as causes can be told by it.
#[derive(PartialEq, Eq)]
enum Kind {
    Absent,
    Priced,
    Unpriced,
    /// Money without requests, as some tools cost.
    Fee,
}

impl Side {
    pub fn is_absent(&self) -> bool {
        self.requests == 0 && self.cost == 0
    }

    /// Whether there are requests and none has a price.
    pub fn is_unpriced(&self) -> bool {
        self.kind() == Kind::Unpriced
    }

    fn kind(&self) -> Kind {
        match (self.requests, self.cost) {
            (0, 0) => Kind::Absent,
            (0, _) => Kind::Fee,
            (requests, _) if self.unpriced >= requests => Kind::Unpriced,
            _ => Kind::Priced,
        }
    }
}

/// Before and after.
pub type Sides = [Side; 2];

/// How a key and model of both windows are compared.
pub enum Compared {
    /// By what its requests used.
    Requests,
    /// As a whole: there is nothing on one side to compare with.
    Whole(Cause),
}

/// How the sides of one model of a key that is in both windows are compared.
pub fn compared(sides: &Sides) -> Compared {
    match sides.each_ref().map(Side::kind) {
        [Kind::Fee, _] | [_, Kind::Fee] | [Kind::Absent, Kind::Absent] => Compared::Whole(Cause::Mix),
        [Kind::Unpriced, _] | [_, Kind::Unpriced] => Compared::Whole(Cause::Unpriced),
        _ => Compared::Requests,
    }
}

/// The largest amount of a cause: far above what anybody spends, and so far below what fits that causes can be added.
const LARGEST: i128 = 1 << 100;

/// The causes of one model of a key, of all whose requests are compared: `requests` are the sums of these.
pub fn causes(sides: &Sides, requests: [u64; 2]) -> Result<ByCause, Overflow> {
    let difference = sides[1].cost.checked_sub(sides[0].cost).ok_or(Overflow)?;
    Ok(told_apart(sides, requests, difference).unwrap_or_else(|Overflow| {
        // Absurd figures: causes beyond all money that cancel each other tell nobody anything.
        let mut causes = ByCause::default();
        causes[Cause::Mix as usize] = difference;
        causes
    }))
}

fn told_apart(sides: &Sides, requests: [u64; 2], difference: i128) -> Result<ByCause, Overflow> {
    let mut causes = ByCause::default();
    let mut set = |cause: Cause, amount: Fraction| -> Result<(), Overflow> {
        causes[cause as usize] = amount.cut()?;
        Ok(())
    };
    if requests.contains(&0) {
        // One window has none of these models.
        set(Cause::Mix, Fraction::whole(difference))?;
        return Ok(causes);
    }
    let count = |side: usize| Fraction::whole(sides[side].requests);
    let total = |side: usize| Fraction::whole(requests[side]);
    let priced = |side: usize| Fraction::whole(sides[side].requests - sides[side].unpriced);
    let cost = |side: usize| Fraction::whole(sides[side].cost);
    // What is on one side only is taken at its own cost on the other.
    let on = |side: usize| if sides[side].requests == 0 { 1 - side } else { side };
    let each = |side: usize| &cost(on(side)) / &priced(on(side));
    let mean = |a: &Fraction, b: &Fraction| &(a + b) / &Fraction::whole(2);
    let change = |of: &dyn Fn(usize) -> Fraction| &of(1) - &of(0);
    let over_both = |of: &dyn Fn(usize) -> Fraction| mean(&of(0), &of(1));

    let share = |side: usize| &count(side) / &total(side);
    let each_mean = over_both(&each);
    set(Cause::Volume, &(&change(&total) * &over_both(&share)) * &each_mean)?;
    set(Cause::Mix, &(&change(&share) * &over_both(&total)) * &each_mean)?;
    if sides.iter().any(|side| side.unpriced > 0) {
        // Requests without a price are taken to cost what the others do.
        let missing = |side: usize| &cost(side) - &(&count(side) * &each(side));
        set(Cause::Unpriced, change(&missing))?;
    }
    if sides.iter().all(|side| side.requests > 0) {
        let requests = over_both(&count);
        if sides.iter().all(|side| side.worth > 0 && side.worth_uncached > 0) {
            let worth = |side: usize| &Fraction::whole(sides[side].worth) / &count(side);
            let uncached = |side: usize| &Fraction::whole(sides[side].worth_uncached) / &count(side);
            let saved = |side: usize| &worth(side) - &uncached(side);
            let price = |side: usize| &each(side) / &worth(side);
            let at_price = &requests * &over_both(&price);
            set(Cause::Price, &(&requests * &over_both(&worth)) * &change(&price))?;
            set(Cause::TokensPerRequest, &at_price * &change(&uncached))?;
            if sides.iter().any(|side| side.worth != side.worth_uncached) {
                set(Cause::Cache, &at_price * &change(&saved))?;
            }
        } else {
            set(Cause::Price, &requests * &change(&each))?;
        }
    }
    let left = causes.iter().try_fold(difference, |left, cause| left.checked_sub(*cause)).ok_or(Overflow)?;
    let first_of_largest = (0..causes.len()).rev().max_by_key(|at| causes[*at].unsigned_abs());
    causes[first_of_largest.expect("there are causes")] += left;
    Ok(causes)
}

/// A fraction whose lower part is above zero.
struct Fraction {
    over: BigInt,
    under: BigInt,
}

impl Fraction {
    fn whole(number: impl Into<BigInt>) -> Fraction {
        Fraction { over: number.into(), under: BigInt::from(1) }
    }

    /// Towards zero.
    fn cut(&self) -> Result<i128, Overflow> {
        let amount = i128::try_from(&self.over / &self.under).map_err(|_| Overflow)?;
        if amount.unsigned_abs() <= LARGEST.unsigned_abs() { Ok(amount) } else { Err(Overflow) }
    }
}

impl std::ops::Add for &Fraction {
    type Output = Fraction;

    fn add(self, other: &Fraction) -> Fraction {
        if self.under == other.under {
            return Fraction { over: &self.over + &other.over, under: self.under.clone() };
        }
        let over = &self.over * &other.under + &other.over * &self.under;
        Fraction { over, under: &self.under * &other.under }
    }
}

impl std::ops::Sub for &Fraction {
    type Output = Fraction;

    fn sub(self, other: &Fraction) -> Fraction {
        self + &Fraction { over: -&other.over, under: other.under.clone() }
    }
}

impl std::ops::Mul for &Fraction {
    type Output = Fraction;

    fn mul(self, other: &Fraction) -> Fraction {
        Fraction { over: &self.over * &other.over, under: &self.under * &other.under }
    }
}

/// By what is above zero.
impl std::ops::Div for &Fraction {
    type Output = Fraction;

    fn div(self, other: &Fraction) -> Fraction {
        Fraction { over: &self.over * &other.under, under: &self.under * &other.over }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn side(requests: u64, unpriced: u64, cost: i128, worth: i128, worth_uncached: i128) -> Side {
        Side { requests, unpriced, cost, worth, worth_uncached }
    }

    /// Volume, mix, price, cache, tokens per request and unpriced.
    #[track_caller]
    fn check(before: Side, after: Side, requests: [u64; 2], expected: [i128; 6]) {
        let found = causes(&[before, after], requests).unwrap();
        let [volume, mix, price, cache, tokens, new, gone, unpriced] = found;
        assert_eq!([volume, mix, price, cache, tokens, unpriced], expected);
        assert_eq!([new, gone], [0, 0]);
    }

    #[test]
    fn what_alone_moved_is_the_whole_difference() {
        let before = side(10, 0, 1000, 1000, 1500);
        check(before, before, [10, 10], [0; 6]);
        check(before, side(20, 0, 2000, 2000, 3000), [10, 20], [1000, 0, 0, 0, 0, 0]);
        check(before, side(20, 0, 2000, 2000, 3000), [100, 100], [0, 1000, 0, 0, 0, 0]);
        check(before, side(10, 0, 3000, 1000, 1500), [10, 10], [0, 0, 2000, 0, 0, 0]);
        check(before, side(10, 0, 700, 700, 1500), [10, 10], [0, 0, 0, -300, 0, 0]);
        check(before, side(10, 0, 2000, 2000, 2500), [10, 10], [0, 0, 0, 0, 1000, 0]);
        check(before, side(10, 5, 500, 1000, 1500), [10, 10], [0, 0, 0, 0, 0, -500]);
    }

    #[test]
    fn without_a_worth_another_cost_of_a_request_is_another_price() {
        check(side(10, 0, 1000, 0, 0), side(10, 0, 1500, 0, 0), [10, 10], [0, 0, 500, 0, 0, 0]);
        check(side(10, 0, 1000, 0, 0), side(20, 0, 1000, 0, 0), [10, 20], [750, 0, -750, 0, 0, 0]);
    }

    #[test]
    fn a_model_of_one_side_only_is_no_price() {
        check(side(0, 0, 0, 0, 0), side(10, 0, 1000, 5, 5), [10, 10], [0, 1000, 0, 0, 0, 0]);
        check(side(10, 0, 1000, 5, 5), side(0, 0, 0, 0, 0), [10, 10], [0, -1000, 0, 0, 0, 0]);
    }

    #[test]
    fn what_cuts_leave_goes_to_the_largest_cause() {
        // Thirds of a picodollar in three causes.
        let found = causes(&[side(3, 0, 10, 0, 0), side(4, 0, 11, 0, 0)], [7, 9]).unwrap();
        assert_eq!(found.iter().sum::<i128>(), 1);
    }

    #[test]
    fn causes_that_are_beyond_all_money_are_not_told_apart() {
        let (few, many) = (side(1, 0, 1532, 1, 1 << 80), side(1 << 40, 0, 0, 1, 1));
        check(few, many, [1, 1 << 40], [0, -1532, 0, 0, 0, 0]);
    }

    fn any_side() -> impl Strategy<Value = Side> {
        let counts = prop_oneof![0u64..4, 0u64..1000, Just(1 << 40)];
        let amounts = prop_oneof![0i128..10, 0i128..1_000_000_000_000, Just(1 << 80)];
        (counts, 0u64..4, amounts.clone(), amounts.clone(), amounts).prop_map(|(requests, unpriced, cost, a, b)| {
            let unpriced = unpriced.min(requests.saturating_sub(1));
            Side { requests, unpriced, cost: if requests == 0 { 0 } else { cost }, worth: a, worth_uncached: b }
        })
    }

    proptest! {
        #[test]
        fn causes_add_up_and_turn_around(before in any_side(), after in any_side(), more in [0u64..100, 0u64..100]) {
            prop_assume!(before.requests + after.requests > 0);
            let requests = [before.requests + more[0], after.requests + more[1]];
            let there = causes(&[before, after], requests).unwrap();
            prop_assert_eq!(there.iter().sum::<i128>(), after.cost - before.cost);
            let back = causes(&[after, before], [requests[1], requests[0]]).unwrap();
            prop_assert_eq!(there.map(|cause| -cause), back);
        }
    }
}
