//! Texts that are kept where others read them: bounded, printable, and without what was sent.

use std::borrow::Cow;

/// Of a sender's name, a version, a reason and an example.
pub(super) const MAX_CHARS: usize = 100;
/// What stands for whatever is past a limit.
pub(super) const OTHER: &str = "other";

/// An error without the values in it, so that it is the same for every record of its kind and repeats nothing of what
/// was sent.
pub(super) fn reason(error: &str) -> String {
    let bare = before_values(error);
    let (said, cut) = match bare.split_once(" is ") {
        // Of what a field is, only that much is ours to say.
        Some((_, rest)) if OURS.contains(&rest.split(' ').next().unwrap_or_default()) => (bare, false),
        Some((field, _)) => (field, true),
        None => (bare, bare.len() < error.len()),
    };
    let said = DANGLING.iter().fold(said, |said, word| said.strip_suffix(word).unwrap_or(said)).trim();
    let reason = match said {
        "" => "it is not valid".to_owned(),
        field if cut && field.split(' ').count() <= 2 => format!("{field} is not valid"),
        said => said.to_owned(),
    };
    fitting(&reason, MAX_CHARS).map_or_else(|| OTHER.to_owned(), Cow::into_owned)
}

/// Words after "is" that are about what is wrong and no value.
const OURS: [&str; 4] = ["missing", "empty", "not", "too"];
/// What is left hanging where a value was cut off.
const DANGLING: [&str; 5] = [" is", " at", " of", " has", " than"];

/// The beginning of a text up to where a value may stand in it.
fn before_values(text: &str) -> &str {
    let mut before = [' '; 2];
    for (at, character) in text.char_indices() {
        let begins_number = character.is_ascii_digit() && matches!(before, [_, ' '] | [' ', '-']);
        if begins_number || "'\"`[{(:;,".contains(character) {
            return text[..at].trim_end_matches([' ', '-']);
        }
        before = [before[1], character];
    }
    text
}

/// What tells a rejected record: its id or its place, and what was wrong as far as no text of it is repeated.
pub(super) fn rejected(index: usize, id: Option<&str>, error: &str) -> String {
    let end = error.find(['\'', '"', '`', '[', '{', ':', ';']).unwrap_or(error.len());
    let error = error[..end].trim_end();
    match id {
        Some(id) => format!("id {}: {error}", fitting(id, MAX_CHARS / 2).unwrap_or_default()),
        None => format!("record {index}: {error}"),
    }
}

/// A text without control characters, cut off where it is too long; `None` when nothing is left of it.
pub(super) fn fitting(text: &str, max_chars: usize) -> Option<Cow<'_, str>> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    // The usual one is short and printable ASCII.
    if text.len() <= max_chars && text.bytes().all(|b| (b' '..0x7f).contains(&b)) {
        return Some(Cow::Borrowed(text));
    }
    let fitting: String = text.chars().filter(|c| !c.is_control()).take(max_chars).collect();
    (!fitting.is_empty()).then_some(Cow::Owned(fitting))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_have_no_values() {
        for (error, expected) in [
            ("organizationId is missing; only a token of one organization may omit it", "organizationId is missing"),
            ("usedProvider is missing, and usedModel 'x' has no 'provider/' prefix", "usedProvider is missing"),
            ("prompt_tokens is -1; it must be a whole number of 0 or more", "prompt_tokens is not valid"),
            ("hasError is true or so; it must be true or false", "hasError is not valid"),
            ("cacheWrite1hTokens is 1.5; it must be a whole number", "cacheWrite1hTokens is not valid"),
            ("timestamp 'about noon' is not RFC 3339 with an offset", "timestamp is not valid"),
            ("the start at 12 ms is 1970-01-01T00:00:00Z, before 2020", "the start is not valid"),
            ("cost \"free\" is not a decimal number", "cost is not valid"),
            ("id is empty", "id is empty"),
            ("metadata could not be read: an object is expected", "metadata could not be read"),
            ("the event is not valid JSON: expected value at line 1", "the event is not valid JSON"),
            ("the line is not UTF-8: invalid byte", "the line is not UTF-8"),
            ("the call is too old: it is of 2024-01-01T00:00:00Z", "the call is too old"),
            ("'it's a secret", "it is not valid"),
            ("", "it is not valid"),
        ] {
            assert_eq!(reason(error), expected, "{error}");
        }
    }

    #[test]
    fn examples_name_a_record_and_repeat_no_text_of_it() {
        for (id, error, expected) in [
            (Some("call-2"), "prompt_tokens is -1; it must be a whole number", "id call-2: prompt_tokens is -1"),
            (None, "status is 'PROMPT'; allowed are success and failure", "record 4: status is"),
            (None, "the event is not valid JSON: PROMPT", "record 4: the event is not valid JSON"),
        ] {
            assert_eq!(rejected(4, id, error), expected);
        }
    }
}
