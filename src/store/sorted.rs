//! Sorted numbers in little more than they need, of which each is found without reading the others (Elias and Fano).
//!
//! ```text
//! numbers varint | low bits u8 | lows, numbers × low bits | highs
//! ```
//!
//! The first number is the last eight bytes of the key that they are stored under; the others are what each has more.
//! Of that the low bits are packed, so many that what is above them hardly grows from one number to the next. Highs is a
//! bit string, low bits of its bytes first: for each number as many zeros as it is higher than the one before, then a
//! one. So of *n* random numbers up to *u* each takes about 2 + log₂(*u* / *n*) bits, and those of a certain height
//! stand behind as many zeros.
//!
//! All of it is in a [`packed`] frame without the zeros at its end, which would be longer than a few numbers are.

use super::packed::{self, BlockError, Packed, TAIL, frame, pack, put_varint, take_byte, take_varint_u32, unframe};

/// In format 8 there were none.
const VERSION: u8 = 1;
/// What stands before the lows, at most.
const HEAD: usize = packed::HEAD + 6;

/// Packs numbers, each above the one before, into values of at most `limit` bytes, to be [bound](packed::bind) to a key
/// that ends with the first of them, which comes along.
pub(super) fn write(mut numbers: &[u64], limit: usize) -> impl Iterator<Item = (u64, Vec<u8>)> {
    std::iter::from_fn(move || {
        let first = *numbers.first()?;
        // Nearly as many as fit if they lie as all the others do, and a little more.
        let (low_bits, _) = shape(numbers);
        let mut taken = numbers.len().min(8 * limit / (usize::from(low_bits) + 2)).max(1);
        while taken > 1 && size(&numbers[..taken]) > limit {
            taken -= taken.div_ceil(256);
        }
        let (now, later) = numbers.split_at(taken);
        numbers = later;
        Some((first, encode(now)))
    })
}

/// How many low bits there are, and how high the last number is above them.
fn shape(numbers: &[u64]) -> (u8, u64) {
    let span = numbers[numbers.len() - 1] - numbers[0];
    let low_bits = (span / numbers.len() as u64).checked_ilog2().unwrap_or(0) as u8;
    (low_bits, span >> low_bits)
}

fn size(numbers: &[u64]) -> usize {
    let (low_bits, high) = shape(numbers);
    let lows = (numbers.len() * usize::from(low_bits)).div_ceil(8);
    HEAD + lows + (numbers.len() + high as usize).div_ceil(8)
}

fn encode(numbers: &[u64]) -> Vec<u8> {
    let (low_bits, high) = shape(numbers);
    let mut out = Vec::new();
    put_varint(&mut out, numbers.len() as u128);
    out.push(low_bits);
    let more = || numbers.iter().map(|number| number - numbers[0]);
    let lows: Vec<u64> = more().map(|more| more & !(u64::MAX << low_bits)).collect();
    pack(&mut out, &lows, low_bits);
    let mut highs = vec![0; (numbers.len() + high as usize).div_ceil(8)];
    for (before, more) in more().enumerate() {
        let at = before + (more >> low_bits) as usize;
        highs[at / 8] |= 1 << (at % 8);
    }
    out.extend_from_slice(&highs);
    let mut value = frame(VERSION, &out);
    value.truncate(value.len() - TAIL);
    value
}

/// Adds the numbers of a value to others.
pub(super) fn read(key: &[u8], value: &[u8], into: &mut Vec<u64>) -> Result<(), BlockError> {
    Sorted::take(key, &padded(value))?.read(into)
}

/// Whether a value has a number.
pub(super) fn has(key: &[u8], value: &[u8], number: u64) -> Result<bool, BlockError> {
    Ok(Sorted::take(key, &padded(value))?.has(number))
}

fn padded(value: &[u8]) -> Vec<u8> {
    [value, &[0; TAIL]].concat()
}

struct Sorted<'a> {
    first: u64,
    len: usize,
    low_bits: u8,
    lows: Packed<'a>,
    highs: &'a [[u8; 8]],
}

