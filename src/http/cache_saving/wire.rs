//! What caches of providers saved.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::http::decimals::Money;

/// What a window's cached tokens would have cost as plain input, less what they did: an estimate.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CacheSaving {
    pub group_by: String,
    pub timezone: String,
    /// The edition of the zone rules that its days are by.
    pub zone_database: String,
    /// First local day.
    pub from: String,
    /// Last local day, included.
    pub to: String,
    /// The moment up to which the answer is complete.
    pub as_of: String,
    /// What the entries add up to.
    pub totals: CacheSavingTotals,
    /// Those with cached tokens, highest saving first.
    pub entries: Vec<CacheSavingEntry>,
}

macro_rules! with_saving {
    ($(#[$meta:meta])* pub struct $name:ident { $($body:tt)* }) => {
        $(#[$meta])*
        #[derive(Debug, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $name {
            $($body)*
            /// Input that came from a cache of the provider.
            pub cached_tokens: u64,
            /// What those of them that a price is known for would have cost as plain input, less what they cost.
            #[schema(value_type = Money)]
            pub cache_saving: Box<RawValue>,
            /// Those that no price is known for: nothing of them is in `cacheSaving`.
            pub unpriced_cached_tokens: u64,
        }
    };
}

with_saving! {
    pub struct CacheSavingTotals {}
}

with_saving! {
    pub struct CacheSavingEntry {
        pub key: Option<String>,
        pub label: String,
    }
}
