//! What all blocks are made of: packed integers, varints, and a frame with a checksum.
//!
//! ```text
//! frame   version u8 | checksum u32 LE | body | 16 zero bytes
//! ```
//!
//! The checksum is the low half of XXH3-64 of what follows it and, XORed to that, of the key that the block is stored
//! under: a block that turns up under another key is as wrong as one with another content. The zeros let a reader load
//! whole words at the end.

use std::ops::Range;

/// Values that are unpacked together. So many of any width end on a byte.
const GROUP: usize = 32;
/// Values of up to so many bits are loaded by one word, and a million of them added up in another.
const MAX_SUMMED: u8 = 44;
/// Bytes before the body.
pub(super) const HEAD: usize = 5;
/// Zero bytes after it.
pub(super) const TAIL: usize = 16;

/// Why bytes are not a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BlockError {
    #[error("unknown block version {0}")]
    Version(u8),
    #[error("checksum does not match")]
    Checksum,
    #[error("block ends early")]
    Short,
}

/// Puts a frame round a body. What is stored has to be [bound](bind) to its key.
pub(super) fn frame(version: u8, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEAD + body.len() + TAIL);
    out.push(version);
    out.extend_from_slice(&[0; HEAD - 1]);
    out.extend_from_slice(body);
    out.extend_from_slice(&[0; TAIL]);
    let sum = checksum(&out[HEAD..]);
    out[1..HEAD].copy_from_slice(&sum);
    out
}

/// Makes a framed block one that is stored under `key`.
pub(super) fn bind(key: &[u8], mut block: Vec<u8>) -> Vec<u8> {
    block[1..HEAD].iter_mut().zip(of_key(key)).for_each(|(byte, of_key)| *byte ^= of_key);
    block
}

/// Checks the frame of a block stored under `key`; the result still has the zeros at its end.
pub(super) fn unframe<'a>(version: u8, key: &[u8], bytes: &'a [u8]) -> Result<&'a [u8], BlockError> {
    let (head, body) = bytes.split_at_checked(HEAD).ok_or(BlockError::Short)?;
    if head[0] != version {
        return Err(BlockError::Version(head[0]));
    }
    let (sum, of_key) = (checksum(body), of_key(key));
    if (1..HEAD).any(|i| head[i] != sum[i - 1] ^ of_key[i - 1]) {
        return Err(BlockError::Checksum);
    }
    if body.len() < TAIL { Err(BlockError::Short) } else { Ok(body) }
}

/// The same without the zeros.
pub(super) fn body<'a>(version: u8, key: &[u8], bytes: &'a [u8]) -> Result<&'a [u8], BlockError> {
    unframe(version, key, bytes).map(|body| &body[..body.len() - TAIL])
}

/// Nothing for a block that is not stored.
fn of_key(key: &[u8]) -> [u8; 4] {
    if key.is_empty() { [0; 4] } else { checksum(key) }
}

fn checksum(bytes: &[u8]) -> [u8; 4] {
    (twox_hash::XxHash3_64::oneshot(bytes) as u32).to_le_bytes()
}

/// Values of `width` bits each, back to back, low bits first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packed<'a> {
    bytes: &'a [u8],
    pub width: u8,
    len: usize,
}

impl<'a> Packed<'a> {
    pub const EMPTY: Packed<'static> = Packed { bytes: &[], width: 0, len: 0 };

