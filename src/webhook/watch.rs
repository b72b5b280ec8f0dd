//! What is due of a webhook: days that are over, budgets that are reached.

use std::sync::Arc;

use serde::Serialize;
use serde_json::value::RawValue;

use super::file::{Budget, Subject, Webhook};
use super::message::Message;
use crate::calendar::{Date, Zone};
use crate::directory::Status;
use crate::engine::{Engine, EngineError};
use crate::http::wire::Activity;
use crate::http::{App, ask_and_wait};
use crate::model::{HOUR_MS, PicoUsd};
use crate::store::{Acknowledged, StoreError};

/// How long after its end a day is sent, so that events that are a bit late are in it.
const GRACE_MS: i64 = HOUR_MS;
/// Days that are caught up after an outage. Those before are not sent.
const CATCH_UP_DAYS: i64 = 31;
/// Entries of a day before *Other*: the specification asks for less than 20 kB.
const TOP: &str = "20";

/// One kind of event of one webhook, and what was acknowledged of it.
pub struct Watch {
    app: App,
    webhook: Arc<Webhook>,
    subject: Subject,
    acknowledged: Acknowledged,
    /// Whether the store has that.
    saved: bool,
    /// The last month, by which rules, and change at which no budget was reached that was not told.
    looked: Option<(Date, Zone, u64)>,
    warned: bool,
}

/// An event that is to be sent.
pub struct Due {
    pub message: Message,
    /// The first day of what is acknowledged with it, and the percentage.
    settles: (Date, u32),
}

/// What `usage.day` tells.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UsageDay<'a> {
    organization_id: &'a str,
    usage: Box<RawValue>,
}

/// What `budget.reached` tells.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BudgetReached<'a> {
    organization_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    project_id: Option<&'a str>,
    timezone: &'a str,
    zone_database: &'a str,
    month: &'a str,
    from: &'a str,
    to: &'a str,
    percent: u32,
    limit: Box<RawValue>,
    cost: &'a RawValue,
    as_of: &'a str,
}

impl Watch {
    pub fn new(app: App, webhook: Arc<Webhook>, subject: Subject) -> Result<Watch, StoreError> {
        let stream = stream(&webhook, &subject);
        let acknowledged = app.engine.snapshot().reader.acknowledged(&stream)?;
        Ok(Watch { app, webhook, subject, acknowledged, saved: true, looked: None, warned: false })
    }

    pub fn webhook(&self) -> &Webhook {
        &self.webhook
    }

    /// Whose days are meant, by the rules in use now.
    fn zone(&self) -> Zone {
        self.webhook.zone.in_use()
    }

    pub fn engine(&self) -> &Engine {
        &self.app.engine
    }

