//! Tables of assignments as entries of the directory: whom and what each line means.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::wire::{AssignableBody, AssignmentBody, DirectoryBody, StatusName, TeamBody};
use super::{id, text};
use crate::directory::{ASSIGNMENTS, Directory, Organization, Status};
use crate::http::nearest::did_you_mean;
use crate::http::problem::Problem;
use crate::ingest::assignments::{AssignedName, AssignmentLine, parse};

/// Lines that an answer says something about. Whoever mends these finds the others.
const NAMED: usize = 20;
/// What a line calls no team, where no team is called so.
const NO_TEAM: &str = "none";

/// Reads a table for an organization, whole or not at all. With `makes_teams` those come into being that are not there.
pub fn read_assignments(
    body: &[u8],
    directory: &Directory,
    organization_id: &str,
    makes_teams: bool,
) -> Result<DirectoryBody, Problem> {
    let organization = directory.organization(organization_id).filter(|of| of.profile.status == Status::Active);
    let organization =
        organization.ok_or_else(|| Problem::not_found(format!("there is no organization '{organization_id}'")))?;
    let lines = parse(body).map_err(|wrong| refusal(&[wrong]))?;
    if lines.len() > ASSIGNMENTS {
        let given = lines.len();
        return Err(Problem::bad_request(format!("there are {given} lines; at most {ASSIGNMENTS} are allowed")));
    }
    let mut reading = Reading::new(directory, organization_id, organization, makes_teams);
    let (mut assignments, mut wrong) = (Vec::new(), Vec::new());
    for line in lines {
        let read = |line: AssignmentLine| reading.line(&line).map_err(|what| format!("line {}: {what}", line.line));
        match line.and_then(read) {
            Ok(assignment) => assignments.push(assignment),
            Err(what) => wrong.push(what),
        }
    }
    if !wrong.is_empty() {
        return Err(refusal(&wrong));
    }
    Ok(DirectoryBody { teams: reading.changed.into_values().collect(), assignments, ..DirectoryBody::default() })
}

fn refusal(wrong: &[String]) -> Problem {
    let more = wrong.len().saturating_sub(NAMED);
    let rest = if more > 0 { format!("; and {more} lines more") } else { String::new() };
    Problem::bad_request(format!("nothing is taken: {}{rest}", wrong[..wrong.len() - more].join("; ")))
}

/// Things of one kind that can be named, by id and by what people call them.
struct Named<'a> {
    what: &'static str,
    ids: HashSet<&'a str>,
    by_name: HashMap<String, Vec<&'a str>>,
}

impl<'a> Named<'a> {
    fn of(what: &'static str, known: impl IntoIterator<Item = (&'a str, Option<&'a String>)>) -> Named<'a> {
        let mut named = Named { what, ids: HashSet::new(), by_name: HashMap::new() };
        for (id, name) in known {
            if named.ids.insert(id)
                && let Some(name) = name
            {
                named.by_name.entry(name.to_lowercase()).or_default().push(id);
            }
        }
        named
    }

    /// The one that is meant, by its id or by a name that no other has, if there is one.
    fn find(&self, text: &str) -> Result<Option<&'a str>, String> {
        if let Some(id) = self.ids.get(text) {
            return Ok(Some(id));
        }
        match self.by_name.get(&text.to_lowercase()).map(Vec::as_slice) {
            None => Ok(None),
            Some([only]) => Ok(Some(only)),
            Some(several) => {
                let some: Vec<&str> = several.iter().take(5).copied().collect();
                let (count, what, ids) = (several.len(), self.what, some.join(", "));
                Err(format!("{count} have the name '{text}' as {what}; give an id, such as {ids}"))
            }
        }
    }

    /// What to say where there is none.
    fn none(&self, text: &str) -> String {
        let known = self.ids.iter().copied().chain(self.by_name.keys().map(String::as_str));
        format!("there is no {} '{text}'{}", self.what, did_you_mean(text, known))
    }

    fn must_find(&self, text: &str) -> Result<String, String> {
        self.find(text)?.map(str::to_owned).ok_or_else(|| self.none(text))
    }
}

struct Reading<'a> {
    organization_id: &'a str,
    organization: &'a Organization,
    keys: Named<'a>,
    projects: Named<'a>,
    people: Named<'a>,
    teams: Named<'a>,
    makes_teams: bool,
    /// Teams that are made, by name in small letters.
    made: HashMap<String, String>,
    /// Teams that are made, or get a cost centre.
    changed: BTreeMap<String, TeamBody>,
    /// The cost centre that a line says of a team, and which line.
    centres: HashMap<String, (String, u64)>,
    /// Which line says something of a subject from a day on.
    said: HashMap<(AssignedName, String), u64>,
}

