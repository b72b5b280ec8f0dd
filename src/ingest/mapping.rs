//! Rows of tables, from CSV or JSON, rewritten as events: which of their columns holds which field.
//!
//! Values are carried over as they are written, so that amounts stay exact; what says the same in another way (a decimal
//! comma, `t` for true, a time without a zone) is put in ours. What can be read in two ways is decided by the rest of the
//! file, or by whoever loads it, or the row is refused.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::io::Read;
use std::sync::Arc;

use super::BodyError;
pub use super::cell::Decimal;
use super::cell::{Figure, Said, Unit, is_total, other_currency, time};
use super::csv::{Record, SEPARATED, Table, shown, shown_cell};
use super::event::clipped;
use super::formats::{Format, Identity, note_status};
use super::json::each;
use super::langfuse;
use super::row::{Draft, Fields, Header, Row, Value, cell, plain, quoted};
use crate::calendar::Zone;
use crate::model::{Fingerprint, PicoUsd};

/// Numbers of tokens and calls.
const COUNTS: [&str; 10] = [
    "promptTokens",
    "completionTokens",
    "totalTokens",
    "cachedTokens",
    "cacheWriteTokens",
    "cacheWrite1hTokens",
    "reasoningTokens",
    "audioInputTokens",
    "audioOutputTokens",
    "count",
];
const FLAGS: [&str; 4] = ["hasError", "cached", "streamed", "partial"];
const TEXTS: [&str; 11] = [
    "id",
    "callId",
    "organizationId",
    "projectId",
    "apiKeyId",
    "usedModel",
    "usedProvider",
    "source",
    "finishReason",
    "usedMode",
    "serviceTier",
];

/// Rows that are read ahead to see what the decimal mark is.
const AHEAD_ROWS: usize = 10_000;
const AHEAD_BYTES: usize = 8 << 20;
/// How deep rows may lie in a page of JSON.
const MAX_PAGE_DEPTH: usize = 3;
/// Days' rows of one file that are remembered, to tell one that comes twice from one that contradicts it.
const MAX_DAY_ROWS: usize = 1_000_000;

/// Every field of an event.
fn fields() -> impl Iterator<Item = &'static str> {
    COUNTS.into_iter().chain(["cost", "timestamp"]).chain(FLAGS).chain(TEXTS)
}

fn known(field: &str) -> Result<&'static str, String> {
    if let Some(known) = fields().find(|known| *known == field) {
        return Ok(known);
    }
    let mut all: Vec<&str> = fields().collect();
    all.sort_unstable();
    Err(format!("an event has no field '{field}'; it has {}", all.join(", ")))
}

/// Where each field of an event comes from, and how values are read.
#[derive(Clone)]
pub struct Mapping {
    format: Option<&'static Format>,
    /// Of several columns for one field, the first that has a value.
    columns: Arc<Vec<(&'static str, Cow<'static, str>)>>,
    constants: Vec<(&'static str, String)>,
    /// Columns that were named by hand, which must be there.
    by_hand: Vec<String>,
    /// Whether a file may be taken for a known export by its columns.
    pub recognizes: bool,
    /// The decimal mark, where it was said.
    pub decimal: Option<Decimal>,
    /// The zone of days, and of times that name none.
    pub day_zone: Zone,
}

impl Default for Mapping {
    /// Columns that are named as the fields are.
    fn default() -> Mapping {
        Mapping::of(None, fields().map(|field| (field, field)))
    }
}

impl Mapping {
    fn of(format: Option<&'static Format>, columns: impl Iterator<Item = (&'static str, &'static str)>) -> Mapping {
        let columns = Arc::new(columns.map(|(field, column)| (field, Cow::Borrowed(column))).collect());
        let (constants, by_hand) = (Vec::new(), Vec::new());
        let recognizes = format.is_none();
        Mapping { format, columns, constants, by_hand, recognizes, decimal: None, day_zone: Zone::UTC }
    }

    /// The columns of a known export.
    pub fn of_format(format: &'static Format) -> Mapping {
        Mapping::of(Some(format), format.columns.iter().copied())
    }

    /// Takes a field from a column, whatever it was taken from before. `a.b` is the field `b` of the object in `a`.
    pub fn map(&mut self, field: &str, column: &str) -> Result<(), String> {
        let field = known(field)?;
        let columns = Arc::make_mut(&mut self.columns);
        columns.retain(|(mapped, _)| *mapped != field);
        columns.push((field, column.to_owned().into()));
        self.by_hand.push(column.to_owned());
        Ok(())
    }

    /// Gives a field a value where the row has none; `{row}` stands for the number of the row.
    pub fn set(&mut self, field: &str, value: &str) -> Result<(), String> {
        let field = known(field)?;
        self.constants.retain(|(set, _)| *set != field);
        self.constants.push((field, value.to_owned()));
        Ok(())
    }

    pub fn format(&self) -> Option<&'static Format> {
        self.format
    }

