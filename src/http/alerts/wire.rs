//! Alerts.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::directory::AlertKind;
use crate::http::body::{object, objects};
use crate::http::budgets::wire::BudgetBody;
use crate::http::directory::wire::{StatusName, given};
use crate::http::listing::Entry;

/// Some or all alerts. Merged by id: what is absent stays as it is.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Alerts {
    #[serde(deserialize_with = "objects")]
    pub alerts: Vec<AlertBody>,
}

/// What somebody wants to hear of. A new alert needs a kind, and one about a budget a budgetId.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewAlert)]
pub struct AlertBody {
    /// Unique within its organization. May be left out where it is only rehearsed.
    #[serde(default)]
    #[schema(required = true)]
    pub id: String,
    pub organization_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<KindName>,
    /// Of `budget` and `forecast`: which budget.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub budget_id: Option<Option<String>>,
    /// From where on it fires, as a number or as text: of `budget` and `forecast` a percentage of the limit, of
    /// `unusualDay` how many times the usual spread, of `newSpender` US dollars, of `errorRate` a percentage of the
    /// requests, of `unpriced` requests; `digest` has none. `null` or never given: the budget's percentages, 100, 4, 10,
    /// 10 and 1.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[schema(value_type = Option<f64>)]
    pub threshold: Option<Box<RawValue>>,
    /// Who is told; takes the place of those who were.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "recipients")]
    pub to: Option<Vec<RecipientBody>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<StatusName>,
}

fn recipients<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Vec<RecipientBody>>, D::Error> {
    objects(from).map(Some)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AlertKind)]
pub enum KindName {
    /// A budget has reached a percentage.
    Budget,
    /// A budget will be passed before its window ends.
    Forecast,
    /// A day costs more than its weekday usually does.
    UnusualDay,
    /// A model or API key that is new costs much.
    NewSpender,
    /// Many requests of a day have failed.
    ErrorRate,
    /// Requests of a day have no price.
    Unpriced,
    /// A week is over: what it has cost, each Monday.
    Digest,
}

impl From<KindName> for AlertKind {
    fn from(name: KindName) -> AlertKind {
        match name {
            KindName::Budget => AlertKind::Budget,
            KindName::Forecast => AlertKind::Forecast,
            KindName::UnusualDay => AlertKind::UnusualDay,
            KindName::NewSpender => AlertKind::NewSpender,
            KindName::ErrorRate => AlertKind::ErrorRate,
            KindName::Unpriced => AlertKind::Unpriced,
            KindName::Digest => AlertKind::Digest,
        }
    }
}

impl From<AlertKind> for KindName {
    fn from(kind: AlertKind) -> KindName {
        match kind {
            AlertKind::Budget => KindName::Budget,
            AlertKind::Forecast => KindName::Forecast,
            AlertKind::UnusualDay => KindName::UnusualDay,
            AlertKind::NewSpender => KindName::NewSpender,
            AlertKind::ErrorRate => KindName::ErrorRate,
            AlertKind::Unpriced => KindName::Unpriced,
            AlertKind::Digest => KindName::Digest,
        }
    }
}

/// Who is told, and how.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewAlertRecipient)]
pub struct RecipientBody {
    pub kind: ChannelName,
    /// Of `webhook`, `slack` and `discord`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Of `email`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Of `webhook`: what it is signed with, `whsec_` and the base64 of 24 to 64 bytes. Kept where it is not given, taken
    /// out with `null`, never answered.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub secret: Option<Option<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = AlertChannel)]
pub enum ChannelName {
    Webhook,
    Slack,
    Discord,
    Email,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct AlertList {
    pub alerts: Vec<AlertAnswer>,
    /// What `after` is to say for those after these; absent when there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// What somebody wants to hear of.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Alert)]
pub struct AlertAnswer {
    pub id: String,
    pub organization_id: String,
    pub kind: KindName,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>)]
    pub threshold: Option<Box<RawValue>>,
    pub to: Vec<RecipientAnswer>,
    pub status: StatusName,
}

impl Entry for AlertAnswer {
    fn id(&self) -> &str {
        &self.id
    }

    fn names(&self) -> Vec<&str> {
        self.budget_id.as_deref().into_iter().collect()
    }
}

/// Who is told. Developers see the kind alone.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AlertRecipient)]
pub struct RecipientAnswer {
    pub kind: ChannelName,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Of `webhook`: whether there is a secret that it is signed with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed: Option<bool>,
}

/// What to try on usage that is stored.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRehearsal {
    /// As it would be handed in; what is absent is as in the alert of that id, if there is one.
    #[serde(deserialize_with = "object")]
    pub alert: AlertBody,
    /// A budget that is not there yet, or what would be changed of one: the alert's.
    #[serde(default, deserialize_with = "budget")]
    pub budget: Option<BudgetBody>,
    /// First local day, `YYYY-MM-DD`.
    pub from: String,
    /// Last local day, at most a year later.
    pub to: String,
}

fn budget<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<BudgetBody>, D::Error> {
    object(from).map(Some)
}

/// When an alert would have fired.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rehearsal {
    pub fired: Vec<FiredBody>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RehearsedAlert)]
pub struct FiredBody {
    /// The hour in which it would have, RFC 3339 in the zone of its days: its beginning. The day, where each member, model
    /// and key is looked at over more than 31 days.
    pub at: String,
    /// Of the limit, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<u32>,
    /// Whose budget, where it is each member's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// What is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key_id: Option<String>,
    /// Why, in words.
    pub message: String,
}
