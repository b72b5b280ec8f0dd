//! The operator's own prices: contracts, models that no list knows, discounts on list prices.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::ServiceTier;
use crate::calendar::{Date, Zone};
use crate::model::{Count, Measures, PicoUsd, UnixMs, canonical_model, canonical_provider};

/// A percentage in the unit of [`PicoUsd`].
const ALL: i128 = 100 * 1_000_000_000_000;
const TOKENS_PER_PRICE: i128 = 1_000_000;

/// What an entry settles for the calls it fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnPrice {
    /// This and nothing else.
    Cost(PicoUsd),
    /// None: the model has prices of other service tiers, which are not this one's.
    Unknown,
    /// The list price less a discount.
    Discounted(Discount),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Discount(i128);

impl Discount {
    /// What is left of a list price, to the nearest picodollar and half to even.
    pub fn of(self, price: PicoUsd) -> PicoUsd {
        let left = price.0 * (ALL - self.0);
        let (whole, rest) = (left / ALL, left % ALL);
        let up = rest * 2 > ALL || rest * 2 == ALL && whole % 2 == 1;
        PicoUsd(whole + i128::from(up))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File<'a> {
    #[serde(borrow)]
    prices: Vec<&'a RawValue>,
}

/// An entry as it is written.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entry<'a> {
    model: Option<String>,
    provider: Option<String>,
    from: Option<String>,
    to: Option<String>,
    service_tier: Option<String>,
    #[serde(borrow)]
    input_per_million: Option<&'a RawValue>,
    cached_input_per_million: Option<&'a RawValue>,
    cache_write_per_million: Option<&'a RawValue>,
    output_per_million: Option<&'a RawValue>,
    per_request: Option<&'a RawValue>,
    discount_percent: Option<&'a RawValue>,
}

/// Own prices in the order of the file: the first that fits a call settles it.
#[derive(Debug, Default)]
pub struct OwnPrices(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    model: Option<String>,
    provider: Option<String>,
    from: UnixMs,
    /// Excluded.
    end: UnixMs,
    /// The only one that it is for.
    tier: Option<ServiceTier>,
    price: Price,
}

#[derive(Debug)]
enum Price {
    /// Picodollars a token or request.
    Own {
        input: i128,
        cached_input: i128,
        cache_write: i128,
        output: i128,
        request: i128,
    },
    Discount(Discount),
}

impl OwnPrices {
    /// Reads a price file. The error names the entry and the value.
    pub fn parse(text: &str) -> Result<OwnPrices, String> {
        let file: File<'_> = object(text).map_err(|e| format!("a price file is {{\"prices\": [...]}}: {e}"))?;
        let rule = |(number, entry): (usize, &&RawValue)| {
            let rule = object(entry.get()).and_then(|entry| Rule::read(&entry));
            rule.map_err(|e| format!("entry {number}: {e}"))
        };
        (1..).zip(&file.prices).map(rule).collect::<Result<_, _>>().map(OwnPrices)
    }

    /// What the file says of the calls an event stands for; `None` when no entry fits.
    pub fn price(
        &self,
        provider: &str,
        used_model: &str,
        at: UnixMs,
        measures: &Measures,
        tier: ServiceTier,
    ) -> Option<OwnPrice> {
        let mut fitting = self.0.iter().filter(|rule| rule.fits(provider, used_model, at)).peekable();
        fitting.peek()?;
        let Some(rule) = fitting.find(|rule| rule.is_of(tier)) else { return Some(OwnPrice::Unknown) };
        match &rule.price {
            Price::Discount(discount) => Some(OwnPrice::Discounted(*discount)),
            Price::Own { input, cached_input, cache_write, output, request } => {
                let count = |count| i128::from(measures.get(count));
                let (cached, written) = (count(Count::CachedTokens), count(Count::CacheWriteTokens));
                // Both are part of the input.
                let fresh = (count(Count::InputTokens) - cached - written).max(0);
                // Of one event nothing overflows; of an hour's sums what does is above any cost there may be.
                let cost = [
                    (fresh, input),
                    (cached, cached_input),
                    (written, cache_write),
                    (count(Count::OutputTokens), output),
                    (count(Count::Requests), request),
                ]
                .iter()
                .fold(0i128, |sum, (count, price)| sum.saturating_add(count.saturating_mul(**price)));
                Some(OwnPrice::Cost(PicoUsd(cost)))
            }
        }
    }
}

