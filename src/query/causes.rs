//! Why a key's cost differs between two windows.
//!
//! Each cause is the change of one thing, at the mean of both windows of all others, so it does not matter in which
//! order causes are worked out or which window is named first; docs/change.md has the formulas. A cause is one exact
//! fraction, cut towards zero to whole picodollars. What the cuts leave, a few picodollars of a key and model, goes to
//! its largest cause.

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
    let mut set = |cause: Cause, over: Whole, under: Whole| -> Result<(), Overflow> {
        causes[cause as usize] = over.cut_by(under)?;
        Ok(())
    };
    if requests.contains(&0) {
        // One window has none of these models.
        set(Cause::Mix, Whole::new(difference), Whole::new(1))?;
        return Ok(causes);
    }
    let count = |side: usize| Whole::new(sides[side].requests);
    let total = |side: usize| Whole::new(requests[side]);
    // What is on one side only is taken at its own cost on the other.
    let on = |side: usize| if sides[side].requests == 0 { 1 - side } else { side };
    let priced = |side: usize| Whole::new(sides[on(side)].requests - sides[on(side)].unpriced);
    let cost = |side: usize| Whole::new(sides[on(side)].cost);
    // Means and changes of fractions, without what they are over: each side is over what the other is not.
    let both = |of: &dyn Fn(usize) -> Whole, other: &dyn Fn(usize) -> Whole| of(0) * other(1) + of(1) * other(0);
    let change = |of: &dyn Fn(usize) -> Whole, other: &dyn Fn(usize) -> Whole| of(1) * other(0) - of(0) * other(1);
    let product = |of: &dyn Fn(usize) -> Whole| of(0) * of(1);
    let (two, four) = (Whole::new(2), Whole::new(4));

    // Of what a request costs.
    let each = both(&cost, &priced);
    let under = four * product(&total) * product(&priced);
    set(Cause::Volume, (total(1) - total(0)) * both(&count, &total) * each, under)?;
    set(Cause::Mix, change(&count, &total) * (total(0) + total(1)) * each, under)?;
    if sides.iter().any(|side| side.unpriced > 0) {
        // Requests without a price are taken to cost what the others do.
        let missing = |side: usize| Whole::new(sides[side].cost) * Whole::new(sides[side].unpriced);
        set(Cause::Unpriced, Whole::new(0) - change(&missing, &priced), product(&priced))?;
    }
    if sides.iter().all(|side| side.requests > 0) {
        let requests = count(0) + count(1);
        if sides.iter().all(|side| side.worth > 0 && side.worth_uncached > 0) {
            let worth = |side: usize| Whole::new(sides[side].worth);
            let uncached = |side: usize| Whole::new(sides[side].worth_uncached);
            let saved = |side: usize| worth(side) - uncached(side);
            // Of what a request costs, over what it is worth.
            let (over, by) = (|side: usize| cost(side) * count(side), |side: usize| priced(side) * worth(side));
            let at_price = requests * both(&over, &by);
            let under = four * product(&count) * product(&by);
            set(Cause::Price, requests * both(&worth, &count) * change(&over, &by), under)?;
            set(Cause::TokensPerRequest, at_price * change(&uncached, &count), under)?;
            set(Cause::Cache, at_price * change(&saved, &count), under)?;
        } else {
            set(Cause::Price, requests * change(&cost, &priced), two * product(&priced))?;
        }
    }
    let left = causes.iter().try_fold(difference, |left, cause| left.checked_sub(*cause)).ok_or(Overflow)?;
    let first_of_largest = (0..causes.len()).rev().max_by_key(|at| causes[*at].unsigned_abs());
    causes[first_of_largest.expect("there are causes")] += left;
    Ok(causes)
}

/// A whole number with room for what causes are made of: the widest is a product of sums of requests in 65 bits, of worths
/// and requests in 193, and of two of both in 384.
#[derive(Clone, Copy)]
struct Whole {
    is_negative: bool,
    /// How many limbs there are up to the highest that is not zero.
    len: usize,
    /// Low ones first.
    limbs: [u64; LIMBS],
}

const LIMBS: usize = 12;

impl Whole {
    fn new(number: impl Into<i128>) -> Whole {
        let number = number.into();
        let amount = number.unsigned_abs();
        let mut limbs = [0; LIMBS];
        (limbs[0], limbs[1]) = (amount as u64, (amount >> 64) as u64);
        Whole::of(number < 0, limbs)
    }

    fn of(is_negative: bool, limbs: [u64; LIMBS]) -> Whole {
        let len = limbs.iter().rposition(|limb| *limb != 0).map_or(0, |last| last + 1);
        Whole { is_negative, len, limbs }
    }

    /// Divided by what is above zero, towards zero.
    fn cut_by(self, under: Whole) -> Result<i128, Overflow> {
        let amount = i128::try_from(self.divided_by(under)?).map_err(|_| Overflow)?;
        if amount > LARGEST { Err(Overflow) } else { Ok(if self.is_negative { -amount } else { amount }) }
    }

