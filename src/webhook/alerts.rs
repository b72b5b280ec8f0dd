//! Alerts that were made over the API: what is due of each, and telling everybody once.
//!
//! One thread looks at all of them and never waits for a receiver; each message is sent by a thread of its own, one at a
//! time for each who is told, and some at a time for each organization.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender as Tell, channel};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::value::RawValue;

use super::chat::{discord, slack};
use super::mail::Mail;
use super::message::{Answered, Message, Post, Sender, is_acknowledged};
use super::{Pace, STOP};
use crate::budget::{Figures, Firing, Span, Subject};
use crate::calendar::{Date, Zone, rfc3339_utc};
use crate::directory::{Alert, Budget, Channel, Counted, Organization, Recipient, SecretHash, Status};
use crate::engine::Snapshot;
use crate::http::{App, Deliveries, Digest, Named, Watched, alert_fired, alert_message, days_now, written};
use crate::model::UnixMs;
use crate::store::{Acknowledged, caught};

/// Messages under way at once, and those of one organization: one that names many who never answer keeps the others
/// waiting for nothing.
const UNDER_WAY: usize = 32;
const OF_ONE_ORGANIZATION: usize = 4;
/// What is remembered of one who is told by one alert. More fire only where there are more members or keys than anybody
/// wants to be told of one by one.
const REMEMBERED: usize = 5000;
/// Characters of a hash that tell things apart.
const HASH: usize = 16;
/// What a stream of alerts is called among those of webhooks, whose names have no blank.
const STREAM: &str = "alert";
/// What alerts are called where webhooks are counted by their names.
const COUNTED_AS: &str = "(alerts)";

/// How alerts get out.
pub struct Channels {
    pub sender: Sender,
    /// Absent where the operator has set no SMTP server.
    pub mail: Option<Mail>,
}

/// Alerts being sent, until dropped.
pub struct Alerts {
    tell: Tell<Told>,
    ended: Receiver<()>,
}

impl Alerts {
    pub fn start(app: &App, channels: Channels, pace: Pace) -> std::io::Result<Alerts> {
        let (tell, told) = channel();
        let (ending, ended) = channel::<()>();
        let rounds = Rounds {
            app: app.clone(),
            channels: Arc::new(channels),
            pace,
            deliveries: app.deliveries.count(COUNTED_AS),
            known: HashMap::new(),
            under_way: HashMap::new(),
            failing: HashSet::new(),
            tell: tell.clone(),
        };
        let run = move || {
            let _ending = ending;
            rounds.run(&told);
        };
        std::thread::Builder::new().name("alerts".into()).spawn(run)?;
        Ok(Alerts { tell, ended })
    }
}

impl Drop for Alerts {
    fn drop(&mut self) {
        let _ = self.tell.send(Told::Stop);
        let _ = self.ended.recv_timeout(STOP);
    }
}

/// What the thread that looks is told.
enum Told {
    Stop,
    Sent { alert: AlertName, channel: Channel, settles: Settled, outcome: Result<(), Failed> },
}

/// What somebody has been told of once a message is taken.
struct Settled {
    key: String,
    level: u32,
}

/// Why a message was not taken, and when to try again, if that was said.
struct Failed {
    why: String,
    retry_after: Option<Duration>,
}

/// Organization and id.
type AlertName = (String, String);

struct Rounds {
    app: App,
    channels: Arc<Channels>,
    pace: Pace,
    deliveries: Arc<Deliveries>,
    known: HashMap<AlertName, Known>,
    /// Messages by organization.
    under_way: HashMap<String, usize>,
    /// Those of which it could not be worked out, since the last look, what has fired or what to say of it.
    failing: HashSet<AlertName>,
    tell: Tell<Told>,
}

/// An alert as it was when it was last looked at.
struct Known {
    alert: Alert,
    budget: Option<Budget>,
    acknowledged: Acknowledged,
    /// Whether the store has that.
    saved: bool,
    /// On which day, by which rules and at which change its firings were worked out.
    looked: Option<(Date, Zone, u64)>,
    /// The latest of each window and subject, the oldest window first.
    fired: Vec<Firing>,
    tries: HashMap<Channel, Try>,
}

