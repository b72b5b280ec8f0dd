//! Whose usage is from when on: what the directory's assignments mean in segments of time.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};

use super::courses::{BY_SERIES, Course, Courses, NO_GROUP, at};
use super::labels::Names;
use super::numbers::{GroupBy, Numbers};
use super::plan::boundary;
use crate::calendar::{Date, Zone};
use crate::directory::{Assignable, AssignmentKind, Dated, Organization};
use crate::model::{Dimension, Segment, Series, ValueId};

/// The zone whose days assignments are of.
fn zone_of(organization: &Organization) -> Zone {
    Zone::home(organization.profile.timezone.as_deref())
}

/// What was said of something, as what holds when. `None` where nothing is said.
fn course_of(dated: &Dated, zone: Zone) -> Course<Option<Option<&str>>> {
    let date = |text: &str| Date::parse(text).expect("a date was checked when it was said");
    let said: Vec<(Date, Option<Date>, Option<&str>)> = dated
        .iter()
        .map(|(from, assigned)| {
            (date(from), assigned.to.as_deref().map(|to| date(to).plus_days(1)), assigned.id.as_deref())
        })
        .collect();
    let days: BTreeSet<Date> = said.iter().flat_map(|(from, end, _)| [Some(*from), *end]).flatten().collect();
    let mut course = vec![(Segment(0), None)];
    // Those that have begun, the one that did last on top.
    let mut begun: BinaryHeap<usize> = BinaryHeap::new();
    let mut next = 0;
    for day in days {
        while next < said.len() && said[next].0 <= day {
            begun.push(next);
            next += 1;
        }
        while begun.peek().is_some_and(|top| said[*top].1.is_some_and(|end| end <= day)) {
            begun.pop();
        }
        let holds = begun.peek().map(|top| said[*top].2);
        let segment = boundary(zone.day_start(day));
        match course.last_mut() {
            // Days of before 2020 begin where time does.
            Some(last) if last.0 == segment => last.1 = holds,
            _ => course.push((segment, holds)),
        }
    }
    course
}

impl<'a> Names<'a> {
    /// Whose each key was that was ever given to somebody, and has usage.
    pub fn owners(&self) -> BTreeMap<u32, Course<Option<&'a str>>> {
        let zone = zone_of(self.organization);
        let organization = self.organization;
        let given = organization.assignments.all(AssignmentKind::Owner);
        let known = given.filter_map(|(subject, dated)| {
            let key = self.names.value(Dimension::ApiKey, subject.named().1)?;
            let creator = self.creator(key);
            let whose = |user: Option<Option<&'a str>>| match user.flatten() {
                Some(user) => Some(organization.person(user)),
                None => creator,
            };
            let mut course: Course<Option<&'a str>> =
                course_of(dated, zone).into_iter().map(|(from, user)| (from, whose(user))).collect();
            course.dedup_by_key(|(_, user)| *user);
            Some((key.0, course))
        });
        known.collect()
    }

    /// The number of the team that usage counts for, where `number` has that of each team, and 0 is that of none. It is
    /// known by the API key, or by the project where nothing is said of keys and people.
    pub fn teams(&self, count: usize, number: impl Fn(&str) -> u32) -> Numbers {
        let zone = zone_of(self.organization);
        let number = |team: Option<Option<&str>>| match team {
            None => NO_GROUP,
            Some(team) => team.map_or(0, &number),
        };
        let (mut of_key, mut of_user, mut of_project) = (HashMap::new(), HashMap::new(), HashMap::new());
        for (subject, dated) in self.organization.assignments.all(AssignmentKind::Team) {
            let course = || -> Course<u32> {
                course_of(dated, zone).into_iter().map(|(from, team)| (from, number(team))).collect()
            };
            match subject {
                Assignable::User(id) => drop(of_user.insert(id.as_str(), course())),
                Assignable::ApiKey(id) => {
                    self.names.value(Dimension::ApiKey, id).map(|key| of_key.insert(key.0, course()));
                }
                Assignable::Project(id) => {
                    self.names.value(Dimension::Project, id).map(|project| of_project.insert(project.0, course()));
                }
            }
        }
        let mut courses = Courses::default();
        let none = |number: u32| if number == NO_GROUP { 0 } else { number };
        if of_key.is_empty() && of_user.is_empty() {
            let mut listed = vec![0; self.names.count(Dimension::Project) + 1];
            for (project, course) in of_project {
                listed[project as usize] = courses.number(course.into_iter().map(|(at, n)| (at, none(n))).collect());
            }
            return Numbers::listed(GroupBy::Project, count, listed, courses);
        }
        let owners = self.owners();
        let mut of = |key: u32, project: u32| {
            let (of_key, of_project) = (of_key.get(&key), of_project.get(&project));
            let (owned, creator) = (owners.get(&key), self.creator(ValueId(key)));
            let mut begins = vec![Segment(0)];
            let mut of_owner = |owner: Option<&str>| begins_of(owner.and_then(|owner| of_user.get(owner)), &mut begins);
            match owned {
                Some(course) => course.iter().for_each(|(_, owner)| of_owner(*owner)),
                None => of_owner(creator),
            }
            begins.extend(owned.into_iter().flatten().map(|(from, _)| *from));
            begins_of(of_key, &mut begins);
            begins_of(of_project, &mut begins);
            begins.sort_unstable();
            begins.dedup();
            let course = begins.into_iter().map(|segment| {
                let said = |course: Option<&Course<u32>>| course.map(|c| at(c, segment)).filter(|n| *n != NO_GROUP);
                let owner = owned.map_or(creator, |course| at(course, segment));
                let team = said(of_key)
                    .or_else(|| said(owner.and_then(|owner| of_user.get(owner))))
                    .or_else(|| said(of_project));
                (segment, team.unwrap_or(0))
            });
            courses.number(course.collect())
        };
        // Of keys of which nothing is said all of one owner and project are alike.
        let mut alike: HashMap<(u32, u32), u32> = HashMap::new();
        let mut of_pair = |key: u32, project: u32| {
            if of_key.contains_key(&key) || owners.contains_key(&key) {
                return of(key, project);
            }
            let owner = self.organization.owners.of(ValueId(key));
            *alike.entry((owner, project)).or_insert_with(|| of(key, project))
        };
        let projects = if of_project.is_empty() { HashMap::new() } else { self.projects_of_keys(&of_project) };
        let mut by_series = HashMap::new();
        let listed = (0..=self.names.count(Dimension::ApiKey) as u32).map(|key| {
            let Some(projects) = projects.get(&key) else { return of_pair(key, 0) };
            let numbers: Vec<u32> = projects.iter().map(|project| of_pair(key, *project)).collect();
            if numbers.iter().all(|number| *number == numbers[0]) {
                return numbers[0];
            }
            by_series.extend(projects.iter().zip(numbers).map(|(project, number)| ((key, *project), number)));
            BY_SERIES
        });
        let listed = listed.collect();
        let mut numbers = Numbers::listed(GroupBy::ApiKey, count, listed, courses);
        numbers.by_series = by_series;
        numbers
    }

    /// The projects in which each key has usage, if something is said of one of them.
    fn projects_of_keys<T>(&self, said: &HashMap<u32, T>) -> HashMap<u32, Vec<u32>> {
        let mut projects: HashMap<u32, Vec<u32>> = HashMap::new();
        for Series { api_key, project, .. } in self.names.series().iter() {
            let of_key = projects.entry(api_key.0).or_default();
            if !of_key.contains(&project.0) {
                of_key.push(project.0);
            }
        }
        projects.retain(|_, of_key| of_key.iter().any(|project| said.contains_key(project)));
        projects
    }
}

