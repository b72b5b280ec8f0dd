//! List prices of public models: those compiled in, or a file of the same form.

use std::collections::BTreeSet;
use std::time::{Duration, UNIX_EPOCH};

use genai_prices::{Calculator, PriceRequest, Usage, UsageKey};

use crate::calendar::Zone;
use crate::model::UnixMs;

/// The day on which genai-prices 0.2.1 was released; a test holds that it is the version in use.
pub const BUILT_IN_LIST_DATE: &str = "2026-10-30";
/// Tokens of each kind that prices are compared for: few, so that no tier for long calls is reached.
const COMPARED_TOKENS: f64 = 1000.0;

/// List prices of one day.
pub struct ListPrices {
    calculator: Held,
    date: String,
    models: usize,
}

enum Held {
    BuiltIn(&'static Calculator),
    Read(Box<Calculator>),
}

/// What became of a model from one list to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    Known,
    Gone,
    Dearer,
    Cheaper,
    /// Some kinds of tokens cost more and some less, or are priced only in one of them.
    Changed,
}

impl ListPrices {
    /// Those compiled in. Decodes them the first time, which takes tens of milliseconds.
    pub fn built_in() -> ListPrices {
        let calculator = Calculator::bundled();
        ListPrices {
            models: models(calculator).count(),
            calculator: Held::BuiltIn(calculator),
            date: BUILT_IN_LIST_DATE.to_owned(),
        }
    }

    /// Reads the JSON that genai-prices publishes, written at `at`. As a whole or not at all; the error says what is
    /// wrong in it.
    pub fn read(json: &[u8], at: UnixMs) -> Result<ListPrices, String> {
        let calculator = Calculator::from_json(json).map_err(|error| {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
            format!("{error}{}", cause.unwrap_or_default())
        })?;
        let models = models(&calculator).count();
        if models == 0 {
            return Err("it has no model; it must be the data.json that genai-prices publishes".into());
        }
        let date = Zone::UTC.date_at(at).to_string();
        Ok(ListPrices { calculator: Held::Read(Box::new(calculator)), date, models })
    }

    pub(super) fn calculator(&self) -> &Calculator {
        match &self.calculator {
            Held::BuiltIn(calculator) => calculator,
            Held::Read(calculator) => calculator,
        }
    }

    /// The day they are of, `YYYY-MM-DD`.
    pub fn date(&self) -> &str {
        &self.date
    }

    pub fn is_built_in(&self) -> bool {
        matches!(self.calculator, Held::BuiltIn(_))
    }

    pub fn models(&self) -> usize {
        self.models
    }

    /// What `newer` says otherwise of calls made at an instant: provider, model and how, in that order.
    pub fn changes(&self, newer: &ListPrices, at: UnixMs) -> Vec<(String, String, Change)> {
        let lists = [self.calculator(), newer.calculator()].map(|list| (list, models(list).collect::<BTreeSet<_>>()));
        let known: BTreeSet<_> = lists[0].1.union(&lists[1].1).copied().collect();
        let mut changes = Vec::new();
        for (provider, model) in known {
            let [before, after] = [&lists[0], &lists[1]]
                .map(|(list, names)| names.contains(&(provider, model)).then(|| prices(list, provider, model, at)));
            let change = match (before, after) {
                (None, None) => continue,
                (None, Some(_)) => Change::Known,
                (Some(_), None) => Change::Gone,
                (Some(before), Some(after)) => match compare(before, after) {
                    None => continue,
                    Some(change) => change,
                },
            };
            changes.push((provider.to_owned(), model.to_owned(), change));
        }
        changes
    }
}

impl std::fmt::Display for ListPrices {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let source = if self.is_built_in() { "built in" } else { "from a file" };
        write!(f, "list prices of {}, {source}, {} models", self.date, self.models)
    }
}

fn models(list: &Calculator) -> impl Iterator<Item = (&str, &str)> {
    list.providers().flat_map(|provider| provider.models().map(move |model| (provider.id(), model.id())))
}

