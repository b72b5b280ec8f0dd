//! What PATCH does to a resource (RFC 7644, section 3.5.2), as providers send it.

use serde_json::{Map, Value};

use super::error::{ScimError, ScimType};
use super::filter::Filter;
use super::location::{Found, Location, Within};
use super::resource::{MEMBERS, Resource, is_primary, is_taken, member_ids, shortened};
use super::schema::{Attribute, Kind, Type};

/// Operations of one request.
const MAX_OPERATIONS: usize = 1000;

/// The operations of a request, in order.
#[derive(Debug)]
pub struct Operations(Vec<Operation>);

#[derive(Debug, Clone)]
struct Operation {
    verb: Verb,
    path: Option<String>,
    value: Option<Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Add,
    Replace,
    Remove,
}

/// What is meant by a path.
#[derive(Debug)]
struct Target {
    at: Location,
    /// Only of those values for which it holds.
    filter: Option<Filter>,
}

#[derive(Debug)]
enum Meant {
    At(Target),
    Extension(&'static str),
    /// It is not kept here.
    Nothing,
}

/// What is asked of a group. Its members are steps and not a list: a large group is changed by one person without all
/// the others being looked at.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Group {
    pub display_name: Option<String>,
    /// `Some(None)` takes it out.
    pub external_id: Option<Option<String>>,
    pub members: Vec<MemberStep>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum MemberStep {
    Add(Vec<String>),
    Remove(Vec<String>),
    /// Those whose `value` the filter holds of.
    RemoveWhere(Filter),
    Replace(Vec<String>),
}

impl Operations {
    /// Reads the body of a request.
    pub fn read(body: Value) -> Result<Operations, ScimError> {
        let Value::Object(body) = body else { return Err(ScimError::syntax("the body must be a JSON object")) };
        let operations = body.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("Operations"));
        let Some((_, Value::Array(operations))) = operations else {
            return Err(ScimError::syntax("Operations is missing; it must be a list"));
        };
        if operations.len() > MAX_OPERATIONS {
            let count = operations.len();
            return Err(ScimError::new(
                ScimType::TooMany,
                format!("there are {count} operations; at most {MAX_OPERATIONS} are allowed"),
            ));
        }
        operations.into_iter().map(Operation::read).collect::<Result<_, _>>().map(Operations)
    }

    /// Changes a user.
    pub fn apply(&self, kind: Kind, resource: &mut Resource) -> Result<(), ScimError> {
        for Operation { verb, path, value } in self.0.iter().cloned() {
            match path {
                Some(path) => apply(kind, resource, verb, &path, value)?,
                None => {
                    for (path, value) in several(verb, value)? {
                        apply(kind, resource, verb, &path, Some(value))?;
                    }
                }
            }
        }
        kind.check(resource)
    }

    /// Reads what is asked of a group.
    pub fn of_group(self) -> Result<Group, ScimError> {
        let mut group = Group::default();
        for Operation { verb, path, value } in self.0 {
            match path {
                Some(path) => group.take(verb, &path, value)?,
                None => several(verb, value)?
                    .into_iter()
                    .try_for_each(|(path, value)| group.take(verb, &path, Some(value)))?,
            }
        }
        Ok(group)
    }
}

impl Operation {
    fn read(sent: Value) -> Result<Operation, ScimError> {
        let Value::Object(sent) = sent else {
            return Err(ScimError::syntax(format!("an operation must be an object, and is {}", shortened(&sent))));
        };
        let (mut verb, mut path, mut value) = (None, None, None);
        for (name, sent) in sent {
            match (name.to_ascii_lowercase().as_str(), sent) {
                ("op", Value::String(op)) => verb = Some(Verb::read(&op)?),
                ("path", Value::String(text)) => path = Some(text).filter(|path| !path.trim().is_empty()),
                ("path", Value::Null) => {}
                ("value", sent) => value = Some(sent),
                ("op" | "path", sent) => {
                    return Err(ScimError::syntax(format!("{name} must be a text, and is {}", shortened(&sent))));
                }
                _ => {}
            }
        }
        let verb = verb.ok_or_else(|| ScimError::syntax("an operation has no op; allowed: add, replace, remove"))?;
        if verb == Verb::Remove && path.is_none() {
            return Err(ScimError::new(ScimType::NoTarget, "remove needs a path: what is to be removed"));
        }
        Ok(Operation { verb, path, value })
    }
}

