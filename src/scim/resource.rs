//! Resources as they are taken: known attributes by their right names, of the right types, each within its limit.

use serde_json::{Map, Value};

use super::error::{ScimError, ScimType};
use super::filter::boolean;
use super::schema::{Attribute, Kind, Mutability, Type, named};

/// Attributes by name; those of an extension are in an object by its URN.
pub type Resource = Map<String, Value>;

/// The attribute whose values are people, which may be very many: it is kept apart from the rest of a group.
pub const MEMBERS: &str = "members";

/// Characters of a text, as of names everywhere.
const MAX_CHARS: usize = 512;
/// Values of an attribute other than members.
const MAX_VALUES: usize = 50;

impl Kind {
    /// Reads a resource as it was sent. What the server alone says is left out, and so is what is not kept.
    pub fn read(self, body: Value) -> Result<Resource, ScimError> {
        let Value::Object(body) = body else {
            return Err(ScimError::syntax(format!("a {} must be a JSON object", self.name())));
        };
        let mut resource = Resource::new();
        for (name, value) in body {
            if let Some((urn, attributes)) = self.extension(&name) {
                let extension = part_by_part(&name, value, |name| named(name, attributes))?;
                if !extension.is_empty() {
                    resource.insert(urn.to_owned(), Value::Object(extension));
                }
                continue;
            }
            let Some(attribute) = self.attribute(&name).filter(|known| is_taken(known)) else { continue };
            if let Some(value) = attribute.read(value)? {
                resource.insert(attribute.name.to_owned(), value);
            }
        }
        self.check(&resource)?;
        Ok(resource)
    }

    /// Refuses a resource without what it needs.
    pub fn check(self, resource: &Resource) -> Result<(), ScimError> {
        for attribute in self.all_attributes().filter(|attribute| attribute.required) {
            let given = resource.get(attribute.name).and_then(Value::as_str).unwrap_or_default();
            if given.trim().is_empty() {
                return Err(ScimError::value(format!("{} is missing; a {} needs it", attribute.name, self.name())));
            }
        }
        Ok(())
    }
}

/// Whether what is sent of an attribute is looked at; RFC 7644 has the rest ignored.
pub fn is_taken(attribute: &Attribute) -> bool {
    attribute.mutability != Mutability::ReadOnly
}

impl Attribute {
    /// Reads what was sent of it; nothing where that says that there is none.
    pub fn read(&'static self, value: Value) -> Result<Option<Value>, ScimError> {
        if !self.many {
            return self.read_one(value);
        }
        let values = match value {
            Value::Null => return Ok(None),
            Value::Array(values) => values,
            // A list of one that was sent as that one.
            value => vec![value],
        };
        if values.len() > MAX_VALUES && self.name != MEMBERS {
            return Err(ScimError::value(format!(
                "{} has {} values; at most {MAX_VALUES} are allowed",
                self.name,
                values.len()
            )));
        }
        let read: Vec<Value> =
            values.into_iter().filter_map(|value| self.read_one(value).transpose()).collect::<Result<_, _>>()?;
        let primary = read.iter().filter(|value| is_primary(value)).count();
        if primary > 1 {
            return Err(ScimError::value(format!(
                "{} has {primary} primary values; at most one is allowed",
                self.name
            )));
        }
        Ok((!read.is_empty()).then_some(Value::Array(read)))
    }

    /// Reads one value, also of a list.
    pub fn read_one(&'static self, value: Value) -> Result<Option<Value>, ScimError> {
        let wrong = |what: &str, given: &Value| {
            Err(ScimError::value(format!("{} must be {what}, and is {}", self.name, shortened(given))))
        };
        match (self.kind, value) {
            (_, Value::Null) => Ok(None),
            (Type::Complex, Value::Object(parts)) => {
                let parts = part_by_part(self.name, Value::Object(parts), |name| self.part(name))?;
                Ok((!parts.is_empty()).then_some(Value::Object(parts)))
            }
            // Some send the value alone for an object that has one, such as the id of a manager.
            (Type::Complex, Value::String(text)) => match self.part("value") {
                Some(value) => {
                    let text = value.read(Value::String(text))?;
                    Ok(text.map(|text| Value::Object(Map::from_iter([(value.name.to_owned(), text)]))))
                }
                None => wrong("an object", &Value::String(text)),
            },
            (Type::Complex, given) => wrong("an object", &given),
            (Type::Boolean, Value::Bool(is)) => Ok(Some(is.into())),
            (Type::Boolean, Value::String(text)) => match boolean(&text) {
                Some(is) => Ok(Some(is.into())),
                None => wrong("true or false", &Value::String(text)),
            },
            (Type::Boolean, given) => wrong("true or false", &given),
            (_, Value::String(text)) => {
                let characters = text.chars().count();
                if characters > MAX_CHARS {
                    return Err(ScimError::value(format!(
                        "{} has {characters} characters; at most {MAX_CHARS} are allowed",
                        self.name
                    )));
                }
                if text.chars().any(char::is_control) {
                    return Err(ScimError::value(format!("{} has a control character", self.name)));
                }
                Ok(Some(text.into()))
            }
            (_, given) => wrong("a text", &given),
        }
    }
}