/// What a thousand tokens of each kind cost.
fn prices(list: &Calculator, provider: &str, model: &str, at: UnixMs) -> [Option<f64>; 4] {
    let at = UNIX_EPOCH + Duration::from_millis(at.try_into().unwrap_or_default());
    let price = |kinds: &[UsageKey]| {
        let usage: Usage = kinds.iter().map(|kind| (kind.clone(), COMPARED_TOKENS)).collect();
        let request = PriceRequest::new(model, &usage).with_provider_id(provider).with_timestamp(at);
        list.calculate(&request).ok().map(|price| price.total_price)
    };
    [
        price(&[UsageKey::INPUT_TOKENS]),
        price(&[UsageKey::INPUT_TOKENS, UsageKey::CACHE_READ_TOKENS]),
        price(&[UsageKey::INPUT_TOKENS, UsageKey::CACHE_WRITE_TOKENS]),
        price(&[UsageKey::OUTPUT_TOKENS]),
    ]
}

fn compare(before: [Option<f64>; 4], after: [Option<f64>; 4]) -> Option<Change> {
    let pairs = before.iter().zip(&after);
    let has =
        |test: fn(f64, f64) -> bool| pairs.clone().any(|(b, a)| matches!((b, a), (Some(b), Some(a)) if test(*b, *a)));
    let (dearer, cheaper) = (has(|before, after| after > before), has(|before, after| after < before));
    let appeared = pairs.clone().any(|(before, after)| before.is_some() != after.is_some());
    match (dearer, cheaper, appeared) {
        (false, false, false) => None,
        (true, false, false) => Some(Change::Dearer),
        (false, true, false) => Some(Change::Cheaper),
        _ => Some(Change::Changed),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// 2026-11-29.
    const NOW: UnixMs = 1_795_910_400_000;

    fn list(models: &[(&str, f64, f64)]) -> ListPrices {
        let model = |(id, input, output): &(&str, f64, f64)| {
            let prices = json!({"input_mtok": input, "output_mtok": output});
            json!({"id": id, "match": {"equals": id}, "prices": prices})
        };
        let models: Vec<_> = models.iter().map(model).collect();
        let provider = json!({"id": "acme-ai", "name": "Acme", "api_pattern": "https://acme", "models": models});
        ListPrices::read(json!([provider]).to_string().as_bytes(), NOW).unwrap()
    }

    #[test]
    fn the_date_of_what_is_compiled_in_is_that_of_its_version() {
        let lock = include_str!("../../Cargo.lock");
        assert!(lock.contains("name = \"genai-prices\"\nversion = \"0.2.1\""), "then BUILT_IN_LIST_DATE is another");
        let built_in = ListPrices::built_in();
        assert!(built_in.is_built_in() && built_in.models() > 1000, "{built_in}");
    }

    #[test]
    fn what_became_of_models_is_said() {
        let old =
            list(&[("same", 1.0, 2.0), ("up", 1.0, 2.0), ("down", 1.0, 2.0), ("both", 1.0, 2.0), ("gone", 1.0, 2.0)]);
        let new =
            list(&[("same", 1.0, 2.0), ("up", 1.5, 2.0), ("down", 1.0, 1.0), ("both", 2.0, 1.0), ("new", 1.0, 2.0)]);
        let changes = old.changes(&new, NOW);
        let found: Vec<_> = changes.iter().map(|(_, model, change)| (model.as_str(), *change)).collect();
        let expected = [
            ("both", Change::Changed),
            ("down", Change::Cheaper),
            ("gone", Change::Gone),
            ("new", Change::Known),
            ("up", Change::Dearer),
        ];
        assert_eq!(found, expected);
        assert_eq!(old.changes(&old, NOW), []);
        let built_in = ListPrices::built_in();
        assert_eq!(built_in.changes(&built_in, NOW), []);
        assert_eq!((old.date(), old.models(), old.is_built_in()), ("2026-11-29", 5, false));
    }

    #[test]
    fn what_is_no_list_is_refused_whole() {
        for (json, expected) in [
            ("", "decode provider JSON"),
            ("[]", "it has no model"),
            ("{}", "expected a provider array"),
            (r#"[{"id": "x"}]"#, "api_pattern are required"),
            (r#"{"prices": []}"#, "expected a provider array"),
        ] {
            let error = ListPrices::read(json.as_bytes(), NOW).map(|_| ()).unwrap_err();
            assert!(error.contains(expected), "{json}: {error}");
        }
    }
}
