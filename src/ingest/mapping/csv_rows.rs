//! Rows of CSV.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::io::Read;

use super::super::cell::{Figure, Unit, is_total, other_currency, other_money};
use super::super::csv::{Record, SEPARATED, Table, shown, shown_cell};
use super::super::formats::Identity;
use super::super::row::{Header, Row, cell, plain, undivided};
use super::columns::Mapping;
use super::made::{Made, Notes, Refused};
use super::reader::{ORGANIZATION, Reader};

/// Rows that are read ahead to see what the decimal mark is.
const AHEAD_ROWS: usize = 10_000;
const AHEAD_BYTES: usize = 8 << 20;

/// A table of CSV, read as events.
pub struct CsvRows<R> {
    table: Table<R>,
    /// Of each field, the columns it may be in.
    slots: Vec<Slot>,
    ahead: VecDeque<Record>,
    reader: Reader,
}

struct Slot {
    field: &'static str,
    column: Cow<'static, str>,
    at: usize,
    /// What of the object in the column is meant.
    path: bool,
}

impl<R: Read> CsvRows<R> {
    pub fn open(source: R, mapping: Mapping) -> Result<Self, String> {
        let table = Table::open(source)?;
        let mapping = mapping.recognized(table.header.names.iter().map(String::as_str)).unwrap_or(mapping);
        let slots = slots(&table.header, &mapping)?;
        for column in &mapping.by_hand {
            if !slots.iter().any(|slot| slot.column == *column) {
                return Err(format!("there is no column '{column}'; the header has {}", table.shown_header()));
            }
        }
        for must in ["timestamp", "usedModel"] {
            let in_format = mapping.format.is_some_and(|format| format.constants.iter().any(|(set, _)| *set == must));
            let set = in_format || mapping.constants.iter().any(|(set, _)| *set == must);
            if !set && !slots.iter().any(|slot| slot.field == must) && !table.header.names.is_empty() {
                let column =
                    mapping.columns.iter().find(|(field, _)| *field == must).map_or(must, |(_, column)| column);
                let hint = if table.header.names.len() == 1 {
                    SEPARATED
                } else {
                    "--map FIELD=COLUMN takes a field from another column, --format NAME reads another program's export"
                };
                return Err(format!("there is no column '{column}'; the header has {}; {hint}", table.shown_header()));
            }
        }
        let separator = (table.delimiter != b',').then(|| shown(table.delimiter));
        let mut reader = Reader::new(mapping);
        reader.notes.separator = separator;
        reader.leans_to_point = table.delimiter == b',';
        let mut rows = CsvRows { table, slots, ahead: VecDeque::new(), reader };
        rows.look_ahead();
        Ok(rows)
    }

    pub fn mapping(&self) -> &Mapping {
        &self.reader.mapping
    }

    pub fn notes(&self) -> &Notes {
        &self.reader.notes
    }

    /// The events of the next rows, until they are about so many bytes; nothing at the end.
    pub fn next_rows(&mut self, bytes: usize) -> Made {
        loop {
            let (mut made, mut ended) = (Made::default(), false);
            while !ended && made.len() < bytes && made.refused.len() < AHEAD_ROWS {
                match self.ahead.pop_front().or_else(|| self.table.next()) {
                    Some(record) => self.take(&record, &mut made),
                    None => ended = true,
                }
            }
            let made = made.settle();
            // Steps alone make nothing, and are not the end.
            if ended || !made.is_empty() {
                return made;
            }
        }
    }

    /// Reads rows until one says what the decimal mark is.
    fn look_ahead(&mut self) {
        let (mut bytes, mut grouped) = (0, false);
        while self.reader.decimal.is_none() && self.ahead.len() < AHEAD_ROWS && bytes < AHEAD_BYTES {
            let Some(record) = self.table.next() else { break };
            bytes += record.cells.as_slice().len();
            for (slot, unit, cell) in figures(&self.slots, &record) {
                match Figure::of(cell, unit) {
                    Ok(Figure::Of(decimal, _)) => self.reader.see(decimal, &slot.column, cell, record.line),
                    // With a comma that may be either, a point may be too.
                    Ok(Figure::Either { .. }) => grouped |= cell.contains(','),
                    _ => {}
                }
            }
            self.ahead.push_back(record);
        }
        self.reader.leans_to_point &= !grouped;
    }

