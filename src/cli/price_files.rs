//! Files of prices, as commands take them.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;

use super::Failure;
use crate::pricing::{ListPrices, PriceBook};

/// The list of November 2026 has 0.8 MB.
const MAX_FILE_BYTES: u64 = 64 << 20;

#[derive(Args, Clone)]
pub struct PriceArguments {
    /// Own prices, asked before list prices where an event has no cost: see docs/prices.md
    #[arg(long, value_name = "FILE", env = "ROLLCALL_PRICES")]
    prices: Option<PathBuf>,
    /// List prices to use instead of those compiled in: the JSON that genai-prices publishes
    #[arg(long, value_name = "FILE", env = "ROLLCALL_LIST_PRICES")]
    list_prices: Option<PathBuf>,
}

impl PriceArguments {
    pub fn is_given(&self) -> bool {
        self.prices.is_some() || self.list_prices.is_some()
    }

    pub fn book(&self) -> Result<PriceBook, Failure> {
        let list = self.list_prices.as_deref().map_or_else(|| Ok(ListPrices::built_in()), read_list)?;
        let Some(path) = &self.prices else { return Ok(PriceBook::list_only(list)) };
        let named = |e: &dyn std::fmt::Display| Failure(format!("the prices in {}: {e}", path.display()));
        let text = fs::read_to_string(path).map_err(|e| named(&e))?;
        PriceBook::with_own(list, &text).map_err(|e| named(&e))
    }
}

pub fn read_list(path: &Path) -> Result<ListPrices, Failure> {
    let named = |e: &dyn std::fmt::Display| Failure(format!("the list prices in {}: {e}", path.display()));
    let (json, at) = read_file(path).map_err(|e| named(&e))?;
    let at = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    ListPrices::read(&json, i64::try_from(at).unwrap_or_default()).map_err(|e| named(&e))
}

/// A file's bytes, and when it was written.
pub fn read_file(path: &Path) -> Result<(Vec<u8>, SystemTime), String> {
    let file = fs::File::open(path).map_err(|e| e.to_string())?;
    let about = file.metadata().map_err(|e| e.to_string())?;
    let mut json = Vec::new();
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut json).map_err(|e| e.to_string())?;
    if json.len() as u64 > MAX_FILE_BYTES {
        return Err(format!("it is larger than {} MiB", MAX_FILE_BYTES >> 20));
    }
    Ok((json, about.modified().unwrap_or(UNIX_EPOCH)))
}
