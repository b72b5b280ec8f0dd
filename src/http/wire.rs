//! What travels: bodies of requests and answers, with the names the contract gives them. Each lives beside its routes;
//! here are all of them, for whoever calls the API.

pub use super::analytics::wire::*;
pub use super::audit::wire::*;
pub use super::budgets::wire::*;
pub use super::cache_saving::wire::*;
pub use super::calendar::wire::*;
pub use super::change::wire::*;
pub use super::closings::wire::*;
pub use super::dashboard::wire::*;
pub use super::directory::wire::*;
pub use super::events::wire::*;
pub use super::explain::wire::*;
pub use super::intake::wire::*;
pub use super::invitations::wire::*;
pub use super::invoices::wire::*;
pub use super::links::wire::*;
pub use super::login::wire::*;
pub use super::maintenance::wire::*;
pub use super::reprice::wire::*;
pub use super::session::wire::*;
pub use super::tokens::wire::*;
pub use super::views::wire::*;
pub use super::what_if::wire::*;
