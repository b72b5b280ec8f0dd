//! Entering who comes from another system, and what their groups give them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::change::{ChangeError, RecordWrite, key, put};
use super::entries::{Granted, GroupGrant, Kind};
use super::identity::{Introduction, Linked};
use super::teams::{Assignable, Assigned, AssignmentKind, AssignmentName};
use super::{AssignmentUpdate, Directory, Member, Organization, Status, TeamUpdate, User};

/// Letters of a name or an address, as of users in the directory.
const MAX_TEXT: usize = 512;

impl Directory {
    pub(super) fn introduce(
        &mut self,
        introduction: Introduction,
        writes: &mut Vec<RecordWrite>,
    ) -> Result<(), ChangeError> {
        let person = self.recognize(&introduction).map_err(ChangeError::Stranger)?;
        let Introduction { identity, name, verified_email, grants, days, .. } = introduction;
        let (user_id, by) = (person.user_id().to_owned(), identity.text());
        // What is known of somebody stays. An address that others have would be nobody's.
        let mut user: User = self.users.get(&user_id).cloned().unwrap_or_default();
        let short = |text: &String| text.chars().count() <= MAX_TEXT;
        user.name = user.name.or(name.filter(short));
        let free = |email: &String| short(email) && self.users.at(email).next().is_none();
        user.email = user.email.or(verified_email.filter(free));
        put(writes, Kind::User, "", &user_id, &user);
        Arc::make_mut(&mut self.users).put(&user_id, user);

        let before = self.linked(&identity).map(|linked| linked.organizations.clone()).unwrap_or_default();
        let organizations: BTreeSet<String> = grants.keys().cloned().collect();
        for id in before.union(&organizations) {
            let day = days.get(id).map(String::as_str);
            self.set_grant(id, &user_id, &by, grants.get(id), day, writes)?;
        }
        let linked = Linked { user_id, organizations };
        put(writes, Kind::Identity, "", &by, &linked);
        self.identities.insert(by, linked);
        Ok(())
    }

    /// Says what an identity's groups give its user in an organization, or that they give nothing any more.
    pub(super) fn set_grant(
        &mut self,
        organization_id: &str,
        user_id: &str,
        by: &str,
        grant: Option<&GroupGrant>,
        day: Option<&str>,
        writes: &mut Vec<RecordWrite>,
    ) -> Result<(), ChangeError> {
        self.ensure_organization(organization_id, writes);
        let organization = self.organization_mut(organization_id);
        // Whom the company has taken out is not let in again by what another system says of them.
        let grant = grant.filter(|_| !organization.provisioned.keeps_out(user_id));
        let before = organization.members.get(user_id).cloned();
        let mut granted = organization
            .granted
            .get(user_id)
            .cloned()
            .unwrap_or_else(|| Granted { given: before.clone().filter(|member| !member.former), ..Granted::default() });
        let old = match grant {
            Some(grant) => granted.by_groups.insert(by.to_owned(), grant.clone()),
            None => granted.by_groups.remove(by),
        };
        if old.as_ref() == grant {
            return Ok(());
        }
        // Who was never a member and is none now is none.
        let left = before.map(|member| Member { former: true, ..member });
        if let Some(member) = granted.membership().or(left) {
            put(writes, Kind::Member, organization_id, user_id, &member);
            organization.members.insert(user_id.to_owned(), member);
        }
        organization.put_granted(organization_id, user_id, granted, writes);
        let team = |grant: Option<&GroupGrant>| grant.and_then(|grant| grant.team_id.clone());
        let (was, is) = (team(old.as_ref()), team(grant));
        match day {
            Some(day) if was != is => self.move_to_team(organization_id, user_id, was, is, day, writes),
            _ => Ok(()),
        }
    }