/// Telling somebody.
#[derive(Default)]
struct Try {
    is_under_way: bool,
    /// After a failure: how long to wait after the next, and when to try.
    wait: Option<Duration>,
    not_before: Option<Instant>,
}

impl Rounds {
    fn run(mut self, told: &Receiver<Told>) {
        let mut next_look = Instant::now();
        loop {
            if Instant::now() >= next_look {
                self.look();
                next_look = Instant::now() + self.pace.look;
            }
            self.send();
            self.note_health();
            let next = self.next_try().into_iter().chain([next_look]).min().unwrap_or(next_look);
            match told.recv_timeout(next.saturating_duration_since(Instant::now())) {
                Ok(Told::Sent { alert, channel, settles, outcome }) => self.sent(alert, channel, settles, outcome),
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Told::Stop) | Err(RecvTimeoutError::Disconnected) => return self.finish(told),
            }
        }
    }

    /// Waits for what is under way, so that what was taken is not told again after the next start.
    fn finish(mut self, told: &Receiver<Told>) {
        let until = Instant::now() + STOP;
        while !self.under_way.is_empty()
            && let Ok(told) = told.recv_timeout(until.saturating_duration_since(Instant::now()))
        {
            if let Told::Sent { alert, channel, settles, outcome } = told {
                self.sent(alert, channel, settles, outcome);
            }
        }
    }

    /// Works out what has fired, of each alert about which something has changed.
    fn look(&mut self) {
        let (snapshot, now) = (self.app.engine.snapshot(), self.app.engine.now());
        let mut there: HashSet<AlertName> = HashSet::new();
        self.failing.clear();
        for (organization_id, organization) in snapshot.directory.organizations() {
            if organization.profile.status != Status::Active {
                continue;
            }
            let alerts = organization.alerts.iter();
            for (id, alert) in alerts.filter(|(_, alert)| alert.status == Status::Active && !alert.to.is_empty()) {
                let name = (organization_id.to_owned(), id.clone());
                there.insert(name.clone());
                let looked = caught(|| self.look_at(&name, alert, organization, &snapshot, now));
                if let Err(error) = looked.and_then(|looked| looked) {
                    tracing::warn!(organization_id, alert = id, error, "an alert could not be looked at");
                    self.failed(&name);
                }
            }
        }
        // What is under way tells by itself where it belongs.
        self.known.retain(|name, _| there.contains(name));
    }

    fn look_at(
        &mut self,
        name: &AlertName,
        alert: &Alert,
        organization: &Organization,
        snapshot: &Snapshot,
        now: i64,
    ) -> Result<(), String> {
        let watched = Watched::of(organization, alert);
        let zone = watched.zone.in_use();
        let trigger = Watched { zone, ..watched }.trigger(alert);
        let (from, today, window) = days_now(&trigger, now);
        let known = match self.known.get_mut(name) {
            Some(known) => known,
            None => {
                let acknowledged = snapshot.reader.acknowledged(&stream(name)).map_err(|error| error.to_string())?;
                let known = Known {
                    alert: alert.clone(),
                    budget: watched.budget.cloned(),
                    acknowledged,
                    saved: true,
                    looked: None,
                    fired: Vec::new(),
                    tries: HashMap::new(),
                };
                self.known.entry(name.clone()).or_insert(known)
            }
        };
        if known.alert != *alert || known.budget.as_ref() != watched.budget {
            (known.alert, known.budget, known.looked) = (alert.clone(), watched.budget.cloned(), None);
            known.tries.retain(|channel, one| one.is_under_way || alert.to.iter().any(|to| to.channel == *channel));
        }
        let number = snapshot.dictionary.organization(&name.0).map(|(number, _)| number);
        let [start, end] = [trigger.reads_from(from), today.plus_days(1)].map(|day| zone.day_start(day));
        let looked = Some((today, zone, self.app.engine.freshness().last_change(number, start, end)));
        if known.looked == looked {
            return Ok(());
        }
        let begins = zone.date_at(window).to_string();
        let oldest = zone.date_at(trigger.window_of(from)).to_string();
        known.begin(&begins, &oldest);
        let firings = alert_fired(snapshot, (&name.0, organization), alert, (from, today));
        let firings = firings.map_err(|error| error.to_string())?;
        // Of several percentages of one window that are reached, the last is the highest.
        let mut latest: BTreeMap<(i64, Subject), Firing> = BTreeMap::new();
        for firing in firings {
            latest.insert((firing.window, firing.subject.clone()), firing);
        }
        known.fired = latest.into_values().collect();
        known.looked = looked;
        Ok(())
    }

    /// Sends what is due and may be sent now.
    fn send(&mut self) {
        let now = Instant::now();
        // What failed since the last look is left to the next.
        let names = self.known.keys().filter(|name| !self.failing.contains(*name));
        for name in names.cloned().collect::<Vec<_>>() {
            if let Err(error) = caught(|| self.send_of(&name, now)) {
                tracing::warn!(organization_id = name.0, alert = name.1, error, "an alert could not be told");
                self.failed(&name);
            }
        }
    }

    fn send_of(&mut self, name: &AlertName, now: Instant) {
        let Some(known) = self.known.get_mut(name) else { return };
        if !known.saved {
            // Where a new alert begins is on disk before anything is sent, so that a restart begins there as well.
            match save(&self.app, name, known) {
                Ok(()) => known.saved = true,
                Err(error) => {
                    tracing::warn!(alert = name.1, error, "what of an alert was told could not be written");
                    return;
                }
            }
        }
        for to in known.alert.to.clone() {
            let all: usize = self.under_way.values().sum();
            let of_this = self.under_way.get(&name.0).copied().unwrap_or(0);
            if all >= UNDER_WAY || of_this >= OF_ONE_ORGANIZATION {
                break;
            }
            let Some(known) = self.known.get_mut(name) else { break };
            let one = known.tries.entry(to.channel.clone()).or_default();
            if one.is_under_way || one.not_before.is_some_and(|at| at > now) {
                continue;
            }
            let Some((firing, settles)) = known.due(&to, self.app.engine.now()) else { continue };
            let Some(message) = self.message(name, &firing) else { continue };
            if self.start(name, &to, message, settles) {
                *self.under_way.entry(name.0.clone()).or_default() += 1;
                if let Some(one) = self.known.get_mut(name).and_then(|known| known.tries.get_mut(&to.channel)) {
                    one.is_under_way = true;
                }
            }
        }
    }

    /// Counts what has failed.
    fn failed(&mut self, name: &AlertName) {
        self.failing.insert(name.clone());
        self.count_failure();
    }

    fn count_failure(&self) {
        self.deliveries.failed.fetch_add(1, Ordering::Relaxed);
        let now = (self.app.engine.now() / 1000).max(1) as u64;
        let since = &self.deliveries.failing_since_unix_s;
        let _ = since.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Takes note that nothing waits any more for what failed.
    fn note_health(&self) {
        let mut tries = self.known.values().flat_map(|known| known.tries.values());
        if self.failing.is_empty() && !tries.any(|one| one.not_before.is_some()) {
            self.deliveries.failing_since_unix_s.store(0, Ordering::Relaxed);
        }
    }

    /// Hands a message to a thread that sends it.
    fn start(&self, name: &AlertName, to: &Recipient, message: Written, settles: Settled) -> bool {
        let (channels, tell, now) = (self.channels.clone(), self.tell.clone(), self.app.engine.now());
        let (alert, to) = (name.clone(), to.clone());
        let run = move || {
            // Told in any case: else it would be under way for ever.
            let outcome = caught(|| channels.tell(&to, &message, now))
                .unwrap_or_else(|why| Err(Failed { why, retry_after: None }));
            let _ = tell.send(Told::Sent { alert, channel: to.channel, settles, outcome });
        };
        std::thread::Builder::new().name("alert".into()).spawn(run).is_ok()
    }

    /// Takes note of what became of a message.
    fn sent(&mut self, name: AlertName, channel: Channel, settles: Settled, outcome: Result<(), Failed>) {
        if let Some(count) = self.under_way.get_mut(&name.0) {
            *count = count.saturating_sub(1);
        }
        self.under_way.retain(|_, count| *count > 0);
        let (organization, alert, to) = (&name.0, &name.1, format!("{channel:?}"));
        match &outcome {
            Ok(()) => {
                self.deliveries.delivered.fetch_add(1, Ordering::Relaxed);
                tracing::info!(organization, alert, to, "told of an alert");
            }
            Err(Failed { why, .. }) => {
                self.count_failure();
                tracing::warn!(organization, alert, to, error = why, "an alert could not be told and is tried again");
            }
        }
        if let Some(known) = self.known.get_mut(&name) {
            let one = known.tries.entry(channel).or_default();
            one.is_under_way = false;
            match outcome {
                Ok(()) => {
                    (one.wait, one.not_before) = (None, None);
                    known.settle(settles);
                }
                Err(failed) => {
                    let wait = one.wait.unwrap_or(self.pace.first_retry);
                    one.wait = Some((wait * 2).min(self.pace.longest_retry));
                    one.not_before = Some(Instant::now() + failed.retry_after.unwrap_or(wait).max(wait));
                }
            }
            if !known.saved {
                match save(&self.app, &name, known) {
                    Ok(()) => known.saved = true,
                    // It is known here until it is written; a restart before that would repeat a message.
                    Err(error) => {
                        tracing::warn!(alert = name.1, error, "what of an alert was told could not be written");
                    }
                }
            }
        }
        self.note_health();
    }

    /// When somebody is to be told again.
    fn next_try(&self) -> Option<Instant> {
        let tries = self.known.values().flat_map(|known| known.tries.values());
        tries.filter(|one| !one.is_under_way).filter_map(|one| one.not_before).min().filter(|at| *at > Instant::now())
    }

    /// What is told of a firing, by how things are called now.
    fn message(&self, name: &AlertName, firing: &Firing) -> Option<Written> {
        let snapshot = self.app.engine.snapshot();
        let organization = snapshot.directory.organization(&name.0)?;
        let alert = organization.alerts.get(&name.1)?;
        let watched = Watched::of(organization, alert);
        let named = Named {
            directory: &snapshot.directory,
            budget_id: alert.budget_id.as_deref(),
            budget: watched.budget,
            zone: watched.zone,
        };
        let mut message = alert_message(named, firing);
        let day = watched.zone.date_at(firing.window);
        let digest = match firing.figures {
            Figures::Week { .. } => match Digest::of(&self.app, &snapshot, &name.0, watched.zone, day) {
                Ok(digest) => Some(digest),
                Err(problem) => {
                    tracing::warn!(alert = name.1, error = problem.detail, "a digest could not be made");
                    return None;
                }
            },
            _ => None,
        };
        message += &digest.as_ref().map(Digest::text).unwrap_or_default();
        let label = organization.profile.name.as_deref().unwrap_or(&name.0);
        let text = format!("{label}: {message} (alert {})", name.1);
        let mut id = format!("alert_{}_{day}", hash(&[&name.0, &name.1]));
        if let Some(percent) = firing.percent {
            id += &format!("_{percent}");
        }
        if firing.subject != Subject::All {
            id += &format!("_{}", hash(&[&format!("{:?}", firing.subject)]));
        }
        let as_of = rfc3339_utc(self.app.engine.now());
        let data = data(name, alert, &watched, (firing, digest.as_ref()), &message, &as_of);
        let data = serde_json::value::to_raw_value(&data).ok()?;
        Some(Written { message: Message::new("alert.fired", id, &as_of, &data), text })
    }
}

