//! Answers as bytes: JSON and CSV, written straight from the sums.
//!
//! A year by 500 keys has 180,000 entries. What is the same in each (a group's key and label) is rendered once, and
//! numbers go from integers to text: no float ever holds a cost.

use std::io::Write;

use crate::calendar::{Bucket, rfc3339_utc};
use crate::directory::{ApiKey, Role, Status};
use crate::http::asked::Frame;
use crate::http::directory::wire::PlanName;
use crate::http::problem::Problem;
use crate::http::render::{ORIGIN, ZONE_DATABASE, broken, cell, csv_writer, origin};
use crate::http::stream::Out;
use crate::model::{Count, PicoUsd, Usage};
use crate::query::{
    About, Activity, Earlier, Group, KeyDetail, KeyRow, Label, MemberDetail, MemberRow, MemberStatus, ModelDay,
    MyUsage, Query, Ranked, Table, Totals,
};

/// The answer of `/analytics/activity`.
pub struct ActivityAnswer<'a> {
    pub group_by: &'a str,
    pub query: &'a Query,
    /// Parts count the requests that failed.
    pub with_errors: bool,
    pub frame: Frame,
    pub activity: &'a Activity<'a>,
}

impl ActivityAnswer<'_> {
    pub fn json(&self, previous: Option<&Earlier<(Group, Usage)>>, out: &mut Out) -> Result<(), Problem> {
        let counted = |out: &mut Vec<u8>, usage: &Usage| {
            part(out, usage);
            if self.with_errors {
                errors(out, usage);
            }
        };
        let groups: Vec<Vec<u8>> = self.activity.groups.iter().map(|group| group_fields(&group.labels)).collect();
        let head = &mut out.buffer;
        head.extend_from_slice(b"{\"groupBy\":");
        text(head, self.group_by);
        field(head, "granularity");
        text(head, self.query.granularity.name());
        frame_fields(head, self.frame);
        field(head, "totals");
        totals(head, &self.activity.totals);
        if let Some(previous) = previous {
            earlier(head, previous);
            field(head, "totals");
            totals(head, &previous.totals);
            field(head, "ranking");
            list(head, &previous.rows, |out, (group, usage)| {
                out.push(b'{');
                out.extend_from_slice(&group_fields(&group.labels));
                ordinals(out, &group.labels);
                part(out, usage);
                out.push(b'}');
            });
            head.push(b'}');
        }
        field(head, "ranking");
        let whole = self.activity.totals.usage.cost();
        list(head, &self.activity.ranking, |out, entry| {
            out.push(b'{');
            out.extend_from_slice(&groups[entry.group as usize]);
            ordinals(out, &self.activity.groups[entry.group as usize].labels);
            field(out, "share");
            out.extend_from_slice(share(entry.usage.cost(), whole).as_bytes());
            counted(out, &entry.usage);
            out.push(b'}');
        });
        field(head, "activity");
        let mut separator = b'[';
        self.activity.each_bucket(|bucket, usage, entries| {
            let to = &mut out.buffer;
            to.push(separator);
            separator = b',';
            date(to, bucket);
            counted(to, usage);
            field(to, "breakdown");
            list(to, entries, |to, entry| {
                to.push(b'{');
                to.extend_from_slice(&groups[entry.group as usize]);
                counted(to, &entry.usage);
                to.push(b'}');
            });
            to.push(b'}');
            out.flow()
        })?;
        out.buffer.extend_from_slice(b"]}");
        Ok(())
    }

    /// One row for every bucket and entry, the same columns whatever is asked.
    pub fn csv(&self, about: About<'_>, out: &mut Out) -> Result<(), Problem> {
        let mut rows = csv_writer(out);
        let two = self.query.group_by.len() == 2;
        let mut header = vec!["date", "key", "label"];
        if two {
            header.extend(["key2", "label2"]);
        }
        header.extend(["deleted", "former"]);
        header.push(ZONE_DATABASE);
        header.extend(MEASURES);
        header.extend(ORIGIN);
        let origin = origin(about.organization_id, &self.frame.window);
        rows.write_record(&header).map_err(broken)?;
        self.activity.each_bucket(|bucket, _, entries| {
            for entry in entries {
                let labels = &self.activity.groups[entry.group as usize].labels;
                let mut row = vec![bucket.label.to_string()];
                if labels.is_empty() {
                    row.extend([String::new(), "All".to_owned()]);
                }
                for label in labels {
                    row.push(cell(label.key.as_deref().unwrap_or_default()));
                    row.push(cell(&label.label));
                }
                row.push(labels.iter().any(|l| l.deleted).to_string());
                row.push(labels.iter().any(|l| l.former).to_string());
                row.push(self.frame.zone_database().to_owned());
                row.extend(values(&entry.usage));
                row.extend_from_slice(&origin);
                rows.write_record(&row).map_err(broken)?;
            }
            Ok::<_, Problem>(())
        })?;
        rows.flush().map_err(|error| broken(error.into()))
    }
}

