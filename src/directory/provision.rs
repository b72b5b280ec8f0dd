//! What is asked of those who are provisioned: a change of one of them, and why it is refused.

use std::sync::Arc;

use super::identity::GroupRule;
use super::provisioned::ProvidedUser;
use crate::model::UnixMs;

/// A change of what is provisioned.
#[derive(Debug, Clone)]
pub struct Provision {
    pub organization_id: String,
    /// What groups give.
    pub rules: Arc<[GroupRule]>,
    /// Which day it is there: teams are joined and left from that day on.
    pub day: String,
    pub now: UnixMs,
    pub step: Step,
}

#[derive(Debug, Clone)]
pub enum Step {
    /// Somebody new, or who is back; `new_id` is for whoever the directory does not know.
    AddUser {
        provided: ProvidedUser,
        new_id: String,
    },
    PutUser {
        id: String,
        provided: ProvidedUser,
        expected: Option<u64>,
    },
    RemoveUser {
        id: String,
        expected: Option<u64>,
    },
    AddGroup {
        id: String,
        group: GroupChange,
    },
    PutGroup {
        id: String,
        group: GroupChange,
        expected: Option<u64>,
    },
    RemoveGroup {
        id: String,
        expected: Option<u64>,
    },
    /// The rules may be others than before.
    Settle,
}

#[derive(Debug, Clone, Default)]
pub struct GroupChange {
    pub display_name: Option<String>,
    /// `Some(None)` takes it out.
    pub external_id: Option<Option<String>>,
    /// In order.
    pub members: Vec<MembersChange>,
}

#[derive(Debug, Clone)]
pub enum MembersChange {
    Add(Vec<String>),
    Remove(Vec<String>),
    Replace(Vec<String>),
}

/// Why something is not provisioned. *Caller.*
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProvisionError {
    #[error("there is a {of} whose {what} is '{value}' already")]
    Taken { of: &'static str, what: &'static str, value: String },
    #[error("there is no {what} '{id}'")]
    Unknown { what: &'static str, id: String },
    #[error("there is no user '{id}', who is to be in the group")]
    NoMember { id: String },
    #[error("'{id}' has changed meanwhile; read it again and repeat the change")]
    Changed { id: String },
    #[error("organization '{organization}' would have more than {most} {what}, which is the most")]
    TooMany { what: &'static str, organization: String, most: usize },
}