    /// The amount divided by another: Knuth's algorithm D. A result of more than two limbs is an overflow.
    fn divided_by(self, under: Whole) -> Result<u128, Overflow> {
        let (len, by) = (self.len, under.len);
        if len < by {
            return Ok(0);
        }
        // So far to the left that the highest limb of what is divided by is more than half of what fits.
        let shift = under.limbs[by - 1].leading_zeros();
        let left = |limbs: &[u64; LIMBS], at: usize| {
            let low = if at == 0 { 0 } else { limbs[at - 1] };
            let high = if at < LIMBS { limbs[at] } else { 0 };
            ((u128::from(high) << 64 | u128::from(low)) << shift >> 64) as u64
        };
        let mut rest: [u64; LIMBS + 1] = std::array::from_fn(|at| left(&self.limbs, at));
        let divisor: [u64; LIMBS] = std::array::from_fn(|at| left(&under.limbs, at));
        let high = u128::from(divisor[by - 1]);
        let mut result = 0u128;
        for place in (0..=len - by).rev() {
            let top = u128::from(rest[place + by]) << 64 | u128::from(rest[place + by - 1]);
            // At most two too many, and after this hardly ever one.
            let mut digit = (top / high).min(u64::MAX.into());
            let mut left = top - digit * high;
            while by > 1
                && left >> 64 == 0
                && digit * u128::from(divisor[by - 2]) > (left << 64 | u128::from(rest[place + by - 2]))
            {
                digit -= 1;
                left += high;
            }
            let rest = &mut rest[place..=place + by];
            if take(rest, &divisor[..by], digit as u64) {
                digit -= 1;
                give_back(rest, &divisor[..by]);
            }
            if result >> 64 != 0 {
                return Err(Overflow);
            }
            result = result << 64 | digit;
        }
        Ok(result)
    }
}

/// Takes so many times a number from another, and says whether that was too much.
fn take(from: &mut [u64], number: &[u64], times: u64) -> bool {
    let mut carry = 0u128;
    for (limb, of_number) in from.iter_mut().zip(number.iter().chain([&0])) {
        carry += u128::from(*of_number) * u128::from(times);
        let (less, borrow) = limb.overflowing_sub(carry as u64);
        *limb = less;
        carry = (carry >> 64) + u128::from(borrow);
    }
    carry != 0
}

/// Adds a number to another.
fn give_back(to: &mut [u64], number: &[u64]) {
    let mut carry = 0u128;
    for (limb, of_number) in to.iter_mut().zip(number.iter().chain([&0])) {
        carry += u128::from(*limb) + u128::from(*of_number);
        *limb = carry as u64;
        carry >>= 64;
    }
}

impl std::ops::Add for Whole {
    type Output = Whole;

    fn add(self, other: Whole) -> Whole {
        let (mut sum, mut of_other) = (self.limbs, other.limbs);
        let len = (self.len.max(other.len) + 1).min(LIMBS);
        if self.is_negative == other.is_negative {
            give_back(&mut sum[..len], &other.limbs[..len]);
        } else if take(&mut sum[..len], &other.limbs[..len], 1) {
            take(&mut of_other[..len], &self.limbs[..len], 1);
            return Whole::of(other.is_negative, of_other);
        }
        Whole::of(self.is_negative, sum)
    }
}

impl std::ops::Sub for Whole {
    type Output = Whole;

    fn sub(self, other: Whole) -> Whole {
        self + Whole { is_negative: !other.is_negative, ..other }
    }
}

impl std::ops::Mul for Whole {
    type Output = Whole;

    fn mul(self, other: Whole) -> Whole {
        let mut limbs = [0; LIMBS];
        for (place, limb) in self.limbs[..self.len].iter().enumerate() {
            let mut carry = 0u128;
            for (at, of_other) in (place..).zip(&other.limbs[..other.len]) {
                carry += u128::from(*limb) * u128::from(*of_other) + u128::from(limbs[at]);
                limbs[at] = carry as u64;
                carry >>= 64;
            }
            if carry != 0 {
                limbs[place + other.len] = carry as u64;
            }
        }
        Whole::of(self.is_negative != other.is_negative, limbs)
    }
}

#[cfg(test)]
mod tests {
    use num_bigint::BigInt;
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

    fn amount() -> impl Strategy<Value = i128> {
        (any::<i128>(), 0u32..128).prop_map(|(amount, shift)| amount >> shift)
    }

    proptest! {
        #[test]
        fn whole_numbers_are_those_of_another_arithmetic(
            [a, b, c, d] in [amount(), amount(), amount(), amount()],
            under in proptest::collection::vec(prop_oneof![1u64..4, any::<u64>(), Just(u64::MAX), Just(1 << 63)], 1..6),
        ) {
            let [wide_a, wide_b, wide_c, wide_d] = [a, b, c, d].map(Whole::new);
            let over = (wide_a + wide_b) * wide_c * wide_d - wide_b * wide_a;
            let [a, b, c, d] = [a, b, c, d].map(BigInt::from);
            let expected = (&a + &b) * &c * &d - &b * &a;
            let wide_under = under.iter().fold(Whole::new(1), |all, one| all * Whole::new((*one).max(1)));
            let under = under.iter().fold(BigInt::from(1), |all, one| all * (*one).max(1));
            let expected = i128::try_from(expected / under).ok().filter(|amount| (-LARGEST..=LARGEST).contains(amount));
            prop_assert_eq!(over.cut_by(wide_under).ok(), expected);
        }

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