/// A message in the forms in which it is told.
struct Written {
    message: Message,
    text: String,
}

impl Channels {
    /// Tells somebody once.
    fn tell(&self, to: &Recipient, written: &Written, now: i64) -> Result<(), Failed> {
        let anywhere = to.by_operator;
        let post = |url: &str, body: &str| self.sender.post(&Post { url, anywhere, headers: Vec::new(), body });
        let answered = match &to.channel {
            Channel::Webhook(url) => self.sender.webhook(url, anywhere, to.secret.as_ref(), &written.message, now),
            Channel::Slack(url) => post(url, &slack(&written.text)),
            Channel::Discord(url) => post(url, &discord(&written.text)),
            Channel::Email(address) => {
                let failed = |why| Failed { why, retry_after: None };
                let unset = || failed("there is no SMTP server; set one with --smtp".to_owned());
                let mail = self.mail.as_ref().ok_or_else(unset)?;
                return mail.send(address, &written.message.id, &written.text, &written.text).map_err(failed);
            }
        };
        match answered {
            Ok(Answered { status, .. }) if is_acknowledged(status) => Ok(()),
            Ok(Answered { status, retry_after }) => {
                Err(Failed { why: format!("it was answered {status}"), retry_after })
            }
            // What it says of a URL that cannot be used has the URL in it.
            Err(ureq::Error::BadUri(_)) => Err(Failed { why: "its URL cannot be used".to_owned(), retry_after: None }),
            Err(error) => Err(Failed { why: error.to_string(), retry_after: None }),
        }
    }
}

