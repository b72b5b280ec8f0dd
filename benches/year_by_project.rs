//! A: a year of the large organization by its 50 projects.
//!
//! `cargo bench --bench year_by_project`

mod figures;
mod measure;
mod workload;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    measure::run(&measure::BY_PROJECT);
}