/// What stands in a table, with a total and beside what it was earlier.
pub trait Listed: Sized {
    /// Whose line it is.
    fn id(&self) -> Option<&str>;

    fn json(out: &mut Vec<u8>, about: About<'_>, frame: Frame, found: &Table<Self>, previous: Option<&Earlier<Self>>);

    fn csv(out: &mut Out, about: About<'_>, frame: Frame, rows: &[Self]) -> Result<(), Problem>;
}

/// The answer of `/analytics/members`.
impl Listed for MemberRow {
    fn id(&self) -> Option<&str> {
        self.user_id.as_deref()
    }

    fn json(
        out: &mut Vec<u8>,
        about: About<'_>,
        frame: Frame,
        found: &Table<MemberRow>,
        previous: Option<&Earlier<MemberRow>>,
    ) {
        out.extend_from_slice(b"{\"plan\":");
        json(out, &PlanName::from(about.organization.profile.plan));
        frame_fields(out, frame);
        table_fields(
            out,
            "members",
            found,
            previous,
            |row| &row.usage,
            |out, row| {
                person(out, about, row);
                count(out, "apiKeyCount", row.api_keys as u64);
            },
        );
        out.push(b'}');
    }

    fn csv(out: &mut Out, about: About<'_>, frame: Frame, rows: &[MemberRow]) -> Result<(), Problem> {
        let columns = ["userId", "name", "email", "role", "status", "apiKeyCount", "errorCount", "clientErrorCount"];
        table(out, about, frame, &columns, rows, |row| {
            let user = row.user_id.as_deref().and_then(|id| about.directory.user(id)).cloned().unwrap_or_default();
            let cells = vec![
                cell(row.user_id.as_deref().unwrap_or_default()),
                if row.user_id.is_some() { cell(&user.name.unwrap_or_default()) } else { UNATTRIBUTED.to_owned() },
                cell(&user.email.unwrap_or_default()),
                row.role.map(|role| role_name(role).to_owned()).unwrap_or_default(),
                status_name(row.status).to_owned(),
                row.api_keys.to_string(),
                row.usage.get(Count::Errors).to_string(),
                row.usage.get(Count::ClientErrors).to_string(),
            ];
            (cells, row.usage)
        })
    }
}

/// The answer of `/analytics/keys`.
impl Listed for KeyRow {
    fn id(&self) -> Option<&str> {
        Some(&self.id)
    }

    fn json(
        out: &mut Vec<u8>,
        about: About<'_>,
        frame: Frame,
        found: &Table<KeyRow>,
        previous: Option<&Earlier<KeyRow>>,
    ) {
        out.extend_from_slice(b"{\"organizationId\":");
        text(out, about.organization_id);
        frame_fields(out, frame);
        table_fields(
            out,
            "keys",
            found,
            previous,
            |row| &row.usage,
            |out, row| api_key(out, about, &row.id, &row.api_key),
        );
        out.push(b'}');
    }

    fn csv(out: &mut Out, about: About<'_>, frame: Frame, rows: &[KeyRow]) -> Result<(), Problem> {
        let columns =
            ["id", "description", "projectId", "projectName", "createdBy", "status", "errorCount", "clientErrorCount"];
        table(out, about, frame, &columns, rows, |row| {
            let key = &row.api_key;
            let project = about.organization.projects.get(&key.project_id).and_then(|p| p.name.as_deref());
            let cells = vec![
                cell(&row.id),
                cell(key.description.as_deref().unwrap_or_default()),
                cell(&key.project_id),
                cell(project.unwrap_or(&key.project_id)),
                cell(about.organization.creator_of(key).unwrap_or_default()),
                key_status(key).to_owned(),
                row.usage.get(Count::Errors).to_string(),
                row.usage.get(Count::ClientErrors).to_string(),
            ];
            (cells, row.usage)
        })
    }
}

/// The answer of `/analytics/members/{userId}`.
pub fn member_json(out: &mut Vec<u8>, about: About<'_>, frame: Frame, detail: &MemberDetail) {
    out.extend_from_slice(b"{\"member\":{");
    person(out, about, &detail.row);
    out.push(b'}');
    frame_fields(out, frame);
    summary(out, &detail.totals, |out| count(out, "apiKeyCount", detail.row.api_keys as u64));
    for (name, top) in [
        ("topModels", &detail.top_models),
        ("topProviders", &detail.top_providers),
        ("topApps", &detail.top_apps),
        ("costByModel", &detail.cost_by_model),
    ] {
        ranked(out, name, top);
    }
    field(out, "activity");
    list(out, &detail.days, |out, day| model_day(out, day, |_, _| ()));
    out.push(b'}');
}

/// The answer of `/analytics/keys/{apiKeyId}`.
pub fn key_json(out: &mut Vec<u8>, about: About<'_>, frame: Frame, id: &str, detail: &KeyDetail) {
    out.extend_from_slice(b"{\"apiKey\":{");
    api_key(out, about, id, &about.organization.api_keys.get(id).cloned().unwrap_or_default());
    out.push(b'}');
    frame_fields(out, frame);
    summary(out, &detail.totals, |out| error_rate(out, &detail.totals.usage));
    ranked(out, "costByModel", &detail.cost_by_model);
    field(out, "activity");
    list(out, &detail.days, |out, day| model_day(out, day, error_rate));
    out.push(b'}');
}

/// The answer of `/analytics/me`.
pub fn my_usage_json(out: &mut Vec<u8>, frame: Frame, usage: &MyUsage) {
    object(out, |out| {
        frame_fields(out, frame);
        summary(out, &usage.totals, |out| count(out, "apiKeyCount", usage.api_keys as u64));
        ranked(out, "topModels", &usage.top_models);
        field(out, "activity");
        list(out, &usage.days, |out, (bucket, sums)| {
            date(out, bucket);
            part(out, sums);
            errors(out, sums);
            out.push(b'}');
        });
    });
}

/// One row for every day, model and provider.
pub fn days_csv(out: &mut Out, about: About<'_>, frame: Frame, days: &[ModelDay]) -> Result<(), Problem> {
    let rows: Vec<_> = days.iter().flat_map(|(bucket, _, entries)| entries.iter().map(move |e| (bucket, e))).collect();
    table(
        out,
        about,
        frame,
        &["date", "model", "provider", "inputTokens", "outputTokens"],
        &rows,
        |(bucket, (model, provider, sums))| {
            let cells = vec![
                bucket.label.to_string(),
                cell(model.key.as_deref().unwrap_or_default()),
                cell(provider.key.as_deref().unwrap_or_default()),
                sums.get(Count::InputTokens).to_string(),
                sums.get(Count::OutputTokens).to_string(),
            ];
            (cells, *sums)
        },
    )
}

pub fn my_usage_csv(out: &mut Out, about: About<'_>, frame: Frame, usage: &MyUsage) -> Result<(), Problem> {
    table(out, about, frame, &["date"], &usage.days, |(bucket, sums)| (vec![bucket.label.to_string()], *sums))
}

fn table<T>(
    out: &mut Out,
    about: About<'_>,
    frame: Frame,
    columns: &[&str],
    items: &[T],
    row: impl Fn(&T) -> (Vec<String>, Usage),
) -> Result<(), Problem> {
    let mut rows = csv_writer(out);
    rows.write_record(columns.iter().chain(&[ZONE_DATABASE]).chain(&MEASURES).chain(&ORIGIN)).map_err(broken)?;
    let origin = origin(about.organization_id, &frame.window);
    for item in items {
        let (cells, sums) = row(item);
        let edition = frame.zone_database().to_owned();
        rows.write_record(cells.into_iter().chain([edition]).chain(values(&sums)).chain(origin.clone()))
            .map_err(broken)?;
    }
    rows.flush().map_err(|error| broken(error.into()))
}

/// `"timezone":…,"zoneDatabase":…,"from":…,"to":…,"asOf":…`, after something.
fn frame_fields(out: &mut Vec<u8>, frame: Frame) {
    for (name, value) in [
        ("timezone", frame.window.zone.name()),
        ("zoneDatabase", frame.zone_database()),
        ("from", &frame.window.from.to_string()),
        ("to", &frame.window.to.to_string()),
        ("asOf", &rfc3339_utc(frame.as_of)),
    ] {
        field(out, name);
        text(out, value);
    }
}

/// Who a row is about, from its first field on.
fn person(out: &mut Vec<u8>, about: About<'_>, row: &MemberRow) {
    let user = row.user_id.as_deref().and_then(|id| about.directory.user(id));
    out.extend_from_slice(b"\"userId\":");
    json(out, &row.user_id);
    field(out, "name");
    match row.user_id {
        Some(_) => json(out, &user.and_then(|user| user.name.as_ref())),
        None => text(out, UNATTRIBUTED),
    }
    field(out, "email");
    json(out, &user.and_then(|user| user.email.as_ref()));
    field(out, "role");
    json(out, &row.role.map(role_name));
    field(out, "status");
    text(out, status_name(row.status));
}

/// What a key is, from its first field on.
fn api_key(out: &mut Vec<u8>, about: About<'_>, id: &str, key: &ApiKey) {
    out.extend_from_slice(b"\"id\":");
    text(out, id);
    field(out, "description");
    json(out, &key.description);
    field(out, "projectId");
    text(out, &key.project_id);
    field(out, "projectName");
    let project = about.organization.projects.get(&key.project_id);
    text(out, project.and_then(|p| p.name.as_deref()).unwrap_or(&key.project_id));
    field(out, "createdBy");
    let creator = about.organization.creator_of(key);
    json(out, &creator);
    field(out, "createdByName");
    json(out, &creator.map(|user| about.directory.user_label(user)));
    field(out, "status");
    text(out, key_status(key));
}

fn key_status(key: &ApiKey) -> &'static str {
    match key.status {
        Status::Active => "active",
        Status::Deleted => "deleted",
    }
}

fn status_name(status: MemberStatus) -> &'static str {
    match status {
        MemberStatus::Active => "active",
        MemberStatus::Former => "former",
        MemberStatus::Unattributed => "unattributed",
    }
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Owner => "owner",
        Role::Admin => "admin",
        Role::Developer => "developer",
    }
}

