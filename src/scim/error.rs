//! Why a request was refused, in SCIM's words.

/// What kind of mistake it is (RFC 7644, table 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScimType {
    InvalidFilter,
    TooMany,
    Uniqueness,
    Mutability,
    InvalidSyntax,
    InvalidPath,
    NoTarget,
    InvalidValue,
}

impl ScimType {
    pub fn name(self) -> &'static str {
        match self {
            ScimType::InvalidFilter => "invalidFilter",
            ScimType::TooMany => "tooMany",
            ScimType::Uniqueness => "uniqueness",
            ScimType::Mutability => "mutability",
            ScimType::InvalidSyntax => "invalidSyntax",
            ScimType::InvalidPath => "invalidPath",
            ScimType::NoTarget => "noTarget",
            ScimType::InvalidValue => "invalidValue",
        }
    }
}

/// *Caller.*
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct ScimError {
    pub kind: ScimType,
    pub detail: String,
}

impl ScimError {
    pub fn new(kind: ScimType, detail: impl Into<String>) -> ScimError {
        ScimError { kind, detail: detail.into() }
    }

    pub fn value(detail: impl Into<String>) -> ScimError {
        ScimError::new(ScimType::InvalidValue, detail)
    }

    pub fn path(detail: impl Into<String>) -> ScimError {
        ScimError::new(ScimType::InvalidPath, detail)
    }

    pub fn filter(detail: impl Into<String>) -> ScimError {
        ScimError::new(ScimType::InvalidFilter, detail)
    }

    pub fn syntax(detail: impl Into<String>) -> ScimError {
        ScimError::new(ScimType::InvalidSyntax, detail)
    }
}
