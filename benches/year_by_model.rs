//! B: a year of the large organization by its 60 models.
//!
//! `cargo bench --bench year_by_model`

mod figures;
mod measure;
mod workload;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    measure::run(&measure::BY_MODEL);
}