    /// What a file's columns say that it is, unless columns were named by hand: then whoever did knows better.
    fn recognized<'a>(&self, columns: impl Iterator<Item = &'a str> + Clone) -> Option<Mapping> {
        let is_own = columns.clone().any(|name| name == "usedModel" || name == "timestamp");
        if !self.recognizes || !self.by_hand.is_empty() || is_own {
            return None;
        }
        let format = Format::recognize(columns)?;
        let (constants, decimal, day_zone) = (self.constants.clone(), self.decimal, self.day_zone);
        Some(Mapping { constants, decimal, day_zone, ..Mapping::of_format(format) })
    }

    /// What a JSON object's fields say that the file is: events, unless they are those of a known export.
    pub fn recognized_in(&self, object: &str) -> Option<Mapping> {
        let fields = Fields::read(object).ok()?;
        let mut names: Vec<&str> = fields.0.keys().map(|name| &**name).collect();
        if let Some(mapping) = self.recognized(names.iter().copied()) {
            return Some(mapping);
        }
        // A page of rows says by the first what they are.
        let page = fields.get("data").or_else(|| fields.get("results"))?;
        let mut first = None;
        let taken = each(page.as_bytes(), |element| {
            first = Some(element.get());
            Err::<(), ()>(())
        });
        taken.ok()?.err()?;
        let first = Fields::read(first?).ok()?;
        names = first.0.keys().map(|name| &**name).collect();
        self.recognized(names.into_iter())
    }

    fn identity(&self) -> Identity {
        self.format.map_or(Identity::Own, |format| format.identity)
    }

    fn is_figure(field: &str) -> bool {
        field == "cost" || COUNTS.contains(&field)
    }
}

/// What was found besides events, for whoever loads a file.
#[derive(Debug, Default, Clone)]
pub struct Notes {
    /// Rows that stand for no call of a model.
    pub no_calls: usize,
    /// Rows without any requests, tokens or cost.
    pub unused: usize,
    /// How many rows are sums of others, and where the first is.
    pub totals: usize,
    pub first_total: u64,
    /// Rows with a day and no time.
    pub days: usize,
    /// Rows with a time that names no zone.
    pub zoneless: usize,
    /// Costs that say that they are included.
    pub included: usize,
    /// The decimal mark that was found, unless it was said.
    pub decimal: Option<Decimal>,
    /// What separates columns.
    pub separator: Option<&'static str>,
}

/// A row that makes no event.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused {
    /// The number of its line or row.
    pub number: u64,
    pub id: Option<String>,
    pub error: String,
}

/// Some rows, as events.
#[derive(Debug, Default)]
pub struct Made {
    /// Events, one a line.
    pub lines: Vec<u8>,
    /// The number of the line or row of each.
    pub numbers: Vec<u64>,
    pub refused: Vec<Refused>,
    /// Rows that may tell of the same call as another, and are written when all of these are read.
    nested: Vec<(Draft, u64)>,
}

impl Made {
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty() && self.refused.is_empty()
    }
}

/// What is known of a file while its rows are read.
struct Reader {
    mapping: Mapping,
    /// The decimal mark and where it was seen.
    decimal: Option<(Decimal, String)>,
    /// Whether a point is the decimal mark of an amount that says nothing itself.
    leans_to_point: bool,
    rows: u64,
    notes: Notes,
    /// Rows of whole days by what they are of, with all that they say and where they are.
    days: HashMap<Fingerprint, (Fingerprint, u64)>,
}

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
        let mut made = Made::default();
        while made.len() < bytes && made.refused.len() < AHEAD_ROWS {
            let Some(record) = self.ahead.pop_front().or_else(|| self.table.next()) else { break };
            self.take(&record, &mut made);
        }
        made.settle()
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
            made.refused.push(Refused { number: record.line, id: id(), error: wrong.clone() });
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
            Err(error) => made.refused.push(Refused { number: record.line, id: id(), error }),
        }
    }
}

