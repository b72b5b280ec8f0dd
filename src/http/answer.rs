//! Answers as bytes: JSON and CSV, written straight from the sums.
//!
//! A year by 500 keys has 180,000 entries. What is the same in each (a group's key and label) is rendered once, and
//! numbers go from integers to text: no float ever holds a cost.

use std::io::Write;

use super::problem::Problem;
use crate::calendar::{Window, rfc3339_utc};
use crate::model::{Count, PicoUsd, UnixMs};
use crate::query::{Activity, Entry, Group, Label, Query, Split, Totals};

/// The answer of `/analytics/activity`.
pub struct ActivityAnswer<'a> {
    pub group_by: &'a str,
    pub query: &'a Query,
    pub as_of: UnixMs,
    pub activity: &'a Activity,
    pub previous: Option<(Window, &'a Totals)>,
}

impl ActivityAnswer<'_> {
    pub fn json(&self) -> Vec<u8> {
        let groups: Vec<Vec<u8>> = self.activity.groups.iter().map(group_fields).collect();
        let window = &self.query.window;
        let mut out = Vec::with_capacity(4096);
        out.extend_from_slice(b"{\"groupBy\":");
        text(&mut out, self.group_by);
        for (name, value) in [
            ("granularity", self.query.granularity.name()),
            ("timezone", window.zone.name()),
            ("from", &window.from.to_string()),
            ("to", &window.to.to_string()),
            ("asOf", &rfc3339_utc(self.as_of)),
        ] {
            field(&mut out, name);
            text(&mut out, value);
        }
        field(&mut out, "totals");
        totals(&mut out, &self.activity.totals);
        if let Some((window, sums)) = &self.previous {
            field(&mut out, "previous");
            out.extend_from_slice(format!("{{\"from\":\"{}\",\"to\":\"{}\"", window.from, window.to).as_bytes());
            field(&mut out, "totals");
            totals(&mut out, sums);
            out.push(b'}');
        }
        field(&mut out, "ranking");
        let whole = self.activity.totals.split.cost();
        list(&mut out, &self.activity.ranking, |out, entry| {
            out.push(b'{');
            out.extend_from_slice(&groups[entry.group as usize]);
            field(out, "share");
            out.extend_from_slice(share(entry.sums.cost(), whole).as_bytes());
            measures(out, &entry.sums);
            out.push(b'}');
        });
        field(&mut out, "activity");
        list(&mut out, &self.activity.buckets, |out, (bucket, sums, entries)| {
            out.extend_from_slice(b"{\"date\":\"");
            out.extend_from_slice(bucket.label.as_bytes());
            out.push(b'"');
            measures(out, sums);
            field(out, "breakdown");
            list(out, entries, |out, entry: &Entry| {
                out.push(b'{');
                out.extend_from_slice(&groups[entry.group as usize]);
                measures(out, &entry.sums);
                out.push(b'}');
            });
            out.push(b'}');
        });
        out.push(b'}');
        out
    }

    /// One row for every bucket and entry, the same columns whatever is asked.
    pub fn csv(&self) -> Result<Vec<u8>, Problem> {
        let mut rows = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        let broken = |error: csv::Error| {
            Problem::new(
                axum::http::StatusCode::INTERNAL_SERVER_ERROR,
                format!("the CSV could not be written: {error}"),
            )
        };
        let two = self.query.group_by.len() == 2;
        let mut header = vec!["date", "key", "label"];
        if two {
            header.extend(["key2", "label2"]);
        }
        header.extend(["deleted", "former"]);
        header.extend(MEASURES);
        rows.write_record(&header).map_err(broken)?;
        for (bucket, _, entries) in &self.activity.buckets {
            for entry in entries {
                let labels = &self.activity.groups[entry.group as usize].labels;
                let mut row = vec![bucket.label.clone()];
                if labels.is_empty() {
                    row.extend([String::new(), "All".to_owned()]);
                }
                for label in labels {
                    row.push(cell(label.key.as_deref().unwrap_or_default()));
                    row.push(cell(&label.label));
                }
                row.push(labels.iter().any(|l| l.deleted).to_string());
                row.push(labels.iter().any(|l| l.former).to_string());
                row.extend(values(&entry.sums));
                rows.write_record(&row).map_err(broken)?;
            }
        }
        rows.into_inner().map_err(|error| broken(error.into_error().into()))
    }
}

const MEASURES: [&str; 7] =
    ["cost", "requestCount", "totalTokens", "creditsRequestCount", "apiKeysRequestCount", "creditsCost", "apiKeysCost"];

