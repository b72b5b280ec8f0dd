//! What the operator has set about the dashboard.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What the operator has set for everyone.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// The dashboard's name; `null` where it is Rollcall.
    pub product_name: Option<String>,
    /// Path of the logo.
    pub logo: Option<String>,
    /// The accent colour as it was chosen, `#rrggbb`.
    pub accent: Option<String>,
    /// IANA name of the zone that pages begin in; `null` where it is the browser's.
    pub default_timezone: Option<String>,
    /// Stands beside amounts instead of `$`.
    pub currency_label: Option<String>,
    /// Shown to organizations whose plan does not include a page.
    pub upgrade_text: Option<String>,
    /// Where the upgrade card leads.
    pub upgrade_url: Option<String>,
    /// How people sign in; `null` where it is with tokens alone.
    pub sign_in: Option<SignInWays>,
}

/// How people sign in.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignInWays {
    /// Names of providers.
    pub providers: Vec<String>,
    /// Whether tokens of people sign in as well; those of operators always do.
    pub user_tokens: bool,
}
