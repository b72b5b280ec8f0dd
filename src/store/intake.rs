//! The intake ledger: what became of what was sent, by organization, day of arrival, sender and reason.
//!
//! ```text
//! key     organization UTF-8 | NUL | day u32 | 12 bytes of the hash of what tells the line apart
//! value   a frame (see `store::packed`) around a record: the line
//! ```
//!
//! Records of which nobody says for whom they were are under an organization without a name. A day of an organization
//! has so many lines at most; what comes beyond them is entered as of another sender, for another reason.

use std::ops::Range;

use redb::{ReadableTable, Table};

use super::packed::{bind, body, frame};
use super::record::{self, Decode, Encode};
use super::{Bytes, INTAKE, Reader, StoreError, Writer, damaged};
use crate::model::{Day, Fingerprint, Intake, Overflow, Sender};

const VERSION: u8 = 1;
/// Lines of an organization's day. Many clients in several versions have some fifty.
const MAX_LINES: usize = 500;
/// The sender and the reason of what is past them.
const OTHER: &str = "other";
/// What comes after the organization's name.
const TAIL_OF_KEY: usize = 1 + 4 + 12;

/// Records of one sender that came on one day and of which the same became.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntakeLine {
    pub sender: Sender,
    pub result: Intake,
    /// Why, of what was ignored or rejected.
    pub reason: Option<String>,
    pub count: u64,
    /// What tells the first of them.
    pub example: Option<String>,
}

#[derive(Encode, Decode)]
struct Stored {
    sender: String,
    version: Option<String>,
    result: u8,
    reason: Option<String>,
    count: u64,
    example: Option<String>,
}

impl IntakeLine {
    fn encode(&self, key: &[u8]) -> Vec<u8> {
        let stored = Stored {
            sender: self.sender.name.clone(),
            version: self.sender.version.clone(),
            result: self.result as u8,
            reason: self.reason.clone(),
            count: self.count,
            example: self.example.clone(),
        };
        bind(key, frame(VERSION, &record::encode(&stored)))
    }

    fn decode(key: &[u8], value: &[u8]) -> Result<IntakeLine, StoreError> {
        let stored: Stored = record::decode(body(VERSION, key, value)?)?;
        let result = Intake::ALL.into_iter().find(|result| *result as u8 == stored.result);
        Ok(IntakeLine {
            sender: Sender { name: stored.sender, version: stored.version },
            result: result.ok_or_else(|| damaged("a line of the intake ledger with no known result"))?,
            reason: stored.reason,
            count: stored.count,
            example: stored.example,
        })
    }

    /// The key of its place among the lines of a day.
    fn key(&self, organization: &str, day: Day) -> Vec<u8> {
        let Sender { name, version } = &self.sender;
        let told = [name.as_str(), version.as_deref().unwrap_or("\0"), self.reason.as_deref().unwrap_or("\0")];
        let told = Fingerprint::of(&format!("{}\n{}", self.result as u8, told.join("\n")));
        let mut key = day_key(organization, day);
        key.extend(told.0);
        key
    }
}

/// What the keys of an organization's day begin with.
fn day_key(organization: &str, day: Day) -> Vec<u8> {
    let mut key = organization.as_bytes().to_vec();
    key.push(0);
    key.extend(day.0.to_be_bytes());
    key
}

/// The organization and the day of a key; `None` when it is none of this table.
fn parts(key: &[u8]) -> Option<(&str, Day)> {
    let (organization, tail) = key.split_at_checked(key.len().checked_sub(TAIL_OF_KEY)?)?;
    let organization = std::str::from_utf8(organization).ok()?;
    let day = Day(u32::from_be_bytes(tail[1..5].try_into().expect("four bytes")));
    (tail[0] == 0 && !organization.contains('\0')).then_some((organization, day))
}

/// Checks one entry of the table.
pub(super) fn check(key: &[u8], value: &[u8]) -> Result<(), StoreError> {
    let (organization, day) = parts(key).ok_or_else(|| damaged("it is no key of the intake ledger"))?;
    let line = IntakeLine::decode(key, value)?;
    if line.count == 0 || line.key(organization, day) != key {
        return Err(damaged("a line of the intake ledger that counts nothing, or stands in another's place"));
    }
    Ok(())
}

