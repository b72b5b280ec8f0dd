//! Answers from a cluster, by servers that keep nothing: what nodes ship is what such a server is made of.
//!
//! Records of nodes (names, series, the directory and what else is no usage) are copied into a store in memory, by
//! [`follow`], and read from there by the very code that reads a file. Usage stays where it is: [`usage`] asks for sums
//! of it, in the SQL of [`sql`], whenever a question needs some.

mod follow;
mod sql;
#[cfg(test)]
mod tests;
mod usage;

pub use follow::Follower;
