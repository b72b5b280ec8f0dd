//! What LiteLLM's proxy posts by its `generic_api` callback: its StandardLoggingPayload, one for each finished call.
//!
//! All three of its log formats come as `application/json`, so they are told apart by their bytes.

mod asked;
mod guards;

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::call::{Call, Ending, Names, Said, Text, id_of_answer, seconds_to_ms};
use super::collector::Collector;
use super::field::{clipped, missing, money, text, whole};
use super::guards::Guards;
use super::json::{self, Object, Soft, each, each_as, present, word};
use super::usage::{Figures, Habits, Tokens, tier_of};
use super::{BodyError, Context, MAX_EVENTS, Reading};
use crate::model::{Count, Measures, Mode, PicoUsd, UNKNOWN, UnixMs, is_self_hosted, provider_of};
use crate::pricing::ServiceTier;
use asked::{Asked, EXTRAS, ending};
use guards::Told;

/// What counts as the project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Project {
    /// LiteLLM's own projects, which few use.
    Project,
    /// Its teams.
    Team,
}

/// What counts as the project, first that the call has, unless whoever sets the callback up says otherwise.
pub const PROJECT: [Project; 2] = [Project::Project, Project::Team];

/// What whoever runs the proxy is called in every new installation: no person.
const PLACEHOLDER_USER: &str = "default_user_id";

#[derive(Deserialize)]
struct Payload<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    litellm_call_id: Option<&'a RawValue>,
    call_type: Option<&'a RawValue>,
    status: Option<&'a RawValue>,
    #[serde(rename = "startTime")]
    start_time: Option<&'a RawValue>,
    model: Option<&'a RawValue>,
    model_group: Option<&'a RawValue>,
    custom_llm_provider: Option<&'a RawValue>,
    prompt_tokens: Option<&'a RawValue>,
    completion_tokens: Option<&'a RawValue>,
    total_tokens: Option<&'a RawValue>,
    response_cost: Option<&'a RawValue>,
    cost_breakdown: Option<&'a RawValue>,
    response_cost_failure_debug_info: Option<&'a RawValue>,
    #[serde(default)]
    model_map_information: Soft<ModelMap<'a>>,
    model_parameters: Option<&'a RawValue>,
    hidden_params: Option<&'a RawValue>,
    cache_hit: Option<&'a RawValue>,
    request_tags: Option<&'a RawValue>,
    user_agent: Option<&'a RawValue>,
    metadata: Option<&'a RawValue>,
    response: Option<&'a RawValue>,
    guardrail_information: Option<&'a RawValue>,
    #[serde(default)]
    status_fields: Soft<Statuses<'a>>,
    error_information: Option<&'a RawValue>,
}

/// Where LiteLLM looked the price up.
#[derive(Debug, Default, Deserialize)]
struct ModelMap<'a> {
    #[serde(borrow)]
    model_map_key: Option<&'a RawValue>,
    model_map_value: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
struct Statuses<'a> {
    #[serde(borrow)]
    guardrail_status: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct CostBreakdown<'a> {
    #[serde(borrow)]
    input_cost: Option<&'a RawValue>,
    output_cost: Option<&'a RawValue>,
    total_cost: Option<&'a RawValue>,
    service_tier: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Parameters<'a> {
    #[serde(borrow)]
    service_tier: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Hidden<'a> {
    #[serde(borrow)]
    batch_models: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Metadata<'a> {
    #[serde(borrow)]
    user_api_key_hash: Option<&'a RawValue>,
    user_api_key_alias: Option<&'a RawValue>,
    user_api_key_org_id: Option<&'a RawValue>,
    user_api_key_org_alias: Option<&'a RawValue>,
    user_api_key_project_id: Option<&'a RawValue>,
    user_api_key_project_alias: Option<&'a RawValue>,
    user_api_key_team_id: Option<&'a RawValue>,
    user_api_key_team_alias: Option<&'a RawValue>,
    user_api_key_user_id: Option<&'a RawValue>,
    user_api_key_user_email: Option<&'a RawValue>,
    user_agent: Option<&'a RawValue>,
    applied_guardrails: Option<&'a RawValue>,
    usage_object: Option<&'a RawValue>,
    requester_metadata: Option<&'a RawValue>,
    requester_custom_headers: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Usage<'a> {
    #[serde(borrow)]
    prompt_tokens_details: Option<&'a RawValue>,
    completion_tokens_details: Option<&'a RawValue>,
    cache_read_input_tokens: Option<&'a RawValue>,
    cache_creation_input_tokens: Option<&'a RawValue>,
    cache_creation: Option<&'a RawValue>,
    service_tier: Option<&'a RawValue>,
    is_byok: Option<&'a RawValue>,
    cost_details: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Details<'a> {
    #[serde(borrow)]
    cached_tokens: Option<&'a RawValue>,
    cache_write_tokens: Option<&'a RawValue>,
    cache_creation_tokens: Option<&'a RawValue>,
    cache_creation_token_details: Option<&'a RawValue>,
    reasoning_tokens: Option<&'a RawValue>,
    audio_tokens: Option<&'a RawValue>,
}

