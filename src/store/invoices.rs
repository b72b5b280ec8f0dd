//! What providers billed: a ledger of its own, which no sum of usage ever reads.
//!
//! ```text
//! key     organization UTF-8 | NUL | provider u8 | report u8 | day u32 | part u16
//! value   a frame (see `store::packed`) around a record: when it came, and up to 500 lines
//! ```
//!
//! All that a report says of a day is replaced as a whole, so a report may come again, or grouped in another way, and
//! nothing is counted twice.

use std::ops::Range;

use super::packed::{bind, body, frame};
use super::{INVOICES, Reader, StoreError, Writer, damaged, record};
use crate::model::{BilledDay, BilledLine, Biller, Day, Invoice, PicoUsd, Report, UnixMs};

const VERSION: u8 = 1;
/// Lines of a part. With two names of 512 four-byte characters each, a record of them is still not too large.
const PART_LINES: usize = 500;
/// What comes after the organization's name.
const TAIL_OF_KEY: usize = 9;

/// Model, API key, requests, input, cached and output tokens, picodollars.
type StoredLine = (Option<String>, Option<String>, [u64; 4], i128);
/// When it came, and its lines.
type Stored = (UnixMs, Vec<StoredLine>);

fn key(organization: &str, biller: Biller, report: Report, day: Day, part: u16) -> Vec<u8> {
    let mut key = organization.as_bytes().to_vec();
    key.extend([0, biller as u8, report as u8]);
    key.extend(day.0.to_be_bytes());
    key.extend(part.to_be_bytes());
    key
}

/// The day a key is of; `None` when it is not one of this table.
fn day_of(key: &[u8]) -> Option<Day> {
    let (organization, tail) = key.split_at_checked(key.len().checked_sub(TAIL_OF_KEY)?)?;
    let known = Biller::ALL.iter().any(|(_, biller)| *biller as u8 == tail[1])
        && Report::ALL.iter().any(|(_, report)| *report as u8 == tail[2]);
    let shaped = tail[0] == 0 && !organization.is_empty() && std::str::from_utf8(organization).is_ok();
    (shaped && known).then(|| Day(u32::from_be_bytes(tail[3..7].try_into().expect("four bytes"))))
}

fn encode(key: &[u8], at: UnixMs, lines: &[BilledLine]) -> Vec<u8> {
    let lines = lines.iter().map(|line| {
        let counts = [line.requests, line.input_tokens, line.cached_tokens, line.output_tokens];
        (line.model.clone(), line.api_key.clone(), counts, line.cost.0)
    });
    let stored: Stored = (at, lines.collect());
    bind(key, frame(VERSION, &record::encode(&stored)))
}

fn decode(key: &[u8], value: &[u8]) -> Result<(UnixMs, Vec<BilledLine>), StoreError> {
    let (at, lines): Stored = record::decode(body(VERSION, key, value)?)?;
    let line = |(model, api_key, counts, cost): StoredLine| {
        let [requests, input_tokens, cached_tokens, output_tokens] = counts;
        BilledLine { model, api_key, requests, input_tokens, cached_tokens, output_tokens, cost: PicoUsd(cost) }
    };
    Ok((at, lines.into_iter().map(line).collect()))
}

/// Checks one entry of the table.
pub(super) fn check(key: &[u8], value: &[u8]) -> Result<(), StoreError> {
    day_of(key).ok_or_else(|| damaged("it is no key of an invoice"))?;
    decode(key, value).map(drop)
}

impl Reader {
    /// What a provider billed an organization on some days, in order of reports and days, and when the latest of it
    /// came.
    pub fn billed(
        &self,
        organization: &str,
        biller: Biller,
        days: Range<Day>,
    ) -> Result<(Vec<BilledDay>, Option<UnixMs>), StoreError> {
        let table = self.transaction.open_table(INVOICES)?;
        let (mut found, mut latest): (Vec<BilledDay>, _) = (Vec::new(), None);
        for (_, report) in Report::ALL {
            let [first, end] = [days.start, days.end].map(|day| key(organization, biller, report, day, 0));
            for entry in table.range::<&[u8]>(&first[..]..&end[..])? {
                let (key, value) = entry?;
                let day = day_of(key.value()).ok_or_else(|| damaged("a key of an invoice"))?;
                let (at, lines) = decode(key.value(), value.value())?;
                latest = latest.max(Some(at));
                match found.last_mut().filter(|last| (last.report, last.day) == (report, day)) {
                    Some(same) => same.lines.extend(lines),
                    None => found.push(BilledDay { report, day, lines }),
                }
            }
        }
        Ok((found, latest))
    }
}

