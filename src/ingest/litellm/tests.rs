//! LiteLLM's payloads, field by field.

use serde_json::{Value, json};

use super::super::{Parsed, TokenDefaults};
use super::*;
use crate::model::Count;
use crate::pricing::PriceBook;

const NOW: i64 = 1_780_315_200_000; // 2026-06-01T12:00:00Z

fn read(body: &str, projects: &[Project]) -> Result<Reading, BodyError> {
    let prices = PriceBook::bundled();
    let token = TokenDefaults { project_id: Some("default"), api_key_id: Some("token"), ..TokenDefaults::default() };
    parse(
        body.as_bytes(),
        projects,
        &Context { now: NOW, prices: &prices, token, kept_since: &crate::ingest::for_ever },
    )
}

fn parsed(body: &str) -> Parsed {
    read(body, &PROJECT).unwrap().parsed
}

/// A payload with `extra` put over it, object by object.
fn payload(extra: &Value) -> Value {
    let mut payload = json!({
        "id": "chatcmpl-1", "litellm_call_id": "call-1", "status": "success", "startTime": 1_780_300_000.25,
        "model": "openai/gpt-4o-mini", "model_group": "small", "custom_llm_provider": "openai",
        "prompt_tokens": 500, "completion_tokens": 20, "total_tokens": 520, "response_cost": 8.7e-5,
        "request_tags": ["User-Agent: OpenAI"], "user_agent": "OpenAI/Python 2.54.0",
        "metadata": {
            "user_api_key_hash": "9add", "user_api_key_alias": "alice-web", "user_api_key_org_id": "acme",
            "user_api_key_team_id": "t-search", "user_api_key_team_alias": "Search",
            "user_api_key_user_id": "u-alice", "user_api_key_user_email": "alice@example.test",
            "usage_object": {"prompt_tokens_details": null, "completion_tokens_details": {"reasoning_tokens": 7}},
        },
        "messages": [{"role": "user", "content": "PROMPT"}],
        "error_information": {"error_code": "", "llm_provider": ""},
    });
    merge(&mut payload, extra);
    payload
}

fn merge(into: &mut Value, extra: &Value) {
    match (into, extra) {
        (Value::Object(into), Value::Object(extra)) => {
            extra.iter().for_each(|(name, value)| merge(into.entry(name).or_insert(Value::Null), value));
        }
        (into, extra) => *into = extra.clone(),
    }
}

fn check(extra: &Value, counts: &[(Count, u64)], cost: &str) {
    let parsed = parsed(&payload(extra).to_string());
    assert_eq!(parsed.rejected, [], "{extra}");
    let measures = parsed.batch.events[0].measures;
    for (count, expected) in counts {
        assert_eq!(measures.get(*count), *expected, "{extra} {count:?}");
    }
    assert_eq!(measures.cost.to_string(), cost, "{extra}");
}

#[test]
fn a_whole_payload() {
    let reading = read(&payload(&json!({})).to_string(), &PROJECT).unwrap();
    let event = reading.parsed.batch.events[0];
    assert_eq!(event.time, 1_780_300_000_250);
    let ids = &reading.parsed.batch.combinations[0];
    assert_eq!((ids.organization.as_str(), ids.project.as_str(), ids.api_key.as_str()), ("acme", "t-search", "9add"));
    assert_eq!((ids.model.as_str(), ids.provider.as_str()), ("gpt-4o-mini", "openai"));
    assert_eq!(ids.source.as_deref(), Some("OpenAI/Python 2.54.0"));
    let key = &reading.names.api_keys[&("acme".into(), "9add".into())];
    assert_eq!((key.description.as_deref(), key.owner.as_deref()), (Some("alice-web"), Some("u-alice")));
    assert_eq!(reading.names.projects[&("acme".into(), "t-search".into())], "Search");
    let person = &reading.names.people[&("acme".into(), "u-alice".into())];
    assert_eq!(person.as_deref(), Some("alice@example.test"));
}

