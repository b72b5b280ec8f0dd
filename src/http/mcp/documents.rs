//! Documentation for whoever asks: the pages that say what figures mean, as resources.

use serde_json::{Value, json};

use super::message::Error;

/// Name, what it is about, and the page as it was when this was built.
const PAGES: [(&str, &str, &str); 7] = [
    ("analytics.md", "Questions, their parameters and their answers", include_str!("../../../docs/analytics.md")),
    ("budgets.md", "Budgets, policies and decisions on calls", include_str!("../../../docs/budgets.md")),
    (
        "change.md",
        "Why a window cost more or less: the causes and their formulas",
        include_str!("../../../docs/change.md"),
    ),
    (
        "days-and-zones.md",
        "Local days, and what happens when clocks change",
        include_str!("../../../docs/days-and-zones.md"),
    ),
    ("explain.md", "Where a figure comes from", include_str!("../../../docs/explain.md")),
    ("intake.md", "What became of what senders sent", include_str!("../../../docs/intake.md")),
    ("teams.md", "Teams, cost centres, and whose usage it is", include_str!("../../../docs/teams.md")),
];
const SCHEME: &str = "rollcall://docs/";

pub fn list() -> Vec<Value> {
    let pages = PAGES.iter().map(|(name, about, text)| {
        let uri = format!("{SCHEME}{name}");
        json!({"uri": uri, "name": name, "description": about, "mimeType": "text/markdown", "size": text.len()})
    });
    pages.collect()
}

pub fn read(uri: &str) -> Result<Value, Error> {
    let name = uri.strip_prefix(SCHEME);
    match PAGES.iter().find(|(known, ..)| Some(*known) == name) {
        Some((.., text)) => Ok(json!({"contents": [{"uri": uri, "mimeType": "text/markdown", "text": text}]})),
        None => Err(Error::wrong(format!("there is no resource '{uri}'; resources/list has those there are"))),
    }
}
