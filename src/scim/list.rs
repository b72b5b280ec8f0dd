//! Which part of a list, and which attributes of a resource, somebody asked for (RFC 7644, sections 3.4.2.4 and 3.9).

use serde_json::{Map, Value};

use super::error::ScimError;
use super::location::{Found, Location, Within};
use super::resource::Resource;
use super::schema::Kind;

/// Names in `attributes` or `excludedAttributes`.
const MAX_NAMES: usize = 100;

/// A page of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// How many resources come before it.
    pub skipped: usize,
    pub count: usize,
}

impl Page {
    /// From `startIndex`, which counts from 1, and `count`: what is out of range is what is next to it, by the RFC.
    pub fn new(start: Option<i64>, count: Option<i64>, usual: usize, most: usize) -> Page {
        let count = count.map_or(usual, |count| usize::try_from(count).unwrap_or(0));
        Page { skipped: start.map_or(0, |start| usize::try_from(start - 1).unwrap_or(0)), count: count.min(most) }
    }
}

/// Which attributes of resources are asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Chosen {
    /// Only these; all of them when absent.
    only: Option<Vec<Name>>,
    /// And of those, these not.
    without: Vec<Name>,
}

#[derive(Debug, Clone, PartialEq)]
enum Name {
    At(Location),
    Extension(&'static str),
}

impl Chosen {
    /// From `attributes` and `excludedAttributes`, names with commas between. Those that are not kept are not there.
    pub fn new(attributes: Option<&str>, excluded: Option<&str>, kind: Kind) -> Result<Chosen, ScimError> {
        let without = excluded.map(|excluded| names(excluded, kind)).transpose()?.unwrap_or_default();
        Ok(Chosen { only: attributes.map(|attributes| names(attributes, kind)).transpose()?, without })
    }

    /// Whether an attribute is asked for at all.
    pub fn has(&self, attribute: &str) -> bool {
        let is_it =
            |name: &Name| matches!(name, Name::At(at) if at.extension.is_none() && at.attribute.name == attribute);
        let whole = |name: &Name| is_it(name) && matches!(name, Name::At(at) if at.part.is_none());
        self.only.as_ref().is_none_or(|only| only.iter().any(is_it)) && !self.without.iter().any(whole)
    }

    /// Leaves what was asked for, and what is in every answer.
    pub fn of(&self, mut resource: Resource, kind: Kind) -> Resource {
        let always = |name: &str| kind.attribute(name).is_some_and(|attribute| attribute.always);
        if let Some(only) = &self.only {
            let mut left: Resource = Map::new();
            for (name, value) in resource {
                if always(&name) {
                    left.insert(name, value);
                } else if let Some(value) = part_of(only, &name, value) {
                    left.insert(name, value);
                }
            }
            resource = left;
        }
        for name in &self.without {
            match name {
                Name::Extension(urn) => drop(resource.remove(*urn)),
                Name::At(at) if at.extension.is_none() && always(at.attribute.name) => {}
                Name::At(at) => without(&mut resource, at),
            }
        }
        resource
    }
}

fn names(text: &str, kind: Kind) -> Result<Vec<Name>, ScimError> {
    let names: Vec<&str> = text.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    if names.len() > MAX_NAMES {
        let count = names.len();
        return Err(ScimError::value(format!("{count} attributes are named; at most {MAX_NAMES} are allowed")));
    }
    let found = names.into_iter().filter_map(|name| match Within::Resource(kind).find(name) {
        Found::At(at) => Some(Name::At(at)),
        Found::Extension(urn, _) => Some(Name::Extension(urn)),
        Found::NotKept | Found::Unknown => None,
    });
    Ok(found.collect())
}

/// What of an attribute is asked for.
fn part_of(only: &[Name], name: &str, value: Value) -> Option<Value> {
    let mut parts: Vec<&str> = Vec::new();
    for wanted in only {
        match wanted {
            Name::Extension(urn) if *urn == name => return Some(value),
            Name::At(Location { extension: None, attribute, part: None }) if attribute.name == name => {
                return Some(value);
            }
            Name::At(Location { extension: None, attribute, part: Some(part) }) if attribute.name == name => {
                parts.push(part.name);
            }
            Name::At(Location { extension: Some(urn), attribute, .. }) if *urn == name => parts.push(attribute.name),
            _ => {}
        }
    }
    if parts.is_empty() {
        return None;
    }
    let only_parts = |value: Value| match value {
        Value::Object(value) => Value::Object(value.into_iter().filter(|(name, _)| parts.contains(&&**name)).collect()),
        value => value,
    };
    Some(match value {
        Value::Array(values) => Value::Array(values.into_iter().map(only_parts).collect()),
        value => only_parts(value),
    })
}

fn without(resource: &mut Resource, at: &Location) {
    let of = match at.extension {
        None => Some(resource),
        Some(urn) => resource.get_mut(urn).and_then(Value::as_object_mut),
    };
    let Some(of) = of else { return };
    let Some(part) = at.part else {
        of.remove(at.attribute.name);
        return;
    };
    let remove = |value: &mut Value| drop(value.as_object_mut().and_then(|value| value.remove(part.name)));
    match of.get_mut(at.attribute.name) {
        Some(Value::Array(values)) => values.iter_mut().for_each(remove),
        Some(value) => remove(value),
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::schema::ENTERPRISE_USER;
    use super::*;
    use serde_json::json;

    #[test]
    fn a_page_counts_from_one_and_has_bounds() {
        let check = |start, count, expected| {
            let Page { skipped, count } = Page::new(start, count, 100, 200);
            assert_eq!((skipped, count), expected);
        };
        check(None, None, (0, 100));
        check(Some(1), Some(10), (0, 10));
        check(Some(11), Some(10), (10, 10));
        check(Some(0), Some(-1), (0, 0));
        check(Some(i64::MIN + 1), Some(i64::MAX), (0, 200));
    }

    #[test]
    fn an_answer_has_what_was_asked_for_and_what_is_always_there() {
        let ada = json!({
            "schemas": ["s"], "id": "ada", "userName": "ada", "displayName": "Ada",
            "name": {"givenName": "Ada", "familyName": "Byron"}, "meta": {"version": "1"},
            ENTERPRISE_USER: {"department": "R&D", "division": "X"},
        });
        let check = |attributes: Option<&str>, excluded: Option<&str>, expected: &str| {
            let chosen = Chosen::new(attributes, excluded, Kind::User).unwrap();
            let left = chosen.of(ada.as_object().unwrap().clone(), Kind::User);
            let names: Vec<&str> = left.keys().map(|name| if name == ENTERPRISE_USER { "urn" } else { name }).collect();
            assert_eq!(names.join(" "), expected, "{attributes:?} {excluded:?}");
            left
        };
        check(None, None, "displayName id meta name schemas urn userName");
        check(Some("USERNAME"), None, "id schemas userName");
        check(Some("nothing"), None, "id schemas");
        check(None, Some("displayName,meta,id"), "id name schemas urn userName");
        let left = check(Some("name.givenName"), None, "id name schemas");
        assert_eq!(left["name"], json!({"givenName": "Ada"}));
        let left = check(Some(&format!("{ENTERPRISE_USER}:division")), None, "id schemas urn");
        assert_eq!(left[ENTERPRISE_USER], json!({"division": "X"}));
        let left = check(None, Some("name.givenName"), "displayName id meta name schemas urn userName");
        assert_eq!(left["name"], json!({"familyName": "Byron"}));
        let chosen = Chosen::new(None, Some("members"), Kind::Group).unwrap();
        assert!(!chosen.has("members") && Chosen::default().has("members"));
    }
}