/// `,"previous":{"from":…,"to":…`, without its end.
fn earlier<R>(out: &mut Vec<u8>, earlier: &Earlier<R>) {
    let window = earlier.window;
    write!(out, ",\"previous\":{{\"from\":\"{}\",\"to\":\"{}\"", window.from, window.to)
        .expect("memory takes every write");
    if let Some(until) = window.until {
        field(out, "until");
        text(out, &window.zone.rfc3339(until));
    }
    if let Some(since) = earlier.since {
        field(out, "since");
        text(out, &since.to_string());
    }
}

/// A table: what it is compared with, what its rows add up to, and each row, which says first `what` it is.
fn table_fields<R>(
    out: &mut Vec<u8>,
    name: &str,
    found: &Table<R>,
    previous: Option<&Earlier<R>>,
    usage: impl Fn(&R) -> &Usage,
    what: impl Fn(&mut Vec<u8>, &R),
) {
    let row = |out: &mut Vec<u8>, row: &&R| {
        out.push(b'{');
        what(out, row);
        errors(out, usage(row));
        part(out, usage(row));
        out.push(b'}');
    };
    let table = |rows: &[&R], sums: &Totals, out: &mut Vec<u8>| {
        field(out, "totals");
        object(out, |out| {
            part(out, &sums.usage);
            errors(out, &sums.usage);
        });
        field(out, name);
        list(out, rows, row);
    };
    if let Some(previous) = previous {
        earlier(out, previous);
        // Who had none then is no row of it.
        let used: Vec<_> = previous.rows.iter().filter(|row| !usage(row).is_zero()).collect();
        table(&used, &previous.totals, out);
        out.push(b'}');
    }
    table(&found.rows.iter().collect::<Vec<_>>(), &found.totals, out);
    if let Some(next) = &found.next {
        field(out, "next");
        text(out, &next.text());
    }
}