    /// Puts somebody into a team, or out of the one that a group gave.
    pub(super) fn move_to_team(
        &mut self,
        organization_id: &str,
        user_id: &str,
        was: Option<String>,
        is: Option<String>,
        day: &str,
        writes: &mut Vec<RecordWrite>,
    ) -> Result<(), ChangeError> {
        let organization = self.organization_mut(organization_id);
        let subject = Assignable::User(organization.person(user_id).to_owned());
        let now = organization.assignments.on(AssignmentKind::Team, &subject, day).and_then(|now| now.id.clone());
        // What somebody else has said since stays.
        if now == is || (is.is_none() && now != was) {
            return Ok(());
        }
        if let Some(team) = &is {
            match organization.teams.get(team).map(|team| team.status) {
                Some(Status::Deleted) => return Ok(()),
                Some(Status::Active) => {}
                None => {
                    let (id, organization_id) = (team.clone(), organization_id.to_owned());
                    self.put_team(TeamUpdate { id, organization_id, ..TeamUpdate::default() }, writes)?;
                }
            }
        }
        let update = AssignmentUpdate {
            organization_id: organization_id.to_owned(),
            name: AssignmentName { kind: AssignmentKind::Team, subject, from: day.to_owned() },
            assigned: Some(Assigned { id: is, to: None }),
        };
        self.assign(update, &[], writes)
    }
}

impl Organization {
    /// Says what the directory itself gives somebody. Whose membership ends has nothing by groups either, until they sign
    /// in again. What is so already stays whoever gave it: a directory that was read is taken back.
    pub(super) fn give(&mut self, organization_id: &str, user_id: &str, member: Member, writes: &mut Vec<RecordWrite>) {
        let mut member = member;
        if let Some(granted) = self.granted.get(user_id) {
            if self.members.get(user_id) == Some(&member) {
                return;
            }
            let mut granted = granted.clone();
            if member.former {
                granted.by_groups.clear();
            } else {
                granted.given = Some(member);
                member = granted.membership().expect("the directory gives one");
            }
            self.put_granted(organization_id, user_id, granted, writes);
        }
        put(writes, Kind::Member, organization_id, user_id, &member);
        self.members.insert(user_id.to_owned(), member);
    }

    /// What the directory itself gives somebody.
    pub(super) fn given(&self, user_id: &str) -> Option<&Member> {
        self.granted.get(user_id).map_or_else(|| self.members.get(user_id), |granted| granted.given.as_ref())
    }

