//! Links.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::listing::Entry;

/// A link to make.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewLink {
    /// The organization whose usage it shows.
    pub organization_id: String,
    /// Path and query of a question, such as `/analytics/activity?groupBy=team&range=this-month`; `organizationId` may be
    /// left out of it.
    pub question: String,
    pub format: LinkFormatName,
    /// From when on it is worth nothing: RFC 3339. Never when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LinkFormatName {
    Csv,
    Json,
    Parquet,
}

/// A link just made. The only time that its address is shown.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreatedLink {
    pub id: String,
    /// Whoever has it may read the answer: keep it as a password is kept.
    pub url: String,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkList {
    pub links: Vec<LinkBody>,
    /// What `after` is to say for those after these; absent when there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A link as it is listed, without its address.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Link)]
pub struct LinkBody {
    pub id: String,
    pub organization_id: String,
    pub question: String,
    pub format: LinkFormatName,
    pub status: LinkStatus,
    /// RFC 3339, UTC.
    pub created_at: String,
    /// Id of the token that it was made with. When that is revoked, the link is, too.
    pub made_by: String,
    /// Whose token that is, or what it is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made_by_name: Option<String>,
    /// From when on it is worth nothing; never when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// When it was used last, to within the hour; absent when it never was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<String>,
}

impl Entry for LinkBody {
    fn id(&self) -> &str {
        &self.id
    }

    fn names(&self) -> Vec<&str> {
        self.made_by_name.as_deref().into_iter().chain([&*self.question]).collect()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LinkStatus {
    /// It answers, with what its maker may see.
    Active,
    /// Its time is over, or that of the token that it was made with.
    Expired,
    /// Its maker has left the organization.
    Closed,
}
