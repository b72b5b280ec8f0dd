//! What was written to the directory, in words.

use std::collections::BTreeMap;

use super::alert::{Alert, Recipient};
use super::budget::{Budget, BudgetAction, BudgetScope};
use super::entries::{ApiKey, Granted, Key, Kind, Plan, Profile, Project, User};
use super::identity::Linked;
use super::member::Member;
use super::policy::{Policy, PolicyMode};
use super::provisioned::{ProvisionedGroup, ProvisionedUser};
use super::status::Status;
use super::teams::{Assigned, AssignmentKind, AssignmentName, Team};
use super::{Directory, RecordWrite};
use crate::model::PicoUsd;
use crate::store::record::{self, Decode};

/// Names told of each kind; of more, only the number.
const TOLD: usize = 5;

/// What was written to a directory, by organization; `None` has what belongs to none. Of what was there before, the
/// fields that changed are told with the old and the new value. Tokens, sessions, views,
/// links and invitations are left out.
pub fn written_by_organization(before: &Directory, writes: &[RecordWrite]) -> Vec<(Option<String>, String)> {
    let mut parts: BTreeMap<&str, BTreeMap<&'static str, Vec<String>>> = BTreeMap::new();
    for (key, bytes) in writes {
        let Some(key) = Key::parse(key) else { continue };
        let assignment = AssignmentName::parse(key.id).filter(|_| key.kind == Kind::Assignment);
        let words = assignment.as_ref().map(AssignmentName::words);
        let (kind, name) = match key.kind {
            Kind::Organization => ("organization", key.organization),
            Kind::Project => ("project", key.id),
            Kind::Member => ("member", key.id),
            Kind::ApiKey => ("API key", key.id),
            Kind::SameAs => ("identity", key.id),
            Kind::ScimUser => ("provisioned user", key.id),
            Kind::ScimGroup => ("provisioned group", key.id),
            Kind::ScimMembership => ("in group", key.id),
            Kind::Identity => ("account", key.id),
            Kind::Granted => ("groups of", key.id),
            Kind::User => ("user", key.id),
            Kind::Model => ("model", key.id),
            Kind::Budget => ("budget", key.id),
            Kind::Policy => ("policy", key.id),
            Kind::Alert => ("alert", key.id),
            Kind::Provider => ("provider", key.id),
            Kind::Team => ("team", key.id),
            Kind::Assignment => match assignment.as_ref().map(|name| name.kind) {
                Some(AssignmentKind::Owner) => ("owner of", words.as_deref().unwrap_or(key.id)),
                _ => ("team of", words.as_deref().unwrap_or(key.id)),
            },
            Kind::Token
            | Kind::Terms
            | Kind::Session
            | Kind::SessionTerms
            | Kind::Revoked
            | Kind::View
            | Kind::Link
            | Kind::Invitation => continue,
        };
        let old = before.record(&key).map(|old| fields(key.kind, Some(&old)));
        let told = told(name, old, fields(key.kind, bytes.as_deref()));
        parts.entry(key.organization).or_default().entry(kind).or_default().push(told);
    }
    let organization = |id: &str| (!id.is_empty()).then(|| id.to_owned());
    parts.into_iter().map(|(id, kinds)| (organization(id), listed(&kinds))).collect()
}

fn listed(kinds: &BTreeMap<&'static str, Vec<String>>) -> String {
    let kinds = kinds.iter().map(|(kind, names)| match names.len() {
        0..=TOLD => format!("{kind} {}", names.join(", ")),
        more => format!("{kind} {} and {} more", names[..TOLD].join(", "), more - TOLD),
    });
    kinds.collect::<Vec<_>>().join("; ")
}

