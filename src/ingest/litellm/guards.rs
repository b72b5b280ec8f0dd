//! Guardrails of LiteLLM's proxy that stepped in on a call, and providers' filters.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::label;
use crate::ingest::guards::Guards;
use crate::ingest::json::{Soft, each_as, present};
use crate::model::{Guard, UNKNOWN};

/// That a guardrail blocked or changed something, or let it through and said so; the last is what it used to say.
const STEPPED_IN: [&str; 3] = ["guardrail_intervened", "guardrail_flagged", "blocked"];
/// What LiteLLM makes of a call that a provider's filter has refused.
const REFUSED: &str = "ContentPolicyViolationError";

/// What a payload has of guards.
pub struct Told<'a> {
    pub information: Option<&'a RawValue>,
    /// `None` where a version has no status of all together.
    pub status: Option<&'a RawValue>,
    pub applied: Option<&'a RawValue>,
    pub answer: Option<&'a RawValue>,
    pub error_class: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Information<'a> {
    #[serde(borrow)]
    guardrail_name: Option<&'a RawValue>,
    guardrail_status: Option<&'a RawValue>,
}

fn stepped_in(status: Option<&RawValue>) -> bool {
    label(status).is_some_and(|status| STEPPED_IN.contains(&&*status))
}

impl Told<'_> {
    pub fn guards(&self) -> Guards {
        let mut guards = Guards::default();
        // What is no list of objects says nothing; older versions have one object.
        let mut of = |Soft(one): Soft<Information<'_>>| -> Result<(), ()> {
            if stepped_in(one.guardrail_status) {
                guards.add(Guard::Guardrail, label(one.guardrail_name).as_deref().unwrap_or(UNKNOWN));
            }
            Ok(())
        };
        if let Some(information) = present(self.information) {
            let _ = match information.get().as_bytes().first() {
                Some(b'[') => each_as(information.get().as_bytes(), &mut of).ok(),
                _ => serde_json::from_str(information.get()).ok().map(&mut of),
            };
        }
        if guards.0.is_empty() && stepped_in(self.status) {
            let mut applied = Vec::new();
            if let Some(names) = present(self.applied) {
                let _ = each_as(names.get().as_bytes(), |name: &RawValue| -> Result<(), ()> {
                    applied.extend(label(Some(name)));
                    Ok(())
                });
            }
            // Of several nobody says which it was.
            let name = if let [only] = &applied[..] { only } else { UNKNOWN };
            guards.add(Guard::Guardrail, name);
        }
        guards.answered(self.answer);
        if label(self.error_class).as_deref() == Some(REFUSED) {
            guards.finished("content_filter");
        }
        guards
    }
}
