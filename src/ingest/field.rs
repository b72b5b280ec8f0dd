//! The fields of a body, read from the text of JSON values: numbers exactly, and what is wrong by its field's name.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::number::parse_whole;
use crate::model::{MAX_QUANTITY, PicoUsd};

/// Longest id of an event, in characters.
const MAX_EVENT_ID_CHARS: usize = 128;
/// Longest of the other ids and names: a source can be the address of a page.
pub(super) const MAX_NAME_CHARS: usize = 512;

pub(super) fn missing(field: &str) -> String {
    format!("{field} is missing")
}

pub(super) fn required<'a>(field: &str, value: Option<&'a RawValue>) -> Result<&'a RawValue, String> {
    value.ok_or_else(|| missing(field))
}

pub(super) fn text<'a>(field: &str, value: &'a RawValue) -> Result<Cow<'a, str>, String> {
    let raw = value.get();
    let inner = raw.strip_prefix('"').and_then(|r| r.strip_suffix('"'));
    let inner = inner.ok_or_else(|| format!("{field} is {}; it must be a string", shown(raw)))?;
    if !inner.contains('\\') {
        return Ok(Cow::Borrowed(inner));
    }
    serde_json::from_str::<String>(raw).map(Cow::Owned).map_err(|e| format!("{field} is not a valid string: {e}"))
}

/// A string that can be an id or a name.
pub(super) fn name<'a>(field: &str, value: &'a RawValue) -> Result<Cow<'a, str>, String> {
    let name = text(field, value)?;
    if name.is_empty() { Err(format!("{field} is empty")) } else { checked(field, name) }
}

pub(super) fn checked<'a>(field: &str, name: Cow<'a, str>) -> Result<Cow<'a, str>, String> {
    let max = if field == "id" { MAX_EVENT_ID_CHARS } else { MAX_NAME_CHARS };
    // The usual name is short and printable ASCII.
    if name.len() <= max && name.bytes().all(|b| (b' '..0x7f).contains(&b)) {
        return Ok(name);
    }
    let characters = name.chars().count();
    if characters > max {
        return Err(format!("{field} has {characters} characters; at most {max} are allowed"));
    }
    if name.chars().any(char::is_control) {
        return Err(format!("{field} has a control character"));
    }
    Ok(name)
}

pub(super) fn whole(field: &str, value: &RawValue) -> Result<u64, String> {
    let number = parse_whole(value.get())
        .ok_or_else(|| format!("{field} is {}; it must be a whole number of 0 or more", shown(value.get())))?;
    if number > MAX_QUANTITY {
        return Err(format!("{field} is {number}; at most {MAX_QUANTITY} is allowed"));
    }
    Ok(number)
}

pub(super) fn money(field: &str, value: &RawValue) -> Result<PicoUsd, String> {
    let raw = value.get();
    let digits = if raw.starts_with('"') { text(field, value)? } else { Cow::Borrowed(raw) };
    PicoUsd::parse_event_cost(&digits).map_err(|error| format!("{field} {} {error}", shown(raw)))
}

pub(super) fn boolean(field: &str, value: Option<&RawValue>) -> Result<bool, String> {
    match value.map(RawValue::get) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(raw) => Err(format!("{field} is {}; it must be true or false", shown(raw))),
    }
}

/// A value as it is shown in an error: never longer than a line, and never a whole prompt.
pub(super) fn shown(raw: &str) -> String {
    match raw.as_bytes().first() {
        Some(b'{') => "an object".into(),
        Some(b'[') => "an array".into(),
        _ => clipped(raw).into_owned(),
    }
}

pub(super) fn clipped(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}
