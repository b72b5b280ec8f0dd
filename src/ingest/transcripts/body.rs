//! Calls of transcripts as lines of JSON, as they go to a store: here or by `POST /v1/ingest/transcripts`.
//!
//! ```text
//! {"client":"claude-code","clientVersion":"2.1.332","id":"…","otherId":"…","timestamp":1795964071380,
//!  "usedModel":"…","usedProvider":"…","projectId":"app","userId":"mina@example.com","promptTokens":2800,
//!  "completionTokens":7,"cachedTokens":0,"cacheWriteTokens":2000,"cacheWrite1hTokens":2000,"partial":true}
//! ```

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Client, Told};
use crate::calendar;
use crate::ingest::call::{Call, Ending, Names, Said};
use crate::ingest::collector::Collector;
use crate::ingest::field::{boolean, missing, money, text, whole};
use crate::ingest::json::{object, present, word};
use crate::ingest::usage::{Figures, Habits, Place};
use crate::ingest::{BodyError, Context, MAX_EVENTS, Reading, SentBy};
use crate::pricing::ServiceTier;

/// Whose calls are written, and which project of theirs a folder is.
#[derive(Debug, Default)]
pub struct Whose {
    /// Where it is not settled by a token.
    pub organization: Option<String>,
    pub user: Option<String>,
    /// Folders, or names of folders, and the projects that they and what is in them count for.
    pub projects: Vec<(String, String)>,
}

impl Whose {
    /// The project of a working directory: that of the longest folder that it is mapped by, else the folder's own name.
    pub(super) fn project_of<'a>(&'a self, folder: &'a str) -> Option<&'a str> {
        let plain = |folder: &'a str| folder.trim_end_matches(['/', '\\']);
        let folder = plain(folder);
        let name = folder.rsplit(['/', '\\']).next().filter(|name| !name.is_empty());
        let is_of = |(of, _): &&'a (String, String)| {
            let of = plain(of);
            let below = folder.strip_prefix(of);
            Some(of) == name || below.is_some_and(|below| below.is_empty() || below.starts_with(['/', '\\']))
        };
        let mapped = self.projects.iter().filter(is_of).max_by_key(|(of, _)| of.len());
        mapped.map(|(_, project)| project.as_str()).or(name)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    client: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_version: Option<&'a str>,
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    other_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    used_model: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    used_provider: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    completion_tokens: Option<u64>,
    #[serde(skip_serializing_if = "is_zero")]
    cached_tokens: u64,
    #[serde(skip_serializing_if = "is_zero")]
    cache_write_tokens: u64,
    #[serde(skip_serializing_if = "is_zero")]
    cache_write_1h_tokens: u64,
    #[serde(skip_serializing_if = "is_zero")]
    reasoning_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    partial: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'a str>,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

const CLIENT_ERROR: &str = "client_error";
const ERROR: &str = "error";
const TIERS: [(ServiceTier, &str); 5] = [
    (ServiceTier::Standard, "standard"),
    (ServiceTier::Batch, "batch"),
    (ServiceTier::Flex, "flex"),
    (ServiceTier::Priority, "priority"),
    (ServiceTier::Other, "other"),
];

/// Appends a call as a line.
pub fn write(client: Client, told: &Told, whose: &Whose, out: &mut Vec<u8>) {
    let tokens = told.figures.read(client.habits());
    let known = tokens.unwrap_or_default();
    let tier = TIERS.iter().find(|(tier, _)| *tier == told.tier).map(|(_, name)| *name);
    let written = Written {
        client: client.name(),
        client_version: told.version.as_deref(),
        id: &told.id,
        other_id: told.other_id.as_deref(),
        timestamp: told.at,
        organization_id: whose.organization.as_deref(),
        used_model: told.model.as_deref(),
        used_provider: told.provider.as_deref(),
        project_id: told.folder.as_deref().and_then(|folder| whose.project_of(folder)),
        user_id: whose.user.as_deref(),
        prompt_tokens: tokens.map(|tokens| tokens.input),
        completion_tokens: tokens.map(|tokens| tokens.output),
        cached_tokens: known.cached,
        cache_write_tokens: known.cache_write,
        cache_write_1h_tokens: known.cache_write_1h,
        reasoning_tokens: known.reasoning,
        cost: told.cost.as_deref(),
        service_tier: tier.filter(|_| told.tier != ServiceTier::Standard),
        partial: told.is_partial,
        failure: match told.ending {
            Ending::Answered => None,
            Ending::ClientError => Some(CLIENT_ERROR),
            Ending::Error => Some(ERROR),
        },
    };
    serde_json::to_writer(&mut *out, &written).expect("texts and numbers are written");
    out.push(b'\n');
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    #[serde(borrow)]
    client: Option<&'a RawValue>,
    client_version: Option<&'a RawValue>,
    id: Option<&'a RawValue>,
    other_id: Option<&'a RawValue>,
    timestamp: Option<&'a RawValue>,
    organization_id: Option<&'a RawValue>,
    used_model: Option<&'a RawValue>,
    used_provider: Option<&'a RawValue>,
    project_id: Option<&'a RawValue>,
    user_id: Option<&'a RawValue>,
    prompt_tokens: Option<&'a RawValue>,
    completion_tokens: Option<&'a RawValue>,
    cached_tokens: Option<&'a RawValue>,
    cache_write_tokens: Option<&'a RawValue>,
    cache_write_1h_tokens: Option<&'a RawValue>,
    reasoning_tokens: Option<&'a RawValue>,
    cost: Option<&'a RawValue>,
    service_tier: Option<&'a RawValue>,
    partial: Option<&'a RawValue>,
    failure: Option<&'a RawValue>,
}

/// Reads lines that [`write()`] wrote. Where `key_by_person`, a call that names its user has a key of theirs, as telemetry
/// of the same client has.
pub fn parse(body: &[u8], key_by_person: bool, context: &Context<'_>) -> Result<Reading, BodyError> {
    let mut collector = Collector::new(context);
    let mut names = Names::default();
    for line in body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty()) {
        if collector.len() == MAX_EVENTS {
            return Err(BodyError::TooMany);
        }
        let read = std::str::from_utf8(line).map_err(|error| format!("the line is not UTF-8: {error}"));
        let read = read
            .and_then(|line| object::<Line<'_>>(line).map_err(|error| format!("the call is not valid JSON: {error}")));
        let settled = read.and_then(|line| {
            let version = word("clientVersion", line.client_version)?;
            let client = line.client()?;
            collector.sent_by(SentBy { name: client.name(), version: version.as_deref() });
            let (call, said) = line.call(client, key_by_person)?;
            collector.settle(call, said, &mut names)
        });
        if let Err(error) = settled {
            collector.reject(None, error);
        }
    }
    match collector.len() {
        0 => Err(BodyError::Empty),
        _ => Ok(Reading { parsed: collector.finish(), ignored: 0, names }),
    }
}

impl<'a> Line<'a> {
    fn client(&self) -> Result<Client, String> {
        let name = word("client", self.client)?.ok_or_else(|| missing("client"))?;
        Client::named(&name).ok_or_else(|| {
            let known = Client::ALL.map(Client::name).join(", ");
            format!("client is '{name}'; known are {known}")
        })
    }

