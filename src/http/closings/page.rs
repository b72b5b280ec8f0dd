//! A statement as one page that needs nothing else, and prints on A4.

use std::fmt::Write;

use super::wire::{StatementAnswer, StatementLine, StatementSums};
use crate::ledger::checksum;

const STYLE: &str = "
@page { size: A4; margin: 18mm 16mm }
body { font: 10.5pt/1.45 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 190mm; margin: 2em auto; padding: 0 1em }
h1 { font-size: 17pt; margin: 0 0 .2em }
h2 { font-size: 12pt; margin: 1.8em 0 .4em }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15em 1em; margin: 1em 0 }
dt { color: #555 } dd { margin: 0; overflow-wrap: anywhere }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { text-align: right; padding: .3em .5em; border-bottom: 1px solid #ddd; vertical-align: top }
th:first-child, td:first-child { text-align: left; padding-left: 0; overflow-wrap: anywhere }
thead { display: table-header-group } tr { break-inside: avoid }
tfoot td { font-weight: 600; border-top: 2px solid #1a1a1a; border-bottom: 0 }
small { display: block; color: #555; font-size: 8.5pt }
.draft { border: 1px solid #8a5a00; color: #6b4600; background: #fff7e6; padding: .6em .8em }
footer { margin-top: 2.5em; color: #555; font-size: 8.5pt; overflow-wrap: anywhere }
@media print { body { margin: 0; padding: 0; max-width: none } }
";

/// Whose statement it is, as people call them.
pub struct Heading<'h> {
    pub organization: &'h str,
    /// What lines are by, and how people are told of.
    pub by: &'h str,
    pub disclosure: &'h str,
    /// The edition of the zone rules that its days are by.
    pub zone_database: &'h str,
}

pub fn page(heading: &Heading<'_>, statement: &StatementAnswer) -> String {
    let mut page = String::new();
    let Heading { organization, by, disclosure, zone_database } = heading;
    let month = &statement.month;
    let title = format!("Statement {month} by {by}: {}", escaped(organization));
    let mark = checksum::mark();
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n{mark}\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <h1>{}</h1>\n<p>LLM usage of {month}, by {by}</p>\n",
        escaped(organization)
    );
    if !statement.closed {
        page.push_str("<p class=\"draft\">Draft: the month is not closed, and its figures still change.</p>\n");
    }
    page.push_str("<dl>\n");
    let mut about = |name: &str, text: &str| {
        let _ = writeln!(page, "<dt>{name}</dt><dd>{}</dd>", escaped(text));
    };
    about("Organization", &statement.organization_id);
    about("Month", &format!("{month}, days of {} (zone rules {zone_database})", statement.timezone));
    if let (Some(at), Some(who), Some(id)) = (&statement.closed_at, &statement.closed_by, &statement.closing_id) {
        about("Closed", &format!("{at} by {who} ({id})"));
    }
    for one in &statement.reopened {
        let [closed, who, reopened, by] = [&one.closed_at, &one.closed_by, &one.reopened_at, &one.reopened_by];
        about("Closed before", &format!("{closed} by {who}, opened again {reopened} by {by}"));
    }
    about("People", disclosure);
    page.push_str("</dl>\n");
    let _ = writeln!(page, "<h2>Usage of {month}</h2>");
    table(&mut page, by, &statement.lines, None);
    for adjustment in &statement.adjustments {
        let why = match adjustment.reason.text() {
            "late" => "came since it was closed",
            "repriced" => "has another price since it was closed",
            "reassigned" => "counts for others since it was closed",
            _ => "has another name since it was closed",
        };
        let _ = writeln!(page, "<h2>Adjustment: usage of {} that {why}</h2>", adjustment.month);
        table(&mut page, by, &adjustment.lines, None);
    }
    page.push_str("<h2>In all</h2>\n");
    table(&mut page, "", &[], Some(&statement.totals));
    page.push_str(
        "<h2>How to read this</h2>\n<p>Amounts are US dollars, exact to the last digit. A request counts on the local day on \
         which it began. It counts for the team of its API key, else of the key's owner, else of its project, and for \
         the key's owner, as they were assigned on that day. What comes of a closed month later changes none of its \
         lines: it stands as an adjustment on the statement of the first month that is open.</p>\n",
    );
    let _ = write!(
        page,
        "</main>\n<footer>SHA-256 of this file with zeros in place of this number: {}. \
         <code>rollcall statement verify FILE</code> compares.</footer>\n</body>\n</html>\n",
        checksum::PLACE
    );
    checksum::sealed(&page)
}

fn table(page: &mut String, by: &str, lines: &[StatementLine], totals: Option<&StatementSums>) {
    let _ = writeln!(
        page,
        "<table>\n<thead><tr><th scope=\"col\">{by}</th><th scope=\"col\">Requests</th><th scope=\"col\">Tokens</th>\
         <th scope=\"col\">With credits</th><th scope=\"col\">With own keys</th><th scope=\"col\">Cost in USD</th></tr></thead>\n<tbody>"
    );
    for line in lines {
        let key = line.key.as_ref().filter(|key| **key != line.label);
        let key = key.map(|key| format!("<small>{}</small>", escaped(key))).unwrap_or_default();
        let figures = [
            &line.request_count.to_string(),
            &line.total_tokens.to_string(),
            line.credits_cost.get(),
            line.api_keys_cost.get(),
            line.cost.get(),
        ];
        row(page, &format!("{}{key}", escaped(&line.label)), figures);
    }
    if let Some(of) = totals {
        let (requests, tokens) = (of.request_count.to_string(), of.total_tokens.to_string());
        let figures = [&requests, &tokens, of.credits_cost.get(), of.api_keys_cost.get(), of.cost.get()];
        row(page, "<strong>Total</strong>", figures);
    }
    if lines.is_empty() && totals.is_none() {
        page.push_str("<tr><td colspan=\"6\">There is none.</td></tr>\n");
    }
    page.push_str("</tbody>\n</table>\n");
}

fn row(page: &mut String, name: &str, figures: [&str; 5]) {
    let cells: String = figures.iter().map(|figure| format!("<td>{figure}</td>")).collect();
    let _ = writeln!(page, "<tr><td>{name}</td>{cells}</tr>");
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\r' => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}