impl<'a> Sorted<'a> {
    fn take(key: &[u8], padded: &'a [u8]) -> Result<Sorted<'a>, BlockError> {
        let mut at = unframe(VERSION, key, padded)?;
        let first = key.last_chunk().map(|first| u64::from_be_bytes(*first)).ok_or(BlockError::Short)?;
        let len = take_varint_u32(&mut at)? as usize;
        let low_bits = take_byte(&mut at)?;
        if len == 0 || low_bits >= 64 {
            return Err(BlockError::Short);
        }
        let lows = Packed::take(&mut at, low_bits, len)?;
        // Words reach into the zeros that follow.
        let words = (at.len() - TAIL).div_ceil(8);
        let (highs, _) = at[..words * 8].as_chunks();
        let ones: u32 = highs.iter().map(|word| u64::from_le_bytes(*word).count_ones()).sum();
        if ones as usize != len {
            return Err(BlockError::Short);
        }
        Ok(Sorted { first, len, low_bits, lows, highs })
    }

    fn read(&self, into: &mut Vec<u64>) -> Result<(), BlockError> {
        into.reserve(self.len);
        let mut number = 0;
        for (place, word) in (0u64..).step_by(64).zip(self.highs) {
            let mut left = u64::from_le_bytes(*word);
            while left != 0 {
                let high = place + u64::from(left.trailing_zeros()) - number as u64;
                if high.leading_zeros() < u32::from(self.low_bits) {
                    return Err(BlockError::Short);
                }
                into.push(self.first.wrapping_add(high << self.low_bits | self.lows.get(number)));
                number += 1;
                left &= left - 1;
            }
        }
        Ok(())
    }

    fn has(&self, number: u64) -> bool {
        let Some(more) = number.checked_sub(self.first) else { return false };
        let (high, low) = (more >> self.low_bits, more & !(u64::MAX << self.low_bits));
        let Some(behind) = self.behind_zeros(high) else { return false };
        // All of this height, which are one after the other: about one.
        (behind..).take_while(|place| self.is_one(*place)).any(|place| self.lows.get(place - high as usize) == low)
    }

    /// The place behind so many zeros.
    fn behind_zeros(&self, zeros: u64) -> Option<usize> {
        let mut left = zeros;
        for (place, word) in (0..).step_by(64).zip(self.highs) {
            let mut zeros = !u64::from_le_bytes(*word);
            if left > u64::from(zeros.count_ones()) {
                left -= u64::from(zeros.count_ones());
                continue;
            }
            (1..left).for_each(|_| zeros &= zeros - 1);
            return Some(place + if left == 0 { 0 } else { zeros.trailing_zeros() as usize + 1 });
        }
        None
    }

    fn is_one(&self, place: usize) -> bool {
        self.highs.get(place / 64).is_some_and(|word| u64::from_le_bytes(*word) >> (place % 64) & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::packed::bind;
    use super::*;

    /// Of hashes, of numbers close to each other, and of some at either end.
    fn numbers() -> impl Strategy<Value = Vec<u64>> {
        let number = prop_oneof![4 => any::<u64>(), 4 => 0u64..500, 1 => (0u64..9).prop_map(|n| u64::MAX - n)];
        proptest::collection::btree_set(number, 1..300).prop_map(|numbers| numbers.into_iter().collect())
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_back_and_values_keep_their_limit(numbers in numbers(), limit in 40usize..2000) {
            let mut found = Vec::new();
            for (first, value) in write(&numbers, limit) {
                prop_assert!(value.len() <= limit, "{} of {}", value.len(), limit);
                prop_assert_eq!(first, numbers[found.len()]);
                let key = first.to_be_bytes();
                read(&key, &bind(&key, value), &mut found).unwrap();
            }
            prop_assert_eq!(found, numbers);
        }

        #[test]
        fn what_is_there_is_found_and_nothing_else(numbers in numbers(), others in proptest::collection::vec(any::<u64>(), 9)) {
            for (first, value) in write(&numbers, 500) {
                let key = first.to_be_bytes();
                let value = bind(&key, value);
                let mut of_value = Vec::new();
                read(&key, &value, &mut of_value).unwrap();
                let near = numbers.iter().flat_map(|number| [number.wrapping_sub(1), *number, number.wrapping_add(1)]);
                for number in near.chain(others.iter().copied()) {
                    let is_there = of_value.binary_search(&number).is_ok();
                    prop_assert_eq!(has(&key, &value, number).unwrap(), is_there, "{}", number);
                }
            }
        }

        #[test]
        fn foreign_bytes_never_panic(value in proptest::collection::vec(any::<u8>(), 0..100), number: u64) {
            let key = 5u64.to_be_bytes();
            let mut value = bind(&key, frame(VERSION, &value));
            value.truncate(value.len() - TAIL);
            let _ = read(&key, &value, &mut Vec::new());
            let _ = has(&key, &value, number);
        }
    }

    #[test]
    fn a_thousand_ids_of_an_hour_take_some_56_bits_each() {
        let number =
            |n: u64| u64::from_be_bytes(crate::model::Fingerprint::of(&n.to_string()).0[..8].try_into().unwrap());
        let ids: BTreeSet<u64> = (0..1000).map(number).collect();
        let values: Vec<_> = write(&ids.into_iter().collect::<Vec<_>>(), 8000).collect();
        let bytes: usize = values.iter().map(|(_, value)| value.len()).sum();
        assert!(values.len() == 1 && (55..=56).contains(&(bytes * 8 / 1000)), "{} {bytes}", values.len());
    }
}
