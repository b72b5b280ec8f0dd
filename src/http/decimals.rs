//! `decimals=string`: amounts of money as JSON strings, for clients whose JSON numbers are doubles.
//!
//! What is an amount is what the OpenAPI document says is one. So a route that describes its answer has this without
//! knowing of it, and whoever writes an answer writes numbers.

use std::collections::HashSet;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use http_body_util::BodyExt;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Type};
use utoipa::openapi::{RefOr, Schema, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

use super::App;
use super::parameters::Parameters;
use super::problem::Problem;

/// The query parameter.
pub const NAME: &str = "decimals";
/// What it may be, and whether amounts are strings then.
pub const CHOICES: [(&str, bool); 2] = [("number", false), ("string", true)];

/// An amount, as the document describes it; it is written as a [`crate::model::PicoUsd`].
pub struct Money;

impl PartialSchema for Money {
    fn schema() -> RefOr<Schema> {
        let decimal = SchemaFormat::Custom("decimal".into());
        let number = ObjectBuilder::new().schema_type(Type::Number).format(Some(decimal.clone()));
        let text = ObjectBuilder::new().schema_type(Type::String).format(Some(decimal));
        let about = "US dollars, written exactly with up to 12 digits after the point, never with an exponent. Answers \
                     have it as a number, or as a string with `decimals=string`: for clients that read numbers as \
                     doubles, which have 15 digits.";
        OneOfBuilder::new()
            .item(number)
            .item(text.pattern(Some(r"^-?\d+(\.\d{1,12})?$")))
            .description(Some(about))
            .into()
    }
}

impl ToSchema for Money {}

/// Where an answer has amounts: the names of the fields that lead to each, such as `activity.breakdown.cost`. Lists add
/// nothing.
pub type Amounts = HashSet<String>;

/// Refuses a value that is none. To be called where unknown parameters are refused.
pub fn check(query: Option<&str>) -> Result<(), Problem> {
    Parameters::parse(query).choice(NAME, &CHOICES).map(drop)
}

/// Writes amounts as strings where that was asked for.
pub async fn as_asked(State(app): State<App>, request: Request, next: Next) -> Response {
    let asked = matches!(Parameters::parse(request.uri().query()).choice(NAME, &CHOICES), Ok(Some(true)));
    let amounts = match request.extensions().get::<MatchedPath>() {
        Some(route) if asked => (app.described)(request.method(), route.as_str()).map(|described| &described.amounts),
        _ => None,
    };
    let response = next.run(request).await;
    match amounts {
        Some(amounts) if response.status() == StatusCode::OK && is_json(response.headers()) => {
            let (mut parts, body) = response.into_parts();
            parts.headers.remove(header::CONTENT_LENGTH);
            let mut quoting = Quoting::new(amounts);
            let body = body.map_frame(move |frame| frame.map_data(|bytes| quoting.pass(&bytes).into()));
            Response::from_parts(parts, Body::new(body))
        }
        _ => response,
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json")
}

/// Puts amounts into quotes as a JSON text goes by, in pieces of any size.
struct Quoting {
    amounts: &'static Amounts,
    /// The names that lead to where the text is.
    path: String,
    /// Of every object and list around it, whether it is an object, and how long the path to it is.
    around: Vec<(bool, usize)>,
    within: Within,
}

/// What the next byte belongs to.
#[derive(Clone, Copy, PartialEq)]
enum Within {
    Nothing,
    /// A name is next, if anything.
    Names,
    Text {
        is_name: bool,
        escaped: bool,
    },
    Number {
        quoted: bool,
    },
}

impl Quoting {
    fn new(amounts: &'static Amounts) -> Quoting {
        Quoting { amounts, path: String::new(), around: Vec::new(), within: Within::Nothing }
    }

    fn pass(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 8);
        for &byte in bytes {
            if let Within::Text { is_name, escaped } = self.within {
                out.push(byte);
                self.within = match byte {
                    b'"' if !escaped => Within::Nothing,
                    _ => Within::Text { is_name, escaped: byte == b'\\' && !escaped },
                };
                // Names of amounts are ASCII without escapes; what others become matches none.
                if is_name && self.within != Within::Nothing {
                    self.path.push(char::from(byte));
                }
                continue;
            }
            if let Within::Number { quoted } = self.within {
                if matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E') {
                    out.push(byte);
                    continue;
                }
                if quoted {
                    out.push(b'"');
                }
                self.within = Within::Nothing;
            }
            match byte {
                b'{' | b'[' => {
                    self.around.push((byte == b'{', self.path.len()));
                    self.within = if byte == b'{' { Within::Names } else { Within::Nothing };
                }
                b'}' | b']' => {
                    if let Some((_, length)) = self.around.pop() {
                        self.path.truncate(length);
                    }
                    self.within = Within::Nothing;
                }
                b',' if self.around.last().is_some_and(|(is_object, _)| *is_object) => self.within = Within::Names,
                b'"' => {
                    let is_name = self.within == Within::Names;
                    if is_name {
                        self.path.truncate(self.around.last().map_or(0, |(_, length)| *length));
                        if !self.path.is_empty() {
                            self.path.push('.');
                        }
                    }
                    self.within = Within::Text { is_name, escaped: false };
                }
                b'-' | b'0'..=b'9' => {
                    let quoted = self.amounts.contains(&self.path);
                    if quoted {
                        out.push(b'"');
                    }
                    self.within = Within::Number { quoted };
                }
                _ => {}
            }
            out.push(byte);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;

    static AMOUNTS: LazyLock<Amounts> =
        LazyLock::new(|| ["cost", "rows.cost", "rows.parts.gap", "list"].map(str::to_owned).into());

    #[test]
    fn amounts_are_quoted_and_nothing_else_however_the_text_is_cut() {
        let check = |given: &str, expected: &str| {
            for size in 1..=given.len() {
                let mut quoting = Quoting::new(&AMOUNTS);
                let pieces = given.as_bytes().chunks(size).flat_map(|piece| quoting.pass(piece)).collect();
                assert_eq!(String::from_utf8(pieces).unwrap(), expected, "in pieces of {size}");
            }
        };
        check(r#"{"cost":310000003.299999999978}"#, r#"{"cost":"310000003.299999999978"}"#);
        check(r#"{"count":1,"cost":-0.5,"share":0.5}"#, r#"{"count":1,"cost":"-0.5","share":0.5}"#);
        check(
            r#"{"rows":[{"cost":1,"gap":2},{"cost":3}],"gap":4}"#,
            r#"{"rows":[{"cost":"1","gap":2},{"cost":"3"}],"gap":4}"#,
        );
        check(
            r#"{"rows":[{"parts":[{"gap":1},{"gap":2}],"cost":3}],"cost":4}"#,
            r#"{"rows":[{"parts":[{"gap":"1"},{"gap":"2"}],"cost":"3"}],"cost":"4"}"#,
        );
        check(r#"{"list":[1,2],"other":[{"cost":1}]}"#, r#"{"list":["1","2"],"other":[{"cost":1}]}"#);
        check(r#"{"label":"\"cost\":1","cost":null}"#, r#"{"label":"\"cost\":1","cost":null}"#);
        check(r#"{"a\\":{"cost":1},"é":2,"cost": 3 }"#, r#"{"a\\":{"cost":1},"é":2,"cost": "3" }"#);
        check(r#"{"cost":{"cost":1}}"#, r#"{"cost":{"cost":1}}"#);
    }
}
