//! What a call costs when the event does not say.
//!
//! Owns the price book: the operator's own prices, then list prices of public models at the time of the call.
//!
//! Does not know where events come from or go to.
//!
//! Invariants: a model the book does not know has no price, which is not a price of 0.

mod list;
mod own;

use std::time::{Duration, UNIX_EPOCH};

use genai_prices::{PriceRequest, Usage, UsageKey};

use crate::model::{Count, Measures, PicoUsd, UnixMs};
pub use list::{BUILT_IN_LIST_DATE, Change, ListPrices};
use own::{OwnPrice, OwnPrices};

/// Prices by provider, model and date.
pub struct PriceBook {
    list: ListPrices,
    own: OwnPrices,
}

impl PriceBook {
    /// The list prices compiled in.
    pub fn bundled() -> PriceBook {
        PriceBook::list_only(ListPrices::built_in())
    }

    pub fn list_only(list: ListPrices) -> PriceBook {
        PriceBook { list, own: OwnPrices::default() }
    }

    /// List prices below those of a file (docs/prices.md). The error says what is wrong in it.
    pub fn with_own(list: ListPrices, file: &str) -> Result<PriceBook, String> {
        Ok(PriceBook { own: OwnPrices::parse(file)?, list })
    }

    pub fn list(&self) -> &ListPrices {
        &self.list
    }

    /// The price of the calls an event stands for; `None` when the book does not know the model at that time.
    pub fn price(&self, provider: &str, model: &str, at: UnixMs, measures: &Measures) -> Option<PicoUsd> {
        match self.own.price(provider, model, at, measures) {
            Some(OwnPrice::Cost(cost)) => Some(cost).filter(|cost| *cost <= PicoUsd::MAX_EVENT),
            Some(OwnPrice::Discounted(discount)) => {
                self.list_price(provider, model, at, measures).map(|price| discount.of(price))
            }
            None => self.list_price(provider, model, at, measures),
        }
    }

    fn list_price(&self, provider: &str, model: &str, at: UnixMs, measures: &Measures) -> Option<PicoUsd> {
        // Some models cost more per token in long calls, so an aggregate is priced as that many average calls.
        let calls = measures.get(Count::Requests) as f64;
        let mut usage = Usage::new();
        for (key, count) in [
            (UsageKey::INPUT_TOKENS, Count::InputTokens),
            (UsageKey::CACHE_READ_TOKENS, Count::CachedTokens),
            (UsageKey::CACHE_WRITE_TOKENS, Count::CacheWriteTokens),
            (UsageKey::OUTPUT_TOKENS, Count::OutputTokens),
        ] {
            let tokens = measures.get(count);
            if tokens > 0 {
                usage.insert(key, tokens as f64 / calls);
            }
        }
        let request = PriceRequest::new(model, &usage)
            .with_provider_id(provider)
            .with_timestamp(UNIX_EPOCH + Duration::from_millis(at.try_into().ok()?));
        let price = self.list.calculator().calculate(&request).ok()?;
        PicoUsd::from_list_price_usd(price.total_price * calls)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOVEMBER_2025: UnixMs = 1_763_000_000_000;

    fn price(provider: &str, model: &str, calls: u64, tokens: [u64; 4]) -> Option<String> {
        let mut measures = Measures::ZERO;
        measures.counts[Count::Requests as usize] = calls;
        measures.counts[Count::InputTokens as usize] = tokens[0];
        measures.counts[Count::CachedTokens as usize] = tokens[1];
        measures.counts[Count::CacheWriteTokens as usize] = tokens[2];
        measures.counts[Count::OutputTokens as usize] = tokens[3];
        PriceBook::bundled().price(provider, model, NOVEMBER_2025, &measures).map(|p| p.to_string())
    }

    #[test]
    fn list_prices_are_exact_to_the_last_digit() {
        // 600 fresh + 2,000 cached + 400 written + 77 out, the figure Claude Code reports for the same call.
        assert_eq!(price("anthropic", "claude-sonnet-4-5", 1, [3000, 2000, 400, 77]).as_deref(), Some("0.005055"));
        assert_eq!(price("openai", "gpt-4o-mini", 1, [1000, 0, 0, 100]).as_deref(), Some("0.00021"));
        assert_eq!(price("openai", "gpt-4o-mini", 10, [10_000, 0, 0, 1000]).as_deref(), Some("0.0021"));
    }

    #[test]
    fn an_unknown_model_has_no_price() {
        assert_eq!(price("openai", "no-such-model-xyz", 1, [1000, 0, 0, 100]), None);
        assert_eq!(price("no-such-provider", "in-house-7b", 1, [1000, 0, 0, 100]), None);
    }
}