impl Known {
    /// Whoever is told from now on is told of the window that began on a day and of those after it; and what is over by
    /// far is forgotten.
    fn begin(&mut self, begins: &str, oldest: &str) {
        let before = self.acknowledged.clone();
        let told: Vec<String> = self.alert.to.iter().map(|to| of(&to.channel)).collect();
        self.acknowledged.retain(|key, _| {
            let (who, day) = (key.get(..HASH).unwrap_or_default(), key.get(HASH + 1..).unwrap_or_default());
            told.iter().any(|told| told == who)
                && (day.starts_with(SINCE) || day.get(..10).is_some_and(|day| day >= oldest))
        });
        for who in told {
            let since = format!("{who} {SINCE}");
            if !self.acknowledged.range(since.clone()..).next().is_some_and(|(key, _)| key.starts_with(&since)) {
                self.acknowledged.insert(format!("{since}{begins}"), 0);
            }
        }
        self.saved &= self.acknowledged == before;
    }

    /// The oldest that somebody is to be told of, and what is settled once they are.
    fn due(&self, to: &Recipient, now: UnixMs) -> Option<(Firing, Settled)> {
        let who = of(&to.channel);
        let zone = self.looked?.1;
        let since = format!("{who} {SINCE}");
        let begins = self.acknowledged.range(since.clone()..).next().and_then(|(key, _)| key.strip_prefix(&since))?;
        let remembered = self.acknowledged.range(format!("{who} ")..format!("{who}!")).count();
        let due = self.fired.iter().find(|firing| {
            let day = zone.date_at(firing.window).to_string();
            let settled = self.acknowledged.get(&settled_key(&who, &day, firing)).copied();
            firing.at <= now && day.as_str() >= begins && settled.is_none_or(|settled| settled < level(firing))
        })?;
        if remembered >= REMEMBERED {
            return None;
        }
        let day = zone.date_at(due.window).to_string();
        Some((due.clone(), Settled { key: settled_key(&who, &day, due), level: level(due) }))
    }