impl Verb {
    fn read(op: &str) -> Result<Verb, ScimError> {
        [("add", Verb::Add), ("replace", Verb::Replace), ("remove", Verb::Remove)]
            .into_iter()
            .find(|(name, _)| op.eq_ignore_ascii_case(name))
            .map(|(_, verb)| verb)
            .ok_or_else(|| ScimError::syntax(format!("op is '{op}'; allowed: add, replace, remove")))
    }
}

/// The attributes of an operation without a path, each by its name, which may be a path.
fn several(verb: Verb, value: Option<Value>) -> Result<Map<String, Value>, ScimError> {
    match value {
        Some(Value::Object(values)) => Ok(values),
        given => Err(ScimError::value(format!(
            "{verb:?} without a path needs a value that is an object, and it is {}",
            shortened(&given.unwrap_or_default())
        ))),
    }
}

/// Reads a path: an attribute or a part of it, which values of it in brackets, and then a part of these.
fn meant(kind: Kind, path: &str) -> Result<Meant, ScimError> {
    let path = path.trim();
    // A filter may have brackets in its texts.
    let (name, filter, part) = match path.split_once('[').zip(path.rfind(']')) {
        Some(((name, _), end)) if end > name.len() => (name, Some(&path[name.len() + 1..end]), &path[end + 1..]),
        _ => (path, None, ""),
    };
    let unknown = || Err(ScimError::path(format!("the path '{path}' names no attribute that is kept here")));
    let mut at = match Within::Resource(kind).find(name) {
        Found::At(at) => at,
        Found::Extension(urn, _) if filter.is_none() => return Ok(Meant::Extension(urn)),
        Found::NotKept => return Ok(Meant::Nothing),
        Found::Extension(..) | Found::Unknown => return unknown(),
    };
    let Some(filter) = filter else { return Ok(Meant::At(Target { at, filter: None })) };
    if at.part.is_some() || at.attribute.kind != Type::Complex {
        return Err(ScimError::path(format!("the path '{path}' has a filter on what has no parts")));
    }
    let filter = Filter::parse_within(filter, Within::Value(at.attribute))?;
    if !part.is_empty() {
        at.part = part.strip_prefix('.').and_then(|part| at.attribute.part(part));
        if at.part.is_none() {
            return unknown();
        }
    }
    Ok(Meant::At(Target { at, filter: Some(filter) }))
}

fn apply(kind: Kind, resource: &mut Resource, verb: Verb, path: &str, value: Option<Value>) -> Result<(), ScimError> {
    match meant(kind, path)? {
        Meant::Nothing => Ok(()),
        Meant::Extension(urn) if verb == Verb::Remove => {
            resource.remove(urn);
            Ok(())
        }
        Meant::Extension(urn) => {
            // Some list the schemas in there as well.
            let named = several(verb, value)?.into_iter().filter(|(name, _)| !name.eq_ignore_ascii_case("schemas"));
            for (name, value) in named {
                apply(kind, resource, verb, &format!("{urn}:{name}"), Some(value))?;
            }
            Ok(())
        }
        Meant::At(target) if !is_taken(target.at.attribute) || target.at.part.is_some_and(|part| !is_taken(part)) => {
            // Providers send back what they were told, such as the id.
            match verb {
                Verb::Remove => Err(ScimError::new(
                    ScimType::Mutability,
                    format!("'{path}' is the server's, and cannot be removed"),
                )),
                Verb::Add | Verb::Replace => Ok(()),
            }
        }
        Meant::At(target) => target.apply(resource, verb, path, value),
    }
}

impl Target {
    fn apply(&self, resource: &mut Resource, verb: Verb, path: &str, value: Option<Value>) -> Result<(), ScimError> {
        let Some(urn) = self.at.extension else { return self.change(resource, verb, path, value) };
        let mut extension = match resource.remove(urn) {
            Some(Value::Object(extension)) => extension,
            _ => Map::new(),
        };
        self.change(&mut extension, verb, path, value)?;
        if !extension.is_empty() {
            resource.insert(urn.to_owned(), Value::Object(extension));
        }
        Ok(())
    }

