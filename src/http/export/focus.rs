//! The columns of FOCUS, the FinOps Open Cost and Usage Specification: all that are mandatory there, those of the others
//! that Rollcall knows something about, and its own figures under `x_`. docs/export.md says where each is from.

use std::sync::LazyLock;

use super::rollup::{count, mode_name, text};
use super::{Column, Row, Value};
use crate::model::{Count, PicoUsd};
use crate::query::GroupBy;

/// Which edition of the specification a file follows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    #[default]
    V1_2,
    V1_3,
    V1_4,
}

pub const VERSIONS: [(&str, Version); 3] = [("1.2", Version::V1_2), ("1.3", Version::V1_3), ("1.4", Version::V1_4)];

/// Columns that not every version has: from which on, and before which.
const NOT_ALWAYS: [(&str, Version, Option<Version>); 4] = [
    ("HostProviderName", Version::V1_3, None),
    ("ServiceProviderName", Version::V1_3, None),
    ("ProviderName", Version::V1_2, Some(Version::V1_4)),
    ("PublisherName", Version::V1_2, Some(Version::V1_4)),
];

/// The columns of a version, in its order.
pub fn columns(version: Version) -> &'static [Column] {
    static OF: LazyLock<[Vec<Column>; VERSIONS.len()]> = LazyLock::new(|| {
        VERSIONS.map(|(_, version)| {
            let has = |column: &&Column| {
                let limits = NOT_ALWAYS.iter().find(|(name, ..)| *name == column.name);
                limits.is_none_or(|(_, from, before)| version >= *from && before.is_none_or(|before| version < before))
            };
            COLUMNS.iter().filter(has).copied().collect()
        })
    });
    &OF[version as usize]
}

/// Those of all versions.
const COLUMNS: &[Column] = &[
    Column { name: "BilledCost", value: Value::Usd(cost) },
    text("BillingAccountId", |row| Some(row.about.organization_id.into())),
    text("BillingAccountName", |row| {
        Some(row.about.organization.profile.name.as_deref().unwrap_or(row.about.organization_id).into())
    }),
    text("BillingCurrency", |_| Some("USD".into())),
    Column { name: "BillingPeriodEnd", value: Value::Instant(|row| row.time.month.end) },
    Column { name: "BillingPeriodStart", value: Value::Instant(|row| row.time.month.start) },
    text("ChargeCategory", |_| Some("Usage".into())),
    text("ChargeClass", |_| None),
    text("ChargeDescription", |row| {
        let (model, provider) = (row.rollup.label(GroupBy::Model), row.rollup.label(GroupBy::Provider));
        Some(format!("Tokens of {} from {}", model.label, provider.label).into())
    }),
    text("ChargeFrequency", |_| Some("Usage-Based".into())),
    Column { name: "ChargePeriodEnd", value: Value::Instant(|row| row.time.end) },
    Column { name: "ChargePeriodStart", value: Value::Instant(|row| row.time.start) },
    Column { name: "ConsumedQuantity", value: Value::Quantity(tokens) },
    text("ConsumedUnit", |_| Some("Tokens".into())),
    Column { name: "ContractedCost", value: Value::Usd(cost) },
    Column { name: "EffectiveCost", value: Value::Usd(cost) },
    text("HostProviderName", |row| row.name(GroupBy::Provider)),
    text("InvoiceId", |_| None),
    text("InvoiceIssuerName", |row| row.name(GroupBy::Provider)),
    Column { name: "ListCost", value: Value::Usd(cost) },
    text("PricingCategory", |_| Some("Standard".into())),
    Column { name: "PricingQuantity", value: Value::Quantity(tokens) },
    text("PricingUnit", |_| Some("Tokens".into())),
    text("ProviderName", |row| row.name(GroupBy::Provider)),
    text("PublisherName", |row| row.name(GroupBy::Provider)),
    text("ResourceId", |row| row.key(GroupBy::ApiKey)),
    text("ResourceName", |row| row.name(GroupBy::ApiKey)),
    text("ResourceType", |_| Some("API key".into())),
    text("ServiceCategory", |_| Some("AI and Machine Learning".into())),
    text("ServiceName", |row| row.name(GroupBy::Provider)),
    text("ServiceProviderName", |row| row.name(GroupBy::Provider)),
    text("ServiceSubcategory", |_| Some("Generative AI".into())),
    text("SkuId", |row| row.key(GroupBy::Model)),
    text("SubAccountId", |row| row.key(GroupBy::Project)),
    text("SubAccountName", |row| row.name(GroupBy::Project)),
    text("Tags", |row| Some(tags(row).into())),
    count("x_RequestCount", |row| row.count(Count::Requests)),
    count("x_UnpricedRequestCount", |row| row.count(Count::Unpriced)),
    count("x_InputTokens", |row| row.count(Count::InputTokens)),
    count("x_OutputTokens", |row| row.count(Count::OutputTokens)),
    count("x_CachedTokens", |row| row.count(Count::CachedTokens)),
    count("x_CacheWriteTokens", |row| row.count(Count::CacheWriteTokens)),
    count("x_ReasoningTokens", |row| row.count(Count::ReasoningTokens)),
    count("x_ErrorCount", |row| row.count(Count::Errors)),
    count("x_ClientErrorCount", |row| row.count(Count::ClientErrors)),
    text("x_ZoneDatabase", |row| Some(row.zone.edition().version().into())),
];

/// Rollcall knows one amount: what the call cost.
fn cost(row: &Row<'_>) -> PicoUsd {
    row.rollup.measures.cost
}

fn tokens(row: &Row<'_>) -> u64 {
    row.count(Count::TotalTokens)
}

/// Who and what used the key, as a JSON object. What FOCUS calls provider-defined tags have a prefix.
fn tags(row: &Row<'_>) -> String {
    let tags = [
        ("mode", Some(mode_name(row.rollup.mode()).into())),
        ("costSource", Some(row.cost_source().into())),
        ("user", row.key(GroupBy::User)),
        ("app", row.key(GroupBy::Source)),
        ("team", row.key(GroupBy::Team)),
        ("costCentre", row.key(GroupBy::CostCentre)),
    ];
    let tags = tags.into_iter().filter_map(|(name, value)| Some((format!("rollcall/{name}"), value?.into())));
    serde_json::Value::Object(tags.collect()).to_string()
}
