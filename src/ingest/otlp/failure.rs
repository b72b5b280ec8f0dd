//! The HTTP status of a call that failed, by whatever its span says of it: a number, the name of an SDK's error, or a
//! sentence with either. It decides whose doing a failure is; nothing of a text is kept.

use super::attributes::{self as names, Attributes, Value};

/// What the SDKs of OpenAI and Anthropic call a status that is its caller's doing.
const CLIENT_ERRORS: [(&str, u16); 3] =
    [("BadRequestError", 400), ("NotFoundError", 404), ("UnprocessableEntityError", 422)];
/// What HTTP calls them: all that some SDKs have when an answer has no body that they understand.
const REASONS: [(&str, u16); 7] = [
    ("bad request", 400),
    ("not found", 404),
    ("method not allowed", 405),
    ("payload too large", 413),
    ("content too large", 413),
    ("unprocessable entity", 422),
    ("unprocessable content", 422),
];
/// How the word before a status in a sentence ends: `Error code: 400`, `status_code: 400`, `ClientError: 400`, `http 500`.
const BEFORE: [&str; 4] = ["code", "status", "http", "error"];
/// Of a sentence, how much is looked at: what follows is the answer's text.
const MAX_BYTES: usize = 300;

/// The status by attributes, else by the message of the span's own status.
pub fn http_status(attributes: &Attributes<'_>, message: &str) -> Option<u16> {
    let told = |list: names::List| attributes.first(list).and_then(status_of);
    told(names::HTTP_STATUS).or_else(|| told(names::ERROR)).or_else(|| in_sentence(message))
}

/// An error's type may be a status, too.
fn status_of(value: &Value<'_>) -> Option<u16> {
    let text = value.text()?;
    let named = || CLIENT_ERRORS.iter().find(|(name, _)| text.ends_with(name)).map(|(_, status)| *status);
    text.parse().ok().or_else(named)
}

/// As much of a text as is looked at, and no half of a character.
fn start_of(text: &str) -> &str {
    let end = (0..=MAX_BYTES.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

fn in_sentence(text: &str) -> Option<u16> {
    let text = text.trim();
    if let Some((_, status)) = REASONS.iter().find(|(reason, _)| reason.eq_ignore_ascii_case(text)) {
        return Some(*status);
    }
    let mut words = start_of(text).split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
    let mut before = None::<&str>;
    words.find_map(|word| {
        if let Some((_, status)) = CLIENT_ERRORS.iter().find(|(name, _)| word == *name) {
            return Some(*status);
        }
        let follows = before.is_none_or(|before| {
            let before = before.to_ascii_lowercase();
            BEFORE.iter().any(|end| before.ends_with(end))
        });
        before = Some(word);
        word.parse().ok().filter(|status| follows && word.len() == 3 && (400..600).contains(status))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_found_in_a_sentence() {
        for (text, expected) in [
            ("ModelRequestRejectedError: status_code: 400, model_name: gpt-4.1-mini, body: {}", Some(400)),
            ("ClientError: 404 NOT_FOUND. {'error': {'code': 404}}", Some(404)),
            ("Error getting response: {'error': 'Error code: 422 - no'}", Some(422)),
            ("BadRequestError: no more is said", Some(400)),
            ("413 payload too large", Some(413)),
            ("{\"error\":{\"code\":429,\"message\":\"status 400\"}}", Some(429)),
            ("http 500", Some(500)),
            ("Bad Request", Some(400)),
            ("a bad request", None),
            ("Model call failed", None),
            ("the prompt has 450 words", None),
            ("error 4000", None),
            ("", None),
        ] {
            assert_eq!(in_sentence(text), expected, "{text}");
        }
        assert_eq!(in_sentence(&format!("{}error 400", "\u{e9}".repeat(MAX_BYTES))), None);
    }
}
