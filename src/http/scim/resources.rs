//! People and groups as they are kept, and as they are told of.

use serde_json::{Map, Value, json};

use super::answer::etag;
use super::request::Place;
use crate::calendar::rfc3339_utc;
use crate::directory::{ProvidedUser, Provisioned};
use crate::scim::{ENTERPRISE_USER, GROUP, Kind, MEMBERS, Resource, USER};

/// What is kept of a person, apart from what has a place of its own.
pub fn provided(mut resource: Resource) -> ProvidedUser {
    let text = |of: Option<Value>| of.and_then(|value| value.as_str().map(str::to_owned));
    let user_name = text(resource.remove("userName")).unwrap_or_default();
    let external_id = text(resource.remove("externalId"));
    let active = resource.remove("active").and_then(|active| active.as_bool());
    let emails = resource.get("emails").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let addresses = emails.iter().filter_map(|email| email["value"].as_str()).map(str::to_owned).collect();
    let is_address = user_name.contains('@');
    let email = to_write_to(emails).or_else(|| is_address.then(|| user_name.clone()));
    let name = readable(&resource);
    ProvidedUser {
        user_name,
        external_id,
        active,
        name,
        email,
        addresses,
        attributes: Value::Object(resource).to_string(),
    }
}

/// Where to write to at work: the primary address of those for work, else of those that say nothing, else any.
fn to_write_to(emails: &[Value]) -> Option<String> {
    let rank = |email: &&Value| {
        let kind = match email["type"].as_str() {
            Some(kind) if kind.eq_ignore_ascii_case("work") => 0,
            None => 1,
            Some(_) => 2,
        };
        (kind, email["primary"] != Value::Bool(true))
    };
    let with_address = emails.iter().filter(|email| email["value"].as_str().is_some_and(|text| text.contains('@')));
    with_address.min_by_key(rank).and_then(|email| email["value"].as_str()).map(str::to_owned)
}

/// What a person reads for somebody.
fn readable(resource: &Resource) -> Option<String> {
    let name = |part: &str| resource.get("name").and_then(|name| name[part].as_str());
    let parts = [name("givenName"), name("familyName")].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let display_name = resource.get("displayName").and_then(Value::as_str);
    let found = [display_name, name("formatted"), Some(&*parts)].into_iter().flatten();
    found.map(str::trim).find(|name| !name.is_empty()).map(str::to_owned)
}

/// A person as they were sent.
pub fn stored(provided: &ProvidedUser) -> Resource {
    let mut resource: Resource = serde_json::from_str(&provided.attributes).unwrap_or_default();
    resource.insert("userName".into(), provided.user_name.clone().into());
    if let Some(external_id) = &provided.external_id {
        resource.insert("externalId".into(), external_id.clone().into());
    }
    if let Some(active) = provided.active {
        resource.insert("active".into(), active.into());
    }
    resource
}

/// A person as they are told of.
pub fn user(provisioned: &Provisioned, id: &str, place: &Place, with_groups: bool) -> Option<Resource> {
    let user = provisioned.user(id)?;
    let mut resource = stored(&user.provided);
    // Whoever was sent without it is active like anybody else.
    resource.entry("active").or_insert((!user.is_out()).into());
    let schemas: Vec<&str> =
        [USER].into_iter().chain(resource.contains_key(ENTERPRISE_USER).then_some(ENTERPRISE_USER)).collect();
    resource.insert("schemas".into(), schemas.into());
    resource.insert("id".into(), id.into());
    resource.insert("meta".into(), meta(place, Kind::User, id, (user.created, user.modified), user.version));
    if with_groups {
        let group = |id: &str| {
            let display = &provisioned.group(id)?.display_name;
            Some(json!({"value": id, "$ref": place.of(Kind::Group, id), "display": display}))
        };
        let groups: Vec<Value> = provisioned.groups_of(id).filter_map(group).collect();
        if !groups.is_empty() {
            resource.insert("groups".into(), groups.into());
        }
    }
    Some(resource)
}

/// A group as it is told of.
pub fn group(provisioned: &Provisioned, id: &str, place: &Place, with_members: bool) -> Option<Resource> {
    let group = provisioned.group(id)?;
    let mut resource = Resource::from_iter([
        ("schemas".to_owned(), json!([GROUP])),
        ("id".to_owned(), id.into()),
        ("displayName".to_owned(), group.display_name.clone().into()),
        ("meta".to_owned(), meta(place, Kind::Group, id, (group.created, group.modified), group.version)),
    ]);
    if let Some(external_id) = &group.external_id {
        resource.insert("externalId".to_owned(), external_id.clone().into());
    }
    if with_members {
        let member = |user: &str| json!({"value": user, "$ref": place.of(Kind::User, user), "type": "User"});
        let members: Vec<Value> = provisioned.members(id).map(member).collect();
        if !members.is_empty() {
            resource.insert(MEMBERS.to_owned(), members.into());
        }
    }
    Some(resource)
}

fn meta(place: &Place, kind: Kind, id: &str, (created, modified): (i64, i64), version: u64) -> Value {
    Value::Object(Map::from_iter([
        ("resourceType".to_owned(), kind.name().into()),
        ("created".to_owned(), rfc3339_utc(created).into()),
        ("lastModified".to_owned(), rfc3339_utc(modified).into()),
        ("location".to_owned(), place.of(kind, id).into()),
        ("version".to_owned(), etag(version).into()),
    ]))
}
