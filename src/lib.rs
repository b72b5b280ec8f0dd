//! Rollcall: LLM spend by team, key, model and person. See ARCHITECTURE.md.

#![forbid(unsafe_code)]

pub mod budget;
pub mod calendar;
pub mod cli;
pub mod cluster;
pub mod directory;
pub mod engine;
pub mod http;
pub mod ingest;
pub mod ledger;
pub mod model;
pub mod pricing;
pub mod query;
pub mod rollup;
pub mod scim;
pub mod signin;
pub mod store;
pub mod webhook;