#[test]
fn measures() {
    use Count::*;
    check(&json!({}), &[(InputTokens, 500), (OutputTokens, 20), (TotalTokens, 520), (ReasoningTokens, 7)], "0.000087");
    // Its own sum is 0 for embeddings.
    check(
        &json!({"completion_tokens": 0, "total_tokens": 0, "metadata": {"usage_object": {"completion_tokens_details": null}}}),
        &[(TotalTokens, 500)],
        "0.000087",
    );
    let anthropic = json!({"prompt_tokens": 3000, "metadata": {"usage_object": {"prompt_tokens_details":
        {"cached_tokens": 2000, "cache_write_tokens": 500, "cache_creation_tokens": 500}}}});
    check(&anthropic, &[(InputTokens, 3000), (CachedTokens, 2000), (CacheWriteTokens, 500)], "0.000087");
    let older =
        json!({"metadata": {"usage_object": {"cache_read_input_tokens": 30, "cache_creation_input_tokens": 4}}});
    check(&older, &[(CachedTokens, 30), (CacheWriteTokens, 4)], "0.000087");
}

#[test]
fn what_one_record_of_a_post_proves_of_its_provider_holds_for_the_others() {
    let of = |provider: &str, [input, output, cached]: [u64; 3], total: Option<u64>| {
        payload(&json!({
            "custom_llm_provider": provider, "model": "gpt-4o", "prompt_tokens": input, "completion_tokens": output,
            "total_tokens": total, "response_cost": null,
            "metadata": {"usage_object": {"prompt_tokens_details": {"cached_tokens": cached}, "completion_tokens_details": null}},
        }))
    };
    let (beside, open) = (([500, 40, 1200], Some(1740)), ([2000, 5, 1500], None));
    let within = ([1000, 5, 600], Some(1005));
    type Record<'r> = (&'r str, ([u64; 3], Option<u64>));
    let input = |records: &[Record<'_>]| {
        let post: Vec<Value> =
            records.iter().map(|(provider, (figures, total))| of(provider, *figures, *total)).collect();
        let events = parsed(&json!(post).to_string()).batch.events;
        events.iter().map(|event| event.measures.get(Count::InputTokens)).collect::<Vec<_>>()
    };
    assert_eq!(input(&[("openai", beside), ("openai", open)]), [1700, 3500]);
    assert_eq!(input(&[("openai", open), ("openai", beside)]), [3500, 1700]);
    assert_eq!(input(&[("azure", beside), ("openai", open)]), [1700, 2000]);
    assert_eq!(input(&[("openai", open), ("openai", within)]), [2000, 1000]);
    // Who counts once so and once so is read as usual.
    assert_eq!(input(&[("openai", beside), ("openai", open), ("openai", within)]), [1700, 2000, 1000]);
}

#[test]
fn what_python_cannot_work_out_is_not_known_and_takes_nothing_with_it() {
    let [good, odd] = [json!({}), json!({"litellm_call_id": "c2", "response_cost": "X"})].map(|of| payload(&of));
    for nan in ["NaN", "-Infinity", "Infinity"] {
        let body = json!([good, odd]).to_string().replace("\"X\"", nan).replace("PROMPT", "NaN");
        let parsed = parsed(&body);
        assert_eq!((parsed.batch.events.len(), parsed.rejected.len()), (2, 0), "{nan}: {:?}", parsed.rejected);
        assert_eq!(parsed.batch.events[1].measures.cost.to_string(), "0.000087");
    }
}

