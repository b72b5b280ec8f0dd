//! What may be used: limits, what is spent and reserved against them, whether one more call fits, and when somebody is
//! to hear of it.
//!
//! Owns which stretch of time a budget counts now, the accounts in which usage and reservations are added up, the
//! decision on a call, what a policy says of one, when alerts fire, and what a window is expected to use.
//!
//! Does not know where usage is kept, who asks, or what the time is: sums, names and clock are handed in.
//!
//! Invariants: what an open book says is spent is what the rollups say of the same stretch of time, since each commit
//! is added to it as the commit is published, and whatever else moves sums closes it; a reservation counts once, and
//! never in a window that begins after it was made.

mod accounts;
mod alerts;
mod forecast;
mod policy;
mod reservations;
mod span;

pub use accounts::{Accounts, Ask, Book, By, Decision, Finding, Held, Standing, TooManyReservations};
pub use alerts::{Course, Figures, Firing, Slot, Subject, Trigger, Whose};
pub use forecast::{Days, Forecast, PastForecast};
pub use policy::{Breach, Route, Rule, breaches, route};
pub use reservations::KEPT_MS;
pub use span::{Span, zone_of};
