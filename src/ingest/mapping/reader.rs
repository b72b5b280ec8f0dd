//! One row after another, put as events are written.

use std::borrow::Cow;
use std::collections::HashMap;

use super::super::cell::{Decimal, Figure, Said, Unit, time};
use super::super::event::UNKNOWN_TOKENS;
use super::super::field::{checked, clipped};
use super::super::formats::{Identity, note_status};
use super::super::langfuse;
use super::super::row::{Draft, Row, Value, plain, quoted, undivided};
use super::columns::{COUNTS, Mapping, known};
use super::made::Notes;
use crate::model::{Fingerprint, PicoUsd};

/// The field that says for whom a row is, even where it makes no event.
pub(super) const ORGANIZATION: &str = "organizationId";
/// Days' rows of one file that are remembered, to tell one that comes twice from one that contradicts it.
const MAX_DAY_ROWS: usize = 1_000_000;

/// What is known of a file while its rows are read.
pub(super) struct Reader {
    pub(super) mapping: Mapping,
    /// The decimal mark and where it was seen.
    pub(super) decimal: Option<(Decimal, String)>,
    /// Whether a point is the decimal mark of an amount that says nothing itself.
    pub(super) leans_to_point: bool,
    pub(super) rows: u64,
    pub(super) notes: Notes,
    /// Rows of whole days by what they are of, with all that they say and where they are.
    days: HashMap<Fingerprint, (Fingerprint, u64)>,
}
impl Reader {
    pub(super) fn new(mapping: Mapping) -> Reader {
        let decimal = mapping.decimal.map(|decimal| (decimal, "as --decimal says".to_owned()));
        let notes = Notes::default();
        Reader { mapping, decimal, leans_to_point: false, rows: 0, notes, days: HashMap::new() }
    }

    /// Notes what a number says of the decimal mark of its file, unless that is known.
    pub(super) fn see(&mut self, decimal: Decimal, column: &str, cell: &str, line: u64) {
        if self.decimal.is_none() {
            self.decimal = Some((decimal, format!("as in '{}', line {line}, column {column}", clipped(cell))));
            self.notes.decimal = Some(decimal);
        }
    }

    /// The events of a row, whose values come with their fields and columns; `place` is its line, for errors, and its
    /// number among the rows.
    pub(super) fn drafts<'v>(
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
                continue;
            }
            let json = match field {
                "hasError" if is_status(column) => Some(is_error(value.as_str()).to_string()),
                _ => self.translate(field, &value).map_err(in_column)?,
            };
            let Some(json) = json else { continue };
            // One below 0 is a program's mistake in working it out.
            if field == "cost" && self.mapping.format.is_some() && json.trim_start_matches('"').starts_with('-') {
                continue;
            }
            draft.set(field, json);
            if field == "hasError" {
                note_status(&mut draft, value.as_str());
            }
        }
        if let Some(currency) = row.text("currency")?.filter(|_| draft.has("cost"))
            && !matches!(currency.to_ascii_lowercase().as_str(), "usd" | "$" | "us$")
        {
            return Err(format!("column currency: '{}'; costs are US dollars", clipped(&currency)));
        }
        if draft.get("count") == Some("0") {
            return self.unused(&draft);
        }
        let format = self.mapping.format;
        let mut drafts = match format {
            Some(format) => (format.finish)(row, draft)?,
            None => vec![draft],
        };
        if drafts.iter().all(langfuse::is_step) {
            self.notes.no_calls += 1;
            return Ok(drafts);
        }
        for draft in &mut drafts {
            self.fill(draft, place.1)?;
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
        let tagged = self.mapping.columns.iter().any(|(field, _)| *field == "source");
        for draft in &mut drafts {
            match format.and_then(|format| format.gateway) {
                Some(gateway) => *draft = gateway.record_of(draft, tagged)?,
                None => note_unknown(draft),
            }
        }
        Ok(drafts)
    }

    /// Whom a refused row is for, if it says so in the first of some columns, or whoever loads it does.
    pub(super) fn organization<'v>(
        &self,
        mut named: impl Iterator<Item = Result<Option<Cow<'v, str>>, String>>,
    ) -> Option<String> {
        let set = self.mapping.constants.iter().find(|(field, _)| *field == ORGANIZATION);
        let set = set.map(|(_, value)| Cow::Borrowed(value.as_str()));
        let id = named.find_map(|text| text.ok().flatten()).or(set)?;
        checked(ORGANIZATION, id).ok().map(Cow::into_owned)
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
    fn unused(&mut self, draft: &Draft) -> Result<Vec<Draft>, String> {
        let has_tokens = COUNTS.iter().any(|field| *field != "count" && draft.whole(field) > 0);
        if has_tokens || draft.cost().is_some_and(|cost| cost != PicoUsd::ZERO) {
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
    pub(super) fn translate(&mut self, field: &str, value: &Value<'_>) -> Result<Option<String>, String> {
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
                "hasError" => says_error(text)?.to_string(),
                "cached" | "streamed" | "partial" => match flag(text) {
                    Some(true) => "true".into(),
                    Some(false) => return Ok(None),
                    None => return Err(no_flag(text)),
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
    pub(super) fn time(&self, value: &Value<'_>) -> Result<(String, Said), String> {
        let (at, said) = time(value.as_str(), self.mapping.day_zone)?;
        Ok((at.to_string(), said))
    }
}

/// Of what went in and what came out, a row that has the one does not know the other; an event that leaves it out says 0.
fn note_unknown(draft: &mut Draft) {
    for (field, other) in [("promptTokens", "completionTokens"), ("completionTokens", "promptTokens")] {
        if draft.has(field) && !draft.has(other) {
            draft.set(other, UNKNOWN_TOKENS);
        }
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

fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "1" | "yes" => Some(true),
        "false" | "f" | "0" | "no" | "none" => Some(false),
        _ => None,
    }
}

fn no_flag(text: &str) -> String {
    format!("'{}' is neither true nor false", clipped(text))
}

/// What is said of an error where nothing else would be: true or false, an HTTP status, or a word for either.
fn says_error(text: &str) -> Result<bool, String> {
    let is_status = text.parse().is_ok_and(|code: u16| (100..600).contains(&code));
    let is_word = ["success", "succeeded", "successful", "ok"].iter().any(|word| text.eq_ignore_ascii_case(word));
    match flag(text) {
        Some(flag) => Ok(flag),
        None if is_status || is_word || is_error(text) && text.parse::<i64>().is_err() => Ok(is_error(text)),
        None => Err(no_flag(text)),
    }
}

/// Whether a column is of statuses or levels, in whatever words a program has for them, and not of true and false.
fn is_status(column: &str) -> bool {
    undivided(column) != "haserror"
}

/// Whether a status or a level is that of an error: HTTP codes from 400 on, or words.
fn is_error(text: &str) -> bool {
    if let Ok(code) = text.parse::<i64>() {
        return code == 1 || !(0..400).contains(&code);
    }
    matches!(text.to_ascii_lowercase().as_str(), "true" | "t" | "yes" | "failure" | "failed" | "error")
}