impl Rule {
    fn read(entry: &Entry<'_>) -> Result<Rule, String> {
        let day = |field: &str, text: &Option<String>| match text {
            None => Ok(None),
            Some(text) => Date::parse(text)
                .map(Some)
                .ok_or_else(|| format!("{field} is '{text}', which is no date such as 2026-06-01")),
        };
        let (from, to) = (day("from", &entry.from)?, day("to", &entry.to)?);
        let tier = entry.service_tier.as_deref().map(|name| {
            let unknown = || format!("serviceTier is '{name}'; allowed are standard, batch, flex and priority");
            ServiceTier::named(name).ok_or_else(unknown)
        });
        if let (Some(from), Some(to)) = (from, to)
            && from > to
        {
            return Err(format!("from ({from}) is after to ({to}); both are inclusive"));
        }
        let prices = [
            per_token("inputPerMillion", entry.input_per_million)?,
            per_token("cachedInputPerMillion", entry.cached_input_per_million)?,
            per_token("cacheWritePerMillion", entry.cache_write_per_million)?,
            per_token("outputPerMillion", entry.output_per_million)?,
            amount("perRequest", entry.per_request)?.map(|price| price.0),
        ];
        let discount = amount("discountPercent", entry.discount_percent)?;
        let price = match (prices, discount) {
            ([None, None, None, None, None], Some(discount)) if discount.0 <= ALL => {
                Price::Discount(Discount(discount.0))
            }
            ([None, None, None, None, None], Some(discount)) => {
                return Err(format!("discountPercent is {discount}; at most 100"));
            }
            ([None, None, None, None, None], None) => {
                return Err("it has neither a price nor discountPercent".into());
            }
            (_, Some(_)) => return Err("it has both a price and discountPercent; one of them settles a call".into()),
            (_, None) if entry.model.is_none() => return Err("model is missing; a price is that of a model".into()),
            ([input, cached_input, cache_write, output, request], None) => {
                let input = input.unwrap_or(0);
                Price::Own {
                    input,
                    cached_input: cached_input.unwrap_or(input),
                    cache_write: cache_write.unwrap_or(input),
                    output: output.unwrap_or(0),
                    request: request.unwrap_or(0),
                }
            }
        };
        let start = |date: Date| Zone::UTC.day_start(date);
        Ok(Rule {
            model: entry.model.clone(),
            provider: entry.provider.as_deref().map(|name| canonical_provider(name).into_owned()),
            from: from.map_or(UnixMs::MIN, start),
            end: to.map_or(UnixMs::MAX, |to| start(to.plus_days(1))),
            tier: tier.transpose()?,
            price,
        })
    }

    /// Prices are of the usual tier unless they name one. A discount is on whatever the list has.
    fn is_of(&self, tier: ServiceTier) -> bool {
        match (self.tier, &self.price) {
            (None, Price::Discount(_)) => true,
            (named, _) => named.unwrap_or_default() == tier,
        }
    }

    fn fits(&self, provider: &str, used_model: &str, at: UnixMs) -> bool {
        let names = [used_model, canonical_model(used_model)];
        let fits = |pattern: &String| match pattern.strip_suffix('*') {
            Some(start) => names.iter().any(|name| name.starts_with(start)),
            None => names.iter().any(|name| name == pattern),
        };
        (self.from..self.end).contains(&at)
            && self.provider.as_ref().is_none_or(|known| *known == canonical_provider(provider))
            && self.model.as_ref().is_none_or(fits)
    }
}