impl Reader {
    /// Calls `visit` with the lines of some days, in order of organizations and days; of one organization or of all.
    pub fn intake(
        &self,
        organization: Option<&str>,
        days: Range<Day>,
        mut visit: impl FnMut(&str, Day, IntakeLine),
    ) -> Result<(), StoreError> {
        let table = self.transaction.open_table(INTAKE)?;
        let organizations = match organization {
            Some(organization) => vec![organization.to_owned()],
            None => organizations(&table)?,
        };
        for of in &organizations {
            let [first, end] = [days.start, days.end].map(|day| day_key(of, day));
            for entry in table.range::<&[u8]>(&first[..]..&end[..])? {
                let (key, value) = entry?;
                let (_, day) = parts(key.value()).ok_or_else(|| damaged("a key of the intake ledger"))?;
                visit(of, day, IntakeLine::decode(key.value(), value.value())?);
            }
        }
        Ok(())
    }

    /// The organizations that have lines of before a day of each, with that day. `before` is given the newest as well.
    pub fn intake_before(&self, before: impl Fn(&str, Day) -> Day) -> Result<Vec<(String, Day)>, StoreError> {
        let table = self.transaction.open_table(INTAKE)?;
        let mut found = Vec::new();
        for of in organizations(&table)? {
            let [first, last] = [Day(0), Day(u32::MAX)].map(|day| day_key(&of, day));
            let newest = table.range::<&[u8]>(&first[..]..&last[..])?.next_back().transpose()?;
            let newest = newest.and_then(|(key, _)| Some(parts(key.value())?.1)).unwrap_or(Day(0));
            let before = before(&of, newest);
            let end = day_key(&of, before);
            if table.range::<&[u8]>(&first[..]..&end[..])?.next().is_some() {
                found.push((of, before));
            }
        }
        Ok(found)
    }
}

/// The organizations with lines.
fn organizations(table: &impl ReadableTable<Bytes, Bytes>) -> Result<Vec<String>, StoreError> {
    let (mut found, mut next) = (Vec::new(), Vec::new());
    while let Some(entry) = table.range::<&[u8]>(&next[..]..)?.next() {
        let (key, _) = entry?;
        let (organization, _) = parts(key.value()).ok_or_else(|| damaged("a key of the intake ledger"))?;
        // No name has a NUL in it, so this is past all days of this one.
        next = [organization.as_bytes(), &[1]].concat();
        found.push(organization.to_owned());
    }
    Ok(found)
}

impl Writer {
    /// Adds to the lines of a day.
    pub fn enter_intake<'l>(
        &self,
        day: Day,
        lines: impl IntoIterator<Item = (&'l str, IntakeLine)>,
    ) -> Result<(), StoreError> {
        let mut table = self.transaction.open_table(INTAKE)?;
        for (organization, line) in lines {
            if !add(&mut table, organization, day, line.clone())? {
                let other = Sender { name: OTHER.to_owned(), version: None };
                let reason = line.reason.as_ref().map(|_| OTHER.to_owned());
                let other = IntakeLine { sender: other, reason, example: None, ..line };
                let key = other.key(organization, day);
                self.touch_record(INTAKE, &key);
                put(&mut table, &key, other)?;
            } else {
                self.touch_record(INTAKE, &line.key(organization, day));
            }
        }
        Ok(())
    }

    /// Removes an organization's lines of before a day.
    pub fn forget_intake(&self, organization: &str, before: Day) -> Result<(), StoreError> {
        let [first, end] = [Day(0), before].map(|day| day_key(organization, day));
        self.remove(INTAKE, &first, &end)
    }
}

/// Adds to a line, unless it would be a new one and there is room for no more.
fn add(
    table: &mut Table<'_, Bytes, Bytes>,
    organization: &str,
    day: Day,
    line: IntakeLine,
) -> Result<bool, StoreError> {
    let key = line.key(organization, day);
    if table.get(&key[..])?.is_none() {
        let [first, end] = [day, day.next()].map(|day| day_key(organization, day));
        if table.range::<&[u8]>(&first[..]..&end[..])?.count() >= MAX_LINES {
            return Ok(false);
        }
    }
    put(table, &key, line)?;
    Ok(true)
}

