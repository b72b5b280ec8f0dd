//! LiteLLM's sums by day: the pages of `/user/daily/activity` and its siblings, its admin page's exports of them, its
//! tables of daily spend, and `/global/spend/report`.

use super::row::{Draft, Fields, Row, of_json, quoted};

pub(super) const COLUMNS: &[(&str, &str)] = &[
    ("timestamp", "date"),
    ("projectId", "team_id"),
    ("projectId", "team"),
    ("apiKeyId", "api_key"),
    ("apiKeyId", "key"),
    ("apiKeyId", "key_hash"),
    ("apiKeyId", "key_alias"),
    ("apiKeyId", "user_id"),
    ("apiKeyId", "user"),
    ("usedModel", "model"),
    ("usedModel", "model_group"),
    ("usedProvider", "custom_llm_provider"),
    ("usedProvider", "provider"),
    ("promptTokens", "prompt_tokens"),
    ("completionTokens", "completion_tokens"),
    ("totalTokens", "total_tokens"),
    ("cachedTokens", "cache_read_input_tokens"),
    ("cachedTokens", "cache_read_tokens"),
    ("cacheWriteTokens", "cache_creation_input_tokens"),
    ("cacheWriteTokens", "cache_creation_tokens"),
    ("cacheWriteTokens", "cache_write_tokens"),
    ("cost", "spend"),
    ("count", "api_requests"),
    ("count", "requests"),
    ("count", "total_requests"),
];

pub(super) const MARKS: &[&[&str]] = &[
    &["date", "spend", "requests"],
    &["date", "spend", "api_requests"],
    // Pages and reports, in JSON.
    &["date", "metrics", "breakdown"],
    &["results", "metadata"],
    &["group_by_day", "teams"],
    &["group_by_day", "customers"],
];

/// Failed requests cost nothing and are counted as errors; they are an event of their own.
pub(super) fn finish(row: &Row<'_>, mut draft: Draft) -> Result<Vec<Draft>, String> {
    if row.has("tag") || row.has("tag_id") {
        return Err("column Tag: a call counts once for each of its tags; export by team, key or model instead".into());
    }
    let number = |columns: [&str; 2]| -> Result<u64, String> {
        for column in columns {
            if let Some(text) = row.text(column)? {
                return text.parse().map_err(|_| format!("column {column}: '{text}' is no whole number"));
            }
        }
        Ok(0)
    };
    let failed = number(["failed_requests", "failed"])?;
    // A report of spend does not say how many requests there were.
    let requests = if draft.has("count") { draft.whole("count") } else { 1.max(failed) };
    if failed == 0 || failed > requests {
        return Ok(vec![draft]);
    }
    let mut errors = draft.clone();
    for field in ["promptTokens", "completionTokens", "totalTokens", "cachedTokens", "cacheWriteTokens"] {
        errors.remove(field);
    }
    errors.set("count", failed.to_string());
    errors.set("cost", "0");
    errors.set("hasError", "true");
    if failed == requests {
        // Whatever they used all the same is theirs.
        draft.set("hasError", "true");
        return Ok(vec![draft]);
    }
    draft.set("count", (requests - failed).to_string());
    Ok(vec![draft, errors])
}

/// The rows of a page or of a day: one for each model and key.
pub(super) fn rows(page: &Fields<'_>) -> Result<Option<Vec<String>>, String> {
    let mut rows = Vec::new();
    if let Some(day) = page.get("group_by_day") {
        report(day, page, &mut rows)?;
    } else if let (Some(date), Some(breakdown)) = (page.get("date"), page.get("breakdown")) {
        activity(date, breakdown, &mut rows)?;
    } else {
        return Ok(None);
    }
    Ok(Some(rows))
}