    /// Takes `len` values off the front. The slice kept reaches past them, to the end of the block: there are at least
    /// 16 bytes more.
    pub fn take(at: &mut &'a [u8], width: u8, len: usize) -> Result<Packed<'a>, BlockError> {
        let size = len.checked_mul(usize::from(width)).ok_or(BlockError::Short)?.div_ceil(8);
        if width > 64 || at.len() < size + TAIL {
            return Err(BlockError::Short);
        }
        let bytes = *at;
        *at = &at[size..];
        Ok(Packed { bytes, width, len })
    }

    #[inline]
    pub fn get(&self, i: usize) -> u64 {
        let width = usize::from(self.width);
        if width == 0 {
            return 0;
        }
        let bit = i * width;
        let word = u128::from_le_bytes(self.bytes[bit / 8..bit / 8 + 16].try_into().expect("sixteen bytes"));
        (word >> (bit % 8)) as u64 & (u64::MAX >> (64 - width))
    }

    /// Puts some of the values into `out`, the first of them one of every [`GROUP`].
    pub fn unpack(&self, some: &Range<usize>, out: &mut Vec<u64>) {
        if self.width == 0 {
            out.clear();
            out.resize(some.len(), 0);
        } else {
            // Whatever was there is overwritten.
            out.resize(some.len().next_multiple_of(GROUP), 0);
            let size = GROUP / 8 * usize::from(self.width);
            for (group, values) in (some.start / GROUP..).zip(out.as_chunks_mut().0) {
                match self.bytes.get(group * size..).filter(|bytes| bytes.len() >= size + TAIL) {
                    Some(bytes) => unpack_32(bytes, self.width, values),
                    // The last values of a block.
                    None => (group * GROUP..some.end).for_each(|i| values[i - group * GROUP] = self.get(i)),
                }
            }
            out.truncate(some.len());
        }
    }

    /// Those of ascending values that are within bounds.
    pub fn between(&self, bounds: &Range<u64>) -> Range<usize> {
        if self.len == 0 {
            return 0..0;
        }
        let before = |bound: u64, mut start: usize| {
            let mut end = self.len;
            // Most bounds are at an end.
            if self.get(start.min(end - 1)) >= bound {
                return start;
            }
            if self.get(end - 1) < bound {
                return end;
            }
            while start < end {
                let middle = start.midpoint(end);
                if self.get(middle) < bound { start = middle + 1 } else { end = middle }
            }
            start
        };
        let start = before(bounds.start, 0);
        start..before(bounds.end, start)
    }

    /// The same, and some before them, as [`Packed::unpack`] takes them.
    pub fn within(&self, bounds: &Range<u64>) -> Range<usize> {
        let Range { start, end } = self.between(bounds);
        start / GROUP * GROUP..end
    }

    /// The sum of some of the values.
    pub fn sum(&self, some: &Range<usize>) -> u128 {
        let mut sum = 0u128;
        // Whole groups are unpacked together, and others value by value.
        let whole = some.start.next_multiple_of(GROUP)..some.end / GROUP * GROUP;
        if self.width == 0 || self.width > MAX_SUMMED || whole.is_empty() {
            self.each_of(some.clone(), |_, value| sum += u128::from(value));
            return sum;
        }
        for rest in [some.start..whole.start, whole.end..some.end] {
            self.each_of(rest, |_, value| sum += u128::from(value));
        }
        // What follows a whole group is at least the zeros at the end of the block.
        let bytes = &self.bytes[whole.start / 8 * usize::from(self.width)..];
        sum + sum_groups(bytes, self.width, whole.len() / GROUP)
    }

    /// Calls `visit` with each value, or not at all when all are 0.
    #[inline]
    pub fn each(&self, visit: impl FnMut(usize, u64)) {
        self.each_of(0..self.len, visit);
    }

    /// The same of some of them.
    #[inline]
    pub fn each_of(&self, some: Range<usize>, mut visit: impl FnMut(usize, u64)) {
        let width = usize::from(self.width);
        match width {
            0 => {}
            1..=56 => {
                let mask = (1u64 << width) - 1;
                let mut bit = some.start * width;
                for i in some {
                    let word = u64::from_le_bytes(self.bytes[bit / 8..bit / 8 + 8].try_into().expect("eight bytes"));
                    visit(i, word >> (bit % 8) & mask);
                    bit += width;
                }
            }
            _ => some.for_each(|i| visit(i, self.get(i))),
        }
    }
}

pub(super) fn pack(out: &mut Vec<u8>, values: &[u64], width: u8) {
    if width == 0 {
        return;
    }
    let (mut held, mut bits) = (0u128, 0u32);
    for value in values {
        held |= u128::from(*value) << bits;
        bits += u32::from(width);
        while bits >= 8 {
            out.push(held as u8);
            held >>= 8;
            bits -= 8;
        }
    }
    if bits > 0 {
        out.push(held as u8);
    }
}

/// Unpacks 32 values of `width` bits, which fill 4 × `width` bytes; at least [`TAIL`] more must follow.
#[inline]
pub(super) fn unpack_32(bytes: &[u8], width: u8, out: &mut [u64; 32]) {
    // One copy of the loop for each width: every shift and offset is then a constant.
    macro_rules! by_width {
        ($($w:literal)*) => {
            match width {
                $($w => unpack_32_of::<$w>(bytes, out),)*
                _ => out.fill(0),
            }
        };
    }
    by_width!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38
        39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63 64)
}