/// How long what was written to a cache is to stay there.
#[derive(Default, Deserialize)]
struct CacheCreation<'a> {
    #[serde(borrow)]
    ephemeral_1h_input_tokens: Option<&'a RawValue>,
}

/// What OpenRouter says of a call that was made with a key of one's own at the provider.
#[derive(Default, Deserialize)]
struct CostDetails<'a> {
    #[serde(borrow)]
    upstream_inference_cost: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Requester<'a> {
    #[serde(borrow)]
    app: Option<&'a RawValue>,
    #[serde(rename = "x-title")]
    title: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Failure<'a> {
    #[serde(borrow)]
    error_code: Option<&'a RawValue>,
    error_class: Option<&'a RawValue>,
    llm_provider: Option<&'a RawValue>,
}

/// Reads a post in any of the three log formats: an array, objects on lines of their own, or a single one.
pub fn parse(body: &[u8], projects: &[Project], context: &Context<'_>) -> Result<Reading, BodyError> {
    match read(body, projects, context) {
        // One figure that Python cannot work out must not take the others of a post with it.
        Err(BodyError::Json(error)) => match json::without_nan(body) {
            Some(body) => read(&body, projects, context),
            None => Err(BodyError::Json(error)),
        },
        read => read,
    }
}

fn read(body: &[u8], projects: &[Project], context: &Context<'_>) -> Result<Reading, BodyError> {
    let mut reader = Reader::new(projects, context);
    match body.trim_ascii_start().first() {
        None => return Err(BodyError::Empty),
        Some(b'[') => {
            if let Ok(taken) = each_as(body, |Object(payload)| reader.payload(&payload)) {
                taken?;
            } else {
                // Something in it is no payload. Element by element it can be told which, at twice the cost.
                reader = Reader::new(projects, context);
                each(body, |element| reader.take(element.get()))??;
            }
        }
        Some(_) => match serde_json::from_slice::<&RawValue>(body) {
            Ok(single) => reader.take(single.get())?,
            Err(error) => reader.lines(body, error)?,
        },
    }
    Ok(Reading { parsed: reader.collector.finish(), ignored: reader.ignored, names: reader.names })
}

struct Reader<'c> {
    collector: Collector<'c>,
    names: Names,
    ignored: usize,
    projects: &'c [Project],
}

impl<'c> Reader<'c> {
    fn new(projects: &'c [Project], context: &'c Context<'c>) -> Reader<'c> {
        Reader { collector: Collector::new(context), names: Names::default(), ignored: 0, projects }
    }

    /// Reads lines; `whole` is why the body is no single value, and stands when no line is one either.
    fn lines(&mut self, body: &[u8], whole: serde_json::Error) -> Result<(), BodyError> {
        let mut any = false;
        for line in body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty()) {
            match serde_json::from_slice::<&RawValue>(line) {
                Ok(payload) => {
                    any = true;
                    self.take(payload.get())?;
                }
                Err(error) => {
                    self.room()?;
                    self.collector.reject(None, format!("the line is not valid JSON: {error}"));
                }
            }
        }
        if any { Ok(()) } else { Err(BodyError::Json(whole)) }
    }