    fn call(&self, client: Client, key_by_person: bool) -> Result<(Call<'a>, Said<'a>), String> {
        let count = |field, value: Option<&RawValue>| present(value).map(|value| whole(field, value)).transpose();
        let figures = Figures {
            input: count("promptTokens", self.prompt_tokens)?,
            output: count("completionTokens", self.completion_tokens)?,
            cached: count("cachedTokens", self.cached_tokens)?,
            cache_write: count("cacheWriteTokens", self.cache_write_tokens)?,
            cache_write_1h: count("cacheWrite1hTokens", self.cache_write_1h_tokens)?,
            reasoning: count("reasoningTokens", self.reasoning_tokens)?,
            ..Figures::default()
        };
        let user = word("userId", self.user_id)?;
        let key_of = user.filter(|_| key_by_person);
        let call = Call {
            id: text("id", self.id.ok_or_else(|| missing("id"))?)?.into_owned(),
            other_id: word("otherId", self.other_id)?.map(Cow::into_owned),
            start: self.start()?,
            organization: word("organizationId", self.organization_id)?,
            project: word("projectId", self.project_id)?,
            api_key: key_of.as_ref().map(|person| Cow::Owned(format!("{}:{person}", client.name()))),
            model: word("usedModel", self.used_model)?,
            provider: word("usedProvider", self.used_provider)?,
            source: Some(Cow::Borrowed(client.name())),
            tokens: figures.read(Habits { cache: Place::Within, reasoning: Place::Within }),
            is_partial: boolean("partial", present(self.partial))?,
            tier: self.tier()?,
            cost: present(self.cost).map(|cost| money("cost", cost)).transpose()?,
            ending: self.ending()?,
            ..Call::default()
        };
        let said = key_of.map(|person| Said {
            api_key: Some(Cow::Owned(format!("{}, {person}", client.title()))),
            email: Some(person.clone()).filter(|person| person.contains('@')),
            user: Some(person),
            ..Said::default()
        });
        Ok((call, said.unwrap_or_default()))
    }

    fn start(&self) -> Result<i64, String> {
        let Some(time) = present(self.timestamp) else {
            return Err("the call has no time that a clock can have shown".into());
        };
        if time.get().starts_with('"') {
            let text = text("timestamp", time)?;
            return calendar::parse_rfc3339(&text).ok_or_else(|| format!("timestamp '{text}' is not RFC 3339"));
        }
        let ms: i64 = time.get().parse().map_err(|_| format!("timestamp {} is no epoch milliseconds", time.get()))?;
        Ok(ms)
    }

    fn tier(&self) -> Result<ServiceTier, String> {
        let Some(name) = word("serviceTier", self.service_tier)? else { return Ok(ServiceTier::Standard) };
        let known = TIERS.iter().find(|(_, known)| *known == name).map(|(tier, _)| *tier);
        known
            .ok_or_else(|| format!("serviceTier is '{name}'; allowed are {}", TIERS.map(|(_, known)| known).join(", ")))
    }

    fn ending(&self) -> Result<Ending, String> {
        match word("failure", self.failure)?.as_deref() {
            None => Ok(Ending::Answered),
            Some(CLIENT_ERROR) => Ok(Ending::ClientError),
            Some(ERROR) => Ok(Ending::Error),
            Some(other) => Err(format!("failure is '{other}'; allowed are {CLIENT_ERROR} and {ERROR}")),
        }
    }
}
