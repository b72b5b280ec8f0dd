//! How much a statement tells of people.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::{Adjustment, Line, LineSums, Reason, Statement};
use crate::model::Overflow;
use crate::query::GroupBy;

/// People of whom no line has fewer, where it is told by groups.
const PEOPLE: usize = 5;

/// How lines tell whose usage they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disclosure {
    Names,
    /// People and their keys by names that this secret of the organization's makes, others each year.
    Pseudonyms([u8; 32]),
    /// Only what is of five people or more by itself, and the rest together.
    Groups,
}

impl Statement {
    /// What it tells of people. It adds up to the same.
    pub fn disclosed(mut self, by: GroupBy, disclosure: &Disclosure) -> Result<Statement, Overflow> {
        match disclosure {
            Disclosure::Names => {}
            Disclosure::Pseudonyms(secret) => {
                let what = match by {
                    GroupBy::User => "Person",
                    GroupBy::ApiKey => "Key",
                    _ => return Ok(self),
                };
                let year = self.month.number / 12;
                let adjustments = self.adjustments.iter_mut().flat_map(|adjustment| &mut adjustment.lines);
                for line in self.lines.iter_mut().chain(adjustments) {
                    if let Some(key) = &line.key {
                        let name = pseudonym(secret, year, what, key);
                        line.label = format!("{what} {name}");
                        line.key = Some(name);
                    }
                }
            }
            Disclosure::Groups => {
                let mut alone = Vec::new();
                let mut adjustments = Vec::new();
                // Names that changed are of somebody, and add nothing.
                for adjustment in self.adjustments.into_iter().filter(|one| one.reason != Reason::Renamed) {
                    let people: BTreeSet<&String> = adjustment.lines.iter().flat_map(|line| &line.people).collect();
                    if people.len() < PEOPLE {
                        alone.extend(adjustment.lines);
                    } else {
                        adjustments.push(Adjustment { lines: in_groups(adjustment.lines)?, ..adjustment });
                    }
                }
                // What came of too few joins the month's own.
                alone.extend(self.lines);
                let mut by_key: BTreeMap<Option<String>, Line> = BTreeMap::new();
                for line in alone {
                    match by_key.entry(line.key.clone()) {
                        Entry::Occupied(mut known) => join(known.get_mut(), line)?,
                        Entry::Vacant(none) => drop(none.insert(line)),
                    }
                }
                let mut lines: Vec<Line> = by_key.into_values().collect();
                lines.sort_by(|a, b| b.sums.all[2].cmp(&a.sums.all[2]).then_with(|| a.key.cmp(&b.key)));
                (self.lines, self.adjustments) = (in_groups(lines)?, adjustments);
            }
        }
        Ok(self)
    }
}

fn join(line: &mut Line, other: Line) -> Result<(), Overflow> {
    line.sums.add(&other.sums)?;
    line.people.extend(other.people);
    Ok(())
}

/// Lines of enough people, and all others as one, which takes in the smallest of them until it is of enough as well.
fn in_groups(lines: Vec<Line>) -> Result<Vec<Line>, Overflow> {
    let (mut kept, small): (Vec<Line>, Vec<Line>) = lines.into_iter().partition(|line| line.people.len() >= PEOPLE);
    if small.is_empty() {
        return Ok(kept);
    }
    let mut rest = Line { key: None, label: String::new(), sums: LineSums::default(), people: BTreeSet::new() };
    small.into_iter().try_for_each(|line| join(&mut rest, line))?;
    while rest.people.len() < PEOPLE
        && let Some((smallest, _)) = kept.iter().enumerate().min_by_key(|(_, line)| line.people.len())
    {
        join(&mut rest, kept.remove(smallest))?;
    }
    rest.label = if kept.is_empty() { "All" } else { "Other" }.to_owned();
    kept.push(rest);
    Ok(kept)
}

