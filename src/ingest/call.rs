//! One finished call as another sender tells it, before it is known to be a valid event.
//!
//! The senders' own readers fill it in; what makes an event valid, what a call without a cost costs, and what stands in
//! for ids that are missing is decided here, once for all of them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::collector::{Collector, Counted, Ids, canonical};
use super::field::{MAX_NAME_CHARS, checked, clipped, missing};
use super::guards::Guards;
use super::reason::fitting;
use super::usage::{Figures, Tokens};
use crate::model::{Completeness, Count, Event, Fingerprint, Mode, PicoUsd, UNKNOWN, UnixMs, provider_of};
use crate::pricing::ServiceTier;

/// A text that may be absent.
pub(super) type Text<'a> = Option<Cow<'a, str>>;

#[derive(Debug, Default)]
pub(super) struct Call<'a> {
    /// Unique within the organization, whatever else sends to it.
    pub id: String,
    /// Another one under which other senders tell of the same call.
    pub other_id: Option<String>,
    /// When the request started.
    pub start: UnixMs,
    pub organization: Text<'a>,
    pub project: Text<'a>,
    pub api_key: Text<'a>,
    pub model: Text<'a>,
    pub provider: Text<'a>,
    pub source: Text<'a>,
    pub mode: Mode,
    /// `None` when the sender does not know them, which is not the same as 0.
    pub tokens: Option<Tokens>,
    /// What these were read from, where that may be read otherwise by what the rest of the body proves.
    pub figures: Option<Figures>,
    /// The tokens are those of before the call's end: as many at least.
    pub is_partial: bool,
    /// It is told by whoever asked for the answer again, who need not have made the call.
    pub is_read: bool,
    pub tier: ServiceTier,
    pub cost: Option<PicoUsd>,
    pub ending: Ending,
    /// The gateway's own cache answered.
    pub cached: bool,
    /// What stepped in on it.
    pub guards: Guards,
    /// No call of a model, but something with a price that was done for one, such as a tool's.
    pub is_extra: bool,
}

impl Call<'_> {
    fn counted(&self) -> Counted {
        let used_any = self.tokens.is_some_and(|tokens| !tokens.is_zero());
        let cost = match self.cost {
            Some(cost) => Some(cost),
            // The gateway's own cache answered, or nobody did: no provider was paid.
            None if self.cached || (!used_any && self.ending != Ending::Answered) => Some(PicoUsd::ZERO),
            None => None,
        };
        let Call { tokens, is_partial, tier, cached, .. } = *self;
        let (calls, failure) = (u64::from(!self.is_extra), self.ending.failure());
        Counted { calls, tokens, is_partial, tier, failure, cached, cost }
    }
}

/// How a call ended.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Ending {
    #[default]
    Answered,
    /// The caller's doing: a request that could not be right, or one that was broken off.
    ClientError,
    /// Anybody else's.
    Error,
}

impl Ending {
    /// What it is counted as, if it is a failure.
    pub fn failure(self) -> Option<Count> {
        match self {
            Ending::Answered => None,
            Ending::ClientError => Some(Count::ClientErrors),
            Ending::Error => Some(Count::Errors),
        }
    }

    /// Of a failed call by its HTTP status. 401 and 403 mostly come from a provider that does not take the gateway's
    /// key, and 429 from one that is busy: not the caller's doing.
    pub fn of_status(status: Option<u16>) -> Ending {
        match status {
            Some(400 | 404 | 405 | 413 | 422 | 499) => Ending::ClientError,
            _ => Ending::Error,
        }
    }
}

/// How the id of a call begins that goes by the id of its answer.
const ANSWER: &str = "answer\n";

/// The id of a call by its answer's: whoever reports the call agrees on it, and so does whoever asks for the answer again.
pub(super) fn id_of_answer(answer: &str) -> String {
    format!("{ANSWER}{answer}")
}

/// Whether a call's id is that of an answer.
pub(super) fn is_of_answer(id: &str) -> bool {
    id.starts_with(ANSWER)
}

/// Names of ids that came along with accepted events. What the directory makes of them is not decided here.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Names of organizations, by id.
    pub organizations: BTreeMap<String, String>,
    /// Names of projects, by organization and id.
    pub projects: BTreeMap<(String, String), String>,
    /// By organization and id.
    pub api_keys: BTreeMap<(String, String), KeyNames>,
    /// E-mail addresses of people, where known, by organization and user id.
    pub people: BTreeMap<(String, String), Option<String>>,
}

/// What came along about an API key.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct KeyNames {
    pub project: String,
    pub description: Option<String>,
    /// The user id of the one it belongs to.
    pub owner: Option<String>,
}

/// What one call says about the ids in it.
#[derive(Debug, Default)]
pub(super) struct Said<'a> {
    pub organization: Text<'a>,
    pub project: Text<'a>,
    pub api_key: Text<'a>,
    pub user: Text<'a>,
    pub email: Text<'a>,
}

impl Names {
    pub fn is_empty(&self) -> bool {
        *self == Names::default()
    }
}

