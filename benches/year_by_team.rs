//! A year of the large organization by 50 teams, with 500 assignments that begin within it, beside the same year by
//! member without any: what assignments cost a question. At most 1.5 times as long is wanted.
//!
//! `cargo bench --bench year_by_team`

mod figures;
mod measure;
mod workload;

use figures::figure;
use measure::{RUNS, Timing, about, one_thread, time};
use rollcall::calendar::Date;
use rollcall::directory::{
    Assignable, Assigned, AssignmentKind, AssignmentName, AssignmentUpdate, Change, Directory, DirectoryUpdate,
    OrganizationUpdate, TeamUpdate,
};
use rollcall::query::{ACTIVITY_COLUMNS, About, GroupBy, Query, activity};
use workload::{KEYS, Large, MEMBERS, ORGANIZATION, PROJECTS, Random};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const TEAMS: u64 = 50;
const ASSIGNMENTS: usize = 500;
/// Rounds in which both are asked in turn, so that a busy machine is busy for both.
const ROUNDS: usize = 5;
const BENCH: &str = "A year by team";

fn main() {
    one_thread();
    let large = Large::load();
    println!("{BENCH}, beside the year by member (days in Europe/Paris; {RUNS} runs, one thread; fastest and median)");
    about(&large.engine, |before| {
        for (what, zone) in [("days of the same zone", "Europe/Paris"), ("days of another zone", "UTC")] {
            let mut directory = Directory::clone(before.directory);
            directory.apply(Change::Merge(assigned(zone))).expect("a valid directory");
            let organization = directory.organization(ORGANIZATION).expect("it is there");
            let after = About { directory: &directory, organization, ..before };
            let (mut by_member, mut by_team) = (Vec::new(), Vec::new());
            for _ in 0..ROUNDS {
                by_member.push(ask(before, GroupBy::User));
                by_team.push(ask(after, GroupBy::Team));
            }
            let (by_member, by_team) = (least(&by_member), least(&by_team));
            figure(BENCH, "by member, without assignments", &by_member.to_string());
            figure(BENCH, &format!("by team, assigned from {what}"), &by_team.to_string());
            figure(BENCH, "times as long (fastest)", &format!("{:.2}", by_team.min / by_member.min));
        }
    });
}

fn ask(about: About<'_>, by: GroupBy) -> Timing {
    let query = Query { group_by: vec![by], ..measure::BY_MEMBER.query("Europe/Paris", ACTIVITY_COLUMNS) };
    time(RUNS / ROUNDS, || {
        let answer = activity(about, &query).expect("an answer");
        std::hint::black_box(answer.collect_buckets().expect("buckets"));
    })
}

fn least(timings: &[Timing]) -> Timing {
    let least = |of: fn(&Timing) -> f64| timings.iter().map(of).fold(f64::INFINITY, f64::min);
    Timing { min: least(|timing| timing.min), median: least(|timing| timing.median) }
}

/// Keys, people and projects that count for teams, and keys that change hands, each from some day of the year on.
fn assigned(zone: &str) -> DirectoryUpdate {
    let teams = (0..TEAMS).map(|team| TeamUpdate {
        id: format!("team-{team}"),
        organization_id: ORGANIZATION.into(),
        cost_centre: Some(Some(format!("centre-{}", team % 10))),
        ..TeamUpdate::default()
    });
    let mut random = Random(0x7ea5);
    let first = Date::parse("2025-11-01").expect("a date");
    let assignments = (0..ASSIGNMENTS).map(|number| {
        let key = Assignable::ApiKey(format!("key-{}", random.below(KEYS as u64)));
        let (kind, subject) = match number % 10 {
            0 => (AssignmentKind::Team, Assignable::Project(format!("project-{}", random.below(PROJECTS as u64)))),
            1..4 => (AssignmentKind::Team, Assignable::User(format!("user-{}", random.below(MEMBERS as u64)))),
            4..9 => (AssignmentKind::Team, key),
            _ => (AssignmentKind::Owner, key),
        };
        let to = match kind {
            AssignmentKind::Team => format!("team-{}", random.below(TEAMS)),
            AssignmentKind::Owner => format!("user-{}", random.below(MEMBERS as u64)),
        };
        AssignmentUpdate {
            organization_id: ORGANIZATION.into(),
            name: AssignmentName { kind, subject, from: first.plus_days(random.below(365) as i64).to_string() },
            assigned: Some(Assigned { id: Some(to), to: None }),
        }
    });
    let home =
        OrganizationUpdate { id: ORGANIZATION.into(), timezone: Some(zone.into()), ..OrganizationUpdate::default() };
    DirectoryUpdate {
        organizations: vec![home],
        teams: teams.collect(),
        assignments: assignments.collect(),
        ..DirectoryUpdate::default()
    }
}