impl Writer {
    /// Puts what was billed in the place of what was known of the same reports and days.
    pub fn put_invoice(&self, invoice: &Invoice, at: UnixMs) -> Result<(), StoreError> {
        for BilledDay { report, day, lines } in &invoice.days {
            let key = |day, part| key(&invoice.organization_id, invoice.biller, *report, day, part);
            self.remove(INVOICES, &key(*day, 0), &key(day.next(), 0))?;
            let mut table = self.transaction.open_table(INVOICES)?;
            // A day without lines is known to have none.
            let parts = if lines.is_empty() { vec![&lines[..]] } else { lines.chunks(PART_LINES).collect() };
            for (part, lines) in parts.into_iter().enumerate() {
                let part = u16::try_from(part).map_err(|_| crate::model::Overflow)?;
                let key = key(*day, part);
                self.touch_record(INVOICES, &key);
                table.insert(&key[..], &encode(&key, at, lines)[..])?;
            }
        }
        Ok(())
    }

    /// Removes what was billed an organization before a day.
    pub fn forget_invoices(&self, organization: &str, before: Day) -> Result<(), StoreError> {
        for (_, biller) in Biller::ALL {
            for (_, report) in Report::ALL {
                let [first, end] = [Day(0), before].map(|day| key(organization, biller, report, day, 0));
                self.remove(INVOICES, &first, &end)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use redb::backends::InMemoryBackend;

    use super::super::Store;
    use super::*;

    fn line(number: u64) -> BilledLine {
        BilledLine {
            model: (number > 0).then(|| format!("m{number:05}")),
            api_key: None,
            requests: number,
            input_tokens: 3 * number,
            cached_tokens: 2 * number,
            output_tokens: u64::MAX,
            cost: PicoUsd(-i128::from(number)),
        }
    }

    fn day(report: Report, day: u32, lines: u64) -> BilledDay {
        BilledDay { report, day: Day(day), lines: (0..lines).map(line).collect() }
    }

    fn put(store: &Store, organization: &str, days: Vec<BilledDay>, at: UnixMs) {
        let writer = store.begin().unwrap();
        let invoice = Invoice { organization_id: organization.into(), biller: Biller::OpenAi, days };
        writer.put_invoice(&invoice, at).unwrap();
        writer.commit().unwrap();
    }

    fn billed(store: &Store, organization: &str, days: Range<u32>) -> (Vec<BilledDay>, Option<UnixMs>) {
        let reader = store.reader().unwrap();
        reader.billed(organization, Biller::OpenAi, Day(days.start)..Day(days.end)).unwrap()
    }

    #[test]
    fn a_day_replaces_what_was_known_of_it_and_nothing_else() {
        let store = Store::open_backend(InMemoryBackend::new()).unwrap();
        let days = vec![day(Report::Costs, 10, 1203), day(Report::Costs, 11, 2), day(Report::Completions, 10, 0)];
        put(&store, "acme", days.clone(), 5);
        put(&store, "acme2", days.clone(), 6);
        assert_eq!(billed(&store, "acme", 10..12), (days.clone(), Some(5)));
        put(&store, "acme", vec![day(Report::Costs, 10, 1)], 7);
        let expected = vec![day(Report::Costs, 10, 1), days[1].clone(), days[2].clone()];
        assert_eq!(billed(&store, "acme", 10..12), (expected, Some(7)));
        assert_eq!(billed(&store, "acme", 11..12), (vec![days[1].clone()], Some(5)));
        assert_eq!(billed(&store, "acm", 0..u32::MAX), (Vec::new(), None));

        let writer = store.begin().unwrap();
        writer.forget_invoices("acme", Day(11)).unwrap();
        writer.commit().unwrap();
        assert_eq!(billed(&store, "acme", 0..12).0, vec![days[1].clone()]);
        assert_eq!(billed(&store, "acme2", 0..12).0, days);
    }

    #[test]
    fn the_longest_names_fit_a_part() {
        let name = "\u{10ffff}".repeat(512);
        let longest =
            BilledLine { model: Some(name.clone()), api_key: Some(name), cost: PicoUsd(i128::MIN), ..line(1) };
        let lines = vec![longest; PART_LINES];
        let key = key("acme", Biller::Anthropic, Report::Costs, Day(1), 0);
        assert_eq!(decode(&key, &encode(&key, 1, &lines)).unwrap().1, lines);
    }

    #[test]
    fn entries_that_are_not_what_was_written_are_damage() {
        let key = key("acme", Biller::Anthropic, Report::Costs, Day(1), 0);
        let value = encode(&key, 1, &[line(1)]);
        assert!(check(&key, &value).is_ok());
        for byte in 0..value.len() {
            let mut changed = value.clone();
            changed[byte] ^= 1;
            assert!(check(&key, &changed).is_err(), "byte {byte}");
        }
        for (byte, value_of_byte) in [(4, 1), (5, 9), (6, 0), (6, 9), (0, 0xff)] {
            let mut changed = key.clone();
            changed[byte] = value_of_byte;
            assert!(check(&changed, &encode(&changed, 1, &[])).is_err(), "byte {byte}");
        }
    }
}
