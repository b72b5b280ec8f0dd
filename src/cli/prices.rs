//! The operator's own prices, as several commands take them.

use std::path::PathBuf;

use clap::Args;

use super::Failure;
use crate::pricing::PriceBook;

#[derive(Args)]
pub struct PriceArguments {
    /// Own prices, asked before list prices where an event has no cost: see docs/prices.md
    #[arg(long, value_name = "FILE", env = "ROLLCALL_PRICES")]
    prices: Option<PathBuf>,
}

impl PriceArguments {
    pub fn is_given(&self) -> bool {
        self.prices.is_some()
    }

    pub fn book(&self) -> Result<PriceBook, Failure> {
        let Some(path) = &self.prices else { return Ok(PriceBook::bundled()) };
        let named = |e: &dyn std::fmt::Display| Failure(format!("the prices in {}: {e}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|e| named(&e))?;
        PriceBook::with_own(&text).map_err(|e| named(&e))
    }
}