#[test]
fn a_cost_of_0_says_nothing_unless_nothing_was_paid() {
    use Count::*;
    // 500 in and 20 out at the list price.
    check(&json!({"response_cost": 0.0}), &[(Unpriced, 0)], "0.000087");
    check(&json!({"response_cost": 0.0, "model": "openai/in-house"}), &[(Unpriced, 1)], "0");
    check(&json!({"response_cost": null, "model": "openai/in-house"}), &[(Unpriced, 1)], "0");
    check(&json!({"response_cost": 0.0, "cache_hit": true}), &[(Unpriced, 0), (CacheHits, 1)], "0");
    check(&json!({"response_cost": 0.0, "cache_hit": "True"}), &[(Unpriced, 0), (CacheHits, 1)], "0");
    check(&json!({"response_cost": 0.0, "cache_hit": "False"}), &[(CacheHits, 0)], "0.000087");
    let nothing = json!({"response_cost": 0.0, "prompt_tokens": 0, "completion_tokens": 0, "status": "failure",
        "metadata": {"usage_object": {"completion_tokens_details": null}}});
    check(&nothing, &[(Unpriced, 0), (Errors, 1)], "0");
    let image = json!({"call_type": "aimage_generation", "response_cost": 0.0, "prompt_tokens": 0, "total_tokens": 0,
        "completion_tokens": 0, "metadata": {"usage_object": {"completion_tokens_details": null}}});
    check(&image, &[(Unpriced, 0)], "0");
    let mut of_no_price = image;
    of_no_price["response_cost_failure_debug_info"] = json!({"error_str": "no price of this model"});
    check(&of_no_price, &[(Unpriced, 1)], "0");
    check(&json!({"response_cost": 0.000_525_149_999_999_999_9}), &[], "0.00052515");
}

#[test]
fn endings() {
    use Count::*;
    let failure = |code: &str, provider: &str| json!({"status": "failure", "error_information": {"error_code": code, "llm_provider": provider}});
    for (code, provider, client) in [
        ("429", "openai", 0),
        ("500", "openai", 0),
        ("400", "openai", 1),
        ("401", "openai", 0),
        ("401", "", 1),
        ("insufficient_quota", "openai", 0),
        ("", "", 0),
    ] {
        check(&failure(code, provider), &[(ClientErrors, client), (Errors, 1 - client)], "0.000087");
    }
    let hung_up = json!({"error_information": {"error_code": "499", "error_class": "ClientDisconnected"}});
    check(&hung_up, &[(ClientErrors, 1), (Errors, 0), (InputTokens, 500)], "0.000087");
}

#[test]
fn a_fallback_counts_what_failed_and_what_was_paid() {
    let failure = |start: f64| json!({"status": "failure", "startTime": start, "prompt_tokens": 0, "completion_tokens": 0, "response_cost": 0});
    let attempts = [failure(1_780_300_000.1), failure(1_780_300_000.2), json!({})].map(|extra| payload(&extra));
    let events = parsed(&json!(attempts).to_string()).batch.events;
    assert_eq!(events.len(), 3);
    assert!(events[0].id != events[1].id && events[1].id != events[2].id && events[0].id != events[2].id);
    let again = parsed(&json!(attempts).to_string()).batch.events;
    assert!(events.iter().zip(&again).all(|(a, b)| a.id == b.id), "a repetition has the same ids");
}

#[test]
fn calls_to_which_a_client_gave_one_id_are_all_counted() {
    let calls = [1_780_300_000.1, 1_780_300_000.2].map(|start| payload(&json!({"startTime": start})));
    let events = parsed(&json!(calls).to_string()).batch.events;
    assert_ne!(events[0].id, events[1].id);
}

#[test]
fn what_was_turned_away_is_counted_too() {
    let refused = json!({"status": "failure", "custom_llm_provider": null, "model": "", "model_group": "",
        "metadata": {"user_api_key_team_id": null, "user_api_key_alias": null, "user_api_key_user_id": null,
                     "user_api_key_user_email": null, "usage_object": {}}});
    let ids = &parsed(&payload(&refused).to_string()).batch.combinations[0];
    assert_eq!((ids.model.as_str(), ids.provider.as_str(), ids.project.as_str()), ("unknown", "unknown", "default"));
}

#[test]
fn models_lose_their_provider_and_nothing_else() {
    for (provider, model, expected) in [
        ("openrouter", "openrouter/meta-llama/llama-3.3-70b-instruct", "meta-llama/llama-3.3-70b-instruct"),
        ("together_ai", "meta-llama/Llama-3-70b", "meta-llama/Llama-3-70b"),
        ("azure", "azure/my-deploy", "my-deploy"),
        ("openai", "gpt-4o", "gpt-4o"),
        (
            "bedrock",
            "bedrock/eu-west-1/anthropic.claude-haiku-4-5-20251001-v1:0",
            "anthropic.claude-haiku-4-5-20251001-v1",
        ),
        ("bedrock", "converse/us.amazon.nova-pro-v1:0", "us.amazon.nova-pro-v1"),
        (
            "bedrock",
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0",
            "us.anthropic.claude-haiku-4-5-20251001-v1",
        ),
    ] {
        let body = payload(&json!({"custom_llm_provider": provider, "model": model})).to_string();
        assert_eq!(parsed(&body).batch.combinations[0].model, expected);
    }
}