fn begins_of(course: Option<&Course<u32>>, begins: &mut Vec<Segment>) {
    begins.extend(course.into_iter().flatten().map(|(from, _)| *from));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::rfc3339_utc;
    use crate::directory::Assigned;

    #[test]
    fn what_is_said_holds_from_the_first_instant_of_its_day() {
        let check =
            |zone: &str, said: &[(&str, Option<&str>, Option<&str>)], expected: &[(&str, Option<Option<&str>>)]| {
                let assigned = |to: &Option<&str>, id: &Option<&str>| Assigned {
                    id: id.map(str::to_owned),
                    to: to.map(str::to_owned),
                };
                let dated: Dated = said.iter().map(|(from, to, id)| ((*from).to_owned(), assigned(to, id))).collect();
                let course = course_of(&dated, Zone::named(zone).unwrap());
                assert_eq!(course[0], (Segment(0), None));
                let course: Vec<(String, Option<Option<&str>>)> =
                    course[1..].iter().map(|(from, id)| (rfc3339_utc(from.start_ms()), *id)).collect();
                let expected: Vec<_> = expected.iter().map(|(from, id)| ((*from).to_owned(), *id)).collect();
                assert_eq!(course, expected, "{zone}");
            };
        check("UTC", &[("2026-06-12", None, Some("a"))], &[("2026-06-12T00:00:00Z", Some(Some("a")))]);
        check(
            "Europe/Paris",
            &[("2026-03-29", Some("2026-03-29"), None)],
            &[("2026-03-28T23:00:00Z", Some(None)), ("2026-03-29T22:00:00Z", None)],
        );
        check(
            "Asia/Kathmandu",
            &[
                ("2026-01-01", None, Some("a")),
                ("2026-02-01", Some("2026-02-10"), Some("b")),
                ("2026-02-05", None, None),
            ],
            &[
                ("2025-12-31T18:15:00Z", Some(Some("a"))),
                ("2026-01-31T18:15:00Z", Some(Some("b"))),
                ("2026-02-04T18:15:00Z", Some(None)),
                ("2026-02-10T18:15:00Z", Some(None)),
            ],
        );
    }
}