    fn put_granted(&mut self, organization_id: &str, user_id: &str, granted: Granted, writes: &mut Vec<RecordWrite>) {
        if granted.by_groups.is_empty() {
            self.granted.remove(user_id);
            writes.push((key(Kind::Granted, organization_id, user_id), None));
        } else {
            put(writes, Kind::Granted, organization_id, user_id, &granted);
            self.granted.insert(user_id.to_owned(), granted);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::{
        Change, DirectoryUpdate, ExternalIdentity, GroupRule, MemberUpdate, Person, Role, Stranger, UserUpdate,
        given_by_groups,
    };
    use super::*;

    const ISSUER: &str = "https://login.acme.example";

    fn new_id(subject: &str) -> String {
        let nobody = introduction(subject, None, &[("acme", grant(Role::Admin, None, None))]);
        Directory::default().recognize(&nobody).unwrap().user_id().to_owned()
    }

    fn user(id: &str, email: &str) -> UserUpdate {
        UserUpdate { id: id.into(), name: None, email: Some(email.into()) }
    }

    fn member(user_id: &str, role: Role, former: bool) -> DirectoryUpdate {
        let (organization_id, user_id) = ("acme".into(), user_id.into());
        let member = MemberUpdate { organization_id, user_id, role, project_ids: None, former };
        DirectoryUpdate { members: vec![member], ..DirectoryUpdate::default() }
    }

    fn directory() -> Directory {
        let users = vec![
            user("ada", "Ada@acme.example"),
            user("ben", "ben@acme.example"),
            user("twin1", "twin@acme.example"),
            user("twin2", "TWIN@acme.example"),
        ];
        let mut directory = Directory::default();
        let update = DirectoryUpdate { users, ..member("ada", Role::Developer, false) };
        directory.apply(Change::Merge(update)).unwrap();
        directory
    }

    fn introduction(subject: &str, email: Option<&str>, grants: &[(&str, GroupGrant)]) -> Introduction {
        Introduction {
            identity: ExternalIdentity::new(ISSUER, subject).unwrap(),
            name: Some(subject.to_uppercase()),
            verified_email: email.map(str::to_owned),
            may_be_new: true,
            grants: grants.iter().map(|(id, grant)| ((*id).to_owned(), grant.clone())).collect(),
            days: BTreeMap::from([("acme".to_owned(), "2026-06-10".to_owned())]),
        }
    }

    fn grant(role: Role, projects: Option<&[&str]>, team: Option<&str>) -> GroupGrant {
        let project_ids = projects.map(|ids| ids.iter().map(|id| (*id).to_owned()).collect());
        GroupGrant { role, project_ids, team_id: team.map(str::to_owned) }
    }

    fn is(directory: &Directory, user_id: &str) -> Option<(Role, Option<Vec<String>>)> {
        let member = directory.organization("acme")?.active_member(user_id)?;
        Some((member.role, member.project_ids.clone()))
    }

    #[test]
    fn an_address_leads_to_a_user_once_and_an_identity_ever_after() {
        let mut directory = directory();
        let admin = [("acme", grant(Role::Admin, None, None))];
        let known = |directory: &Directory, subject: &str, email: Option<&str>, may_be_new: bool| {
            directory.recognize(&Introduction { may_be_new, ..introduction(subject, email, &admin) })
        };
        let new = new_id("s1");
        for (email, may_be_new, expected) in [
            (Some("ada@ACME.example"), false, Ok(Person::ByEmail("ada".into()))),
            (Some("ada@acme.example"), true, Ok(Person::ByEmail("ada".into()))),
            (Some("nobody@acme.example"), false, Err(Stranger::Unknown)),
            (Some("nobody@acme.example"), true, Ok(Person::New(new.clone()))),
            (Some("twin@acme.example"), false, Err(Stranger::Ambiguous)),
            (Some("twin@acme.example"), true, Ok(Person::New(new.clone()))),
            (None, false, Err(Stranger::Unverified)),
            (None, true, Ok(Person::New(new.clone()))),
        ] {
            assert_eq!(known(&directory, "s1", email, may_be_new), expected, "{email:?}");
        }
        let nothing = introduction("s1", Some("nobody@acme.example"), &[]);
        assert_eq!(directory.recognize(&nothing), Err(Stranger::NoGroup));

        directory.apply(Change::Introduce(introduction("s1", Some("ada@acme.example"), &[]))).unwrap();
        assert_eq!(known(&directory, "s1", None, false), Ok(Person::Known("ada".into())), "without an address");
        assert_eq!(known(&directory, "s1", Some("ben@acme.example"), false), Ok(Person::Known("ada".into())));
        assert_eq!(known(&directory, "s2", Some("ada@acme.example"), false), Err(Stranger::Taken));
        assert_eq!(directory.user("ada").unwrap().name.as_deref(), Some("S1"), "a gap is filled");
        assert_eq!(directory.identities_of("ada").collect::<Vec<_>>(), [(ISSUER, "s1")]);
    }

    #[test]
    fn who_is_new_has_an_address_only_if_it_is_theirs_alone() {
        let mut directory = directory();
        let admin = [("acme", grant(Role::Admin, None, None))];
        let mut enter = |subject: &str, email: &str| {
            let introduction = introduction(subject, Some(email), &admin);
            let id = directory.recognize(&introduction).unwrap().user_id().to_owned();
            directory.apply(Change::Introduce(introduction)).unwrap();
            (directory.user(&id).unwrap().email.clone(), is(&directory, &id))
        };
        assert_eq!(enter("s1", "s1@acme.example"), (Some("s1@acme.example".into()), Some((Role::Admin, None))));
        assert_eq!(enter("s2", "twin@acme.example"), (None, Some((Role::Admin, None))));
    }

    #[test]
    fn what_groups_gave_goes_with_them_and_what_the_directory_gave_stays() {
        let mut directory = directory();
        let sign_in = |directory: &mut Directory, grants: &[(&str, GroupGrant)]| {
            let introduction = introduction("s1", Some("ada@acme.example"), grants);
            directory.apply(Change::Introduce(introduction.clone())).unwrap();
            assert_eq!(directory.as_introduced(&introduction), Some("ada"));
            let again = directory.clone().apply(Change::Introduce(introduction)).unwrap();
            assert_eq!(again.0.changed, 0, "it is so already");
        };
        let owner = [("acme", grant(Role::Owner, None, None)), ("beta", grant(Role::Developer, Some(&["web"]), None))];
        sign_in(&mut directory, &owner);
        assert_eq!(is(&directory, "ada"), Some((Role::Owner, None)));
        let beta = |directory: &Directory| directory.organization("beta").unwrap().members.get("ada").cloned();
        let web = Some(vec!["web".to_owned()]);
        let developer = |former| Some(Member { role: Role::Developer, project_ids: web.clone(), former });
        assert_eq!(beta(&directory), developer(false));
        // A directory that is read and taken back makes nothing of a group's the directory's own.
        directory.apply(Change::Merge(member("ada", Role::Owner, false))).unwrap();
        // What the directory says meanwhile is in force when the group is gone.
        directory.apply(Change::Merge(member("ada", Role::Admin, false))).unwrap();
        assert_eq!(is(&directory, "ada"), Some((Role::Owner, None)));
        sign_in(&mut directory, &[]);
        assert_eq!((is(&directory, "ada"), beta(&directory)), (Some((Role::Admin, None)), developer(true)));
        // Whose membership was ended is back by a group, and only for as long.
        directory.apply(Change::Merge(member("ada", Role::Admin, true))).unwrap();
        sign_in(&mut directory, &owner);
        assert_eq!(is(&directory, "ada"), Some((Role::Owner, None)));
        let end = Change::EndMembership { organization_id: "acme".into(), user_id: "ada".into() };
        directory.apply(end).unwrap();
        assert_eq!(is(&directory, "ada"), None);
        let introduction = introduction("s1", None, &owner);
        assert_eq!(directory.as_introduced(&introduction), None, "the next sign-in gives it again");
        directory.apply(Change::Introduce(introduction)).unwrap();
        assert_eq!(is(&directory, "ada"), Some((Role::Owner, None)));
        sign_in(&mut directory, &[]);
        assert_eq!(is(&directory, "ada"), None);
    }

    #[test]
    fn a_team_is_given_and_taken_from_a_day_on() {
        let mut directory = directory();
        let mut check = |team: Option<&str>, day: &str, expected: &[(&str, Option<&str>)]| {
            let grants = [("acme", grant(Role::Developer, None, team))];
            let mut introduction = introduction("s1", Some("ada@acme.example"), &grants);
            introduction.days.insert("acme".into(), day.into());
            directory.apply(Change::Introduce(introduction)).unwrap();
            let organization = directory.organization("acme").unwrap();
            let dated = organization.assignments.all(AssignmentKind::Team).flat_map(|(_, dated)| dated);
            let all: Vec<_> = dated.map(|(from, assigned)| (from.as_str(), assigned.id.as_deref())).collect();
            assert_eq!(all, expected);
        };
        check(None, "2026-06-09", &[]);
        check(Some("core"), "2026-06-10", &[("2026-06-10", Some("core"))]);
        check(Some("core"), "2026-06-11", &[("2026-06-10", Some("core"))]);
        check(None, "2026-06-12", &[("2026-06-10", Some("core")), ("2026-06-12", None)]);
    }

    #[test]
    fn the_highest_role_counts_with_all_projects_that_come_with_it() {
        let rule = |group: &str, grant| GroupRule { group: group.into(), organization_id: "acme".into(), grant };
        let rules = [
            rule("web", grant(Role::Developer, Some(&["web"]), Some("t1"))),
            rule("api", grant(Role::Developer, Some(&["api"]), Some("t2"))),
            rule("all", grant(Role::Developer, None, None)),
            rule("run", grant(Role::Admin, Some(&["x"]), None)),
        ];
        let check = |groups: &[&str], expected: Option<GroupGrant>| {
            assert_eq!(given_by_groups(&rules, groups.iter().copied()).remove("acme"), expected, "{groups:?}");
        };
        check(&[], None);
        check(&["Web", "other"], None);
        check(&["web"], Some(grant(Role::Developer, Some(&["web"]), Some("t1"))));
        check(&["api", "web", "api"], Some(grant(Role::Developer, Some(&["api", "web"]), Some("t1"))));
        check(&["web", "all"], Some(grant(Role::Developer, None, Some("t1"))));
        check(&["run", "all", "web"], Some(grant(Role::Admin, Some(&["x"]), Some("t1"))));
    }

    #[test]
    fn an_identity_has_an_issuer_without_blanks_and_a_subject() {
        let check = |issuer: &str, subject: &str, valid: bool| {
            assert_eq!(ExternalIdentity::new(issuer, subject).is_some(), valid, "{issuer:?} {subject:?}");
        };
        check(ISSUER, "Zoë Übel", true);
        check("urn:saml:acme", "0", true);
        let (long, too_long) = ("ö".repeat(512), "ö".repeat(513));
        check(&long, &long, true);
        for (issuer, subject) in
            [("", "a"), (ISSUER, ""), (ISSUER, " "), ("a b", "a"), (ISSUER, "a\0"), (&too_long, "a")]
        {
            check(issuer, subject, false);
        }
    }
}