    fn room(&self) -> Result<(), BodyError> {
        if self.collector.len() < MAX_EVENTS { Ok(()) } else { Err(BodyError::TooMany) }
    }

    fn take(&mut self, json: &str) -> Result<(), BodyError> {
        self.room()?;
        if !json.starts_with('{') {
            self.collector.reject(None, format!("an event is a JSON object, not {}", json::kind(json)));
            return Ok(());
        }
        match serde_json::from_str(json) {
            Ok(payload) => self.payload(&payload)?,
            Err(error) => self.collector.reject(None, format!("the event is not valid JSON: {error}")),
        }
        Ok(())
    }

    fn payload(&mut self, payload: &Payload<'_>) -> Result<(), BodyError> {
        self.room()?;
        if let Err(error) = self.read(payload) {
            let id = present(payload.litellm_call_id).and_then(|id| text("litellm_call_id", id).ok());
            self.collector.reject(id.map(Cow::into_owned), error);
        }
        Ok(())
    }

    fn read(&mut self, payload: &Payload<'_>) -> Result<(), String> {
        let metadata: Metadata<'_> = object("metadata", payload.metadata)?;
        let failed = match word("status", payload.status)?.as_deref() {
            Some("success") => false,
            Some("failure") => true,
            None => return Err(missing("status")),
            Some(other) => {
                return Err(format!("status is '{}'; allowed are success and failure", clipped(other)));
            }
        };
        let call_type = word("call_type", payload.call_type)?.unwrap_or_default();
        let asked = Asked::by(&call_type);
        let usage: Usage<'_> = object("usage_object", metadata.usage_object)?;
        let cached = present(payload.cache_hit).is_some_and(|hit| {
            // Its database has the text that Python makes of it.
            matches!(hit.get(), "true" | "\"True\"" | "\"true\"")
        });
        let provider = word("custom_llm_provider", payload.custom_llm_provider)?;
        let figures = figures(payload, &usage)?;
        let mut tokens = figures.read(Habits::default());
        let used_any = tokens.is_some_and(|tokens| !tokens.is_zero() || tokens.total > 0 && !failed);
        let mut reported = reported_cost(payload)?;
        let costs = reported.is_some_and(|cost| cost != PicoUsd::ZERO);
        if let Some(reason) = asked.passed_over(used_any, costs, failed) {
            self.ignored += 1;
            let kind = || (!call_type.is_empty()).then(|| call_type.to_string());
            self.collector.pass(reason, kind);
            return Ok(());
        }
        let has_no_price = present(payload.response_cost_failure_debug_info).is_some() && !failed && !cached;
        if !used_any && (has_no_price || asked == Asked::Answer && !failed) {
            // What has no tokens and no price was paid otherwise, by image or by minute. An answer is made in the
            // background: who asks for it again will know.
            tokens = None;
        }
        let start = present(payload.start_time).ok_or_else(|| missing("startTime"))?.get();
        let at = seconds_to_ms("startTime", start)?;
        let (project, project_name) = self.project(&metadata)?;
        let (user, email) = (label(metadata.user_api_key_user_id), label(metadata.user_api_key_user_email));
        let model = match asked {
            Asked::Extra => Cow::Borrowed(EXTRAS),
            _ => {
                let named = word("model", payload.model)?.or(word("model_group", payload.model_group)?);
                let model = answered(payload, provider.as_deref()).or(named).or_else(|| batch_model(payload));
                used_model(provider.as_deref(), model.unwrap_or(Cow::Borrowed(UNKNOWN)))
            }
        };
        let byok = present(usage.is_byok).is_some_and(|own| own.get() == "true");
        if byok {
            // The provider's own bill, beside OpenRouter's fee.
            let details: CostDetails<'_> = object("cost_details", usage.cost_details)?;
            let upstream = amount("upstream_inference_cost", details.upstream_inference_cost)?;
            reported = reported.zip(upstream).map(|(fee, cost)| PicoUsd(fee.0 + cost.0)).or(upstream).or(reported);
        }
        let cost = match reported {
            Some(PicoUsd::ZERO) if has_no_price => None,
            Some(PicoUsd::ZERO) if cached || tokens.is_some() && !used_any => reported,
            Some(PicoUsd::ZERO) if self.is_free(payload, provider.as_deref(), &model, at, tokens) => reported,
            Some(PicoUsd::ZERO) => None,
            _ => reported,
        };
        let id = match asked {
            Asked::Batch => format!("litellm-batch/{}", word("id", payload.id)?.ok_or_else(|| missing("id"))?),
            Asked::Answer | Asked::AnswerAgain if !failed && !cached => match word("id", payload.id)? {
                Some(answer) => id_of_answer(&answer),
                None => id(payload, failed, at)?,
            },
            _ => id(payload, failed, at)?,
        };
        let call = Call {
            id,
            start: at,
            organization: word("user_api_key_org_id", metadata.user_api_key_org_id)?,
            project,
            api_key: word("user_api_key_hash", metadata.user_api_key_hash)?,
            model: Some(model),
            provider: Some(provider.unwrap_or(Cow::Borrowed(UNKNOWN))),
            source: app(payload, &metadata),
            mode: if byok { Mode::ApiKeys } else { Mode::Credits },
            tokens,
            figures: tokens.map(|_| figures),
            tier: match asked {
                Asked::Batch => ServiceTier::Batch,
                // Only a price asks for it.
                _ if cost.is_some() => ServiceTier::Standard,
                _ => tier(payload, &usage),
            },
            cost,
            ending: ended(payload, failed)?,
            guards: guards(payload, &metadata)?,
            cached,
            is_extra: asked == Asked::Extra,
            is_partial: false,
            is_read: asked == Asked::AnswerAgain,
            other_id: None,
        };
        let said = Said {
            organization: label(metadata.user_api_key_org_alias),
            project: project_name,
            api_key: label(metadata.user_api_key_alias),
            user: user.or(email.clone()).filter(|user| user != PLACEHOLDER_USER),
            email,
        };
        self.collector.settle(call, said, &mut self.names)?;
        // What the proxy's hook asks about it by.
        if let Some(call_id) = present(payload.litellm_call_id).and_then(|id| text("litellm_call_id", id).ok()) {
            self.collector.asked_as(&call_id);
        }
        Ok(())
    }

