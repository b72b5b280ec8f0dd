//! Text in UTF-16, as Excel writes it ("Unicode Text"), read as UTF-8.

use std::io::{self, BufRead, Read};

/// How the bytes of a text in UTF-16 lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Utf16 {
    is_little_endian: bool,
    /// Bytes of its byte order mark.
    mark: usize,
}

impl Utf16 {
    /// What the first bytes of a file say, by a byte order mark or by a first letter that is ASCII.
    pub fn found(start: &[u8]) -> Option<Utf16> {
        let (is_little_endian, mark) = match *start {
            [0xff, 0xfe, ..] => (true, 2),
            [0xfe, 0xff, ..] => (false, 2),
            [1..=0x7f, 0, ..] => (true, 0),
            [0, 1..=0x7f, ..] => (false, 0),
            _ => return None,
        };
        Some(Utf16 { is_little_endian, mark })
    }

    pub fn reading<R: BufRead>(self, inner: R) -> Reading<R> {
        Reading { inner, form: self, to_skip: self.mark, half: None, text: Vec::new(), at: 0 }
    }
}

/// UTF-8 out of UTF-16. What is neither becomes the replacement character.
pub struct Reading<R> {
    inner: R,
    form: Utf16,
    to_skip: usize,
    /// The first of two units, at the end of what was read.
    half: Option<u16>,
    text: Vec<u8>,
    at: usize,
}

/// Units that are decoded at a time.
const UNITS: usize = 4096;

impl<R: BufRead> Reading<R> {
    fn refill(&mut self) -> io::Result<()> {
        self.text.clear();
        self.at = 0;
        io::copy(&mut self.inner.by_ref().take(self.to_skip as u64), &mut io::sink())?;
        self.to_skip = 0;
        let mut bytes = Vec::with_capacity(2 * UNITS);
        self.inner.by_ref().take(2 * UNITS as u64).read_to_end(&mut bytes)?;
        let unit = |pair: &[u8]| match *pair {
            [low, high] if self.form.is_little_endian => u16::from_le_bytes([low, high]),
            [high, low] => u16::from_be_bytes([high, low]),
            // An odd byte at the end of the file is no text.
            _ => 0xfffd,
        };
        let is_last = bytes.len() < 2 * UNITS;
        let mut units: Vec<u16> = self.half.take().into_iter().chain(bytes.chunks(2).map(unit)).collect();
        if !is_last {
            self.half = units.pop_if(|last| (0xd800..0xdc00).contains(last));
        }
        let characters = char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER));
        self.text = characters.collect::<String>().into_bytes();
        Ok(())
    }
}

impl<R: BufRead> Read for Reading<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.text.len() {
            self.refill()?;
        }
        let read = (&self.text[self.at..]).read(buffer)?;
        self.at += read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: &str) {
        let mut text = String::new();
        Utf16::found(bytes).unwrap().reading(bytes).read_to_string(&mut text).unwrap();
        assert_eq!(text, expected);
    }

    #[test]
    fn both_orders_of_bytes_are_read_with_and_without_a_mark() {
        let text = format!("id;Größe\n{}😀", "😀x".repeat(3000));
        let units: Vec<u16> = text.encode_utf16().collect();
        let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        check(&[&[0xff, 0xfe], &*little].concat(), &text);
        check(&[&[0xfe, 0xff], &*big].concat(), &text);
        check(&little, &text);
        check(&big, &text);
        check(&[b'a', 0, b'b'], "a\u{fffd}");
        assert_eq!(Utf16::found(b"id,timestamp"), None);
        assert_eq!(Utf16::found(b""), None);
    }
}