/// The sum of groups of 32 values of `width` bits; at least [`TAIL`] bytes must follow them.
fn sum_groups(bytes: &[u8], width: u8, groups: usize) -> u128 {
    macro_rules! by_width {
        ($($w:literal)*) => {
            match width {
                $($w => sum_groups_of::<$w>(bytes, groups),)*
                _ => unreachable!("wider values are added up one by one"),
            }
        };
    }
    by_width!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38
        39 40 41 42 43 44)
}

fn sum_groups_of<const WIDTH: usize>(bytes: &[u8], groups: usize) -> u128 {
    let mut sum = 0u128;
    for group in 0..groups {
        let bytes = &bytes[group * 4 * WIDTH..][..4 * WIDTH + TAIL];
        let mut of_group = 0u64;
        for i in 0..GROUP {
            let (byte, shift) = (i * WIDTH / 8, i * WIDTH % 8);
            let word = u64::from_le_bytes(bytes[byte..byte + 8].try_into().expect("eight bytes"));
            // So few and narrow that nothing wraps.
            of_group = of_group.wrapping_add(word >> shift & ((1 << WIDTH) - 1));
        }
        sum += u128::from(of_group);
    }
    sum
}

/// Unpacks the first of values of `width` bits; at least [`TAIL`] bytes must be there.
#[inline]
pub(super) fn unpack_1(bytes: &[u8], width: u8) -> u64 {
    let word = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes"));
    if width == 0 { 0 } else { word & (u64::MAX >> (64 - u32::from(width))) }
}

fn unpack_32_of<const WIDTH: usize>(bytes: &[u8], out: &mut [u64; 32]) {
    let bytes = &bytes[..4 * WIDTH + TAIL];
    for (i, value) in out.iter_mut().enumerate() {
        let (byte, shift) = (i * WIDTH / 8, i * WIDTH % 8);
        *value = if WIDTH <= 56 {
            let word = u64::from_le_bytes(bytes[byte..byte + 8].try_into().expect("eight bytes"));
            word >> shift & ((1 << (WIDTH % 64)) - 1)
        } else {
            let word = u128::from_le_bytes(bytes[byte..byte + 16].try_into().expect("sixteen bytes"));
            (word >> shift) as u64 & (u64::MAX >> (64 - WIDTH))
        };
    }
}

pub(super) fn width_of(values: impl IntoIterator<Item = u64>) -> u8 {
    let all = values.into_iter().fold(0u64, |all, v| all | v);
    all.checked_ilog2().map_or(0, |bit| bit as u8 + 1)
}

/// The greatest common divisor of all, 0 when all are 0.
pub(super) fn divisor_of(values: impl IntoIterator<Item = u64>) -> u64 {
    let mut divisor = 0;
    for mut value in values {
        while value != 0 {
            (divisor, value) = (value, divisor % value);
        }
        if divisor == 1 {
            break;
        }
    }
    divisor
}

pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u128) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(super) fn take_varint(at: &mut &[u8]) -> Result<u128, BlockError> {
    let mut value = 0u128;
    for shift in (0..128).step_by(7) {
        let byte = take_byte(at)?;
        value |= u128::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(BlockError::Short)
}

/// A varint of at most 64 bits.
#[inline]
pub(super) fn take_varint_u64(at: &mut &[u8]) -> Result<u64, BlockError> {
    let mut value = 0u64;
    for shift in (0..70).step_by(7) {
        let byte = take_byte(at)?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(BlockError::Short)
}

/// A varint of at most 32 bits.
#[inline]
pub(super) fn take_varint_u32(at: &mut &[u8]) -> Result<u32, BlockError> {
    u32::try_from(take_varint_u64(at)?).map_err(|_| BlockError::Short)
}

pub(super) fn take_byte(at: &mut &[u8]) -> Result<u8, BlockError> {
    let (byte, rest) = at.split_first().ok_or(BlockError::Short)?;
    *at = rest;
    Ok(*byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn thirty_two_values_of_any_width_come_back(width in 0u8..=64, seed in proptest::array::uniform32(any::<u64>())) {
            let values = seed.map(|v| if width == 0 { 0 } else { v >> (64 - width) });
            let mut bytes = Vec::new();
            pack(&mut bytes, &values, width);
            prop_assert_eq!(bytes.len(), 4 * usize::from(width));
            bytes.extend_from_slice(&[0; TAIL]);
            let mut out = [0; 32];
            unpack_32(&bytes, width, &mut out);
            prop_assert_eq!(out, values);
        }

        #[test]
        fn any_number_of_values_of_any_width_comes_back(width in 0u8..=64, seed in proptest::collection::vec(any::<u64>(), 0..100)) {
            let values: Vec<u64> = seed.into_iter().map(|v| if width == 0 { 0 } else { v >> (64 - width) }).collect();
            let mut bytes = Vec::new();
            pack(&mut bytes, &values, width);
            bytes.extend_from_slice(&[0; TAIL]);
            let packed = Packed::take(&mut &bytes[..], width, values.len()).unwrap();
            let mut out = vec![7; 3];
            packed.unpack(&(0..values.len()), &mut out);
            prop_assert_eq!(&out, &values);
            prop_assert!((0..values.len()).all(|i| packed.get(i) == values[i]));
        }

        #[test]
        fn those_within_bounds_are_all_found(width in 0u8..=64, seed in proptest::collection::vec(any::<u64>(), 0..200), bounds: [u64; 2]) {
            let value = |v: u64| if width == 0 { 0 } else { v >> (64 - width) };
            let mut values: Vec<u64> = seed.into_iter().map(value).collect();
            values.sort_unstable();
            let mut bytes = Vec::new();
            pack(&mut bytes, &values, width);
            bytes.extend_from_slice(&[0; TAIL]);
            let packed = Packed::take(&mut &bytes[..], width, values.len()).unwrap();
            let [start, end] = bounds.map(value);
            let some = packed.within(&(start.min(end)..end.max(start)));
            let mut out = Vec::new();
            packed.unpack(&some, &mut out);
            prop_assert_eq!(&out[..], &values[some.clone()]);
            packed.each_of(some.clone(), |i, value| assert_eq!(value, values[i]));
            for (i, value) in values.iter().enumerate().filter(|(_, value)| start.min(end) <= **value && **value < end.max(start)) {
                prop_assert!(some.contains(&i), "{} at {}", value, i);
            }
        }

        #[test]
        fn a_divisor_divides_all(values in proptest::collection::vec(0u64..1 << 40, 0..20), by in 1u64..1000) {
            let values: Vec<u64> = values.into_iter().map(|v| v * by).collect();
            let divisor = divisor_of(values.iter().copied());
            if values.iter().any(|v| *v > 0) {
                prop_assert_eq!(divisor % by, 0);
                prop_assert!(values.iter().all(|v| v % divisor == 0));
            }
        }
    }
}
