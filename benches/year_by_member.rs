//! D: a year of the large organization by its 200 members.
//!
//! `cargo bench --bench year_by_member`

mod figures;
mod measure;
mod workload;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    measure::run(&measure::BY_MEMBER);
}
