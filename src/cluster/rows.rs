//! RowBinary: rows as ClickHouse takes and gives them, little-endian, without names or types.

use std::io::{self, BufRead};

use crate::model::{COUNTS, CostSource, Measures, Mode};

/// Longer texts are in no column: a record of the directory has up to 4 MiB.
const MAX_TEXT: u64 = 8 << 20;

/// Writes rows one after the other.
pub trait WriteRow {
    fn bytes(&mut self, bytes: &[u8]);

    fn text(&mut self, text: &[u8]) {
        let mut length = text.len();
        while length >= 0x80 {
            self.bytes(&[length as u8 | 0x80]);
            length >>= 7;
        }
        self.bytes(&[length as u8]);
        self.bytes(text);
    }

    fn u8(&mut self, value: u8) {
        self.bytes(&[value]);
    }

    fn u32(&mut self, value: u32) {
        self.bytes(&value.to_le_bytes());
    }

    fn u64(&mut self, value: u64) {
        self.bytes(&value.to_le_bytes());
    }

    /// Also a `Decimal(38, 12)`, as picodollars.
    fn i128(&mut self, value: i128) {
        self.bytes(&value.to_le_bytes());
    }
}

impl WriteRow for Vec<u8> {
    fn bytes(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Reads rows one after the other.
pub struct ReadRow<R> {
    from: R,
}

impl<R: BufRead> ReadRow<R> {
    pub fn new(from: R) -> ReadRow<R> {
        ReadRow { from }
    }

    /// Whether a row follows.
    pub fn has_more(&mut self) -> io::Result<bool> {
        Ok(!self.from.fill_buf()?.is_empty())
    }

    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.from.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    pub fn u8(&mut self) -> io::Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    pub fn u32(&mut self) -> io::Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub fn u64(&mut self) -> io::Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub fn i128(&mut self) -> io::Result<i128> {
        Ok(i128::from_le_bytes(self.array()?))
    }

    pub fn bytes(&mut self) -> io::Result<Vec<u8>> {
        let (mut length, mut shift) = (0u64, 0);
        loop {
            let byte = self.u8()?;
            length |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                break;
            }
            if shift > 28 {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the length of a text"));
            }
        }
        if length > MAX_TEXT {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a text of {length} bytes")));
        }
        let mut text = vec![0; length as usize];
        self.from.read_exact(&mut text)?;
        Ok(text)
    }

    pub fn text(&mut self) -> io::Result<String> {
        String::from_utf8(self.bytes()?).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a text is not UTF-8"))
    }
}

/// A row of `usage_local`: what a series of an organization had in a segment, all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsageRow<'a> {
    pub organization: &'a str,
    /// The first second of the segment.
    pub at: u32,
    pub node: &'a str,
    pub api_key: &'a str,
    pub model: &'a str,
    pub provider: &'a str,
    pub project: &'a str,
    pub source: Option<&'a str>,
    pub mode: Mode,
    pub cost_source: CostSource,
    pub version: u64,
    pub measures: Measures,
}

impl UsageRow<'_> {
    /// In the order of the table's columns.
    pub fn write(&self, out: &mut impl WriteRow) {
        out.text(self.organization.as_bytes());
        out.u32(self.at);
        for text in [self.node, self.api_key, self.model, self.provider, self.project] {
            out.text(text.as_bytes());
        }
        out.text(self.source.unwrap_or_default().as_bytes());
        out.u8(u8::from(self.source.is_some()));
        out.u8(self.mode as u8);
        out.u8(self.cost_source as u8);
        out.u64(self.version);
        for at in 0..COUNTS {
            out.u64(self.measures.counts[at]);
        }
        out.i128(self.measures.cost.0);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::PicoUsd;

    #[test]
    fn a_row_has_the_bytes_that_clickhouse_reads() {
        let mut counts = [0; COUNTS];
        counts[0] = 3;
        let row = UsageRow {
            organization: "acme",
            at: 1,
            node: "n",
            api_key: "k",
            model: "m",
            provider: "p",
            project: "q",
            source: None,
            mode: Mode::ApiKeys,
            cost_source: CostSource::Priced,
            version: 0x0102,
            measures: Measures { counts, cost: PicoUsd(-1) },
        };
        let mut out = Vec::new();
        row.write(&mut out);
        let mut expected = b"\x04acme\x01\0\0\0\x01n\x01k\x01m\x01p\x01q\0\0\x01\x01\x02\x01\0\0\0\0\0\0\x03".to_vec();
        expected.extend([0; 7 + 10 * 8]);
        expected.extend([0xff; 16]);
        assert_eq!(out, expected);
        let mut with_source = Vec::new();
        UsageRow { source: Some(""), ..row }.write(&mut with_source);
        assert_ne!(out, with_source, "an empty source is not none");
    }

    proptest! {
        #[test]
        fn what_is_written_comes_back(rows in proptest::collection::vec((any::<Vec<u8>>(), any::<u64>(), any::<i128>(), any::<u32>(), any::<u8>()), 0..20)) {
            let mut out = Vec::new();
            for (text, long, longest, short, byte) in &rows {
                out.text(text);
                out.u64(*long);
                out.i128(*longest);
                out.u32(*short);
                out.u8(*byte);
            }
            let (mut read, mut found) = (ReadRow::new(&out[..]), Vec::new());
            while read.has_more().unwrap() {
                let (text, long, longest) = (read.bytes().unwrap(), read.u64().unwrap(), read.i128().unwrap());
                found.push((text, long, longest, read.u32().unwrap(), read.u8().unwrap()));
            }
            prop_assert_eq!(found, rows);
        }

        #[test]
        fn foreign_bytes_never_panic(bytes in any::<Vec<u8>>()) {
            let mut read = ReadRow::new(&bytes[..]);
            while read.has_more().unwrap() && read.text().and_then(|_| read.u64()).is_ok() {}
        }
    }

    #[test]
    fn long_texts_and_endless_lengths_are_refused() {
        let mut out = Vec::new();
        out.text(&vec![7; 200_000]);
        assert_eq!(ReadRow::new(&out[..]).bytes().unwrap().len(), 200_000);
        assert!(ReadRow::new(&[0xff; 20][..]).bytes().is_err());
        assert!(ReadRow::new(&[0xff, 0xff, 0xff, 0x7f][..]).bytes().is_err());
    }
}
