//! What usage would have cost elsewhere.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::http::decimals::Money;

/// What a window's usage would have cost with another model: an estimate.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WhatIf {
    /// The other model, as it was asked about.
    pub on_model: String,
    /// Whose price it is; `unknown` leaves that to the model's name.
    pub on_provider: String,
    pub timezone: String,
    /// The edition of the zone rules that its days are by.
    pub zone_database: String,
    pub from: String,
    pub to: String,
    pub as_of: String,
    /// What the models add up to.
    pub totals: WhatIfTotals,
    /// What was used instead, by cost, highest first.
    pub models: Vec<WhatIfEntry>,
}

/// What was paid, and what would have been. `cost` is of all requests, `comparedCost` of those that there is an estimate
/// for: only these can be set beside it.
macro_rules! with_estimate {
    ($(#[$meta:meta])* pub struct $name:ident { $($body:tt)* }) => {
        $(#[$meta])*
        #[derive(Debug, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $name {
            $($body)*
            pub request_count: u64,
            pub total_tokens: u64,
            #[schema(value_type = Money)]
            pub cost: Box<RawValue>,
            /// The cost of the requests that `estimate` is of.
            #[schema(value_type = Money)]
            pub compared_cost: Box<RawValue>,
            /// The same tokens at the other model's price of each day.
            #[schema(value_type = Money)]
            pub estimate: Box<RawValue>,
            /// The estimate less what was paid: below zero where the other model is cheaper.
            #[schema(value_type = Money)]
            pub difference: Box<RawValue>,
            /// Requests without an estimate: what they cost is not known, or the other model had no price yet.
            pub not_compared_request_count: u64,
        }
    };
}

with_estimate! {
    pub struct WhatIfTotals {}
}

with_estimate! {
    pub struct WhatIfEntry {
        /// The canonical model.
        pub key: Option<String>,
        pub label: String,
    }
}