    fn change(&self, of: &mut Resource, verb: Verb, path: &str, value: Option<Value>) -> Result<(), ScimError> {
        let attribute = self.at.attribute;
        let value = value.unwrap_or_default();
        match (verb, self.at.part) {
            (Verb::Remove, Some(part)) => self.unset(of, part),
            (Verb::Remove, None) if self.filter.is_some() => keep(of, attribute, |value| !self.is_meant(value)),
            // Some send which values of a list in the place of a filter.
            (Verb::Remove, None) if attribute.many && !is_nothing(&value) => {
                let gone = attribute.read(value)?.unwrap_or_default();
                let gone = gone.as_array().map_or(&[][..], Vec::as_slice);
                keep(of, attribute, |value| !gone.iter().any(|gone| is_of(value, gone)));
            }
            (Verb::Remove, None) => drop(of.remove(attribute.name)),
            (_, Some(part)) => match part.read(value)? {
                Some(new) => self.set(of, &Map::from_iter([(part.name.to_owned(), new)])),
                None => self.unset(of, part),
            },
            (_, None) if self.filter.is_some() => match attribute.read_one(value)? {
                Some(Value::Object(parts)) => self.set(of, &parts),
                _ => return Err(ScimError::value(format!("{verb:?} of '{path}' needs a value that is an object"))),
            },
            (Verb::Add, None) if attribute.many => {
                let Some(Value::Array(new)) = attribute.read(value)? else { return Ok(()) };
                add(of, attribute, new);
            }
            (_, None) => match attribute.read(value)? {
                None => drop(of.remove(attribute.name)),
                // What the new value of a complex attribute does not name stays.
                Some(Value::Object(parts)) => self.set(of, &parts),
                Some(new) => drop(of.insert(attribute.name.to_owned(), new)),
            },
        }
        // As many values as there may be, and one primary among them.
        of.get(attribute.name).map_or(Ok(None), |values| attribute.read(values.clone())).map(drop)
    }

    fn is_meant(&self, value: &Value) -> bool {
        let holds = |filter: &Filter| value.as_object().is_some_and(|value| filter.matches(value));
        self.filter.as_ref().is_none_or(holds)
    }

    /// Sets parts of every value that is meant; of one that is made for it where there is none.
    fn set(&self, of: &mut Resource, parts: &Map<String, Value>) {
        let attribute = self.at.attribute;
        let many = attribute.many;
        let found = of
            .entry(attribute.name)
            .or_insert_with(|| if many { Value::Array(Vec::new()) } else { Value::Object(Map::new()) });
        let Value::Array(values) = found else {
            found.as_object_mut().expect("a complex value").extend(parts.clone());
            return;
        };
        let made = (!values.iter().any(|value| self.is_meant(value))).then_some(values.len());
        if made.is_some() {
            values.push(Value::Object(self.filter.as_ref().map(Filter::example).unwrap_or_default()));
        }
        for (at, value) in values.iter_mut().enumerate() {
            // What was made need not be what the filter says in every respect.
            let is_meant = made == Some(at) || self.is_meant(value);
            let value = value.as_object_mut().expect("values of a complex attribute are objects");
            if is_meant {
                value.extend(parts.clone());
            } else if parts.get("primary") == Some(&Value::Bool(true)) {
                value.insert("primary".into(), false.into());
            }
        }
    }

    fn unset(&self, of: &mut Resource, part: &Attribute) {
        let is_nothing_left = |value: &Value| value.as_object().is_some_and(Map::is_empty);
        match of.get_mut(self.at.attribute.name) {
            Some(Value::Array(values)) => {
                for value in values.iter_mut().filter(|value| self.is_meant(value)) {
                    drop(value.as_object_mut().and_then(|value| value.remove(part.name)));
                }
                keep(of, self.at.attribute, |value| !is_nothing_left(value));
            }
            Some(value) => {
                drop(value.as_object_mut().and_then(|value| value.remove(part.name)));
                if is_nothing_left(value) {
                    of.remove(self.at.attribute.name);
                }
            }
            None => {}
        }
    }
}

fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

/// Keeps some values of a list, and no list without any.
fn keep(of: &mut Resource, attribute: &Attribute, keeps: impl Fn(&Value) -> bool) {
    if let Some(Value::Array(values)) = of.get_mut(attribute.name) {
        values.retain(|value| keeps(value));
        if values.is_empty() {
            of.remove(attribute.name);
        }
    }
}