fn part_by_part(
    of: &str,
    value: Value,
    find: impl Fn(&str) -> Option<&'static Attribute>,
) -> Result<Resource, ScimError> {
    let parts = match value {
        Value::Object(parts) => parts,
        Value::Null => return Ok(Resource::new()),
        given => return Err(ScimError::value(format!("{of} must be an object, and is {}", shortened(&given)))),
    };
    let mut read = Resource::new();
    for (name, value) in parts {
        let Some(part) = find(&name).filter(|part| is_taken(part)) else { continue };
        if let Some(value) = part.read(value)? {
            read.insert(part.name.to_owned(), value);
        }
    }
    Ok(read)
}

pub fn is_primary(value: &Value) -> bool {
    value.get("primary") == Some(&Value::Bool(true))
}

/// What was given, short enough for a message.
pub fn shortened(given: &Value) -> String {
    let text = given.to_string();
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

/// The ids of people in a list of members. Groups in groups are refused: half of their people would be lost.
pub fn member_ids(members: &Value) -> Result<Vec<String>, ScimError> {
    let members = members.as_array().map_or(std::slice::from_ref(members), Vec::as_slice);
    let id = |member: &Value| {
        if member.get("type").and_then(Value::as_str).is_some_and(|kind| kind.eq_ignore_ascii_case("Group")) {
            return Err(ScimError::value("a group is among the members; only people can be, so send those"));
        }
        match member.get("value").and_then(Value::as_str) {
            Some(id) if !id.is_empty() => Ok(id.to_owned()),
            _ => Err(ScimError::new(ScimType::InvalidValue, "a member has no value, which is the id of a person")),
        }
    };
    members.iter().map(id).collect()
}

#[cfg(test)]
mod tests {
    use super::super::schema::ENTERPRISE_USER;
    use super::*;
    use serde_json::json;

    #[test]
    fn what_providers_send_is_read_as_it_was_meant() {
        let sent = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "USERNAME": "ada@acme.example",
            "id": "mine", "meta": {"version": "1"}, "groups": [{"value": "g"}],
            "active": "True",
            "displayName": null,
            "password": "secret", "title": "Lead", "unheardOf": {"deep": [1]},
            "emails": {"Value": "ada@acme.example", "type": "work", "primary": "true"},
            ENTERPRISE_USER: {"department": "R&D", "manager": "boss", "badge": 7},
        });
        let expected = json!({
            "userName": "ada@acme.example",
            "active": true,
            "emails": [{"value": "ada@acme.example", "type": "work", "primary": true}],
            ENTERPRISE_USER: {"department": "R&D", "manager": {"value": "boss"}},
        });
        assert_eq!(Value::Object(Kind::User.read(sent).unwrap()), expected);
    }

    #[test]
    fn what_would_be_lost_is_refused() {
        let long = "x".repeat(513);
        let emails = |count: usize| vec![json!({"value": "a@b"}); count];
        for (sent, words) in [
            (json!([]), "a User must be a JSON object"),
            (json!({}), "userName is missing; a User needs it"),
            (json!({"userName": " "}), "userName is missing"),
            (json!({"userName": 7}), "userName must be a text, and is 7"),
            (json!({"userName": long}), "userName has 513 characters; at most 512"),
            (json!({"userName": "a\u{0}"}), "control character"),
            (json!({"userName": "a", "active": "perhaps"}), "active must be true or false, and is \"perhaps\""),
            (json!({"userName": "a", "name": "Ada"}), "name must be an object"),
            (json!({"userName": "a", "emails": emails(51)}), "emails has 51 values; at most 50"),
            (
                json!({"userName": "a", "emails": vec![json!({"value": "a@b", "primary": true}); 2]}),
                "emails has 2 primary values",
            ),
            (json!({"userName": "a", ENTERPRISE_USER: [1]}), "must be an object, and is [1]"),
        ] {
            let refused = Kind::User.read(sent.clone()).unwrap_err();
            assert!(refused.detail.contains(words), "{sent}: {refused}");
        }
        assert!(member_ids(&json!([{"value": "g", "type": "Group"}])).is_err());
        assert!(member_ids(&json!([{"display": "Ada"}])).is_err());
        assert_eq!(member_ids(&json!([{"value": "a"}, {"value": "b", "type": "User"}])).unwrap(), ["a", "b"]);
    }
}
