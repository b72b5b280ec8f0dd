//! A ClickHouse cluster beside the store: the same state in tables that others can ask.
//!
//! Owns the cluster's address, its tables, the form of their rows and everything that is said to it in SQL.
//!
//! Does not know HTTP's routes, and decides nothing about usage: what is shipped is what the store has.
//!
//! Invariants: a row is the absolute state of what it is of, with the commit that it was read at as its version, so
//! whatever is repeated, reordered or cut off changes nothing; a node's line in `nodes` is written last; the password is
//! in no text.

mod address;
mod answer;
mod audit;
mod client;
#[cfg(test)]
mod fake;
mod moving;
mod node;
mod places;
mod rows;
mod schema;
mod ship;
mod shipment;
mod ships;
#[cfg(test)]
mod tests;

pub use address::{Address, AddressError, Host};
pub use answer::Follower;
pub use audit::{Difference, Sums};
pub use client::{Client, ClusterError};
pub use moving::{Move, want};
pub use places::Place;
pub use rows::{ReadRow, UsageRow, WriteRow};
pub use schema::{SCHEMA_VERSION, check, init};
pub use ship::Shipper;
pub use shipment::ShipError;
pub use ships::Ships;
