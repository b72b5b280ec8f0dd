//! What became of what was sent.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::model::{Intake, Unmade};

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IntakeAnswer {
    /// Newest day first, then by organization, sender, version, result and reason.
    pub intake: Vec<IntakeBody>,
    /// What asks for those after these, as `after`; absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = IntakeLine)]
pub struct IntakeBody {
    /// The day of arrival, in UTC.
    pub date: String,
    /// Left out of JSON when the question names an organization, and where nobody said for whom it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<String>,
    /// What sent it: a service, client or gateway by the name it gives itself, or the label of the token; `other` past
    /// the first 500 lines of a day.
    pub sender: String,
    pub client_version: Option<String>,
    pub result: IntakeResult,
    /// Why, of what was ignored or rejected.
    pub reason: Option<String>,
    pub count: u64,
    /// What tells the first of them: an id, a place in the body, the name of a record.
    pub example: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum IntakeResult {
    Counted,
    Completed,
    Duplicate,
    Ignored,
    Rejected,
}

impl IntakeResult {
    pub fn name(self) -> &'static str {
        match self {
            IntakeResult::Counted => "counted",
            IntakeResult::Completed => "completed",
            IntakeResult::Duplicate => "duplicate",
            IntakeResult::Ignored => "ignored",
            IntakeResult::Rejected => "rejected",
        }
    }
}

impl From<Intake> for IntakeResult {
    fn from(result: Intake) -> IntakeResult {
        match result {
            Intake::Counted => IntakeResult::Counted,
            Intake::Completed => IntakeResult::Completed,
            Intake::Duplicate => IntakeResult::Duplicate,
            Intake::Ignored => IntakeResult::Ignored,
            Intake::Rejected => IntakeResult::Rejected,
        }
    }
}

/// Records that a program read and did not send, for one reason.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UnsentBody {
    /// Whose they were, where that is known. An ingest token has its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<String>,
    /// `ignored` or `rejected`.
    pub result: IntakeResult,
    /// The same words for every record of a kind, without values; cut off at 100 characters.
    pub reason: String,
    /// From 1 to 1,000,000,000,000.
    pub count: u64,
    /// What tells the first of them, such as an id or a line; never of its content. Cut off at 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
}

impl From<Unmade> for UnsentBody {
    fn from(of: Unmade) -> UnsentBody {
        let Unmade { organization, result, reason, count, example, .. } = of;
        UnsentBody { organization_id: organization, result: result.into(), reason, count, example }
    }
}
