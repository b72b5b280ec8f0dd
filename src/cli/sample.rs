//! The sample organization: a year and more of usage, the same on every machine.
//!
//! Every hour's events come from a hash of the hour and the key, so they do not depend on when the demo starts.
//! Amounts are shares of a known month: June 2026 adds up to the figures in `data/demo.json` exactly, because each
//! event gets the difference between two rounded running shares, and other months are dealt at June's rate.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Deserialize;

use crate::calendar::{Date, Zone};
use crate::http::wire::{BudgetBody, DirectoryBody};
use crate::model::{HOUR_MS, PicoUsd, UnixMs};

const DATA: &str = include_str!("../../data/demo.json");
const DAY_MS: i64 = 24 * HOUR_MS;
/// Weight of some 25 requests.
const QUIET: u64 = 6_000_000_000;
/// Costs are dealt in whole micro-dollars, as providers' prices make them.
const MICRO: u128 = 1_000_000;

/// `data/demo.json`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sample {
    pub organization_id: String,
    month: Month,
    takeover: Takeover,
    outage: Outage,
    trouble: Trouble,
    models: Vec<Model>,
    keys: Vec<Key>,
    pub directory: DirectoryBody,
    pub budgets: Vec<BudgetBody>,
}

/// A month whose sums are known.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Month {
    of: String,
    cost_usd: String,
    requests: u128,
    tokens: u128,
}

/// One model gives way to another.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Takeover {
    from: String,
    to: String,
    begins: String,
    ends: String,
}

/// A bad day.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Outage {
    date: String,
    from_hour: i64,
    until_hour: i64,
    provider: String,
    error_percent: u64,
}