impl<'a> Reading<'a> {
    fn new(
        directory: &'a Directory,
        organization_id: &'a str,
        organization: &'a Organization,
        makes_teams: bool,
    ) -> Reading<'a> {
        let keys = organization.api_keys.iter().map(|(id, key)| (id.as_str(), key.description.as_ref()));
        let projects = organization.projects.iter().map(|(id, project)| (id.as_str(), project.name.as_ref()));
        let creators = organization.keys_by_person().into_keys().flatten();
        let people = organization.members.keys().map(String::as_str).chain(creators);
        let people = people.map(|id| (id, directory.user(id).and_then(|user| user.email.as_ref())));
        let teams = organization.teams.iter().map(|(id, team)| (id.as_str(), team.name.as_ref()));
        Reading {
            organization_id,
            organization,
            keys: Named::of("API key", keys),
            projects: Named::of("project", projects),
            people: Named::of("member", people),
            teams: Named::of("team", teams),
            makes_teams,
            made: HashMap::new(),
            changed: BTreeMap::new(),
            centres: HashMap::new(),
            said: HashMap::new(),
        }
    }

    fn line(&mut self, line: &AssignmentLine) -> Result<AssignmentBody, String> {
        let (subject, name) = self.subject(&line.of)?;
        let from = line.from.to_string();
        if let Some(earlier) = self.said.insert((name, from.clone()), line.line) {
            return Err(format!("line {earlier} says of the same from {from} on, too; leave one of them out"));
        }
        Ok(AssignmentBody {
            organization_id: self.organization_id.to_owned(),
            subject,
            team_id: Some(self.team(line)?),
            owner_user_id: None,
            from,
            to: line.to.map(|to| to.to_string()),
            status: None,
        })
    }

    /// What is assigned, and the same with its id for a name.
    fn subject(&self, of: &AssignedName) -> Result<(AssignableBody, AssignedName), String> {
        let none = AssignableBody::default();
        Ok(match of {
            AssignedName::ApiKey(text) => {
                let id = self.keys.must_find(text)?;
                (AssignableBody { api_key_id: Some(id.clone()), ..none }, AssignedName::ApiKey(id))
            }
            AssignedName::Project(text) => {
                let id = self.projects.must_find(text)?;
                (AssignableBody { project_id: Some(id.clone()), ..none }, AssignedName::Project(id))
            }
            AssignedName::Person(text) => {
                // Whoever has several ids is assigned by the one that all of them are of.
                let id = self.organization.person(&self.people.must_find(text)?).to_owned();
                (AssignableBody { user_id: Some(id.clone()), ..none }, AssignedName::Person(id))
            }
        })
    }

    /// The team of a line, which may be made by it, with the cost centre that it says.
    fn team(&mut self, line: &AssignmentLine) -> Result<Option<String>, String> {
        let id = match self.teams.find(&line.team)? {
            Some(id) => id.to_owned(),
            None => match self.made.get(&line.team.to_lowercase()) {
                Some(id) => id.clone(),
                None if line.team.eq_ignore_ascii_case(NO_TEAM) => {
                    let centre = line.cost_centre.as_ref();
                    let has_none = |centre| Err(format!("'{centre}' is a cost centre, and no team has none"));
                    return centre.map_or(Ok(None), has_none);
                }
                None if self.makes_teams => self.make(&line.team)?,
                None => {
                    let none = self.teams.none(&line.team);
                    return Err(format!(
                        "{none}; teams that are not there are made with newTeams=true, and with --new-teams of the command"
                    ));
                }
            },
        };
        let known = self.organization.teams.get(&id);
        if known.is_some_and(|team| team.status == Status::Deleted) {
            return Err(format!("the team '{}' is deleted; make it active again, or name another", line.team));
        }
        if let Some(centre) = &line.cost_centre {
            let centre = self::id("costCentre", centre.clone()).map_err(|problem| problem.detail)?;
            let (said, of_line) = self.centres.entry(id.clone()).or_insert_with(|| (centre.clone(), line.line));
            if *said != centre {
                return Err(format!(
                    "the cost centre of team '{}' is '{centre}', and on line {of_line} it is '{said}'",
                    line.team
                ));
            }
            if known.is_none_or(|team| team.cost_centre.as_ref() != Some(&centre)) {
                self.changed.entry(id.clone()).or_insert_with(|| team_body(&id, self.organization_id)).cost_centre =
                    Some(Some(centre));
            }
        }
        Ok(Some(id))
    }

    fn make(&mut self, name: &str) -> Result<String, String> {
        let name = text("team", name.to_owned()).map_err(|problem| problem.detail)?;
        let words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        let mut id = words.collect::<Vec<_>>().join("-").to_lowercase();
        if id.is_empty() {
            id = name.clone();
        }
        let taken = |id: &str| self.teams.ids.contains(id) || self.changed.contains_key(id);
        if taken(&id) {
            let free = (2..).map(|number| format!("{id}-{number}")).find(|id| !taken(id));
            id = free.expect("there are more numbers than teams");
        }
        let team = TeamBody { name: Some(name.clone()), ..team_body(&id, self.organization_id) };
        self.changed.insert(id.clone(), team);
        self.made.insert(name.to_lowercase(), id.clone());
        Ok(id)
    }
}

fn team_body(id: &str, organization_id: &str) -> TeamBody {
    TeamBody {
        id: id.to_owned(),
        organization_id: organization_id.to_owned(),
        name: None,
        cost_centre: None,
        status: None::<StatusName>,
    }
}