    /// Whether a cost of 0 is a price. LiteLLM has 0 for models that it knows no price of as well; then it says what went
    /// wrong, or made up the entry in which it looked the price up.
    fn is_free(
        &self,
        payload: &Payload<'_>,
        provider: Option<&str>,
        model: &str,
        at: UnixMs,
        tokens: Option<Tokens>,
    ) -> bool {
        let soft = |value: Option<&RawValue>| value.and_then(|value| amount("a cost", Some(value)).ok().flatten());
        let breakdown: Option<CostBreakdown<'_>> =
            present(payload.cost_breakdown).and_then(|costs| json::object(costs.get()).ok());
        let all_zero = breakdown.is_some_and(|costs| {
            let parts = [costs.total_cost, costs.input_cost, costs.output_cost].map(soft);
            parts[0].or(parts[1]).is_some() && parts.iter().flatten().all(|cost| *cost == PicoUsd::ZERO)
        });
        if !all_zero {
            return false;
        }
        let entry = present(payload.model_map_information.0.model_map_value);
        let is_told = entry.is_none_or(|entry| entry.get().contains("\"ptu"));
        let provider = provider_of(provider, model);
        let has_list_price = || {
            let mut measures = Measures::ZERO;
            measures.counts[Count::Requests as usize] = 1;
            measures.counts[Count::InputTokens as usize] = tokens.map_or(0, |tokens| tokens.input);
            measures.counts[Count::OutputTokens as usize] = tokens.map_or(0, |tokens| tokens.output);
            self.collector.context().prices.price(&provider, model, at, &measures).is_some()
        };
        is_told || is_self_hosted(&provider) || has_list_price()
    }