/// Everything that is known of one member, key or caller.
fn summary(out: &mut Vec<u8>, sums: &Totals, more: impl Fn(&mut Vec<u8>)) {
    field(out, "summary");
    object(out, |out| {
        measures(out, &sums.usage);
        counts(out, &sums.usage);
        more(out);
    });
}

fn ranked(out: &mut Vec<u8>, name: &str, entries: &[Ranked]) {
    field(out, name);
    list(out, entries, |out, entry| {
        out.push(b'{');
        let labels = std::slice::from_ref(&entry.label);
        out.extend_from_slice(&group_fields(labels));
        ordinals(out, labels);
        part(out, &entry.usage);
        out.push(b'}');
    });
}

fn model_day(out: &mut Vec<u8>, (bucket, sums, entries): &ModelDay, more: impl Fn(&mut Vec<u8>, &Usage)) {
    date(out, bucket);
    part(out, sums);
    errors(out, sums);
    more(out, sums);
    field(out, "modelBreakdown");
    list(out, entries, |out, (model, provider, sums)| {
        out.extend_from_slice(b"{\"id\":");
        json(out, &model.key);
        field(out, "label");
        text(out, &model.label);
        ordinals(out, std::slice::from_ref(model));
        field(out, "provider");
        json(out, &provider.key);
        count(out, "inputTokens", sums.get(Count::InputTokens));
        count(out, "outputTokens", sums.get(Count::OutputTokens));
        part(out, sums);
        out.push(b'}');
    });
    out.push(b'}');
}