/// Whether a value is what was named: by its `value`, or by all that was said of it.
fn is_of(value: &Value, named: &Value) -> bool {
    match named.get("value") {
        Some(named) => value.get("value") == Some(named),
        None => value == named,
    }
}

/// Adds values to a list, each once; a new primary one is the only one.
fn add(of: &mut Resource, attribute: &Attribute, new: Vec<Value>) {
    let found = of.entry(attribute.name).or_insert_with(|| Value::Array(Vec::new()));
    let values = found.as_array_mut().expect("a list");
    if new.iter().any(is_primary) {
        for value in values.iter_mut().filter(|value| is_primary(value)) {
            value["primary"] = false.into();
        }
    }
    for new in new {
        let same = values.iter_mut().find(|value| {
            let of = |part: &str| value.get(part) == new.get(part);
            of("value") && of("type")
        });
        match same {
            Some(same) => *same = new,
            None => values.push(new),
        }
    }
}

impl Group {
    /// What a group is made of, or is to be altogether.
    pub fn whole(resource: &Resource) -> Result<Group, ScimError> {
        let text = |name: &str| resource.get(name).and_then(Value::as_str).map(str::to_owned);
        let members = resource.get(MEMBERS).map(member_ids).transpose()?.unwrap_or_default();
        Ok(Group {
            display_name: text("displayName"),
            external_id: Some(text("externalId")),
            members: vec![MemberStep::Replace(members)],
        })
    }

    fn take(&mut self, verb: Verb, path: &str, value: Option<Value>) -> Result<(), ScimError> {
        let target = match meant(Kind::Group, path)? {
            Meant::At(target) => target,
            Meant::Nothing | Meant::Extension(_) => return Ok(()),
        };
        let attribute = target.at.attribute;
        let value = value.unwrap_or_default();
        if attribute.name == MEMBERS {
            return self.take_members(verb, path, target, value);
        }
        if !is_taken(attribute) {
            // Providers send back what they were told, such as the id.
            return Ok(());
        }
        let text = if verb == Verb::Remove { None } else { attribute.read(value)? };
        let text = text.as_ref().and_then(Value::as_str).map(str::to_owned);
        match attribute.name {
            "externalId" => self.external_id = Some(text),
            _ => match text.filter(|text| !text.trim().is_empty()) {
                Some(name) => self.display_name = Some(name),
                None => {
                    return Err(ScimError::new(ScimType::Mutability, format!("'{path}' of a group cannot be removed")));
                }
            },
        }
        Ok(())
    }

