//! What was written to the directory, in words.

use std::collections::BTreeMap;

use super::RecordWrite;
use super::entries::{Key, Kind, Member, Role};
use crate::store::record;

/// Names told of each kind; of more, only the number.
const TOLD: usize = 5;

/// What was written, by organization; `None` has what belongs to none. Tokens, sessions and views are left out.
pub fn written_by_organization(writes: &[RecordWrite]) -> Vec<(Option<String>, String)> {
    let mut parts: BTreeMap<&str, BTreeMap<&'static str, Vec<String>>> = BTreeMap::new();
    for (key, bytes) in writes {
        let Some(key) = Key::parse(key) else { continue };
        let (kind, name) = match key.kind {
            Kind::Organization => ("organization", key.organization.to_owned()),
            Kind::Project => ("project", key.id.to_owned()),
            Kind::Member => ("member", format!("{} ({})", key.id, standing(bytes.as_deref()))),
            Kind::ApiKey => ("API key", key.id.to_owned()),
            Kind::SameAs => ("identity", format!("{} ({})", key.id, person(bytes.as_deref()))),
            Kind::User => ("user", key.id.to_owned()),
            Kind::Model => ("model", key.id.to_owned()),
            Kind::Token | Kind::Session | Kind::Revoked | Kind::View => continue,
        };
        parts.entry(key.organization).or_default().entry(kind).or_default().push(name);
    }
    let organization = |id: &str| (!id.is_empty()).then(|| id.to_owned());
    parts.into_iter().map(|(id, kinds)| (organization(id), told(&kinds))).collect()
}

fn told(kinds: &BTreeMap<&'static str, Vec<String>>) -> String {
    let kinds = kinds.iter().map(|(kind, names)| match names.len() {
        0..=TOLD => format!("{kind} {}", names.join(", ")),
        more => format!("{kind} {} and {} more", names[..TOLD].join(", "), more - TOLD),
    });
    kinds.collect::<Vec<_>>().join("; ")
}

fn person(same_as: Option<&[u8]>) -> String {
    let same_as = same_as.and_then(|bytes| record::decode::<String>(bytes).ok());
    same_as.map_or_else(|| "their own".to_owned(), |person| format!("of {person}"))
}

fn standing(member: Option<&[u8]>) -> &'static str {
    match member.and_then(|bytes| record::decode::<Member>(bytes).ok()) {
        Some(Member { former: true, .. }) => "former",
        Some(Member { role: Role::Owner, .. }) => "owner",
        Some(Member { role: Role::Admin, .. }) => "admin",
        Some(Member { role: Role::Developer, .. }) => "developer",
        None => "removed",
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Change, Directory, DirectoryUpdate, MemberUpdate, ProjectUpdate};
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
        let (_, writes) = Directory::default().apply(Change::Merge(update)).unwrap();
        let acme = "member ada (owner); organization acme; project p0, p1, p2, p3, p4 and 2 more";
        assert_eq!(
            written_by_organization(&writes),
            [
                (None, "user ada".to_owned()),
                (Some("acme".to_owned()), acme.to_owned()),
                (Some("beta".to_owned()), "member ada (developer); organization beta".to_owned()),
            ]
        );
    }
}
