//! Rollcall's own columns.

use std::borrow::Cow;

use super::{Column, Row, Value};
use crate::http::render::ZONE_DATABASE;
use crate::model::{Count, Mode};
use crate::query::{COST_SOURCES, GroupBy, MODES};

pub const COLUMNS: &[Column] = &[
    Column { name: "date", value: Value::Date(|row| row.time.date) },
    Column { name: "start", value: Value::Instant(|row| row.time.start) },
    Column { name: "end", value: Value::Instant(|row| row.time.end) },
    text("organizationId", |row| Some(row.about.organization_id.into())),
    text("projectId", |row| row.key(GroupBy::Project)),
    text("projectName", |row| row.name(GroupBy::Project)),
    text("apiKeyId", |row| row.key(GroupBy::ApiKey)),
    text("apiKeyName", |row| row.name(GroupBy::ApiKey)),
    text("userId", |row| row.key(GroupBy::User)),
    text("userName", |row| row.name(GroupBy::User)),
    text("teamId", |row| row.key(GroupBy::Team)),
    text("teamName", |row| row.name(GroupBy::Team)),
    text("costCentre", |row| row.key(GroupBy::CostCentre)),
    text("model", |row| row.key(GroupBy::Model)),
    text("modelName", |row| row.name(GroupBy::Model)),
    text("provider", |row| row.key(GroupBy::Provider)),
    text("source", |row| row.key(GroupBy::Source)),
    text("mode", |row| Some(mode_name(row.rollup.mode()).into())),
    text("costSource", |row| Some(row.cost_source().into())),
    Column { name: "cost", value: Value::Usd(|row| row.rollup.measures.cost) },
    count("requestCount", |row| row.count(Count::Requests)),
    count("totalTokens", |row| row.count(Count::TotalTokens)),
    count("inputTokens", |row| row.count(Count::InputTokens)),
    count("outputTokens", |row| row.count(Count::OutputTokens)),
    count("cachedTokens", |row| row.count(Count::CachedTokens)),
    count("cacheWriteTokens", |row| row.count(Count::CacheWriteTokens)),
    count("reasoningTokens", |row| row.count(Count::ReasoningTokens)),
    count("errorCount", |row| row.count(Count::Errors)),
    count("clientErrorCount", |row| row.count(Count::ClientErrors)),
    count("cacheCount", |row| row.count(Count::CacheHits)),
    count("unpricedRequestCount", |row| row.count(Count::Unpriced)),
    text(ZONE_DATABASE, |row| Some(row.zone.edition().version().into())),
];

pub(super) const fn text(name: &'static str, value: for<'r> fn(&'r Row<'_>) -> Option<Cow<'r, str>>) -> Column {
    Column { name, value: Value::Text(value) }
}

pub(super) const fn count(name: &'static str, value: fn(&Row<'_>) -> u64) -> Column {
    Column { name, value: Value::Count(value) }
}

pub(super) fn mode_name(mode: Mode) -> &'static str {
    MODES.iter().find(|(_, known)| *known == mode).map_or("", |(name, _)| name)
}

impl Row<'_> {
    pub(super) fn count(&self, count: Count) -> u64 {
        self.rollup.measures.get(count)
    }

    pub(super) fn cost_source(&self) -> &'static str {
        COST_SOURCES[self.rollup.cost_source() as usize].0
    }

    /// The id of what the row is about; `None` when it belongs to none.
    pub(super) fn key(&self, by: GroupBy) -> Option<Cow<'_, str>> {
        self.rollup.label(by).key.as_deref().map(Cow::from)
    }

    /// What a person calls it; the id where the directory knows nothing better.
    pub(super) fn name(&self, by: GroupBy) -> Option<Cow<'_, str>> {
        let label = self.rollup.label(by);
        label.key.is_some().then(|| Cow::from(&*label.label))
    }
}
