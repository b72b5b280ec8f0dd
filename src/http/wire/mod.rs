//! What travels: bodies of requests and answers, with the names the contract gives them. A file for each thing that is
//! talked about.

mod analytics;
mod audit;
mod calendar;
mod directory;
mod events;
mod intake;
mod invoices;
mod maintenance;
mod object;
mod reprice;
mod tokens;

pub use analytics::*;
pub use audit::*;
pub use calendar::*;
pub use directory::*;
pub use events::*;
pub use intake::*;
pub use invoices::*;
pub use maintenance::*;
pub use object::Object;
pub use reprice::*;
pub use tokens::*;