fn date(out: &mut Vec<u8>, bucket: &Bucket) {
    write!(out, "{{\"date\":\"{}\"", bucket.label).expect("memory takes every write");
}

fn errors(out: &mut Vec<u8>, sums: &Usage) {
    count(out, "errorCount", sums.get(Count::Errors));
    count(out, "clientErrorCount", sums.get(Count::ClientErrors));
}

/// Errors by requests, 0 when there are none: a ratio of two exact counts, for reading.
fn error_rate(out: &mut Vec<u8>, sums: &Usage) {
    let (errors, requests) = (sums.get(Count::Errors), sums.get(Count::Requests));
    field(out, "errorRate");
    json(out, &if requests == 0 { 0.0 } else { errors as f64 / requests as f64 });
}

/// Name of the row of keys without a creator.
const UNATTRIBUTED: &str = "Unattributed";

const MEASURES: [&str; 8] = [
    "cost",
    "requestCount",
    "totalTokens",
    "creditsRequestCount",
    "apiKeysRequestCount",
    "creditsCost",
    "apiKeysCost",
    "unpricedRequestCount",
];

fn values(sums: &Usage) -> [String; 8] {
    [
        sums.cost().to_string(),
        sums.get(Count::Requests).to_string(),
        sums.get(Count::TotalTokens).to_string(),
        sums.credits_requests().to_string(),
        sums.api_keys_requests.to_string(),
        sums.credits_cost().to_string(),
        sums.api_keys_cost.to_string(),
        sums.get(Count::Unpriced).to_string(),
    ]
}

