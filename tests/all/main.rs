//! What the outside sees, one file a subject. One binary: it is linked once, and tests of all files run side by side.
//! `cargo test --test all feeds::` runs those of `feeds.rs`.

mod support;

mod agent_settings;
mod agents;
mod alerts;
mod api;
mod audit;
mod azure;
mod budgets;
mod change;
mod cli;
mod closings;
mod completion;
mod crash;
mod crash_points;
mod damage;
mod dedupe;
mod description;
mod disk_failure;
mod explain;
mod export;
mod feeds;
mod files;
mod golden;
mod intake;
mod invoices;
mod laws;
mod limits;
mod lists;
mod look;
mod maintenance;
mod names;
mod nested;
mod operations;
mod reference;
mod reports;
mod reprice;
mod retention;
mod scim;
mod simulation;
mod teams;
mod tidy;
mod tls;
mod transcripts;
mod webhooks;