    /// Id and name of the project.
    fn project<'a>(&self, metadata: &Metadata<'a>) -> Result<(Text<'a>, Text<'a>), String> {
        for project in self.projects {
            let (id, alias) = match project {
                Project::Project => (metadata.user_api_key_project_id, metadata.user_api_key_project_alias),
                Project::Team => (metadata.user_api_key_team_id, metadata.user_api_key_team_alias),
            };
            if let Some(id) = word("the project's id", id)? {
                return Ok((Some(id), label(alias)));
            }
        }
        Ok((None, None))
    }
}

/// A text that only people read; whatever else it is says nothing, and costs nothing.
fn label<'a>(value: Option<&'a RawValue>) -> Text<'a> {
    value.and_then(|value| text("a label", value).ok()).filter(|text| !text.is_empty())
}

fn object<'a, T: Default + Deserialize<'a>>(field: &str, value: Option<&'a RawValue>) -> Result<T, String> {
    let object = present(value).map_or(Ok(T::default()), |value| json::object(value.get()));
    object.map_err(|error| format!("{field} could not be read: {error}"))
}

/// The call's id, how it ended and when it started. The call's id alone names no call: whoever asks the proxy may choose
/// it, and the attempts of a fallback share it. A repeated post repeats all three, and so does the row of LiteLLM's
/// database, which has the start to the millisecond.
fn id(payload: &Payload<'_>, failed: bool, start: UnixMs) -> Result<String, String> {
    let call = word("litellm_call_id", payload.litellm_call_id)?.or(word("id", payload.id)?);
    let call = call.ok_or_else(|| missing("litellm_call_id"))?;
    let status = if failed { "failure" } else { "success" };
    Ok(format!("litellm/{call}/{status}/{start}"))
}

/// The model with its provider before it, which is then taken off again: whatever slashes the model itself has stay.
fn used_model<'a>(provider: Option<&str>, model: Cow<'a, str>) -> Cow<'a, str> {
    match provider {
        Some(provider) if model.strip_prefix(provider).is_none_or(|rest| !rest.starts_with('/')) => {
            Cow::Owned(format!("{provider}/{model}"))
        }
        _ => model,
    }
}

/// The model that answered: the one whose price LiteLLM looked up, which only the name of that entry tells. An entry for
/// one deployment alone has a hash for a name.
fn answered<'a>(payload: &Payload<'a>, provider: Option<&str>) -> Text<'a> {
    let map = &payload.model_map_information.0;
    present(map.model_map_value)?;
    let key = word("model_map_key", map.model_map_key).ok().flatten()?;
    let is_hash = key.len() >= 32 && key.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    if is_hash {
        return None;
    }
    // Azure's entries may say where in the world.
    let of_azure = key.strip_prefix("azure/").filter(|_| provider == Some("azure"));
    let place = of_azure.and_then(|rest| {
        let (place, model) = rest.split_once('/')?;
        ["us", "eu", "global", "global-standard"].contains(&place).then(|| model.to_owned())
    });
    Some(place.map_or(key, Cow::Owned))
}

/// The model of a batch, which names none itself.
fn batch_model<'a>(payload: &Payload<'a>) -> Text<'a> {
    let hidden: Hidden<'a> = present(payload.hidden_params).and_then(|hidden| json::object(hidden.get()).ok())?;
    let mut first = None;
    // What is no list of texts names none.
    let _ = each(present(hidden.batch_models)?.get().as_bytes(), |model| -> Result<(), ()> {
        first = first.take().or_else(|| text("batch_models", model).ok());
        Ok(())
    });
    first
}