/// The columns that are there, of all that a mapping knows.
fn slots(header: &Header, mapping: &Mapping) -> Result<Vec<Slot>, String> {
    let mut slots = Vec::new();
    for (field, column) in mapping.columns.iter() {
        let find = |name: &str| match mapping.format {
            Some(_) if !mapping.by_hand.iter().any(|by_hand| by_hand == name) => header.find(name),
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
        let same = |other: &&String| *other == name || mapping.format.is_some() && plain(other) == plain(name);
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

/// Rows of JSON objects, read as events.
pub struct JsonRows {
    reader: Reader,
}

impl JsonRows {
    pub fn new(mapping: Mapping) -> JsonRows {
        let mut reader = Reader::new(mapping);
        reader.leans_to_point = true;
        JsonRows { reader }
    }

    pub fn mapping(&self) -> &Mapping {
        &self.reader.mapping
    }

    pub fn notes(&self) -> &Notes {
        &self.reader.notes
    }

    /// The events of rows, an array of objects or one a line.
    pub fn rewrite(&mut self, rows: &[u8], is_array: bool) -> Result<Made, BodyError> {
        let mut made = Made::default();
        if is_array {
            each(rows, |element| {
                self.take(element.get(), 0, &mut made);
                Ok::<(), ()>(())
            })?
            .expect("nothing fails");
        } else {
            let lines = rows.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
            lines.for_each(|line| self.take(&String::from_utf8_lossy(line), 0, &mut made));
        }
        Ok(made.settle())
    }

    /// Takes a row, or the rows of a page.
    fn take(&mut self, json: &str, depth: usize, made: &mut Made) {
        let fields = match Fields::read(json) {
            Ok(fields) => fields,
            Err(error) => {
                self.reader.rows += 1;
                let error = format!("not a row: {error}");
                made.refused.push(Refused { number: self.reader.rows, id: None, error });
                return;
            }
        };
        if depth < MAX_PAGE_DEPTH {
            match self.rows_of(&fields) {
                Ok(None) => {}
                Ok(Some(rows)) => {
                    rows.iter().for_each(|row| self.take(row, depth + 1, made));
                    return;
                }
                Err(error) => {
                    self.reader.rows += 1;
                    made.refused.push(Refused { number: self.reader.rows, id: None, error });
                    return;
                }
            }
        }
        self.reader.rows += 1;
        let number = self.reader.rows;
        let row = Row::Object(fields);
        let columns = self.reader.mapping.columns.clone();
        let values = columns.iter().map(|(field, column)| (*field, &**column, row.value(column)));
        match self.reader.drafts(&row, values, (number, number)) {
            Ok(drafts) => made.add(drafts, number),
            Err(error) => {
                let id = row.text("id").ok().flatten().map(Cow::into_owned);
                made.refused.push(Refused { number, id, error });
            }
        }
    }

    /// The rows in an object that is a page of them; `None` when it is a row.
    fn rows_of(&self, fields: &Fields<'_>) -> Result<Option<Vec<String>>, String> {
        if let Some(rows) = self.reader.mapping.format.and_then(|format| format.rows)
            && let Some(rows) = rows(fields)?
        {
            return Ok(Some(rows));
        }
        let timed = self
            .reader
            .mapping
            .columns
            .iter()
            .any(|(field, column)| *field == "timestamp" && fields.get(column).is_some());
        let page = ["data", "results", "rows"].iter().find_map(|name| fields.get(name));
        let Some(page) = page.filter(|page| !timed && page.starts_with(['[', '{'])) else { return Ok(None) };
        if page.starts_with('{') {
            return Ok(Some(vec![page.to_owned()]));
        }
        let mut rows = Vec::new();
        let read = each(page.as_bytes(), |row| {
            rows.push(row.get().to_owned());
            Ok::<(), ()>(())
        });
        read.map(|_| Some(rows)).map_err(|error| error.to_string())
    }
}

impl Made {
    fn add(&mut self, drafts: Vec<Draft>, number: u64) {
        for draft in drafts {
            if langfuse::may_be_nested(&draft) {
                self.nested.push((draft, number));
                continue;
            }
            draft.write(&mut self.lines);
            self.numbers.push(number);
        }
    }

    /// About how long what was read will be.
    fn len(&self) -> usize {
        // An event is of some 200 bytes.
        self.lines.len() + 200 * self.nested.len()
    }

    fn settle(mut self) -> Made {
        for (draft, number) in langfuse::once(std::mem::take(&mut self.nested)) {
            draft.write(&mut self.lines);
            self.numbers.push(number);
        }
        self
    }
}

impl Notes {
    /// Rows that were passed over, by why.
    pub fn skipped(&self) -> [(&'static str, usize); 3] {
        [("no call of a model", self.no_calls), ("no usage in it", self.unused), ("a sum of other rows", self.totals)]
    }
}

impl Reader {
    fn new(mapping: Mapping) -> Reader {
        let decimal = mapping.decimal.map(|decimal| (decimal, "as --decimal says".to_owned()));
        let notes = Notes::default();
        Reader { mapping, decimal, leans_to_point: false, rows: 0, notes, days: HashMap::new() }
    }

    /// Notes what a number says of the decimal mark of its file, unless that is known.
    fn see(&mut self, decimal: Decimal, column: &str, cell: &str, line: u64) {
        if self.decimal.is_none() {
            self.decimal = Some((decimal, format!("as in '{}', line {line}, column {column}", clipped(cell))));
            self.notes.decimal = Some(decimal);
        }
    }

    /// The events of a row, whose values come with their fields and columns; `place` is its line, for errors, and its
    /// number among the rows.
    fn drafts<'v>(
        &mut self,
        row: &Row<'_>,
        values: impl Iterator<Item = (&'static str, &'v str, Result<Option<Value<'v>>, String>)>,
        place: (u64, u64),
    ) -> Result<Vec<Draft>, String> {
        let mut draft = Draft::default();
        let mut said = Said::All;
        for (field, column, value) in values {
            if draft.has(field) {
                continue;
            }
            let Some(value) = value? else { continue };
            let in_column = |error: String| format!("column {column}: {error}");
            if field == "timestamp" {
                let (json, how) = self.time(&day_of(column, value)).map_err(in_column)?;
                said = how;
                draft.set(field, json);
            } else if let Some(json) = self.translate(field, &value).map_err(in_column)? {
                draft.set(field, json);
                if field == "hasError" {
                    note_status(&mut draft, value.as_str());
                }
            }
        }
        if let Some(currency) = row.text("currency")?.filter(|_| draft.has("cost"))
            && !matches!(currency.to_ascii_lowercase().as_str(), "usd" | "$" | "us$")
        {
            return Err(format!("column currency: '{}'; costs are US dollars", clipped(&currency)));
        }
        let format = self.mapping.format;
        let mut drafts = match format {
            Some(format) => (format.finish)(row, draft)?,
            None => vec![draft],
        };
        if drafts.is_empty() {
            self.notes.no_calls += 1;
            return Ok(drafts);
        }
        for draft in &mut drafts {
            self.fill(draft, place.1)?;
        }
        if drafts.iter().all(|draft| draft.get("count") == Some("0")) {
            return self.unused(&drafts);
        }
        match said {
            Said::All => {}
            Said::NoZone => self.notes.zoneless += 1,
            Said::Day => self.notes.days += 1,
        }
        let is_day = said == Said::Day;
        if drafts.iter().all(|draft| !draft.has("id")) && (is_day || self.mapping.identity() != Identity::Own) {
            self.derive_ids(row, &mut drafts, place.0)?;
        }
        Ok(drafts)
    }

    /// Gives an event what the file's format and whoever loads it say of all.
    fn fill(&mut self, draft: &mut Draft, number: u64) -> Result<(), String> {
        for at in 0..self.mapping.constants.len() {
            let (field, value) = &self.mapping.constants[at];
            let (field, value) = (*field, Value::Text(value.replace("{row}", &number.to_string()).into()));
            if draft.has(field) {
                continue;
            }
            let in_flag = |error: String| format!("--set {field}: {error}");
            let json = match field {
                "timestamp" => Some(self.time(&value).map_err(in_flag)?.0),
                _ => self.translate(field, &value).map_err(in_flag)?,
            };
            if let Some(json) = json {
                draft.set(field, json);
            }
        }
        for (field, value) in self.mapping.format.map_or(&[][..], |format| format.constants) {
            // A model that has its provider before its name needs no other.
            let has_prefix =
                *field == "usedProvider" && draft.get("usedModel").is_some_and(|model| model.contains('/'));
            if !has_prefix {
                draft.fill(known(field)?, value);
            }
        }
        Ok(())
    }

    /// A row of 0 requests: nothing, unless it has usage all the same.
    fn unused(&mut self, drafts: &[Draft]) -> Result<Vec<Draft>, String> {
        let has_usage = |draft: &Draft| {
            let tokens = COUNTS.iter().any(|field| *field != "count" && draft.whole(field) > 0);
            tokens || draft.cost().is_some_and(|cost| cost != PicoUsd::ZERO)
        };
        if drafts.iter().any(has_usage) {
            return Err("the row has usage, and 0 requests that it is of; a row stands for 1 request or more".into());
        }
        self.notes.unused += 1;
        Ok(Vec::new())
    }

    /// Gives the events of a row without an id one that is the same whenever the row is loaded.
    fn derive_ids(&mut self, row: &Row<'_>, drafts: &mut [Draft], line: u64) -> Result<(), String> {
        let (of, all) = self.identify(row)?;
        if self.days.len() < MAX_DAY_ROWS
            && let Some((before, first)) = self.days.insert(of, (all, line))
            && before != all
        {
            return Err(format!(
                "it is of the same day and names as line {first}, with other figures; --set id={{row}} tells them apart"
            ));
        }
        let name = self.mapping.format.map_or("day", |format| format.name);
        let digits: String = of.0.iter().map(|byte| format!("{byte:02x}")).collect();
        for (at, draft) in drafts.iter_mut().enumerate() {
            let part = if at == 0 { String::new() } else { format!("-{}", at + 1) };
            draft.set("id", quoted(&format!("{name}-{digits}{part}")));
        }
        Ok(())
    }

    /// What a row is of, and all that it says.
    fn identify(&self, row: &Row<'_>) -> Result<(Fingerprint, Fingerprint), String> {
        let mut names: Vec<(Cow<'_, str>, String)> = Vec::new();
        match row {
            Row::Cells { header, cells } => {
                for (at, name) in header.names.iter().enumerate() {
                    let text = shown_whole(cells.get(at).unwrap_or_default());
                    names.push((Cow::Borrowed(name), text));
                }
            }
            Row::Object(fields) => {
                let text = |value: &str| value.trim_matches('"').to_owned();
                names.extend(fields.0.iter().map(|(name, value)| (name.clone(), text(value.get()))));
            }
        }
        names.sort_unstable();
        let figure = |name: &str| {
            let mut columns = self.mapping.columns.iter();
            columns.any(|(field, column)| {
                let is_cost = *field == "cost";
                let is_kept = self.mapping.identity() == Identity::Cells && !is_cost;
                Mapping::is_figure(field) && !is_kept && (column == name || plain(column) == plain(name))
            })
        };
        let is_number = |text: &str| !matches!(Figure::of(text, Unit::Usd), Err(_) | Ok(Figure::Absent));
        let keeps_numbers = self.mapping.identity() == Identity::Cells;
        let join = |names: &mut dyn Iterator<Item = &(Cow<'_, str>, String)>| {
            let mut joined = String::new();
            names.for_each(|(name, text)| joined.extend([name, "\u{1}", text, "\u{2}"]));
            Fingerprint::of(&joined)
        };
        let mut of = names.iter().filter(|(name, text)| !figure(name) && (keeps_numbers || !is_number(text)));
        Ok((join(&mut of), join(&mut names.iter())))
    }

    /// A value as an event has it; `None` where there is none.
    fn translate(&mut self, field: &str, value: &Value<'_>) -> Result<Option<String>, String> {
        let unit = match field {
            "cost" => Some(Unit::Usd),
            field if COUNTS.contains(&field) => Some(Unit::Whole),
            _ => None,
        };
        let text = value.as_str();
        Ok(Some(match (unit, value) {
            // A number of JSON is exact as it is, and anything else is the event's reader's to name.
            (Some(_), Value::Json(json)) => json.clone().into_owned(),
            (Some(unit), Value::Text(text)) => return self.figure(text, unit),
            (None, _) => match field {
                "hasError" => is_error(text).to_string(),
                "cached" | "streamed" | "partial" => match text.to_ascii_lowercase().as_str() {
                    "true" | "t" | "1" | "yes" => "true".into(),
                    "false" | "f" | "0" | "no" | "none" => return Ok(None),
                    _ => return Err(format!("'{}' is neither true nor false", clipped(text))),
                },
                _ => quoted(text),
            },
        }))
    }

    fn figure(&mut self, text: &str, unit: Unit) -> Result<Option<String>, String> {
        let says = |mark: Decimal| format!("--decimal {}", mark.name());
        Ok(Some(match Figure::of(text, unit)? {
            Figure::Absent => return Ok(None),
            Figure::Included => {
                self.notes.included += 1;
                "0".into()
            }
            Figure::Number(number) => number,
            Figure::Of(decimal, number) => match &self.decimal {
                Some((known, why)) if *known != decimal => {
                    let text = clipped(text);
                    return Err(format!(
                        "'{text}' has a decimal {}, the file a decimal {}, {why}; {} says otherwise",
                        decimal.name(),
                        known.name(),
                        says(decimal)
                    ));
                }
                _ => number,
            },
            Figure::Either { point, comma } => match &self.decimal {
                Some((Decimal::Point, _)) => point,
                Some((Decimal::Comma, _)) => comma,
                None if self.leans_to_point && unit == Unit::Usd && text.contains('.') => point,
                None => {
                    let [of_point, of_comma] = [Decimal::Point, Decimal::Comma].map(says);
                    let text = clipped(text);
                    return Err(format!("'{text}' can be {point} ({of_point}) or {comma} ({of_comma}): say which"));
                }
            },
        }))
    }

    /// A time as JSON, and what of it was said.
    fn time(&self, value: &Value<'_>) -> Result<(String, Said), String> {
        let (at, said) = time(value.as_str(), self.mapping.day_zone)?;
        Ok((at.to_string(), said))
    }
}

/// The day in a column of days that have a midnight each.
fn day_of<'a>(column: &str, value: Value<'a>) -> Value<'a> {
    let is_of_days = || matches!(plain(column).as_str(), "date" | "day");
    let is_midnight = |clock: &str| clock.contains(':') && clock.chars().all(|c| matches!(c, '0' | ':' | '.'));
    match value.as_str().split_once([' ', 'T']) {
        Some((day, clock)) if is_midnight(clock) && is_of_days() => Value::Text(day.to_owned().into()),
        _ => value,
    }
}

fn shown_whole(cell: &[u8]) -> String {
    String::from_utf8_lossy(cell).trim().to_owned()
}

/// Whether a status or a level is that of an error: HTTP codes from 400 on, or words.
fn is_error(text: &str) -> bool {
    if let Ok(code) = text.parse::<i64>() {
        return code == 1 || !(0..400).contains(&code);
    }
    matches!(text.to_ascii_lowercase().as_str(), "true" | "t" | "yes" | "failure" | "failed" | "error")
}

#[cfg(test)]
mod tests {
    use super::super::formats::FORMATS;
    use super::*;

    /// What rows of JSON make: events and refusals, by row.
    #[track_caller]
    fn check(mapping: Mapping, rows: &str, expected: &[&str]) {
        let made = JsonRows::new(mapping).rewrite(rows.as_bytes(), false).unwrap();
        assert_eq!(said(&made), expected, "{rows}");
    }

    fn said(made: &Made) -> Vec<String> {
        let lines = std::str::from_utf8(&made.lines).unwrap().lines().map(str::to_owned);
        let refused = made.refused.iter().map(|refused| format!("! {}: {}", refused.number, refused.error));
        lines.chain(refused).collect()
    }

    fn named(format: &str) -> Mapping {
        Mapping::of_format(Format::named(format).unwrap())
    }

    #[test]
    fn columns_become_fields() {
        let mut mapping = Mapping::of(None, [].into_iter());
        for (field, column) in [("cost", "price"), ("timestamp", "at"), ("cachedTokens", "meta.usage.cached")] {
            mapping.map(field, column).unwrap();
        }
        mapping.set("id", "june-{row}").unwrap();
        mapping.set("promptTokens", "5").unwrap();
        check(
            mapping.clone(),
            r#"{"price": 0.12345678901234567890, "at": "2026-06-01 10:00:00", "meta": {"usage": {"cached": 3}}, "x": 1}"#,
            &[
                r#"{"cost":0.12345678901234567890,"timestamp":1780308000000,"cachedTokens":3,"id":"june-1","promptTokens":5}"#,
            ],
        );
        check(
            mapping.clone(),
            r#"{"price": "", "at": null, "meta": "{\"usage\": {\"cached\": \"3\"}}"}"#,
            &[r#"{"cachedTokens":3,"id":"june-1","promptTokens":5}"#],
        );
        check(mapping.clone(), "[1]", &["! 1: not a row: an object is expected, not an array"]);
        check(
            mapping.clone(),
            r#"{"price":1,"price":2}"#,
            &["! 1: not a row: it has 'price' twice at line 1 column 21"],
        );
        assert!(
            mapping.map("price", "cost").unwrap_err().contains("no field 'price'; it has apiKeyId, audioInputTokens,")
        );
    }

    #[test]
    fn a_spend_log_without_a_price_says_so() {
        let row = |spend: &str, tokens: u64, hit: &str| {
            format!(r#"{{"request_id":"a","spend":"{spend}","prompt_tokens":"{tokens}","cache_hit":"{hit}"}}"#)
        };
        let check = |row: String, expected: &str| check(named("litellm-spend-logs"), &row, &[expected]);
        check(row("0.0", 5, ""), r#"{"id":"a","promptTokens":5}"#);
        check(row("0.0", 0, ""), r#"{"id":"a","promptTokens":0,"cost":0.0}"#);
        check(row("0", 5, "True"), r#"{"id":"a","promptTokens":5,"cost":0,"cached":true}"#);
        check(row("0.1", 5, "False"), r#"{"id":"a","promptTokens":5,"cost":0.1}"#);
    }

    #[test]
    fn a_spend_log_has_its_cache_writes_under_any_of_their_names() {
        for (usage, expected) in [
            (
                r#"{"cache_creation_input_tokens":7,"cache_read_input_tokens":3}"#,
                r#""cachedTokens":3,"cacheWriteTokens":7"#,
            ),
            (
                r#"{"prompt_tokens_details":{"cached_tokens":3,"cache_creation_tokens":7,"cache_creation_token_details":{"ephemeral_1h_input_tokens":5}}}"#,
                r#""cachedTokens":3,"cacheWriteTokens":7,"cacheWrite1hTokens":5"#,
            ),
            (r#"{"prompt_tokens_details":{"cache_write_tokens":7}}"#, r#""cacheWriteTokens":7"#),
        ] {
            let row = format!(r#"{{"request_id":"a","metadata":{{"usage_object":{usage}}}}}"#);
            check(named("litellm-spend-logs"), &row, &[&format!(r#"{{"id":"a",{expected}}}"#)]);
        }
    }

    #[test]
    fn rows_are_numbered_across_bodies() {
        let mut mapping = Mapping::default();
        mapping.set("id", "r{row}").unwrap();
        let mut rows = JsonRows::new(mapping);
        let made = rows.rewrite(b"{\"count\":2}\n\n{\"count\":3}\n", false).unwrap();
        assert_eq!(said(&made), [r#"{"count":2,"id":"r1"}"#, r#"{"count":3,"id":"r2"}"#]);
        assert_eq!(said(&rows.rewrite(b"[{}]", true).unwrap()), [r#"{"id":"r3"}"#]);
        assert!(rows.rewrite(b"[{}", true).is_err());
    }

    #[test]
    fn the_same_said_differently() {
        let translate = |field: &str, json: &str| {
            let value = super::super::row::of_json(json)?;
            let mut reader = Reader::new(Mapping::default());
            let said = if field == "timestamp" {
                reader.time(&value).map(|(json, _)| Some(json))
            } else {
                reader.translate(field, &value)
            };
            said.unwrap_or_else(|error| Some(format!("! {error}")))
        };
        for (field, value, expected) in [
            ("timestamp", r#""2026-06-01T10:00:00.5+02:00""#, Some("1780300800500")),
            ("timestamp", "1780315200.25", Some("1780315200250")),
            (
                "timestamp",
                r#""yesterday""#,
                Some("! 'yesterday' is no time; write 2026-06-01T12:00:00Z, or a day as 2026-06-01"),
            ),
            ("hasError", r#""failure""#, Some("true")),
            ("hasError", r#""success""#, Some("false")),
            ("hasError", r#""DEFAULT""#, Some("false")),
            ("hasError", "429", Some("true")),
            ("hasError", r#""200""#, Some("false")),
            ("hasError", r#""f""#, Some("false")),
            ("cached", r#""True""#, Some("true")),
            ("cached", r#""None""#, None),
            ("partial", r#""true""#, Some("true")),
            ("cached", r#""maybe""#, Some("! 'maybe' is neither true nor false")),
            ("promptTokens", r#""12""#, Some("12")),
            ("cost", r#""n/a""#, None),
            ("cost", "0.10", Some("0.10")),
            ("id", "17", Some(r#""17""#)),
            ("source", r#"" ""#, None),
        ] {
            assert_eq!(translate(field, value).as_deref(), expected, "{field} {value}");
        }
    }

    #[test]
    fn formats_name_fields_that_events_have() {
        for format in &FORMATS {
            let has = |must: &&str| {
                let mut all = format.columns.iter().chain(format.constants);
                all.any(|(field, _)| field == must)
            };
            assert!(
                format.columns.iter().chain(format.constants).all(|(field, _)| known(field).is_ok()),
                "{}",
                format.name
            );
            assert!(["timestamp", "usedModel"].iter().all(has), "{}", format.name);
            assert!(has(&"id") || format.identity != Identity::Own, "{}", format.name);
        }
    }

    /// What a table makes, with its notes.
    fn read(mapping: Mapping, text: &str) -> (Vec<String>, Notes) {
        let mut rows = CsvRows::open(text.as_bytes(), mapping).unwrap();
        (said(&rows.next_rows(usize::MAX)), rows.notes().clone())
    }

    #[track_caller]
    fn check_csv(mapping: Mapping, text: &str, expected: &[&str]) -> Notes {
        let (said, notes) = read(mapping, text);
        assert_eq!(said, expected, "{text}");
        notes
    }

    #[track_caller]
    fn check_refused(mapping: Mapping, text: &str, expected: &str) {
        let error = CsvRows::open(text.as_bytes(), mapping).err().unwrap_or_default();
        assert!(error.contains(expected), "{text}: {error}");
    }

    #[test]
    fn events_in_csv_are_events() {
        check_csv(
            Mapping::default(),
            "\u{feff}id,timestamp,cost,promptTokens,note,source,usedModel\n\
             7,1780315200000,0.10,3,x,\"a, \"\"b\"\"\",m\nb,2026-06-01T00:00:00Z,n/a,,,,m\n",
            &[
                r#"{"promptTokens":3,"cost":0.10,"timestamp":1780315200000,"id":"7","usedModel":"m","source":"a, \"b\""}"#,
                r#"{"timestamp":1780272000000,"id":"b","usedModel":"m"}"#,
            ],
        );
    }

    const HEAD: &str = "id;timestamp;usedModel;promptTokens;cost\n";

    /// The figures of rows of prompt tokens and cost, with the mark that was found.
    #[track_caller]
    fn check_figures(said: Option<Decimal>, rows: &[(&str, &str)], expected: &[&str], found: Option<Decimal>) {
        let rows = rows.iter().map(|(tokens, cost)| format!("a;2026-06-01T00:00:00Z;m;{tokens};{cost}\n"));
        let mapping = Mapping { decimal: said, ..Mapping::default() };
        let (made, notes) = read(mapping, &format!("{HEAD}{}", rows.collect::<String>()));
        let figures =
            made.iter().map(|line| line.split(",\"timestamp\"").next().unwrap().trim_start_matches('{').to_owned());
        assert_eq!(figures.collect::<Vec<_>>(), expected);
        assert_eq!(notes.decimal, found);
    }

    #[test]
    fn a_decimal_mark_is_found_anywhere_in_the_file() {
        use Decimal::*;
        check_figures(
            None,
            &[("25.000", ""), ("7", "0,00021")],
            &[r#""promptTokens":25000"#, r#""promptTokens":7,"cost":0.00021"#],
            Some(Comma),
        );
        check_figures(None, &[("25.000", "$0.18")], &[r#""promptTokens":25,"cost":0.18"#], Some(Point));
        check_figures(None, &[("25,000", "1.5")], &[r#""promptTokens":25000,"cost":1.5"#], Some(Point));
        check_figures(
            None,
            &[("1.000", "1.000"), ("1.000.000", "")],
            &[r#""promptTokens":1000,"cost":1000"#, r#""promptTokens":1000000"#],
            Some(Comma),
        );
        check_figures(None, &[("25", "12")], &[r#""promptTokens":25,"cost":12"#], None);
        check_figures(Some(Comma), &[("25.000", "1.234")], &[r#""promptTokens":25000,"cost":1234"#], None);
        check_figures(Some(Point), &[("25.000", "1.234")], &[r#""promptTokens":25,"cost":1.234"#], None);
    }

    #[test]
    fn what_can_be_two_numbers_is_refused_with_the_flag_that_decides() {
        let either =
            "! 2: column promptTokens: '25.000' can be 25 (--decimal point) or 25000 (--decimal comma): say which";
        check_figures(None, &[("25.000", "")], &[either], None);
        let cost = "! 2: column cost: '1.234' can be 1.234 (--decimal point) or 1234 (--decimal comma): say which";
        check_figures(None, &[("5", "1.234")], &[cost], None);
        let other = "! 3: column cost: '0.5' has a decimal point, the file a decimal comma, as in '0,5', line 2, \
                     column cost; --decimal point says otherwise";
        let first = r#""promptTokens":5,"cost":0.5"#;
        check_figures(None, &[("5", "0,5"), ("5", "0.5")], &[first, other], Some(Decimal::Comma));
        let said = "! 2: column cost: '0,5' has a decimal comma, the file a decimal point, as --decimal says; \
                    --decimal comma says otherwise";
        check_figures(Some(Decimal::Point), &[("5", "0,5")], &[said], None);
        check_figures(
            None,
            &[("5", "€0,50")],
            &["! 2: column cost: '€0,50' has '€' in it; costs are US dollars"],
            None,
        );
        check_figures(None, &[("5x", "")], &["! 2: column promptTokens: '5x' is no whole number"], None);
        // With commas between columns a point is what programs write, unless another amount has a comma.
        let comma = "id,timestamp,usedModel,cost\na,2026-06-01T00:00:00Z,m,1.234\n";
        check_csv(Mapping::default(), comma, &[r#"{"cost":1.234,"timestamp":1780272000000,"id":"a","usedModel":"m"}"#]);
        let (said, _) = read(Mapping::default(), &format!("{comma}b,2026-06-01T00:00:00Z,m,\"1,234\"\n"));
        assert!(said.iter().all(|said| said.starts_with("! ") && said.contains("--decimal point")), "{said:?}");
    }

    #[test]
    fn headers_that_cannot_be_meant_are_refused_whole() {
        check_refused(
            Mapping::default(),
            "id,timestamp,usedModel,cost,cost\n",
            "two columns for cost: 'cost' and 'cost'",
        );
        check_refused(
            named("litellm-daily"),
            "Date,Model,Spend,Spend ($),Requests\n",
            "two columns for cost: 'Spend' and 'Spend ($)'",
        );
        check_refused(named("cursor"), "Date,Model,Input (w/o Cache Write),Cost (€)\n", "column 'Cost (€)' is in €");
        check_refused(Mapping::default(), "id|timestamp|usedModel\n", "separated by commas, semicolons or tabs");
        check_refused(
            Mapping::default(),
            "when,what\n",
            "there is no column 'timestamp'; the header has when, what; --map",
        );
        let mut mapping = Mapping::default();
        mapping.map("cost", "price").unwrap();
        check_refused(
            mapping,
            "id,timestamp,usedModel,prize\n",
            "there is no column 'price'; the header has id, timestamp,",
        );
    }

    #[test]
    fn totals_and_empty_rows_are_skipped_and_counted() {
        let text = "id;timestamp;usedModel;count;cost\na;2026-06-01T00:00:00Z;m;2;1,5\n;;;;\nTotal;;;2;1,5\n\
                    total;2026-06-01T00:00:00Z;m;1;0,25\n";
        let notes = check_csv(
            Mapping::default(),
            text,
            &[
                r#"{"count":2,"cost":1.5,"timestamp":1780272000000,"id":"a","usedModel":"m"}"#,
                r#"{"count":1,"cost":0.25,"timestamp":1780272000000,"id":"total","usedModel":"m"}"#,
            ],
        );
        assert_eq!((notes.totals, notes.first_total, notes.separator), (1, 4, Some("a semicolon")));
        let daily =
            "Date,Team,Model,Spend,Requests\n2026-06-01,a,m,0.5,1\n2026-06-01,Total,,0.5,1\n2026-06-02,a,m,0,0\n";
        let (said, notes) = read(Mapping::default(), daily);
        assert_eq!((said.len(), notes.totals, notes.unused, notes.days), (1, 1, 1, 1), "{said:?}");
        let (said, _) = read(Mapping::default(), "Date,Team,Model,Spend,Requests\n2026-06-01,a,m,0.5,0\n");
        assert!(said[0].contains("the row has usage, and 0 requests"), "{said:?}");
    }

    #[test]
    fn rows_of_a_day_are_known_by_what_they_are_of() {
        let ids = |text: &str| {
            let (said, _) = read(Mapping::default(), text);
            said.iter().map(|line| line.split("\"id\":").nth(1).unwrap_or(line).to_owned()).collect::<Vec<_>>()
        };
        let header = "Date,Team,Model,Spend,Requests\n";
        let first = ids(&format!("{header}2026-06-01,a,m,0.5,1\n2026-06-01,b,m,0.5,1\n"));
        assert_ne!(first[0], first[1]);
        // The order, the figures and how they are written make no other row.
        assert_eq!(first[1], ids(&format!("{header}2026-06-01,b,m,0.750,3\n"))[0]);
        assert_eq!(first[1], ids("Team,Date,Model,Requests,Spend\nb,2026-06-01,m,1,$0.5\n")[0]);
        let twice = ids(&format!("{header}2026-06-01,b,m,0.5,1\n2026-06-01,b,m,0.5,1\n2026-06-01,b,m,0.6,1\n"));
        assert_eq!(twice[0], twice[1]);
        assert!(twice[2].contains("! 4: it is of the same day and names as line 3, with other figures"), "{twice:?}");
    }

    #[test]
    fn a_row_has_a_number_that_its_line_is_not() {
        let mut mapping = Mapping::default();
        mapping.set("id", "r{row}").unwrap();
        let (said, _) = read(mapping, "timestamp;usedModel;source\n1780315200;m;\"a\nb\"\n\n;;\n1780315200;m;\n1;m;\n");
        assert!(said[0].ends_with(r#""id":"r1"}"#) && said[1].ends_with(r#""id":"r3"}"#), "{said:?}");
        assert!(said[2].starts_with("! 7: column timestamp: '1' is no time"), "{said:?}");
    }

    #[test]
    fn rows_of_a_day_without_a_format_have_ids_too() {
        let mut mapping = Mapping::default();
        for (field, column) in [("timestamp", "day"), ("usedModel", "model"), ("count", "calls")] {
            mapping.map(field, column).unwrap();
        }
        mapping.day_zone = Zone::named("Asia/Kolkata").unwrap();
        let (said, notes) = read(mapping, "day;model;calls\n01.06.2026;m;3\n");
        assert!(said[0].starts_with(r#"{"timestamp":1780295400000,"usedModel":"m","count":3,"id":"day-"#), "{said:?}");
        assert_eq!(notes.days, 1);
    }
}