/// Reads what is written as an object. By itself serde takes a list of a struct's values, too.
fn object<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, String> {
    if !json.trim_ascii_start().starts_with('{') {
        return Err("an object is expected".into());
    }
    serde_json::from_str(json).map_err(|e| e.to_string())
}

/// A decimal as string or number.
fn amount(field: &str, value: Option<&RawValue>) -> Result<Option<PicoUsd>, String> {
    let Some(raw) = value.map(RawValue::get) else { return Ok(None) };
    let text = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')).unwrap_or(raw);
    PicoUsd::parse_event_cost(text).map(Some).map_err(|e| format!("{field} {raw} {e}"))
}

/// Picodollars a token from USD for a million of them.
fn per_token(field: &str, value: Option<&RawValue>) -> Result<Option<i128>, String> {
    let Some(price) = amount(field, value)? else { return Ok(None) };
    if price.0 % TOKENS_PER_PRICE != 0 {
        return Err(format!(
            "{field} is {price}; with more than six digits after the point a token has no exact price"
        ));
    }
    Ok(Some(price.0 / TOKENS_PER_PRICE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::parse_rfc3339;

    fn measures(calls: u64, input: u64, cached: u64, written: u64, output: u64) -> Measures {
        let mut measures = Measures::ZERO;
        for (count, value) in [
            (Count::Requests, calls),
            (Count::InputTokens, input),
            (Count::CachedTokens, cached),
            (Count::CacheWriteTokens, written),
            (Count::OutputTokens, output),
        ] {
            measures.counts[count as usize] = value;
        }
        measures
    }

    fn price(file: &str, provider: &str, model: &str, at: &str) -> Option<OwnPrice> {
        let own = OwnPrices::parse(file).unwrap_or_else(|e| panic!("{e}"));
        let measures = measures(2, 3000, 2000, 400, 77);
        own.price(provider, model, parse_rfc3339(at).expect("a time"), &measures, ServiceTier::Standard)
    }

    #[test]
    fn prices_are_exact() {
        let file = r#"{"prices": [{"model": "own-7b", "inputPerMillion": "0.075", "cachedInputPerMillion": 0.02,
            "outputPerMillion": 3, "perRequest": "0.000000000001"}]}"#;
        // 1,000 of the input at 75,000 picodollars, 400 written included; 2,000 at 20,000; 77 at 3,000,000; 2 at 1.
        let cost = PicoUsd(1000 * 75_000 + 2000 * 20_000 + 77 * 3_000_000 + 2);
        assert_eq!(price(file, "vllm", "own-7b", "2026-06-01T00:00:00Z"), Some(OwnPrice::Cost(cost)));
        assert_eq!(price(file, "vllm", "vllm/own-7b:fast", "2026-06-01T00:00:00Z"), Some(OwnPrice::Cost(cost)));
        assert_eq!(price(file, "vllm", "own-7b-2", "2026-06-01T00:00:00Z"), None);
    }

    #[test]
    fn the_first_entry_that_fits_settles_a_call() {
        let file = r#"{"prices": [
            {"model": "gpt-4o*", "provider": "azure", "from": "2026-03-01", "to": "2026-03-31", "perRequest": 1},
            {"model": "gpt-4o*", "from": "2026-03-01", "perRequest": 2},
            {"provider": "openai", "discountPercent": "12.5"}
        ]}"#;
        let requests = |usd: i128| Some(OwnPrice::Cost(PicoUsd(2 * usd * 1_000_000_000_000)));
        assert_eq!(price(file, "azure", "gpt-4o-mini", "2026-03-31T23:59:59Z"), requests(1));
        assert_eq!(price(file, "azure", "gpt-4o-mini", "2026-04-01T00:00:00Z"), requests(2));
        assert_eq!(price(file, "azure", "gpt-4o-mini", "2026-02-28T23:59:59Z"), None);
        let Some(OwnPrice::Discounted(discount)) = price(file, "openai", "gpt-4o", "2026-02-28T23:59:59Z") else {
            panic!("openai's calls have a discount");
        };
        assert_eq!(discount.of(PicoUsd(1000)), PicoUsd(875));
        assert_eq!([4, 12, 20].map(|price| discount.of(PicoUsd(price)).0), [4, 10, 18], "3.5, 10.5 and 17.5");
    }

    #[test]
    fn a_price_is_of_the_usual_tier_unless_it_names_one() {
        let file = r#"{"prices": [
            {"model": "gpt-5", "perRequest": 4},
            {"model": "gpt-5", "serviceTier": "batch", "perRequest": 2},
            {"model": "gpt-5-mini", "serviceTier": "flex", "discountPercent": 50},
            {"model": "gpt-4o", "discountPercent": 10}
        ]}"#;
        let own = OwnPrices::parse(file).unwrap();
        let price = |model: &str, tier: ServiceTier| own.price("openai", model, 0, &measures(1, 1000, 0, 0, 0), tier);
        let cost = |usd: i128| Some(OwnPrice::Cost(PicoUsd(usd * 1_000_000_000_000)));
        let discount = |percent: i128| Some(OwnPrice::Discounted(Discount(percent * 1_000_000_000_000)));
        use ServiceTier::*;
        for (model, tier, expected) in [
            ("gpt-5", Standard, cost(4)),
            ("gpt-5", Batch, cost(2)),
            ("gpt-5", Flex, Some(OwnPrice::Unknown)),
            ("gpt-5", Other, Some(OwnPrice::Unknown)),
            ("gpt-5-mini", Flex, discount(50)),
            ("gpt-5-mini", Standard, Some(OwnPrice::Unknown)),
            ("gpt-4o", Standard, discount(10)),
            ("gpt-4o", Priority, discount(10)),
            ("o3", Batch, None),
        ] {
            assert_eq!(price(model, tier), expected, "{model} {tier:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (entry, expected) in [
            (r#"{"model": "m"}"#, "entry 1: it has neither a price nor discountPercent"),
            (r#"{"inputPerMillion": 1}"#, "model is missing"),
            (r#"{"model": "m", "inputPerMillion": -1}"#, "inputPerMillion -1 is negative"),
            (r#"{"model": "m", "inputPerMillion": "1 $"}"#, "inputPerMillion \"1 $\" is not a decimal"),
            (r#"{"model": "m", "outputPerMillion": "0.0000001"}"#, "outputPerMillion is 0.0000001; with more than six"),
            (r#"{"model": "m", "perRequest": 1, "discountPercent": 5}"#, "both a price and discountPercent"),
            (r#"{"discountPercent": 101}"#, "discountPercent is 101; at most 100"),
            (r#"{"discountPercent": 5, "from": "2026-02-30"}"#, "from is '2026-02-30', which is no date"),
            (r#"{"discountPercent": 5, "from": "2026-02-02", "to": "2026-02-01"}"#, "from (2026-02-02) is after"),
            (r#"{"model": "m", "inputPerToken": 1}"#, "unknown field `inputPerToken`"),
            (
                r#"{"model": "m", "serviceTier": "gold", "perRequest": 1}"#,
                "entry 1: serviceTier is 'gold'; allowed are",
            ),
            (r#"["m", "openai", null, null, null, 1, null, null, null, null, null]"#, "entry 1: an object is expected"),
        ] {
            let error = OwnPrices::parse(&format!("{{\"prices\": [{entry}]}}")).unwrap_err();
            assert!(error.contains(expected), "{entry}: {error}");
        }
        for file in ["[]", "[[]]", "7", ""] {
            let error = OwnPrices::parse(file).unwrap_err();
            assert_eq!(error, r#"a price file is {"prices": [...]}: an object is expected"#, "{file}");
        }
    }
}