fn figures(payload: &Payload<'_>, usage: &Usage<'_>) -> Result<Figures, String> {
    let number = |field, value| present(value).map(|value| whole(field, value)).transpose();
    let prompt: Details<'_> = object("prompt_tokens_details", usage.prompt_tokens_details)?;
    let completion: Details<'_> = object("completion_tokens_details", usage.completion_tokens_details)?;
    let creation = present(prompt.cache_creation_token_details).or(present(usage.cache_creation));
    let creation: CacheCreation<'_> = object("cache_creation", creation)?;
    let written = number("cache_write_tokens", prompt.cache_write_tokens)?
        .or(number("cache_creation_tokens", prompt.cache_creation_tokens)?)
        .or(number("cache_creation_input_tokens", usage.cache_creation_input_tokens)?);
    Ok(Figures {
        input: number("prompt_tokens", payload.prompt_tokens)?,
        output: number("completion_tokens", payload.completion_tokens)?,
        total: number("total_tokens", payload.total_tokens)?,
        cached: number("cached_tokens", prompt.cached_tokens)?
            .or(number("cache_read_input_tokens", usage.cache_read_input_tokens)?),
        cache_write: written,
        cache_write_1h: number("ephemeral_1h_input_tokens", creation.ephemeral_1h_input_tokens)?,
        reasoning: number("reasoning_tokens", completion.reasoning_tokens)?,
        audio_input: number("audio_tokens", prompt.audio_tokens)?,
        audio_output: number("audio_tokens", completion.audio_tokens)?,
    })
}

/// The tier that answered, else the one that was asked for.
fn tier(payload: &Payload<'_>, usage: &Usage<'_>) -> ServiceTier {
    let told = label(usage.service_tier).or_else(|| {
        let costs: CostBreakdown<'_> = json::object(present(payload.cost_breakdown)?.get()).ok()?;
        label(costs.service_tier)
    });
    let told = told.or_else(|| {
        let parameters: Parameters<'_> = json::object(present(payload.model_parameters)?.get()).ok()?;
        label(parameters.service_tier)
    });
    told.map(|name| tier_of(&name)).unwrap_or_default()
}

/// The cost it reports. One below 0 is a mistake in working it out, and says nothing.
fn reported_cost(payload: &Payload<'_>) -> Result<Option<PicoUsd>, String> {
    amount("response_cost", payload.response_cost)
}

fn amount(field: &str, value: Option<&RawValue>) -> Result<Option<PicoUsd>, String> {
    let value = present(value).filter(|cost| !cost.get().trim_start_matches('"').starts_with('-'));
    value.map(|cost| money(field, cost)).transpose()
}

fn guards(payload: &Payload<'_>, metadata: &Metadata<'_>) -> Result<Guards, String> {
    let failure: Failure<'_> = object("error_information", payload.error_information)?;
    let told = Told {
        information: payload.guardrail_information,
        status: payload.status_fields.0.guardrail_status,
        applied: metadata.applied_guardrails,
        answer: payload.response,
        error_class: failure.error_class,
    };
    Ok(told.guards())
}

fn ended(payload: &Payload<'_>, failed: bool) -> Result<Ending, String> {
    let failure: Failure<'_> = object("error_information", payload.error_information)?;
    // A text, mostly of digits; providers have codes of their own as well.
    let status = present(failure.error_code).and_then(|code| code.get().trim_matches('"').parse().ok());
    Ok(ending(failed, status, label(failure.error_class).as_deref(), label(failure.llm_provider).as_deref()))
}

/// The app: a tag `app:NAME`, the title it gives itself, what it put into its metadata, or its HTTP client.
fn app<'a>(payload: &Payload<'a>, metadata: &Metadata<'a>) -> Text<'a> {
    let soft = |value: Option<&'a RawValue>| -> Requester<'a> {
        value.and_then(|value| json::object(value.get()).ok()).unwrap_or_default()
    };
    tagged(payload.request_tags)
        .or_else(|| label(soft(metadata.requester_custom_headers).title))
        .or_else(|| label(soft(metadata.requester_metadata).app))
        .or_else(|| label(metadata.user_agent))
        .or_else(|| label(payload.user_agent))
}

/// The first tag of the form `app:NAME`. Tags that LiteLLM adds by itself name the HTTP client.
fn tagged<'a>(tags: Option<&'a RawValue>) -> Text<'a> {
    let mut found = None;
    // What is no list of texts has no tags.
    let _ = each(tags?.get().as_bytes(), |tag| -> Result<(), ()> {
        let name = text("request_tags", tag).ok().and_then(|tag| tag.strip_prefix("app:").map(str::to_owned));
        found = found.take().or(name.filter(|name| !name.is_empty()));
        Ok(())
    });
    found.map(Cow::Owned)
}

#[cfg(test)]
mod tests;