#[test]
fn apps_and_projects() {
    let source = |extra: Value| parsed(&payload(&extra).to_string()).batch.combinations[0].source.clone().unwrap();
    assert_eq!(source(json!({"request_tags": ["x", "app:ide", "app:other"]})), "ide");
    let titled =
        json!({"metadata": {"requester_custom_headers": {"x-title": "Titled"}, "requester_metadata": {"app": "meta"}}});
    assert_eq!(source(titled), "Titled");
    assert_eq!(source(json!({"metadata": {"requester_metadata": {"app": "meta"}}})), "meta");
    assert_eq!(
        source(json!({"request_tags": "app:x", "metadata": {"requester_metadata": {"app": 7}}})),
        "OpenAI/Python 2.54.0"
    );
    let both = payload(&json!({"metadata": {"user_api_key_project_id": "p", "user_api_key_project_alias": "P"}}));
    let project =
        |projects: &[Project]| read(&both.to_string(), projects).unwrap().parsed.batch.combinations[0].project.clone();
    assert_eq!(project(&PROJECT), "p");
    assert_eq!(project(&[Project::Team]), "t-search");
}

#[test]
fn all_three_formats_are_told_apart() {
    let one = payload(&json!({}));
    let two = payload(&json!({"litellm_call_id": "call-2"}));
    assert_eq!(parsed(&json!([one, two]).to_string()).batch.events.len(), 2);
    assert_eq!(parsed(&format!("{one}\n{two}\n")).batch.events.len(), 2);
    assert_eq!(parsed(&one.to_string()).batch.events.len(), 1);
    assert_eq!(parsed(&serde_json::to_string_pretty(&one).unwrap()).batch.events.len(), 1);
    assert!(parsed("[]").batch.events.is_empty());
    for broken in ["", "  ", "[{", "{\"id\": ", "x"] {
        assert!(read(broken, &PROJECT).is_err(), "{broken}");
    }
}

#[test]
fn a_bad_event_leaves_the_good_ones() {
    let bad = [
        json!({"prompt_tokens": -1}),
        json!({"litellm_call_id": null, "id": null}),
        json!({"status": "pending"}),
        json!({"startTime": "yesterday"}),
        json!({"metadata": "PROMPT"}),
    ];
    let mut all = vec![payload(&json!({})), json!("PROMPT"), json!(["PROMPT"])];
    all.extend(bad.iter().map(payload));
    let parsed = parsed(&json!(all).to_string());
    assert_eq!(parsed.batch.events.len(), 1);
    let errors: Vec<&str> = parsed.rejected.iter().map(|one| one.error.as_str()).collect();
    assert_eq!(parsed.rejected.iter().map(|one| one.index).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7]);
    for words in
        ["prompt_tokens is -1", "litellm_call_id is missing", "allowed are success and failure", "startTime is"]
    {
        assert!(errors.iter().any(|error| error.contains(words)), "{words}: {errors:?}");
    }
    let twice = payload(&json!({})).to_string().replacen('{', "{\"status\": \"success\",", 1);
    let values_only = json!(vec![Value::Null; 16]).to_string();
    for bad in [&*twice, &values_only, "7"] {
        let reading = read(&format!("[{bad}, {}]", payload(&json!({}))), &PROJECT).unwrap().parsed;
        assert_eq!((reading.batch.events.len(), reading.rejected[0].index), (1, 0), "{bad}");
    }
    let lines = format!("{}\n{{\"litellm\n{}\n", payload(&json!({})), payload(&json!({"litellm_call_id": "2"})));
    let reading = read(&lines, &PROJECT).unwrap().parsed;
    assert_eq!((reading.batch.events.len(), reading.rejected[0].index), (2, 1));
}
