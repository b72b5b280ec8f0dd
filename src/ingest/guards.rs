//! What senders tell of guardrails and content filters that stepped in: which, by its name. What was said, found or masked
//! is read over.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::field::text;
use super::json::{Soft, each_as, object, present};
use super::reason::fitting;
use crate::model::{Guard, Intervention};

/// Of a guard's name.
const NAME_CHARS: usize = 100;
/// Guards of one call. Installations have a handful.
const GUARDS: usize = 32;

/// Finish reasons that say that a provider's filter stepped in, without hyphens and case: of OpenAI and Azure, Anthropic,
/// Bedrock, Cohere, Zhipu, and Gemini.
const FILTERS: [&str; 12] = [
    "content_filter",
    "content_filtered",
    "refusal",
    "error_toxic",
    "sensitive",
    "safety",
    "recitation",
    "blocklist",
    "prohibited_content",
    "spii",
    "image_safety",
    "image_prohibited_content",
];
/// Bedrock's guardrails.
const GUARDRAIL: &str = "guardrail_intervened";

/// Guards of one call, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Guards(pub Vec<Intervention>);

#[derive(Default, Deserialize)]
struct Category<'a> {
    #[serde(borrow)]
    filtered: Option<&'a RawValue>,
}

impl Guards {
    pub fn add(&mut self, guard: Guard, name: &str) {
        let Some(name) = fitting(name, NAME_CHARS) else { return };
        let intervention = Intervention { guard, name: name.into_owned() };
        if self.0.len() < GUARDS && !self.0.contains(&intervention) {
            self.0.push(intervention);
        }
    }

    /// What a finish reason says, as it is or as a program's name of it (`FinishReason.SAFETY`).
    pub fn finished(&mut self, reason: &str) {
        let reason = reason.rsplit('.').next().unwrap_or(reason);
        if reason.len() > GUARDRAIL.len().max("image_prohibited_content".len()) {
            return;
        }
        let reason = reason.to_ascii_lowercase().replace('-', "_");
        if FILTERS.contains(&&*reason) {
            self.add(Guard::ContentFilter, &reason);
        } else if reason == GUARDRAIL {
            self.add(Guard::Guardrail, &reason);
        }
    }

    /// What Azure says of each category of its filter.
    pub fn filtered(&mut self, results: Option<&RawValue>) {
        let Some(results) = present(results) else { return };
        let Ok(categories) = object::<BTreeMap<String, Soft<Category<'_>>>>(results.get()) else {
            return;
        };
        for (name, Soft(category)) in categories {
            if category.filtered.is_some_and(|filtered| filtered.get() == "true") {
                self.add(Guard::ContentFilter, &name);
            }
        }
    }

    pub fn merge(&mut self, others: Guards) {
        others.0.into_iter().for_each(|one| self.add(one.guard, &one.name));
    }
}

#[derive(Default, Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    choices: Option<&'a RawValue>,
    prompt_filter_results: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Part<'a> {
    #[serde(borrow)]
    finish_reason: Option<&'a RawValue>,
    content_filter_results: Option<&'a RawValue>,
}

impl Guards {
    /// What stands beside the texts of an answer of chat completions. Categories that are named go before a finish reason
    /// that says no more than that there is one.
    pub fn answered(&mut self, answer: Option<&RawValue>) {
        // Most answers have nothing of it, and are long.
        let Some(answer) = present(answer).filter(|answer| answer.get().contains("content_filter")) else { return };
        let Ok(answer) = object::<Answer<'_>>(answer.get()) else { return };
        let mut reasons = Guards::default();
        for parts in [answer.prompt_filter_results, answer.choices].into_iter().filter_map(present) {
            // What is no list of objects says nothing.
            let _ = each_as(parts.get().as_bytes(), |Soft(part): Soft<Part<'_>>| -> Result<(), ()> {
                self.filtered(part.content_filter_results);
                if let Some(reason) = present(part.finish_reason).and_then(|reason| text("finish_reason", reason).ok())
                {
                    reasons.finished(&reason);
                }
                Ok(())
            });
        }
        if self.0.iter().all(|one| one.guard != Guard::ContentFilter) {
            self.merge(reasons);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(guards: &Guards) -> Vec<(Guard, &str)> {
        guards.0.iter().map(|one| (one.guard, one.name.as_str())).collect()
    }

    #[test]
    fn finish_reasons_of_filters_are_told_from_others() {
        for (reason, expected) in [
            ("content_filter", Some((Guard::ContentFilter, "content_filter"))),
            ("content-filter", Some((Guard::ContentFilter, "content_filter"))),
            ("FinishReason.SAFETY", Some((Guard::ContentFilter, "safety"))),
            ("guardrail_intervened", Some((Guard::Guardrail, "guardrail_intervened"))),
            ("stop", None),
            ("", None),
            ("a content_filter", None),
        ] {
            let mut guards = Guards::default();
            guards.finished(reason);
            assert_eq!(names(&guards), Vec::from_iter(expected), "{reason}");
        }
    }

    #[test]
    fn azures_categories_go_before_the_reason_and_texts_are_read_over() {
        let answer = r#"{"prompt_filter_results":[{"prompt_index":0,"content_filter_results":
            {"jailbreak":{"filtered":true,"detected":true},"hate":{"filtered":false,"severity":"safe"}}}],
            "choices":[{"finish_reason":"content_filter","message":{"content":"violence"},"content_filter_results":
            {"violence":{"filtered":true,"severity":"high"},"custom_blocklists":null,"error":"x"}}]}"#;
        let read = |answer: &str| {
            let mut guards = Guards::default();
            guards.answered(Some(&serde_json::from_str::<Box<RawValue>>(answer).unwrap()));
            guards
        };
        let expected = [(Guard::ContentFilter, "jailbreak"), (Guard::ContentFilter, "violence")];
        assert_eq!(names(&read(answer)), expected);
        let plain = r#"{"choices":[{"finish_reason":"stop"},{"finish_reason":"content_filter"},7]}"#;
        assert_eq!(names(&read(plain)), [(Guard::ContentFilter, "content_filter")]);
        for nothing in ["\"redacted\"", "[]", "null", r#"{"choices":"x"}"#] {
            assert_eq!(names(&read(nothing)), [], "{nothing}");
        }
    }

    #[test]
    fn a_call_has_so_many_guards_of_so_long_names() {
        let mut guards = Guards::default();
        (0..100).for_each(|number| guards.add(Guard::Guardrail, &format!("{number}")));
        assert_eq!(guards.0.len(), GUARDS);
        let mut guards = Guards::default();
        guards.add(Guard::Guardrail, &"x".repeat(500));
        guards.add(Guard::Guardrail, " \u{0} ");
        assert_eq!(names(&guards).iter().map(|(_, name)| name.len()).collect::<Vec<_>>(), [NAME_CHARS]);
    }
}