/// What goes on in the last days: calls of a model that no list knows, and calls that are told of days later.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Trouble {
    days: i64,
    project_id: String,
    api_key_id: String,
    app: String,
    unpriced_model: String,
    late_model: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Model {
    id: String,
    provider: String,
    input_usd_per_million: String,
    output_usd_per_million: String,
    output_percent: u128,
    cached_percent: u128,
    reasoning_percent: u128,
    tokens_per_request: u128,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Key {
    id: String,
    project_id: String,
    weight: u64,
    rhythm: Rhythm,
    apps: Vec<String>,
    models: BTreeMap<String, u64>,
    #[serde(default)]
    since: Option<String>,
    #[serde(default)]
    until: Option<String>,
    #[serde(default)]
    mode: Option<String>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Rhythm {
    Office,
    Shop,
    Always,
    Nightly,
}

impl Rhythm {
    /// Weight of a UTC hour of the day, in percent of a full hour.
    fn of_hour(self, hour: usize) -> u64 {
        const OFFICE: [u64; 24] =
            [2, 1, 1, 1, 2, 6, 20, 55, 85, 100, 98, 80, 72, 92, 96, 84, 60, 34, 18, 10, 7, 5, 4, 3];
        const SHOP: [u64; 24] =
            [14, 9, 6, 5, 6, 10, 20, 36, 50, 60, 66, 70, 68, 64, 62, 66, 74, 86, 96, 100, 90, 66, 42, 24];
        const NIGHTLY: [u64; 24] =
            [100, 100, 90, 70, 40, 12, 3, 2, 2, 2, 2, 3, 3, 2, 2, 2, 2, 3, 4, 6, 12, 35, 80, 100];
        match self {
            Rhythm::Office => OFFICE[hour],
            Rhythm::Shop => SHOP[hour],
            Rhythm::Always => 60,
            Rhythm::Nightly => NIGHTLY[hour],
        }
    }

    /// Weight of a day of the week from Monday, in percent.
    fn of_weekday(self, day: usize) -> u64 {
        match self {
            Rhythm::Office => [96, 100, 100, 98, 88, 9, 7][day],
            Rhythm::Shop => [88, 86, 88, 92, 104, 118, 112][day],
            Rhythm::Always => 100,
            Rhythm::Nightly => [100, 100, 100, 100, 100, 40, 40][day],
        }
    }
}

/// An event before amounts are dealt.
struct Draft {
    time: UnixMs,
    key: usize,
    model: usize,
    app: usize,
    weight: u128,
    failed: bool,
}

/// What one unit of weight is worth, as a fraction: the month's total over the month's weights.
#[derive(Clone, Copy, Default)]
struct Rate {
    total: u128,
    weights: u128,
}

/// Deals amounts so that any run of them adds up to its rounded share.
#[derive(Clone, Copy, Default)]
struct Dealer {
    rate: Rate,
    weights: u128,
    dealt: u128,
}

impl Dealer {
    fn deal(&mut self, weight: u128) -> u128 {
        self.weights += weight;
        let due = self.rate.total * self.weights / self.rate.weights;
        let amount = due - self.dealt;
        self.dealt = due;
        amount
    }
}

/// Requests, tokens and cost, each in the proportion of the known month.
#[derive(Clone, Copy, Default)]
struct Rates {
    requests: Rate,
    tokens: Rate,
    cost: Rate,
}

impl Sample {
    pub fn load() -> Sample {
        serde_json::from_str(DATA).expect("the file is part of the program and tested")
    }

    /// First instant of the month whose sums are known, and of the month after.
    pub fn known_month(&self) -> (UnixMs, UnixMs) {
        let first = Date::parse(&format!("{}-01", self.month.of)).expect("a month");
        let after = (28..=31).map(|days| first.plus_days(days)).find(|d| d.to_string().ends_with("-01"));
        (Zone::UTC.day_start(first), Zone::UTC.day_start(after.expect("a month has 28 to 31 days")))
    }

    /// Events of each month from at least a year before `now` (and before the known month) to `now`, as NDJSON.
    pub fn months(&self, now: UnixMs) -> impl Iterator<Item = String> {
        let rates = self.rates();
        let known = Date::parse(&format!("{}-01", self.month.of)).expect("a month");
        let first = Zone::UTC.date_at(now).plus_days(-370).min(known.plus_days(-31));
        let mut day = Date::parse(&format!("{}-01", &first.to_string()[..7])).expect("the first of a month");
        std::iter::from_fn(move || {
            let month = day.to_string()[..7].to_owned();
            let start = Zone::UTC.day_start(day);
            while day.to_string().starts_with(&month) {
                day = day.plus_days(1);
            }
            let end = Zone::UTC.day_start(day);
            (start < now).then(|| self.lines(&self.drafts(start, end), now, &rates))
        })
    }

    /// Calls of the last days that have no price, as NDJSON.
    pub fn unpriced(&self, now: UnixMs) -> String {
        self.recent(now, "unpriced", &self.trouble.unpriced_model)
    }

    /// Calls of days that are over. Sent after those have been sealed, they are late.
    pub fn late(&self, now: UnixMs) -> String {
        self.recent(now - 2 * DAY_MS, "late", &self.trouble.late_model)
    }

    /// Calls in working hours of the days before `until`, never of the month whose sums are known.
    fn recent(&self, until: UnixMs, what: &str, model: &str) -> String {
        let Trouble { days, project_id, api_key_id, app, .. } = &self.trouble;
        let (_, known_end) = self.known_month();
        let mut lines = String::new();
        let first = (until - days * DAY_MS).max(known_end).div_euclid(HOUR_MS) + 1;
        for hour in first..until / HOUR_MS {
            if !(7..17).contains(&hour.rem_euclid(24)) {
                continue;
            }
            let mut random = Random::new(hour as u64, model.len() as u64);
            let count = 4 + random.below(20);
            writeln!(
                lines,
                "{{\"id\":\"demo-{what}-{hour}\",\"timestamp\":{},\"organizationId\":\"{}\",\
                 \"projectId\":\"{project_id}\",\
                 \"apiKeyId\":\"{api_key_id}\",\"usedModel\":\"{model}\",\"source\":\"{app}\",\"count\":{count},\
                 \"promptTokens\":{},\"completionTokens\":{}}}",
                hour * HOUR_MS + random.below(HOUR_MS as u64) as i64,
                self.organization_id,
                count * (300 + random.below(200)),
                count * (80 + random.below(60)),
            )
            .expect("text takes every write");
        }
        lines
    }

    fn rates(&self) -> Rates {
        let (start, end) = self.known_month();
        let drafts = self.drafts(start, end);
        let cost = PicoUsd::parse_event_cost(&self.month.cost_usd).expect("an amount of money").0 as u128;
        let mut rates = Rates {
            requests: Rate { total: self.month.requests, weights: drafts.iter().map(|d| d.weight).sum() },
            tokens: Rate { total: self.month.tokens, weights: 0 },
            cost: Rate { total: cost / MICRO, weights: 0 },
        };
        let mut requests = Dealer { rate: rates.requests, ..Dealer::default() };
        let dealt: Vec<u128> = drafts.iter().map(|draft| requests.deal(draft.weight)).collect();
        let token_weights = |draft: &Draft, requests| self.token_weight(draft, requests);
        rates.tokens.weights = drafts.iter().zip(&dealt).map(|(d, r)| token_weights(d, *r)).sum();
        let mut tokens = Dealer { rate: rates.tokens, ..Dealer::default() };
        for (draft, requests) in drafts.iter().zip(&dealt) {
            let tokens = tokens.deal(self.token_weight(draft, *requests));
            rates.cost.weights += self.cost_weight(draft, tokens);
        }
        rates
    }

    fn drafts(&self, start: UnixMs, end: UnixMs) -> Vec<Draft> {
        let midnight = |text: &String| Zone::UTC.day_start(Date::parse(text).expect("a date"));
        let model_index = |id: &str| self.models.iter().position(|m| m.id == id).expect("a model of the sample");
        let (old, new) = (model_index(&self.takeover.from), model_index(&self.takeover.to));
        let (begins, ends) = (midnight(&self.takeover.begins), midnight(&self.takeover.ends));
        let bad_day = midnight(&self.outage.date);
        let outage = bad_day + self.outage.from_hour * HOUR_MS..bad_day + self.outage.until_hour * HOUR_MS;
        let (known, _) = self.known_month();
        let mut drafts = Vec::new();
        for hour in (start..end).step_by(HOUR_MS as usize) {
            let hour_of_day = (hour / HOUR_MS % 24) as usize;
            // 1970-01-01 was a Thursday.
            let weekday = ((hour / DAY_MS + 3) % 7) as usize;
            // About 3.5 % more each month, straight.
            let growth = (1000 + (hour - known) / DAY_MS * 1000 / 850).max(500) as u64;
            let moved = ((hour - begins).clamp(0, ends - begins) * 1000 / (ends - begins)) as u64;
            for (k, key) in self.keys.iter().enumerate() {
                let before = key.since.as_ref().is_some_and(|since| hour < midnight(since));
                let after = key.until.as_ref().is_some_and(|until| hour >= midnight(until));
                if before || after {
                    continue;
                }
                let mut random = Random::new(hour as u64, k as u64);
                let rhythm = key.rhythm.of_hour(hour_of_day) * key.rhythm.of_weekday(weekday);
                let base = key.weight * rhythm * growth * (70 + random.below(60));
                let shares: u64 = key.models.values().sum();
                for (id, share) in &key.models {
                    let listed = model_index(id);
                    let whole = base / shares * share;
                    let parts = if listed == old {
                        [(old, whole / 1000 * (1000 - moved)), (new, whole / 1000 * moved)]
                    } else {
                        [(listed, whole), (listed, 0)]
                    };
                    for (model, weight) in parts {
                        // A quiet key does not call every model in every hour; what it skips it makes up for.
                        let weight = match random.below(4) {
                            0 if weight < QUIET => weight * 4,
                            _ if weight < QUIET => 0,
                            _ => weight,
                        };
                        if weight == 0 {
                            continue;
                        }
                        let mut push = |weight: u64, failed, random: &mut Random| {
                            let time = hour + random.below(HOUR_MS as u64) as i64;
                            let app = random.below(key.apps.len() as u64) as usize;
                            drafts.push(Draft { time, key: k, model, app, weight: u128::from(weight), failed });
                        };
                        let down = outage.contains(&hour) && self.models[model].provider == self.outage.provider;
                        let failed = match () {
                            () if down => weight / 100 * self.outage.error_percent,
                            () if random.below(100) < 9 => weight / 100 * (4 + random.below(10)),
                            () => 0,
                        };
                        if failed > 0 {
                            push(failed, true, &mut random);
                        }
                        push(weight - failed, false, &mut random);
                    }
                }
            }
        }
        drafts
    }

    fn token_weight(&self, draft: &Draft, requests: u128) -> u128 {
        // A failed call has sent its prompt and got nothing.
        let spread = 80 + Random::new(draft.time as u64, draft.key as u64).below(40);
        let share = if draft.failed { 40 } else { 100 };
        requests * self.models[draft.model].tokens_per_request * u128::from(spread) * share
    }

    /// List price of an event's tokens, in picodollars.
    fn cost_weight(&self, draft: &Draft, tokens: u128) -> u128 {
        if draft.failed {
            return 0;
        }
        let model = &self.models[draft.model];
        // Dollars per million tokens are picodollars per token, a million times over.
        let price = |usd: &str| PicoUsd::parse_event_cost(usd).expect("an amount of money").0 as u128 / MICRO;
        let output = tokens * model.output_percent / 100;
        (tokens - output) * price(&model.input_usd_per_million) + output * price(&model.output_usd_per_million)
    }

    fn lines(&self, drafts: &[Draft], now: UnixMs, rates: &Rates) -> String {
        let mut requests = Dealer { rate: rates.requests, ..Dealer::default() };
        let mut tokens = Dealer { rate: rates.tokens, ..Dealer::default() };
        let mut cost = Dealer { rate: rates.cost, ..Dealer::default() };
        let mut lines = String::new();
        for (i, draft) in drafts.iter().enumerate() {
            let count = requests.deal(draft.weight);
            let all = tokens.deal(self.token_weight(draft, count));
            let micros = cost.deal(self.cost_weight(draft, all));
            if count == 0 || draft.time >= now {
                continue;
            }
            let (key, model) = (&self.keys[draft.key], &self.models[draft.model]);
            let output = if draft.failed { 0 } else { all * model.output_percent / 100 };
            let cost = PicoUsd((micros * MICRO) as i128);
            writeln!(
                lines,
                "{{\"id\":\"demo-{}-{i}\",\"timestamp\":{},\"organizationId\":\"{}\",\"projectId\":\"{}\",\
                 \"apiKeyId\":\"{}\",\"usedModel\":\"{}/{}\",\"source\":\"{}\",\"count\":{count},\
                 \"promptTokens\":{},\"completionTokens\":{output},\"cachedTokens\":{},\"reasoningTokens\":{},\
                 \"cost\":\"{cost}\",\"usedMode\":\"{}\",\"hasError\":{},\"streamed\":true}}",
                draft.time / HOUR_MS,
                draft.time,
                self.organization_id,
                key.project_id,
                key.id,
                model.provider,
                model.id,
                key.apps[draft.app],
                all - output,
                (all - output) * model.cached_percent / 100,
                output * model.reasoning_percent / 100,
                key.mode.as_deref().unwrap_or("credits"),
                draft.failed,
            )
            .expect("strings take every write");
        }
        lines
    }
}

/// A small generator (splitmix64): the same numbers for the same seed, everywhere.
struct Random(u64);

impl Random {
    fn new(a: u64, b: u64) -> Random {
        let mut random = Random(a.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ b.wrapping_mul(0xd6e8_feb8_6659_fd93));
        random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_do_not_depend_on_when_the_demo_starts() {
        let sample = Sample::load();
        let (june, july) = sample.known_month();
        let december = july + 153 * DAY_MS;
        let find = |now| sample.months(now).find(|lines| lines.contains(&format!("demo-{}-", june / HOUR_MS))).unwrap();
        assert_eq!(find(july + DAY_MS), find(december));
    }
}