/// The measures of a part of an answer, and how many of its calls have no price: most have one, and there are many parts.
fn part(out: &mut Vec<u8>, sums: &Usage) {
    measures(out, sums);
    let unpriced = sums.get(Count::Unpriced);
    if unpriced > 0 {
        count(out, "unpricedRequestCount", unpriced);
    }
}

fn measures(out: &mut Vec<u8>, sums: &Usage) {
    money(out, "cost", sums.cost());
    count(out, "requestCount", sums.get(Count::Requests));
    count(out, "totalTokens", sums.get(Count::TotalTokens));
    count(out, "creditsRequestCount", sums.credits_requests());
    count(out, "apiKeysRequestCount", sums.api_keys_requests);
    money(out, "creditsCost", sums.credits_cost());
    money(out, "apiKeysCost", sums.api_keys_cost);
}

fn counts(out: &mut Vec<u8>, sums: &Usage) {
    for (name, what) in [
        ("inputTokens", Count::InputTokens),
        ("outputTokens", Count::OutputTokens),
        ("cachedTokens", Count::CachedTokens),
        ("reasoningTokens", Count::ReasoningTokens),
        ("errorCount", Count::Errors),
        ("clientErrorCount", Count::ClientErrors),
        ("cacheCount", Count::CacheHits),
        ("unpricedRequestCount", Count::Unpriced),
    ] {
        count(out, name, sums.get(what));
    }
}

fn totals(out: &mut Vec<u8>, totals: &Totals) {
    object(out, |out| {
        measures(out, &totals.usage);
        counts(out, &totals.usage);
        count(out, "activeApiKeyCount", totals.active_api_keys as u64);
        count(out, "activeMemberCount", totals.active_members as u64);
    });
}

/// `"key":…,"label":…`, or with two dimensions their plurals, and the marks of what is gone.
fn group_fields(labels: &[Label]) -> Vec<u8> {
    let key = |label: &Label| serde_json::to_string(&label.key).expect("text serializes");
    let label = |label: &Label| serde_json::to_string(&label.label).expect("text serializes");
    let mut out = match labels {
        [] => "\"key\":null,\"label\":\"All\"".to_owned(),
        [only] => format!("\"key\":{},\"label\":{}", key(only), label(only)),
        labels => format!(
            "\"keys\":[{}],\"labels\":[{}]",
            labels.iter().map(key).collect::<Vec<_>>().join(","),
            labels.iter().map(label).collect::<Vec<_>>().join(",")
        ),
    };
    if labels.iter().any(|l| l.deleted) {
        out.push_str(",\"deleted\":true");
    }
    if labels.iter().any(|l| l.former) {
        out.push_str(",\"former\":true");
    }
    out.into_bytes()
}

/// `,"ordinal":…`, or with two dimensions their plural; nothing where there is none.
fn ordinals(out: &mut Vec<u8>, labels: &[Label]) {
    match labels {
        [only] => {
            if let Some(ordinal) = only.ordinal {
                count(out, "ordinal", ordinal.into());
            }
        }
        labels if labels.iter().any(|label| label.ordinal.is_some()) => {
            field(out, "ordinals");
            json(out, &labels.iter().map(|label| label.ordinal).collect::<Vec<_>>());
        }
        _ => {}
    }
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

/// An object of nothing but fields. Each brings its own comma; the first has nothing before it.
fn object(out: &mut Vec<u8>, fields: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'{');
    let start = out.len();
    fields(out);
    out.remove(start);
    out.push(b'}');
}

fn field(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn text(out: &mut Vec<u8>, value: &str) {
    json(out, value);
}

fn json<T: serde::Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(out, value).expect("texts and numbers serialize");
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
}