fn values(sums: &Split) -> [String; 7] {
    [
        sums.cost().to_string(),
        sums.count(Count::Requests).to_string(),
        sums.count(Count::TotalTokens).to_string(),
        sums.credits.get(Count::Requests).to_string(),
        sums.api_keys.get(Count::Requests).to_string(),
        sums.credits.cost.to_string(),
        sums.api_keys.cost.to_string(),
    ]
}

/// Text that a spreadsheet would take for a formula is made plain text.
fn cell(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

fn measures(out: &mut Vec<u8>, sums: &Split) {
    money(out, "cost", sums.cost());
    count(out, "requestCount", sums.count(Count::Requests));
    count(out, "totalTokens", sums.count(Count::TotalTokens));
    count(out, "creditsRequestCount", sums.credits.get(Count::Requests));
    count(out, "apiKeysRequestCount", sums.api_keys.get(Count::Requests));
    money(out, "creditsCost", sums.credits.cost);
    money(out, "apiKeysCost", sums.api_keys.cost);
}

fn totals(out: &mut Vec<u8>, totals: &Totals) {
    out.push(b'{');
    let start = out.len();
    measures(out, &totals.split);
    // Every field brings its own comma; the first has nothing before it.
    out.remove(start);
    for (name, value) in [
        ("inputTokens", totals.all.get(Count::InputTokens)),
        ("outputTokens", totals.all.get(Count::OutputTokens)),
        ("cachedTokens", totals.all.get(Count::CachedTokens)),
        ("reasoningTokens", totals.all.get(Count::ReasoningTokens)),
        ("errorCount", totals.all.get(Count::Errors)),
        ("clientErrorCount", totals.all.get(Count::ClientErrors)),
        ("cacheCount", totals.all.get(Count::CacheHits)),
        ("unpricedRequestCount", totals.all.get(Count::Unpriced)),
        ("activeApiKeyCount", totals.active_api_keys as u64),
        ("activeMemberCount", totals.active_members as u64),
    ] {
        count(out, name, value);
    }
    out.push(b'}');
}

/// `"key":…,"label":…`, or with two dimensions their plurals, and the marks of what is gone.
fn group_fields(group: &Group) -> Vec<u8> {
    let key = |label: &Label| serde_json::to_string(&label.key).expect("text serializes");
    let label = |label: &Label| serde_json::to_string(&label.label).expect("text serializes");
    let mut out = match &group.labels[..] {
        [] => "\"key\":null,\"label\":\"All\"".to_owned(),
        [only] => format!("\"key\":{},\"label\":{}", key(only), label(only)),
        labels => format!(
            "\"keys\":[{}],\"labels\":[{}]",
            labels.iter().map(key).collect::<Vec<_>>().join(","),
            labels.iter().map(label).collect::<Vec<_>>().join(",")
        ),
    };
    if group.labels.iter().any(|l| l.deleted) {
        out.push_str(",\"deleted\":true");
    }
    if group.labels.iter().any(|l| l.former) {
        out.push_str(",\"former\":true");
    }
    out.into_bytes()
}

/// A fraction of the whole with six digits, for drawing. The sums beside it are the exact figures.
fn share(part: PicoUsd, whole: PicoUsd) -> String {
    if whole == PicoUsd::ZERO {
        return "0".into();
    }
    let millionths = (part.0 * 1_000_000 + whole.0 / 2) / whole.0;
    serde_json::Number::from_f64(millionths as f64 / 1e6).map_or_else(|| "0".into(), |share| share.to_string())
}

fn list<T>(out: &mut Vec<u8>, items: &[T], mut item: impl FnMut(&mut Vec<u8>, &T)) {
    out.push(b'[');
    for (i, one) in items.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        item(out, one);
    }
    out.push(b']');
}

fn field(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn text(out: &mut Vec<u8>, value: &str) {
    serde_json::to_writer(out, value).expect("text serializes");
}

fn count(out: &mut Vec<u8>, name: &str, value: u64) {
    field(out, name);
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

fn money(out: &mut Vec<u8>, name: &str, value: PicoUsd) {
    field(out, name);
    write!(out, "{value}").expect("memory takes every write");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_have_six_digits() {
        for (part, whole, expected) in
            [(1, 3, "0.333333"), (2, 3, "0.666667"), (3, 3, "1.0"), (0, 3, "0.0"), (0, 0, "0")]
        {
            assert_eq!(share(PicoUsd(part), PicoUsd(whole)), expected);
        }
    }

    #[test]
    fn cells_are_safe_in_a_spreadsheet() {
        assert_eq!(cell("=HYPERLINK(1)"), "'=HYPERLINK(1)");
        assert_eq!(cell("plain"), "plain");
    }
}