    fn settle(&mut self, settles: Settled) {
        self.acknowledged.insert(settles.key, settles.level);
        self.saved = false;
    }
}

/// From which day on somebody is told.
const SINCE: &str = "since ";

/// What is remembered to be told: whom, of which window, of what.
fn settled_key(who: &str, day: &str, firing: &Firing) -> String {
    match &firing.subject {
        Subject::All => format!("{who} {day}"),
        subject => format!("{who} {day} {}", hash(&[&format!("{subject:?}")])),
    }
}

/// Of what has percentages, that: a higher one is told again.
fn level(firing: &Firing) -> u32 {
    firing.percent.unwrap_or(1)
}

fn of(channel: &Channel) -> String {
    hash(&[channel.kind(), channel.address()])
}

fn hash(parts: &[&str]) -> String {
    let mut hash = SecretHash::of(&parts.join("\0")).to_hex();
    hash.truncate(HASH);
    hash
}

/// What the store knows an alert by.
fn stream((organization, alert): &AlertName) -> String {
    format!("{STREAM} {organization}\0{alert}")
}

fn save(app: &App, name: &AlertName, known: &Known) -> Result<(), String> {
    let queued = app.engine.acknowledge(&stream(name), known.acknowledged.clone());
    queued.and_then(|pending| pending.wait()).map_err(|error| error.to_string())
}