fn activity(date: &str, breakdown: &str, rows: &mut Vec<String>) -> Result<(), String> {
    let breakdown = fields("breakdown", breakdown)?;
    let Some(models) = breakdown.get("models") else {
        return Err("breakdown has no models; ask for them".into());
    };
    for (model, entry) in sorted(&fields("models", models)?) {
        let entry = fields(&model, entry)?;
        // Older proxies have the figures in the entry itself.
        let metrics = entry.get("metrics").map(|metrics| fields("metrics", metrics)).transpose()?;
        let metrics = metrics.as_ref().unwrap_or(&entry);
        let keys = entry.get("api_key_breakdown").map(|keys| fields("api_key_breakdown", keys)).transpose()?;
        let mut by_key = Vec::new();
        let mut sums = [0u64; FIGURES.len()];
        for (key, entry) in keys.iter().flat_map(sorted) {
            let entry = fields(&key, entry)?;
            let metrics = fields("metrics", entry.get("metrics").unwrap_or("{}"))?;
            let metadata = fields("metadata", entry.get("metadata").unwrap_or("{}"))?;
            for (sum, figure) in sums.iter_mut().zip(FIGURES) {
                *sum = sum.saturating_add(whole(&metrics, figure));
            }
            let mut row = row_of(date, &model, &metrics);
            row.push(format!("\"api_key\":{}", quoted(&key)));
            row.extend(metadata.get("team_id").map(|team| format!("\"team_id\":{team}")));
            by_key.push(format!("{{{}}}", row.join(",")));
        }
        // Keys that do not add up to their model would lose what is missing.
        if !by_key.is_empty() && FIGURES.iter().zip(sums).all(|(figure, sum)| whole(metrics, figure) == sum) {
            rows.append(&mut by_key);
        } else {
            rows.push(format!("{{{}}}", row_of(date, &model, metrics).join(",")));
        }
    }
    Ok(())
}

const FIGURES: [&str; 4] = ["api_requests", "failed_requests", "prompt_tokens", "completion_tokens"];

fn row_of(date: &str, model: &str, metrics: &Fields<'_>) -> Vec<String> {
    let mut row = vec![format!("\"date\":{date}"), format!("\"model\":{}", quoted(model))];
    for figure in [
        "spend",
        "api_requests",
        "failed_requests",
        "prompt_tokens",
        "completion_tokens",
        "total_tokens",
        "cache_read_input_tokens",
        "cache_creation_input_tokens",
    ] {
        row.extend(metrics.get(figure).map(|value| format!("\"{figure}\":{value}")));
    }
    row
}

/// A day of `/global/spend/report`: teams or customers, each with entries by model and key.
fn report(day: &str, page: &Fields<'_>, rows: &mut Vec<String>) -> Result<(), String> {
    let (list, name) = match (page.get("teams"), page.get("customers")) {
        (Some(teams), _) => (teams, "team_name"),
        (None, Some(customers)) => (customers, "customer"),
        (None, None) => return Err("a day of the report has neither teams nor customers".into()),
    };
    let date = of_json(day).map(|day| day.as_str().get(..10).unwrap_or(day.as_str()).to_owned()).unwrap_or_default();
    let wrong = |what: &str, error: serde_json::Error| format!("{what}: {error}");
    let groups: Vec<Fields<'_>> = serde_json::from_str(list).map_err(|error| wrong("teams", error))?;
    for group in &groups {
        let entries = group.get("metadata").unwrap_or("[]");
        let entries: Vec<Fields<'_>> = serde_json::from_str(entries).map_err(|error| wrong("metadata", error))?;
        for entry in &entries {
            let mut row = vec![format!("\"date\":{}", quoted(&date))];
            row.extend(group.get(name).map(|team| format!("\"team\":{team}")));
            for field in ["model", "api_key", "spend", "total_tokens"] {
                row.extend(entry.get(field).map(|value| format!("\"{field}\":{value}")));
            }
            rows.push(format!("{{{}}}", row.join(",")));
        }
    }
    Ok(())
}

fn fields<'a>(what: &str, json: &'a str) -> Result<Fields<'a>, String> {
    Fields::read(json).map_err(|error| format!("{what}: {error}"))
}

fn sorted<'a>(fields: &Fields<'a>) -> Vec<(String, &'a str)> {
    let mut sorted: Vec<(String, &'a str)> =
        fields.0.iter().map(|(name, value)| (name.clone().into_owned(), value.get())).collect();
    sorted.sort_unstable();
    sorted
}

fn whole(fields: &Fields<'_>, figure: &str) -> u64 {
    fields.get(figure).and_then(super::number::parse_whole).unwrap_or(0)
}