    pub fn kind(&self) -> &'static str {
        self.subject.kind()
    }

    /// The oldest event that is due now and not acknowledged, as things are now.
    pub fn due(&mut self) -> Result<Option<Due>, String> {
        let id = &self.webhook.organization_id;
        let snapshot = self.app.engine.snapshot();
        let found = snapshot.directory.organization(id);
        if found.is_none_or(|organization| organization.profile.status != Status::Active) {
            if !std::mem::replace(&mut self.warned, true) {
                let webhook = &self.webhook.receiver.name;
                tracing::warn!(webhook, "there is no organization '{id}'; nothing is sent until there is");
            }
            return Ok(None);
        }
        let today = self.zone().date_at(self.app.engine.now());
        match self.subject.clone() {
            Subject::Daily { group_by } => self.day_over(today, &group_by),
            Subject::Budget(budget) => self.budget_reached(today, &budget),
        }
    }

    fn day_over(&mut self, today: Date, group_by: &str) -> Result<Option<Due>, String> {
        let last = self.acknowledged.last_key_value().and_then(|(day, _)| Date::parse(day));
        let last = last.unwrap_or_else(|| {
            let before_yesterday = today.plus_days(-2);
            self.settle(before_yesterday, 100);
            before_yesterday
        });
        let day = last.plus_days(1).max(today.plus_days(-CATCH_UP_DAYS));
        if self.app.engine.now() < self.zone().day_start(day.plus_days(1)) + GRACE_MS {
            return Ok(None);
        }
        let answer = self.ask(day, day, &[("groupBy", group_by), ("top", TOP)])?;
        let as_of = read(&answer)?.as_of;
        let data = UsageDay { organization_id: &self.webhook.organization_id, usage: raw(answer)? };
        let data = serde_json::value::to_raw_value(&data).map_err(|e| unreadable(&e))?;
        let id = self.id(&day.to_string());
        Ok(Some(Due { message: Message::new(self.kind(), id, &as_of, &data), settles: (day, 100) }))
    }

    fn budget_reached(&mut self, today: Date, budget: &Budget) -> Result<Option<Due>, String> {
        let this_month = today.first_of_month();
        // What was reached at its very end, or by late events, is told of the month before as well.
        let months = [this_month.plus_days(-1).first_of_month(), this_month];
        if self.acknowledged.is_empty() {
            self.settle(this_month, 0);
        }
        let change = self.last_change(months[0], this_month.next_month());
        let looked = Some((this_month, self.zone(), change));
        if self.looked == looked {
            return Ok(None);
        }
        let first = self.acknowledged.first_key_value().and_then(|(month, _)| Date::parse(month));
        for month in months.into_iter().filter(|month| first.is_none_or(|first| *month >= first)) {
            let settled = self.acknowledged.get(&month.to_string()).copied().unwrap_or(0);
            if let Some(due) = self.reached_in(month, settled, budget)? {
                return Ok(Some(due));
            }
        }
        self.looked = looked;
        Ok(None)
    }

    fn reached_in(&self, month: Date, settled: u32, budget: &Budget) -> Result<Option<Due>, String> {
        let project = budget.project_id.as_deref().map(|id| ("projectId", id));
        let query: Vec<_> = [("groupBy", "none"), ("granularity", "month")].into_iter().chain(project).collect();
        let answer = read(&self.ask(month, month.next_month().plus_days(-1), &query)?)?;
        let cost = PicoUsd::parse_sum(answer.totals.cost.get()).map_err(|e| unreadable(&e))?;
        let reached = budget.percentages.iter().filter(|percent| is_reached(cost, budget.limit, **percent)).max();
        let Some(percent) = reached.copied().filter(|percent| *percent > settled) else { return Ok(None) };
        let day = month.to_string();
        let month_name = &day[..7];
        let data = serde_json::value::to_raw_value(&BudgetReached {
            organization_id: &self.webhook.organization_id,
            project_id: budget.project_id.as_deref(),
            timezone: &answer.timezone,
            zone_database: &answer.zone_database,
            month: month_name,
            from: &answer.from,
            to: &answer.to,
            percent,
            limit: raw(budget.limit.to_string())?,
            cost: &answer.totals.cost,
            as_of: &answer.as_of,
        });
        let data = data.map_err(|e| unreadable(&e))?;
        let id = self.id(&format!("{month_name}_{percent}"));
        Ok(Some(Due { message: Message::new(self.kind(), id, &answer.as_of, &data), settles: (month, percent) }))
    }

    /// When something last changed that a cost from one day to another could depend on.
    fn last_change(&self, from: Date, end: Date) -> u64 {
        let snapshot = self.app.engine.snapshot();
        let number = snapshot.dictionary.organization(&self.webhook.organization_id).map(|(number, _)| number);
        let [start, end] = [from, end].map(|date| self.zone().day_start(date));
        self.app.engine.freshness().last_change(number, start, end)
    }

    /// The answer of `/analytics/activity` for some days.
    fn ask(&self, from: Date, to: Date, more: &[(&str, &str)]) -> Result<String, String> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("organizationId", &self.webhook.organization_id);
        query.append_pair("timezone", self.zone().name());
        query.append_pair("from", &from.to_string()).append_pair("to", &to.to_string()).extend_pairs(more);
        let mut answer = Vec::new();
        let path = format!("/analytics/activity?{}", query.finish());
        ask_and_wait(self.app.clone(), &path, &mut answer).map_err(|problem| problem.detail)?;
        String::from_utf8(answer).map_err(|e| unreadable(&e))
    }

    /// Made of what the event is about, so that it is the same whenever and however often it is sent. It must have no
    /// full stop: that is what separates it in what is signed.
    fn id(&self, about: &str) -> String {
        format!("{}_{}_{about}", self.webhook.receiver.name, self.kind().replace('.', "-"))
    }

    /// Takes note that an event was acknowledged.
    pub fn acknowledge(&mut self, due: &Due) {
        self.settle(due.settles.0, due.settles.1);
    }

    fn settle(&mut self, first_day: Date, percent: u32) {
        self.acknowledged.insert(first_day.to_string(), percent);
        // The one before tells that this one's month before was watched, too.
        while self.acknowledged.len() > 2 {
            self.acknowledged.pop_first();
        }
        self.saved = false;
    }

    /// Writes what was acknowledged to the store, unless it is there.
    pub fn save(&mut self) -> Result<(), EngineError> {
        if !self.saved {
            let stream = stream(&self.webhook, &self.subject);
            self.app.engine.acknowledge(&stream, self.acknowledged.clone())?.wait()?;
            self.saved = true;
        }
        Ok(())
    }
}

impl Subject {
    fn kind(&self) -> &'static str {
        match self {
            Subject::Daily { .. } => "usage.day",
            Subject::Budget(_) => "budget.reached",
        }
    }
}

/// What the store knows it by.
fn stream(webhook: &Webhook, subject: &Subject) -> String {
    format!("{} {}", webhook.receiver.name, subject.kind())
}

fn is_reached(cost: PicoUsd, limit: PicoUsd, percent: u32) -> bool {
    // A cost so high that it saturates is above any limit there may be.
    cost.0.saturating_mul(100) >= limit.0 * i128::from(percent)
}

fn read(answer: &str) -> Result<Activity, String> {
    serde_json::from_str(answer).map_err(|e| unreadable(&e))
}

fn raw(json: String) -> Result<Box<RawValue>, String> {
    RawValue::from_string(json).map_err(|e| unreadable(&e))
}

/// Only a bug of ours makes an answer so.
fn unreadable(error: &dyn std::fmt::Display) -> String {
    format!("an answer cannot be read: {error}")
}
