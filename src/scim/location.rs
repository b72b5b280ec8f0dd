//! Where in a resource something is: an attribute, or a part of one.

use serde_json::{Map, Value};

use super::schema::{Attribute, Kind, Type, is_not_kept, named};

/// An attribute, with the extension that it is of, and a part of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Location {
    pub extension: Option<&'static str>,
    pub attribute: &'static Attribute,
    pub part: Option<&'static Attribute>,
}

/// What names are looked up in.
#[derive(Debug, Clone, Copy)]
pub enum Within {
    Resource(Kind),
    /// One value of an attribute, as in brackets.
    Value(&'static Attribute),
}

/// What a name turned out to be.
#[derive(Debug, PartialEq)]
pub enum Found {
    At(Location),
    /// All of an extension.
    Extension(&'static str, &'static [Attribute]),
    /// Of the RFC, and not kept here.
    NotKept,
    Unknown,
}

impl Within {
    /// Looks up `name`, `name.part`, either with the URN of a schema before it, or the URN of an extension alone.
    pub fn find(self, path: &str) -> Found {
        let kind = match self {
            Within::Resource(kind) => kind,
            Within::Value(attribute) => {
                let part = attribute.part(path);
                let at = |part| Found::At(Location { extension: None, attribute: part, part: None });
                return part.map_or(Found::Unknown, at);
            }
        };
        if let Some((urn, attributes)) = kind.extension(path) {
            return Found::Extension(urn, attributes);
        }
        // What comes after the last colon of a URN is the name; versions within it have a dot of their own.
        let (extension, path) = match path.rsplit_once(':') {
            None => (None, path),
            Some((schema, path)) if schema.eq_ignore_ascii_case(kind.schema()) => (None, path),
            Some((schema, path)) => match kind.extension(schema) {
                Some(extension) => (Some(extension), path),
                None if is_urn(schema) => return Found::NotKept,
                None => return Found::Unknown,
            },
        };
        let (name, part) = path.split_once('.').map_or((path, None), |(name, part)| (name, Some(part)));
        let attribute = match extension {
            Some((_, attributes)) => named(name, attributes),
            None => kind.attribute(name),
        };
        let nothing = |name| if is_not_kept(name) { Found::NotKept } else { Found::Unknown };
        let Some(attribute) = attribute else {
            return if extension.is_some() { Found::Unknown } else { nothing(name) };
        };
        let part = match part {
            None => None,
            Some(part) => match attribute.part(part) {
                Some(part) => Some(part),
                None => return nothing(part),
            },
        };
        Found::At(Location { extension: extension.map(|(urn, _)| urn), attribute, part })
    }
}

/// Whether it is the name of a schema: those that are not ours may say what they like.
pub fn is_urn(name: &str) -> bool {
    name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:"))
}

impl Location {
    /// The values that are there; of a complex attribute that names no part, what its values are known by.
    pub fn values<'v>(&self, of: &'v Map<String, Value>) -> Vec<&'v Value> {
        let of = match self.extension {
            None => Some(of),
            Some(urn) => of.get(urn).and_then(Value::as_object),
        };
        let Some(found) = of.and_then(|of| of.get(self.attribute.name)) else { return Vec::new() };
        let all = found.as_array().map_or(std::slice::from_ref(found), Vec::as_slice);
        let part = match (self.part, self.attribute.kind) {
            (Some(part), _) => part.name,
            (None, Type::Complex) => "value",
            (None, _) => return all.iter().collect(),
        };
        all.iter().filter_map(|value| value.get(part)).collect()
    }

    /// Whether anything is there at all.
    pub fn is_present(&self, of: &Map<String, Value>) -> bool {
        if self.part.is_none() && self.attribute.kind == Type::Complex {
            let of = match self.extension {
                None => Some(of),
                Some(urn) => of.get(urn).and_then(Value::as_object),
            };
            return of.is_some_and(|of| of.contains_key(self.attribute.name));
        }
        !self.values(of).is_empty()
    }

    /// What its values are compared as.
    pub fn compared(&self) -> &'static Attribute {
        let value = || self.attribute.part("value").filter(|_| self.attribute.kind == Type::Complex);
        self.part.or_else(value).unwrap_or(self.attribute)
    }
}
