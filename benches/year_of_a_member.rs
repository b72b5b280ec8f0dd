//! E: a year of one member with three of 500 keys, by model.
//!
//! `cargo bench --bench year_of_a_member`

mod figures;
mod measure;
mod workload;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    measure::run(&measure::OF_A_MEMBER);
}