/// A field of an entry: its name, its value in words, and whether that is what it has by itself.
type Field = (&'static str, String, bool);

/// `web (name 'Web')` of a new entry, `web (name 'Web' → 'Website')` of one that changed.
fn told(name: &str, old: Option<Vec<Field>>, new: Vec<Field>) -> String {
    let told: Vec<String> = match old {
        None => {
            new.into_iter().filter(|(.., usual)| !usual).map(|(field, value, _)| format!("{field} {value}")).collect()
        }
        Some(old) => {
            let changes = old.into_iter().zip(new).filter(|(old, new)| old.1 != new.1);
            changes.map(|((field, old, _), (_, new, _))| format!("{field} {old} → {new}")).collect()
        }
    };
    if told.is_empty() { name.to_owned() } else { format!("{name} ({})", told.join(", ")) }
}

/// The fields of an entry, the same ones for each of a kind. An entry that was taken out has those of none.
fn fields(kind: Kind, bytes: Option<&[u8]>) -> Vec<Field> {
    fn read<T: Decode<()>>(bytes: Option<&[u8]>) -> Option<T> {
        bytes.and_then(|bytes| record::decode(bytes).ok())
    }
    match kind {
        Kind::Organization => {
            let Profile { name, plan, status, timezone, retention_days } = read(bytes).unwrap_or_default();
            let kept = retention_days.map_or_else(|| "for ever".to_owned(), |days| format!("{days} days"));
            vec![
                text("name", name),
                ("plan", format!("{plan:?}").to_lowercase(), plan == Plan::default()),
                standing(status),
                text("timezone", timezone),
                ("kept", kept, retention_days.is_none()),
            ]
        }
        Kind::Project => {
            let Project { name, status } = read(bytes).unwrap_or_default();
            vec![text("name", name), standing(status)]
        }
        Kind::Member => {
            let member: Option<Member> = read(bytes);
            let role = member.as_ref().map(|member| format!("{:?}", member.role).to_lowercase());
            let projects = member.as_ref().and_then(|member| member.project_ids.as_ref());
            let former = member.as_ref().is_some_and(|member| member.former);
            vec![
                ("role", role.unwrap_or_else(|| NONE.to_owned()), false),
                ("projects", projects.map_or_else(|| "all".to_owned(), |ids| ids.join(" ")), projects.is_none()),
                ("membership", if former { "ended" } else { "active" }.to_owned(), !former),
            ]
        }
        Kind::ApiKey => {
            let ApiKey { project_id, description, created_by, status } = read(bytes).unwrap_or_default();
            vec![
                text("project", Some(project_id)),
                text("description", description),
                text("creator", created_by),
                standing(status),
            ]
        }
        Kind::User => {
            let User { name, email } = read(bytes).unwrap_or_default();
            vec![text("name", name), text("e-mail", email)]
        }
        Kind::Model => vec![text("name", read(bytes))],
        Kind::SameAs => vec![text("same as", read(bytes))],
        Kind::ScimUser => {
            let user: Option<ProvisionedUser> = read(bytes);
            let active = user.as_ref().map_or(NONE, ProvisionedUser::standing).to_owned();
            let provided = user.map(|user| user.provided).unwrap_or_default();
            vec![
                text("userName", Some(provided.user_name)),
                text("externalId", provided.external_id),
                ("stands", active, false),
            ]
        }
        Kind::ScimGroup => {
            let group: Option<ProvisionedGroup> = read(bytes);
            let (name, external_id) = group.map(|group| (group.display_name, group.external_id)).unzip();
            vec![text("displayName", name), text("externalId", external_id.flatten())]
        }
        Kind::ScimMembership => {
            vec![("is in it", if bytes.is_some() { "yes" } else { "no" }.to_owned(), bytes.is_some())]
        }
        Kind::Identity => vec![text("of user", read::<Linked>(bytes).map(|linked| linked.user_id))],
        Kind::Granted => {
            let granted: Granted = read(bytes).unwrap_or_default();
            let role = |role| format!("{role:?}").to_lowercase();
            let given: Vec<String> = granted.by_groups.values().map(|grant| role(grant.role)).collect();
            vec![list("give", &given), text("besides", granted.given.map(|member| role(member.role)))]
        }
        Kind::Budget => read(bytes).map(budget_fields).unwrap_or_default(),
        Kind::Policy => read(bytes).map(policy_fields).unwrap_or_default(),
        Kind::Alert => read(bytes).map(alert_fields).unwrap_or_default(),
        Kind::Provider => vec![list("attributes", &read::<Vec<String>>(bytes).unwrap_or_default())],
        Kind::Team => {
            let Team { name, cost_centre, status } = read(bytes).unwrap_or_default();
            vec![text("name", name), text("cost centre", cost_centre), standing(status)]
        }
        Kind::Assignment => {
            let assigned: Option<Assigned> = read(bytes);
            let (id, to) = assigned.map_or((None, None), |assigned| (assigned.id, assigned.to));
            let (_, whose, _) = text("", id);
            vec![("is", whose, false), text("to", to)]
        }
        Kind::Token
        | Kind::Terms
        | Kind::Session
        | Kind::SessionTerms
        | Kind::Revoked
        | Kind::View
        | Kind::Link
        | Kind::Invitation => Vec::new(),
    }
}

fn budget_fields(budget: Budget) -> Vec<Field> {
    let Budget { scope, limit, window, timezone, action, percent, from, to, status } = budget;
    let scope = match scope {
        BudgetScope::Organization => "organization".to_owned(),
        BudgetScope::Project(id) => format!("project '{id}'"),
        BudgetScope::Member(Some(id)) => format!("member '{id}'"),
        BudgetScope::Member(None) => "each member".to_owned(),
        BudgetScope::ApiKey(id) => format!("API key '{id}'"),
        BudgetScope::Team(id) => format!("team '{id}'"),
    };
    let percent: Vec<String> = percent.iter().map(u32::to_string).collect();
    vec![
        ("scope", scope, false),
        ("limit", limit.counted().text(limit.amount()), false),
        ("window", window.name().to_owned(), false),
        text("timezone", timezone),
        ("action", format!("{action:?}").to_lowercase(), action == BudgetAction::default()),
        list("percent", &percent),
        text("from", from),
        text("to", to),
        standing(status),
    ]
}

/// Of an address what is no secret; of a secret only whether there is one.
fn alert_fields(alert: Alert) -> Vec<Field> {
    let Alert { kind, budget_id, threshold, to, status } = alert;
    let recipient = |Recipient { channel, secret, .. }: &Recipient| {
        format!("{channel:?}{}", if secret.is_some() { " (signed)" } else { "" })
    };
    vec![
        ("kind", kind.name().to_owned(), false),
        text("budget", budget_id),
        text("threshold", threshold.map(|threshold| PicoUsd(threshold).to_string())),
        list("to", &to.iter().map(recipient).collect::<Vec<_>>()),
        standing(status),
    ]
}

fn policy_fields(policy: Policy) -> Vec<Field> {
    let any = |field, ids: Option<Vec<String>>| match ids {
        None => (field, "any".to_owned(), true),
        Some(ids) => (field, format!("'{}'", ids.join(" ")), false),
    };
    vec![
        text("project", policy.project_id),
        ("mode", format!("{:?}", policy.mode).to_lowercase(), policy.mode == PolicyMode::default()),
        any("allowed models", policy.allowed_models),
        list("denied models", &policy.denied_models),
        any("allowed providers", policy.allowed_providers),
        list("denied providers", &policy.denied_providers),
        list("required attributes", &policy.required_attributes),
        list("order", &policy.order),
        text("most per call", policy.max_cost.map(|picos| format!("{} USD", PicoUsd(picos)))),
        standing(policy.status),
    ]
}

fn list(field: &'static str, values: &[String]) -> Field {
    (field, if values.is_empty() { NONE.to_owned() } else { values.join(" ") }, values.is_empty())
}

const NONE: &str = "none";

fn text(field: &'static str, value: Option<String>) -> Field {
    let usual = value.is_none();
    (field, value.map_or_else(|| NONE.to_owned(), |value| format!("'{value}'")), usual)
}

fn standing(status: Status) -> Field {
    ("status", format!("{status:?}").to_lowercase(), status == Status::default())
}

#[cfg(test)]
mod tests {
    use super::super::{Change, DirectoryUpdate, MemberUpdate, ProjectUpdate, Role};
    use super::*;

    #[test]
    fn each_organization_is_told_what_is_its_own() {
        let member = |organization: &str, role| MemberUpdate {
            organization_id: organization.into(),
            user_id: "ada".into(),
            role,
            project_ids: None,
            former: false,
        };
        let project = |number| ProjectUpdate {
            id: format!("p{number}"),
            organization_id: "acme".into(),
            ..ProjectUpdate::default()
        };
        let update = DirectoryUpdate {
            members: vec![member("acme", Role::Owner), member("beta", Role::Developer)],
            projects: (0..7).map(project).collect(),
            ..DirectoryUpdate::default()
        };
        let before = Directory::default();
        let (_, writes) = before.clone().apply(Change::Merge(update)).unwrap();
        let acme = "member ada (role owner); organization acme; project p0, p1, p2, p3, p4 and 2 more";
        assert_eq!(
            written_by_organization(&before, &writes),
            [
                (None, "user ada".to_owned()),
                (Some("acme".to_owned()), acme.to_owned()),
                (Some("beta".to_owned()), "member ada (role developer); organization beta".to_owned()),
            ]
        );
    }

    #[test]
    fn what_changed_is_told_with_its_old_and_its_new_value() {
        let project = |name: &str, status| ProjectUpdate {
            id: "web".into(),
            organization_id: "acme".into(),
            name: Some(name.into()),
            status,
        };
        let member = |role, project_ids, former| MemberUpdate {
            organization_id: "acme".into(),
            user_id: "ada".into(),
            role,
            project_ids: Some(project_ids),
            former,
        };
        let mut directory = Directory::default();
        let mut check = |update: DirectoryUpdate, expected: &str| {
            let before = directory.clone();
            let (outcome, writes) = directory.apply(Change::Merge(update)).unwrap();
            assert_eq!(outcome.changed, writes.len());
            let told: Vec<String> =
                written_by_organization(&before, &writes).into_iter().map(|(_, told)| told).collect();
            assert_eq!(told.join(" | "), expected);
        };
        let of = |project, member: Option<MemberUpdate>| DirectoryUpdate {
            projects: vec![project],
            members: member.into_iter().collect(),
            ..DirectoryUpdate::default()
        };
        let first = || of(project("Web", None), Some(member(Role::Developer, Some(vec!["web".into()]), false)));
        check(
            first(),
            "user ada | member ada (role developer, projects web); organization acme; project web (name 'Web')",
        );
        check(first(), "");
        check(
            of(project("Website", Some(Status::Deleted)), Some(member(Role::Owner, None, true))),
            "member ada (role developer → owner, projects web → all, membership active → ended); \
             project web (name 'Web' → 'Website', status active → deleted)",
        );
        // Back and forth within one update is no change.
        let twice = DirectoryUpdate {
            projects: vec![project("X", None), project("Website", None)],
            ..of(project("", None), None)
        };
        check(twice, "");
    }
}
