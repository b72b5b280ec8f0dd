//! Sorted numbers, as the gaps between them. Of random ones a gap takes as many bits less as there are numbers.
//!
//! ```text
//! numbers varint | width u8 | the first u64 LE | gaps, (numbers - 1) × width
//! ```
//!
//! All of it is in a `packed` frame without the zeros at its end, which would be longer than a few
//! numbers are.

use super::packed::{
    self, BlockError, Packed, TAIL, frame, pack, put_varint, take_byte, take_varint_u32, unframe, width_of,
};

const VERSION: u8 = 1;
/// What stands before the gaps, at most.
const HEAD: usize = packed::HEAD + 14;

/// Packs numbers, each above the one before, into values of at most `limit` bytes, to be [bound](packed::bind) to their
/// keys.
pub(super) fn write(numbers: &[u64], limit: usize) -> impl Iterator<Item = Vec<u8>> {
    let gaps = |numbers: &[u64]| -> Vec<u64> { numbers.windows(2).map(|pair| pair[1] - pair[0]).collect() };
    let widest = usize::from(width_of(gaps(numbers)).max(1));
    numbers.chunks(1 + (limit - HEAD) * 8 / widest).map(move |numbers| {
        let mut out = Vec::new();
        put_varint(&mut out, numbers.len() as u128);
        let gaps = gaps(numbers);
        let width = width_of(gaps.iter().copied());
        out.push(width);
        out.extend_from_slice(&numbers[0].to_le_bytes());
        pack(&mut out, &gaps, width);
        let mut value = frame(VERSION, &out);
        value.truncate(value.len() - TAIL);
        value
    })
}

/// Adds the numbers of a value to others.
pub(super) fn read(key: &[u8], value: &[u8], into: &mut Vec<u64>) -> Result<(), BlockError> {
    let padded = [value, &[0; TAIL]].concat();
    let mut at = unframe(VERSION, key, &padded)?;
    let len = take_varint_u32(&mut at)? as usize;
    let width = take_byte(&mut at)?;
    let (first, mut at) = at.split_first_chunk::<8>().ok_or(BlockError::Short)?;
    let gaps = Packed::take(&mut at, width, len.checked_sub(1).ok_or(BlockError::Short)?)?;
    // Numbers without gaps would be the same.
    if at.len() != TAIL || (width == 0) != (len == 1) {
        return Err(BlockError::Short);
    }
    let mut last = u64::from_le_bytes(*first);
    into.push(last);
    gaps.each(|_, gap| {
        last = last.wrapping_add(gap);
        into.push(last);
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_packed_comes_back_and_values_keep_their_limit(
            numbers in proptest::collection::btree_set(prop_oneof![any::<u64>(), 0u64..500], 1..300),
            limit in 40usize..2000,
        ) {
            let numbers: Vec<u64> = BTreeSet::into_iter(numbers).collect();
            let mut found = Vec::new();
            for value in write(&numbers, limit) {
                prop_assert!(value.len() <= limit, "{} of {}", value.len(), limit);
                read(b"", &value, &mut found).unwrap();
            }
            prop_assert_eq!(found, numbers);
        }

        #[test]
        fn foreign_bytes_never_panic(value in proptest::collection::vec(any::<u8>(), 0..100)) {
            let mut value = frame(VERSION, &value);
            value.truncate(value.len() - TAIL);
            let _ = read(b"", &value, &mut Vec::new());
        }
    }

    #[test]
    fn a_thousand_ids_of_an_hour_take_some_57_bits_each() {
        let number =
            |n: u64| u64::from_be_bytes(crate::model::Fingerprint::of(&n.to_string()).0[..8].try_into().unwrap());
        let ids: BTreeSet<u64> = (0..1000).map(number).collect();
        let bytes: usize = write(&ids.into_iter().collect::<Vec<_>>(), 8000).map(|value| value.len()).sum();
        assert!((55..=58).contains(&(bytes * 8 / 1000)), "{bytes}");
    }
}