impl Collector<'_> {
    /// Takes the next event from a call. What it says about names is kept once for each combination of ids.
    pub fn settle(&mut self, mut call: Call<'_>, said: Said<'_>, names: &mut Names) -> Result<(), String> {
        let known = self.combinations();
        let guards = std::mem::take(&mut call.guards);
        let event = self.event(call)?;
        if event.combination as usize == known {
            self.note(event.combination, said, names);
        }
        self.guarded(guards);
        self.push(event);
        Ok(())
    }

    /// Takes note of what somebody may have asked about the last call by, before it was made.
    pub fn asked_as(&mut self, call_id: &str) {
        let batch = &mut self.parsed.batch;
        if let Some(last) = batch.events.len().checked_sub(1) {
            batch.calls.push((last as u32, Fingerprint::of(call_id)));
        }
    }

    fn event(&mut self, call: Call<'_>) -> Result<Event, String> {
        let time = self.in_range("the start", call.start, &format!("at {} ms", call.start), "")?;
        let organization = self.organization(given("organizationId", call.organization.as_deref())?)?;
        self.is_kept(&organization, time)?;
        self.time = Some(time);
        let token = self.context().token;
        let project = given("projectId", call.project.as_deref())?;
        let project = project.or(token.project_id.map(Cow::Borrowed)).ok_or_else(|| missing("projectId"))?;
        let api_key = given("apiKeyId", call.api_key.as_deref())?;
        let api_key = api_key.or(token.api_key_id.map(Cow::Borrowed)).ok_or_else(|| missing("apiKeyId"))?;
        let used_model = given("usedModel", call.model.as_deref())?.unwrap_or(Cow::Borrowed(UNKNOWN));
        let model = canonical(&used_model)?;
        let named = given("usedProvider", call.provider.as_deref())?;
        let provider = provider_of(named.as_deref(), &used_model);
        let provider = checked("usedProvider", provider)?;
        let counted = call.counted();
        let (measures, cost_source) = self.measured(&provider, &used_model, time, counted)?;
        let source = call.source.as_deref().and_then(label);
        let combination = self.combination(&Ids {
            organization: &organization,
            project: &project,
            api_key: &api_key,
            model,
            provider: &provider,
            source: source.as_deref(),
            mode: call.mode,
            cost_source,
        });
        let completeness = match call.is_read && call.tokens.is_some() {
            true => Completeness::CallerUnknown,
            false => Completeness::of(call.tokens.is_some(), call.is_partial),
        };
        let (id, other_id) = (Fingerprint::of(&call.id), call.other_id.as_deref().map(Fingerprint::of));
        if let Some(figures) = call.figures {
            self.counted_by(figures, &provider, &used_model, time, counted);
        }
        Ok(Event { id, other_id, time, combination, sender: self.sender, completeness, measures })
    }

    fn note(&self, combination: u32, said: Said<'_>, names: &mut Names) {
        let ids = self.named(combination);
        let of = |id: &str| (ids.organization.clone(), id.to_owned());
        if let Some(name) = said.organization.as_deref().and_then(label) {
            names.organizations.insert(ids.organization.clone(), name.into_owned());
        }
        if let Some(name) = said.project.as_deref().and_then(label) {
            names.projects.insert(of(&ids.project), name.into_owned());
        }
        let description = said.api_key.as_deref().and_then(label).map(Cow::into_owned);
        // A user id names someone: unlike a label it is taken whole or not at all.
        let owner = said.user.filter(|user| !user.is_empty() && checked("user", Cow::Borrowed(user)).is_ok());
        let owner = owner.map(Cow::into_owned);
        if let Some(owner) = &owner {
            let email = said.email.as_deref().and_then(label).map(Cow::into_owned);
            let known = names.people.entry(of(owner)).or_default();
            *known = email.or(known.take());
        }
        if description.is_some() || owner.is_some() {
            let key = names.api_keys.entry(of(&ids.api_key)).or_default();
            key.project.clone_from(&ids.project);
            key.description = description.or(key.description.take());
            key.owner = key.owner.take().or(owner);
        }
    }
}

/// An id that is there; empty is the same as absent.
fn given<'a>(field: &str, value: Option<&'a str>) -> Result<Text<'a>, String> {
    let value = value.filter(|value| !value.is_empty());
    value.map(|value| checked(field, Cow::Borrowed(value))).transpose()
}

/// A text that people read, made to fit: a label that is too long must not cost the call it came with.
fn label(text: &str) -> Option<Cow<'_, str>> {
    fitting(text, MAX_NAME_CHARS)
}

/// A time in seconds, read from the text of a JSON number to the millisecond; what is finer is cut off.
pub(super) fn seconds_to_ms(field: &str, text: &str) -> Result<UnixMs, String> {
    let wrong = || format!("{field} is {}; it must be seconds since 1970, such as 1780315200.25", clipped(text));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return Err(wrong());
    }
    let whole: i64 = whole.parse().map_err(|_| wrong())?;
    let thousandths = fraction.bytes().chain(*b"000").take(3).fold(0, |ms, digit| ms * 10 + i64::from(digit - b'0'));
    whole.checked_mul(1000).and_then(|ms| ms.checked_add(thousandths)).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_read_to_the_millisecond() {
        for (text, expected) in [
            ("1795417350.650242", Some(1_795_417_350_650)),
            ("1795417350.001", Some(1_795_417_350_001)),
            ("1795417350.9999999", Some(1_795_417_350_999)),
            ("1795417350", Some(1_795_417_350_000)),
            ("1795417350.5", Some(1_795_417_350_500)),
            ("-1", None),
            ("1e9", None),
            ("99999999999999999999", None),
            ("\"now\"", None),
            ("", None),
        ] {
            assert_eq!(seconds_to_ms("startTime", text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn labels_are_made_to_fit() {
        assert_eq!(label("  Search\u{7} team ").as_deref(), Some("Search team"));
        assert_eq!(label(&"x".repeat(600)).map(|l| l.len()), Some(512));
        assert_eq!(label(" \u{0} ").as_deref(), None);
    }
}
