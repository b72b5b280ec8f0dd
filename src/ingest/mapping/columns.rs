//! Which columns hold which field.

use std::borrow::Cow;
use std::sync::Arc;

use super::super::cell::Decimal;
use super::super::formats::{Format, Identity};
use super::super::json::{each, without_nan};
use super::super::row::Fields;
use crate::calendar::Zone;

/// Numbers of tokens and calls.
pub(super) const COUNTS: [&str; 10] = [
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
const FLAGS: [&str; 5] = ["hasError", "cached", "streamed", "partial", "noRequest"];
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

/// Every field of an event.
fn fields() -> impl Iterator<Item = &'static str> {
    COUNTS.into_iter().chain(["cost", "timestamp"]).chain(FLAGS).chain(TEXTS)
}

pub(super) fn known(field: &str) -> Result<&'static str, String> {
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
    pub(super) format: Option<&'static Format>,
    /// Of several columns for one field, the first that has a value.
    pub(super) columns: Arc<Vec<(&'static str, Cow<'static, str>)>>,
    pub(super) constants: Vec<(&'static str, String)>,
    /// Columns that were named by hand, which must be there.
    pub(super) by_hand: Vec<String>,
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
    pub(super) fn of(
        format: Option<&'static Format>,
        columns: impl Iterator<Item = (&'static str, &'static str)>,
    ) -> Mapping {
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
    pub(super) fn recognized<'a>(&self, columns: impl Iterator<Item = &'a str> + Clone) -> Option<Mapping> {
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
        let Ok(fields) = Fields::read(object) else {
            return self.recognized_in(std::str::from_utf8(&without_nan(object.as_bytes())?).ok()?);
        };
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

    pub(super) fn identity(&self) -> Identity {
        self.format.map_or(Identity::Own, |format| format.identity)
    }

    pub(super) fn is_figure(field: &str) -> bool {
        field == "cost" || COUNTS.contains(&field)
    }
}
