//! SCIM 2.0 (RFC 7643, RFC 7644) as such: what a user and a group have, filters, what PATCH does to a resource, and
//! which part of one was asked for.
//!
//! Owns the schemas, and how what providers send that is not quite by them is read. What is kept of a person is what
//! Rollcall has a use for: the rest of the RFC's attributes are taken and forgotten.
//!
//! Does not know the directory, HTTP or who is asking.
//!
//! Invariants: a resource that exists holds known attributes only, by their right names and types, each within its
//! limit; a filter is bounded in length, depth and terms.

mod error;
mod filter;
mod list;
mod location;
mod patch;
mod resource;
mod schema;

pub use error::{ScimError, ScimType};
pub use filter::Filter;
pub use list::{Chosen, Page};
pub use patch::{Group, MemberStep, Operations};
pub use resource::{MEMBERS, Resource, member_ids};
pub use schema::{
    ENTERPRISE_USER, ERROR, GROUP, Kind, LIST_RESPONSE, SEARCH_REQUEST, USER, resource_types, schemas,
    service_provider_config,
};
