//! Protobuf read field by field from the bytes of a message: nothing is copied, and a field that is not asked for is
//! stepped over. Generated types would first make values of all of it, prompts included, and of two bytes on the wire
//! a hundred in memory.

/// Why bytes are no protobuf message. *Caller.*
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the protobuf message ends too early or has a field of no known kind")]
pub struct Malformed;

/// The value of one field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Field<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    /// A text, bytes, or a message of its own.
    Bytes(&'a [u8]),
}

/// The fields of a message with their numbers, in the order in which they stand. Ends after the first error.
pub struct Fields<'a> {
    rest: &'a [u8],
}

pub fn fields(message: &[u8]) -> Fields<'_> {
    Fields { rest: message }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Field<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.rest = &[];
        }
        Some(field.ok_or(Malformed))
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Option<(u64, Field<'a>)> {
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Field::Varint(self.varint()?),
            1 => Field::Fixed64(u64::from_le_bytes(self.take(8)?.try_into().ok()?)),
            2 => {
                let length = self.varint()?;
                Field::Bytes(self.take(usize::try_from(length).ok()?)?)
            }
            5 => Field::Fixed32(u32::from_le_bytes(self.take(4)?.try_into().ok()?)),
            // Groups were given up before this protocol began.
            _ => return None,
        };
        Some((key >> 3, value))
    }

    fn take(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(bytes)?;
        self.rest = rest;
        Some(taken)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            let bits = u64::from(byte & 0x7f);
            // The tenth byte has room for one bit.
            if shift == 63 && bits > 1 {
                return None;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }
}

/// Calls `take` with every message that stands in field `number`.
pub fn each<'a, E: From<Malformed>>(
    message: &'a [u8],
    number: u64,
    mut take: impl FnMut(&'a [u8]) -> Result<(), E>,
) -> Result<(), E> {
    for field in fields(message) {
        if let (found, Field::Bytes(inner)) = field?
            && found == number
        {
            take(inner)?;
        }
    }
    Ok(())
}

/// The last message in field `number`.
pub fn last(message: &[u8], number: u64) -> Result<Option<&[u8]>, Malformed> {
    let mut found = None;
    each(message, number, |inner| {
        found = Some(inner);
        Ok::<(), Malformed>(())
    })?;
    Ok(found)
}

/// Appends a field that holds a number.
pub fn put_varint(out: &mut Vec<u8>, number: u64, value: u64) {
    varint(out, number << 3);
    varint(out, value);
}

/// Appends a field that holds bytes.
pub fn put_bytes(out: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    varint(out, number << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fields_come_as_they_stand() {
        // From the encoding's own page: field 1 = 150, field 2 = "testing".
        let bytes = b"\x08\x96\x01\x12\x07testing\x19\x01\0\0\0\0\0\0\0\x25\x02\0\0\0";
        let found: Result<Vec<_>, _> = fields(bytes).collect();
        assert_eq!(
            found.unwrap(),
            [(1, Field::Varint(150)), (2, Field::Bytes(b"testing")), (3, Field::Fixed64(1)), (4, Field::Fixed32(2))]
        );
    }

    #[test]
    fn what_ends_too_early_is_an_error() {
        for bytes in [
            &b"\x08"[..],
            b"\x08\x96",
            b"\x12\x07test",
            b"\x19\0",
            b"\x0b",
            b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        ] {
            assert_eq!(fields(bytes).last(), Some(Err(Malformed)), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(number in 1u64..1000, value: u64, bytes: Vec<u8>) {
            let mut out = Vec::new();
            put_varint(&mut out, number, value);
            put_bytes(&mut out, number, &bytes);
            let found: Vec<_> = fields(&out).collect();
            prop_assert_eq!(found, [Ok((number, Field::Varint(value))), Ok((number, Field::Bytes(&bytes)))]);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            fields(&bytes).for_each(drop);
        }
    }
}