fn pseudonym(secret: &[u8; 32], year: u32, what: &str, id: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("a key of any length");
    mac.update(format!("{year} {what} {id}").as_bytes());
    mac.finalize().into_bytes().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Month;

    fn line(key: &str, cost: i128, people: &[u8]) -> Line {
        let sums = LineSums { all: [0, 0, cost], ..LineSums::default() };
        let people = people.iter().map(u8::to_string).collect();
        Line { key: Some(key.to_owned()), label: key.to_uppercase(), sums, people }
    }

    fn statement(lines: Vec<Line>, adjustments: Vec<(Reason, Vec<Line>)>) -> Statement {
        let month = Month::parse("2026-10").unwrap();
        let adjustment = |(reason, lines)| Adjustment { month, reason, lines };
        let adjustments: Vec<Adjustment> = adjustments.into_iter().map(adjustment).collect();
        let mut totals = LineSums::default();
        for line in lines.iter().chain(adjustments.iter().flat_map(|one| &one.lines)) {
            totals.add(&line.sums).unwrap();
        }
        Statement { month, closing: None, reopened: Vec::new(), lines, adjustments, totals }
    }

    /// Labels and costs of the lines, and of the adjustments.
    #[track_caller]
    fn check(given: Statement, lines: &[(&str, i128)], adjustments: &[(&str, i128)]) {
        let told = given.disclosed(GroupBy::Team, &Disclosure::Groups).unwrap();
        let shown = |lines: &[Line]| -> Vec<(String, i128)> {
            lines.iter().map(|line| (line.label.clone(), line.sums.all[2])).collect()
        };
        let owned =
            |of: &[(&str, i128)]| of.iter().map(|(label, cost)| ((*label).to_owned(), *cost)).collect::<Vec<_>>();
        let came: Vec<Line> = told.adjustments.iter().flat_map(|one| one.lines.clone()).collect();
        assert_eq!((shown(&told.lines), shown(&came)), (owned(lines), owned(adjustments)));
        let mut totals = LineSums::default();
        let people: BTreeSet<&String> = told.lines.iter().flat_map(|line| &line.people).collect();
        for line in told.lines.iter().chain(&came) {
            totals.add(&line.sums).unwrap();
            assert!(line.people.len() >= PEOPLE || told.lines.len() == 1 && people.len() < PEOPLE, "{line:?}");
        }
        assert_eq!(totals, told.totals);
    }

    #[test]
    fn no_line_is_of_fewer_than_five_people() {
        let (many, few, more) = (&[1, 2, 3, 4, 5], &[6, 7], &[5, 6, 7, 8, 9, 10]);
        check(statement(vec![line("a", 9, many)], vec![]), &[("A", 9)], &[]);
        check(statement(vec![line("a", 9, few)], vec![]), &[("All", 9)], &[]);
        check(statement(vec![line("a", 9, many), line("b", 3, few)], vec![]), &[("All", 12)], &[]);
        let three = || vec![line("a", 9, many), line("b", 5, more), line("c", 3, few), line("d", 2, &[])];
        check(statement(three(), vec![]), &[("B", 5), ("Other", 14)], &[]);
        // What came of too few joins the rest; what came of many stands by itself.
        let late = vec![(Reason::Late, vec![line("b", 4, few)])];
        check(statement(three(), late), &[("B", 9), ("Other", 14)], &[]);
        let late = vec![(Reason::Late, vec![line("a", 1, &[1, 2, 3]), line("b", 4, &[4, 5])])];
        check(statement(three(), late), &[("B", 5), ("Other", 14)], &[("All", 5)]);
        check(statement(vec![], vec![(Reason::Renamed, vec![line("a", 0, few)])]), &[], &[]);
    }

    #[test]
    fn pseudonyms_are_the_same_within_a_year() {
        let told = |secret: u8, month: &str, by| {
            let mut given = statement(vec![line("ada", 9, &[1])], vec![(Reason::Late, vec![line("ada", 1, &[1])])]);
            given.month = Month::parse(month).unwrap();
            let told = given.disclosed(by, &Disclosure::Pseudonyms([secret; 32])).unwrap();
            assert_eq!(told.lines[0].label, told.adjustments[0].lines[0].label);
            told.lines[0].label.clone()
        };
        let name = told(1, "2026-01", GroupBy::User);
        assert!(name.starts_with("Person ") && name.len() == 19, "{name}");
        assert_eq!(name, told(1, "2026-12", GroupBy::User));
        assert_ne!(name, told(1, "2027-01", GroupBy::User));
        assert_ne!(name, told(2, "2026-01", GroupBy::User));
        assert_eq!(told(1, "2026-01", GroupBy::Team), "ADA");
    }
}