/// What `alert.fired` tells. Amounts are in the unit of the budget's limit, else in US dollars.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Fired<'a> {
    organization_id: &'a str,
    alert_id: &'a str,
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    budget_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    percent: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_key_id: Option<&'a str>,
    timezone: &'a str,
    zone_database: &'a str,
    from: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    #[serde(flatten)]
    figures: BTreeMap<&'static str, Box<RawValue>>,
    message: &'a str,
    as_of: &'a str,
}

fn data<'a>(
    name: &'a AlertName,
    alert: &'a Alert,
    watched: &Watched<'a>,
    (firing, digest): (&'a Firing, Option<&Digest>),
    message: &'a str,
    as_of: &'a str,
) -> Fired<'a> {
    let Watched { budget, zone } = *watched;
    let first = zone.date_at(firing.window);
    let days = if matches!(firing.figures, Figures::Week { .. }) { 7 } else { 1 };
    let end = budget.map_or(zone.day_start(first.plus_days(days)), |budget| Span::of(budget, zone, firing.at).time.end);
    let usd = |picos: i128| written(Counted::Cost, picos);
    let number = |count: u64| written(Counted::Requests, i128::from(count));
    let mut figures = match firing.figures {
        Figures::Spent { spent, limit } => {
            let in_unit = |amount| written(limit.counted(), amount);
            BTreeMap::from([("spent", in_unit(spent)), ("limit", in_unit(limit.amount()))])
        }
        Figures::Expected { spent, expected, limit } => {
            let in_unit = |amount| written(limit.counted(), amount);
            let limit = in_unit(limit.amount());
            BTreeMap::from([("spent", in_unit(spent)), ("expected", in_unit(expected)), ("limit", limit)])
        }
        Figures::Day { cost, usual, bound } => {
            BTreeMap::from([("cost", usd(cost)), ("usual", usd(usual)), ("unusualAbove", usd(bound))])
        }
        Figures::New { cost, bound } => BTreeMap::from([("cost", usd(cost)), ("threshold", usd(bound))]),
        Figures::Failed { failed, requests } => {
            BTreeMap::from([("failedRequestCount", number(failed)), ("requestCount", number(requests))])
        }
        Figures::Unpriced { requests } => BTreeMap::from([("unpricedRequestCount", number(requests))]),
        Figures::Week { cost, before, requests, unpriced } => BTreeMap::from([
            ("cost", usd(cost)),
            ("costBefore", usd(before)),
            ("requestCount", number(requests)),
            ("unpricedRequestCount", number(unpriced)),
        ]),
    };
    if let Some(Digest { movers, near }) = digest {
        figures.extend(serde_json::value::to_raw_value(movers).ok().map(|movers| ("movers", movers)));
        figures.extend(serde_json::value::to_raw_value(near).ok().map(|near| ("budgets", near)));
    }
    let (mut user_id, mut model, mut api_key_id) = (None, None, None);
    match &firing.subject {
        Subject::All => {}
        Subject::Member(id) => user_id = Some(id.as_str()),
        Subject::Model(id) => model = Some(id.as_str()),
        Subject::ApiKey(id) => api_key_id = Some(id.as_str()),
    }
    Fired {
        organization_id: &name.0,
        alert_id: &name.1,
        kind: alert.kind.name(),
        budget_id: alert.budget_id.as_deref(),
        percent: firing.percent,
        user_id,
        model,
        api_key_id,
        timezone: zone.name(),
        zone_database: zone.edition().version(),
        from: first.to_string(),
        to: (end < i64::MAX).then(|| zone.date_at(end - 1).to_string()),
        figures,
        message,
        as_of,
    }
}