fn put(table: &mut Table<'_, Bytes, Bytes>, key: &[u8], mut line: IntakeLine) -> Result<(), StoreError> {
    if let Some(known) = table.get(key)? {
        let known = IntakeLine::decode(key, known.value())?;
        line.count = line.count.checked_add(known.count).ok_or(Overflow)?;
        line.example = known.example.or(line.example);
    }
    table.insert(key, &line.encode(key)[..])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use redb::backends::InMemoryBackend;

    use super::super::Store;
    use super::*;

    fn line(sender: &str, reason: Option<&str>, count: u64, example: &str) -> IntakeLine {
        IntakeLine {
            sender: Sender { name: sender.into(), version: Some("1.2".into()) },
            result: if reason.is_some() { Intake::Ignored } else { Intake::Counted },
            reason: reason.map(str::to_owned),
            count,
            example: Some(example.into()),
        }
    }

    fn enter(store: &Store, organization: &str, day: u32, lines: Vec<IntakeLine>) {
        let writer = store.begin().unwrap();
        writer.enter_intake(Day(day), lines.into_iter().map(|line| (organization, line))).unwrap();
        writer.commit().unwrap();
    }

    fn lines(store: &Store, organization: Option<&str>, days: Range<u32>) -> Vec<(String, u32, IntakeLine)> {
        let mut found = Vec::new();
        let days = Day(days.start)..Day(days.end);
        let visit = |of: &str, day: Day, line| found.push((of.to_owned(), day.0, line));
        store.reader().unwrap().intake(organization, days, visit).unwrap();
        found.sort_by(|a, b| (&a.0, a.1, &a.2.sender).cmp(&(&b.0, b.1, &b.2.sender)));
        found
    }

    #[test]
    fn lines_add_up_by_organization_and_day_and_keep_the_first_example() {
        let store = Store::open_backend(InMemoryBackend::new()).unwrap();
        enter(&store, "acme", 10, vec![line("codex", Some("no usage in it"), 3, "a"), line("codex", None, 1, "b")]);
        enter(&store, "acme", 10, vec![line("codex", Some("no usage in it"), 4, "c")]);
        enter(&store, "acme", 11, vec![line("codex", Some("no usage in it"), 5, "d")]);
        for other in ["", "acm", "acme2"] {
            enter(&store, other, 10, vec![line("x", None, 1, "e")]);
        }
        let of_acme = lines(&store, Some("acme"), 10..11);
        assert_eq!(of_acme.len(), 2);
        assert!(of_acme.contains(&("acme".into(), 10, line("codex", Some("no usage in it"), 7, "a"))));
        assert_eq!(lines(&store, None, 0..u32::MAX).len(), 6);
        assert_eq!(lines(&store, None, 11..12).len(), 1);
        assert_eq!(lines(&store, Some("ac"), 0..u32::MAX), []);

        let reader = store.reader().unwrap();
        let before = |of: &str, _| if of == "acme" { Day(11) } else { Day(10) };
        assert_eq!(reader.intake_before(before).unwrap(), [("acme".to_owned(), Day(11))]);
        let writer = store.begin().unwrap();
        writer.forget_intake("acme", Day(11)).unwrap();
        writer.commit().unwrap();
        assert_eq!(lines(&store, Some("acme"), 0..u32::MAX).len(), 1);
        assert_eq!(lines(&store, None, 0..u32::MAX).len(), 4);
    }

    #[test]
    fn a_day_has_so_many_lines_and_the_rest_is_another_senders() {
        let store = Store::open_backend(InMemoryBackend::new()).unwrap();
        for part in 0..3 {
            let of_part = |number: u64| line(&format!("s{}", 400 * part + number), Some("r"), 1, "x");
            enter(&store, "acme", 10, (0..400).map(of_part).collect());
        }
        let found = lines(&store, Some("acme"), 10..11);
        assert_eq!(found.len(), MAX_LINES + 1);
        assert_eq!(found.iter().map(|(_, _, line)| line.count).sum::<u64>(), 1200);
        let other = found.iter().find(|(_, _, line)| line.sender.name == OTHER).unwrap();
        assert_eq!((other.2.count, other.2.reason.as_deref()), (700, Some(OTHER)));
        enter(&store, "acme", 11, vec![line("s", None, 1, "x")]);
        assert_eq!(lines(&store, Some("acme"), 11..12).len(), 1, "each day has its own room");
    }

    #[test]
    fn entries_that_are_not_what_was_written_are_damage() {
        let line = line("codex", Some("r"), 3, "a");
        let key = line.key("acme", Day(10));
        let value = line.encode(&key);
        assert!(check(&key, &value).is_ok());
        for byte in 0..value.len() {
            let mut changed = value.clone();
            changed[byte] ^= 1;
            assert!(check(&key, &changed).is_err(), "byte {byte}");
        }
        let elsewhere = IntakeLine { count: 9, reason: None, ..line }.key("acme", Day(10));
        assert!(check(&elsewhere, &bind(&key, bind(&elsewhere, value.clone()))).is_err(), "another line's place");
        assert!(check(b"acme", &value).is_err());
    }
}