    fn take_members(&mut self, verb: Verb, path: &str, target: Target, value: Value) -> Result<(), ScimError> {
        let step = match (verb, target.filter) {
            _ if target.at.part.is_some() => {
                return Err(ScimError::path(format!("'{path}' is a part of members; add or remove whole ones")));
            }
            (Verb::Remove, Some(filter)) => MemberStep::RemoveWhere(filter),
            (Verb::Remove, None) if is_nothing(&value) => MemberStep::Replace(Vec::new()),
            (verb, None) => {
                let members = target.at.attribute.read(value)?;
                let ids = members.as_ref().map(member_ids).transpose()?.unwrap_or_default();
                match verb {
                    Verb::Add => MemberStep::Add(ids),
                    Verb::Remove => MemberStep::Remove(ids),
                    Verb::Replace => MemberStep::Replace(ids),
                }
            }
            (_, Some(_)) => {
                return Err(ScimError::path(format!("'{path}' has a filter; members are added by their value")));
            }
        };
        self.members.push(step);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::schema::ENTERPRISE_USER;
    use super::*;
    use serde_json::json;

    fn ada() -> Resource {
        let ada = json!({
            "userName": "ada", "active": true, "name": {"givenName": "Ada", "familyName": "Byron"},
            "emails": [{"value": "ada@acme.example", "type": "work", "primary": true}, {"value": "a@home.example"}],
            ENTERPRISE_USER: {"department": "R&D"},
        });
        ada.as_object().unwrap().clone()
    }

    /// Operations on Ada, and what of her is another then; `null` is what is gone.
    #[track_caller]
    fn check(operations: Value, expected: Value) {
        let mut changed = ada();
        let read = Operations::read(json!({"Operations": operations})).unwrap();
        read.apply(Kind::User, &mut changed).unwrap_or_else(|e| panic!("{operations}: {e}"));
        let mut whole = ada();
        for (name, value) in expected.as_object().unwrap() {
            match value {
                Value::Null => drop(whole.remove(name)),
                value => drop(whole.insert(name.clone(), value.clone())),
            }
        }
        assert_eq!(Value::Object(changed), Value::Object(whole), "{operations}");
    }

    #[test]
    fn operations_do_what_the_rfc_says() {
        check(json!([]), json!({}));
        check(json!([{"op": "add", "path": "displayName", "value": "A"}]), json!({"displayName": "A"}));
        check(json!([{"op": "remove", "path": "active"}]), json!({"active": null}));
        check(json!([{"op": "remove", "path": "name.givenName"}]), json!({"name": {"familyName": "Byron"}}));
        check(
            json!([{"op": "remove", "path": "name.givenName"}, {"op": "remove", "path": "name.familyName"}]),
            json!({"name": null}),
        );
        check(
            json!([{"op": "replace", "path": "name", "value": {"familyName": "Lovelace"}}]),
            json!({"name": {"givenName": "Ada", "familyName": "Lovelace"}}),
        );
        check(
            json!([{"op": "replace", "path": "emails", "value": [{"value": "x@y", "type": "other"}]}]),
            json!({"emails": [{"value": "x@y", "type": "other"}]}),
        );
        let (work, home) = (
            json!({"value": "ada@acme.example", "type": "work", "primary": false}),
            json!({"value": "a@home.example"}),
        );
        let new = json!({"value": "x@y", "primary": true});
        check(json!([{"op": "add", "path": "emails", "value": [new]}]), json!({"emails": [work, home, new]}));
        check(json!([{"op": "remove", "path": "emails[type eq \"work\"]"}]), json!({"emails": [home]}));
        check(json!([{"op": "remove", "path": "emails"}]), json!({"emails": null}));
        check(
            json!([{"op": "replace", "path": "emails[type eq \"work\"].value", "value": "new@acme.example"}]),
            json!({"emails": [{"value": "new@acme.example", "type": "work", "primary": true}, home]}),
        );
        check(
            json!([{"op": "add", "path": ENTERPRISE_USER, "value": {"division": "X", "schemas": []}}]),
            json!({ENTERPRISE_USER: {"department": "R&D", "division": "X"}}),
        );
        check(json!([{"op": "remove", "path": ENTERPRISE_USER}]), json!({ENTERPRISE_USER: null}));
        check(
            json!([{"op": "remove", "path": format!("{ENTERPRISE_USER}:department")}]),
            json!({ENTERPRISE_USER: null}),
        );
    }

    #[test]
    fn operations_of_large_providers_do_what_they_mean() {
        // Entra: verbs with a capital, truth as text, dotted names without a path, values that have to be made.
        check(json!([{"op": "Replace", "path": "active", "value": "False"}]), json!({"active": false}));
        check(
            json!([{"op": "Add", "value": {
                "name.givenName": "Augusta", "DisplayName": "Augusta", format!("{ENTERPRISE_USER}:division"): "X",
            }}]),
            json!({
                "name": {"givenName": "Augusta", "familyName": "Byron"}, "displayName": "Augusta",
                ENTERPRISE_USER: {"department": "R&D", "division": "X"},
            }),
        );
        let emails = &ada()["emails"];
        check(
            json!([{"op": "Add", "path": "emails[type eq \"other\"].value", "value": "o@acme.example"}]),
            json!({"emails": [emails[0], emails[1], {"type": "other", "value": "o@acme.example"}]}),
        );
        check(
            json!([{"op": "Add", "path": format!("{ENTERPRISE_USER}:manager"), "value": "ben"}]),
            json!({ENTERPRISE_USER: {"department": "R&D", "manager": {"value": "ben"}}}),
        );
        check(json!([{"op": "Replace", "path": "addresses[type eq \"work\"].locality", "value": "Paris"}]), json!({}));
        check(
            json!([{"op": "Add", "path": "urn:ietf:params:scim:schemas:extension:acme:2.0:User:badge", "value": 7}]),
            json!({}),
        );
        check(
            json!([{"op": "remove", "path": "emails", "value": [{"value": "a@home.example"}]}]),
            json!({"emails": [emails[0]]}),
        );
        // Okta: everything that it knows, the id among it.
        check(
            json!([{"op": "replace", "value": {"id": "x", "active": false, "password": "p", "locale": "en"}}]),
            json!({"active": false}),
        );
        check(json!([{"op": "replace", "path": "externalId", "value": null}]), json!({}));
    }

    #[test]
    fn operations_that_make_no_sense_are_refused() {
        let many = vec![json!({"op": "add", "path": "active", "value": true}); 1001];
        for (operations, kind, words) in [
            (json!("x"), ScimType::InvalidSyntax, "Operations is missing"),
            (json!(["x"]), ScimType::InvalidSyntax, "an operation must be an object"),
            (json!([{"path": "active"}]), ScimType::InvalidSyntax, "has no op"),
            (json!([{"op": "move", "path": "active"}]), ScimType::InvalidSyntax, "op is 'move'; allowed: add"),
            (json!([{"op": "add", "path": 7}]), ScimType::InvalidSyntax, "path must be a text"),
            (json!([{"op": "remove"}]), ScimType::NoTarget, "remove needs a path"),
            (json!([{"op": "add", "value": 7}]), ScimType::InvalidValue, "needs a value that is an object"),
            (
                json!([{"op": "add", "path": "salary", "value": 7}]),
                ScimType::InvalidPath,
                "'salary' names no attribute",
            ),
            (
                json!([{"op": "add", "path": "emails[type eq].value", "value": "x"}]),
                ScimType::InvalidFilter,
                "where a value should",
            ),
            (json!([{"op": "add", "path": "active[type eq \"x\"]", "value": "x"}]), ScimType::InvalidPath, "no parts"),
            (json!([{"op": "replace", "path": "active", "value": "x"}]), ScimType::InvalidValue, "true or false"),
            (json!([{"op": "remove", "path": "userName"}]), ScimType::InvalidValue, "userName is missing"),
            (json!([{"op": "remove", "path": "id"}]), ScimType::Mutability, "cannot be removed"),
            (json!(many), ScimType::TooMany, "at most 1000"),
        ] {
            let read = Operations::read(json!({"Operations": operations}));
            let refused = read.and_then(|read| read.apply(Kind::User, &mut ada())).unwrap_err();
            assert!(refused.kind == kind && refused.detail.contains(words), "{operations}: {refused:?}");
        }
    }

    #[test]
    fn members_of_a_group_are_steps_in_any_form_that_providers_send() {
        let check = |operation: Value, expected: Group| {
            let read = Operations::read(json!({"Operations": [operation]})).unwrap().of_group();
            assert_eq!(read, Ok(expected), "{operation}");
        };
        let members = |step| Group { members: vec![step], ..Group::default() };
        let ids = |ids: &[&str]| ids.iter().map(|id| id.to_string()).collect::<Vec<_>>();
        let two = json!([{"value": "a"}, {"value": "b", "display": "Ben"}]);
        check(json!({"op": "add", "path": "members", "value": two}), members(MemberStep::Add(ids(&["a", "b"]))));
        check(json!({"op": "Add", "value": {"members": two}}), members(MemberStep::Add(ids(&["a", "b"]))));
        check(json!({"op": "Remove", "path": "members", "value": two}), members(MemberStep::Remove(ids(&["a", "b"]))));
        check(json!({"op": "remove", "path": "members"}), members(MemberStep::Replace(ids(&[]))));
        check(
            json!({"op": "replace", "path": "members", "value": two}),
            members(MemberStep::Replace(ids(&["a", "b"]))),
        );
        let filter = Filter::parse_within("value eq \"a\"", Within::Value(Kind::Group.attribute(MEMBERS).unwrap()));
        check(
            json!({"op": "remove", "path": "members[value eq \"a\"]"}),
            members(MemberStep::RemoveWhere(filter.unwrap())),
        );
        check(
            json!({"op": "replace", "value": {"id": "g", "displayName": "Engineers"}}),
            Group { display_name: Some("Engineers".into()), ..Group::default() },
        );
        check(json!({"op": "Remove", "path": "externalId"}), Group { external_id: Some(None), ..Group::default() });
    }
}