    fn take(&mut self, record: &Record, made: &mut Made) {
        let CsvRows { table, slots, reader, .. } = self;
        let header = &table.header;
        reader.rows += 1;
        if is_sum(&reader.mapping, slots, header, record) {
            reader.notes.totals += 1;
            if reader.notes.totals == 1 {
                reader.notes.first_total = record.line;
            }
            return;
        }
        let id = || {
            slots
                .iter()
                .filter(|slot| slot.field == "id")
                .find_map(|slot| record.cells.get(slot.at).filter(|cell| !cell.is_empty()).map(shown_cell))
        };
        if let Some(wrong) = &record.wrong {
            let (number, error) = (record.line, wrong.clone());
            made.refused.push(Refused { number, id: id(), organization: None, error });
            return;
        }
        for (slot, unit, cell) in figures(slots, record) {
            if reader.decimal.is_none()
                && let Ok(Figure::Of(decimal, _)) = Figure::of(cell, unit)
            {
                reader.see(decimal, &slot.column, cell, record.line);
            }
        }
        let row = Row::Cells { header, cells: &record.cells };
        let values = slots.iter().map(|slot| {
            let value = if slot.path { row.value(&slot.column) } else { cell(header, &record.cells, slot.at) };
            (slot.field, &*header.names[slot.at], value)
        });
        match reader.drafts(&row, values, (record.line, record.row)) {
            Ok(drafts) => made.add(drafts, record.line),
            Err(error) => {
                let named = slots.iter().filter(|slot| slot.field == ORGANIZATION);
                let text = |slot: &Slot| row.text(if slot.path { &slot.column } else { &header.names[slot.at] });
                let organization = reader.organization(named.map(text));
                made.refused.push(Refused { number: record.line, id: id(), organization, error });
            }
        }
    }
}

/// The columns that are there, of all that a mapping knows.
fn slots(header: &Header, mapping: &Mapping) -> Result<Vec<Slot>, String> {
    let mut slots = Vec::new();
    for (field, column) in mapping.columns.iter() {
        let is_by_hand = mapping.by_hand.iter().any(|by_hand| by_hand == column);
        // Our own names, whatever capitals, spaces and lines people write them with.
        let is_own = mapping.format.is_none() && !is_by_hand && header.exact(column).is_none();
        let find = |name: &str| match mapping.format {
            Some(_) if !mapping.by_hand.iter().any(|by_hand| by_hand == name) => header.find(name),
            _ if is_own => header.names.iter().position(|other| undivided(other) == undivided(name)),
            _ => header.exact(name),
        };
        let (at, path) = match (find(column), column.split_once('.')) {
            (Some(at), _) => (at, false),
            (None, Some((first, _))) => match find(first) {
                Some(at) => (at, true),
                None => continue,
            },
            (None, None) => continue,
        };
        let name = &header.names[at];
        let same = |other: &&String| match mapping.format {
            _ if *other == name => true,
            Some(_) => plain(other) == plain(name),
            None => is_own && undivided(other) == undivided(name),
        };
        let named: Vec<&String> = header.names.iter().filter(same).collect();
        if let [first, second, ..] = *named {
            return Err(format!("the header has two columns for {field}: '{first}' and '{second}'; leave one out"));
        }
        if *field == "cost"
            && let Some(currency) = other_currency(name)
        {
            return Err(format!("column '{name}' is in {currency}; costs are US dollars"));
        }
        slots.push(Slot { field, column: column.clone(), at, path });
    }
    let has_cost =
        slots.iter().any(|slot| slot.field == "cost") || mapping.constants.iter().any(|(set, _)| *set == "cost");
    let other = || header.names.iter().find_map(|name| Some((name, other_money(name)?)));
    if !has_cost && let Some((name, currency)) = other() {
        return Err(format!(
            "column '{name}' is in {currency}; costs are US dollars: --map cost=COLUMN takes them from another column, \
             else leave this one out"
        ));
    }
    Ok(slots)
}

/// The cells of a row that hold figures.
fn figures<'a>(slots: &'a [Slot], record: &'a Record) -> impl Iterator<Item = (&'a Slot, Unit, &'a str)> {
    let cells = slots.iter().filter(|slot| Mapping::is_figure(slot.field) && !slot.path);
    cells.filter_map(|slot| {
        let unit = if slot.field == "cost" { Unit::Usd } else { Unit::Whole };
        Some((slot, unit, std::str::from_utf8(record.cells.get(slot.at)?).ok()?.trim()))
    })
}

/// Whether a row is the sum of others: it says so where a name or a time would stand, and is no row of its own.
fn is_sum(mapping: &Mapping, slots: &[Slot], header: &Header, record: &Record) -> bool {
    let text = |at: usize| std::str::from_utf8(record.cells.get(at).unwrap_or_default()).unwrap_or_default().trim();
    let of =
        |field: &str| slots.iter().filter(|slot| slot.field == field).map(|slot| text(slot.at)).find(|t| !t.is_empty());
    let has_time = of("timestamp").is_some_and(|time| !is_total(time));
    // The rows of a day have subtotals, too; a row with an id of its own is none.
    if has_time && (mapping.identity() == Identity::Cells || of("id").is_some()) {
        return false;
    }
    let is_figure = |at: usize| slots.iter().any(|slot| slot.at == at && Mapping::is_figure(slot.field));
    (0..header.names.len()).any(|at| !is_figure(at) && is_total(text(at)))
}
