//! C: a year of the large organization by its 500 API keys.
//!
//! `cargo bench --bench year_by_api_key`

mod figures;
mod measure;
mod workload;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    measure::run(&measure::BY_API_KEY);
}
