//! Filters (RFC 7644, section 3.4.2.2): read, and asked of a resource.

use serde_json::{Map, Value};

use super::error::ScimError;
use super::location::{Found, Location, Within};
use super::schema::{Attribute, Kind, Type};

/// Bytes of a filter: many times what any provider sends.
const MAX_BYTES: usize = 4096;
/// Parentheses and brackets within each other.
const MAX_DEPTH: usize = 16;
/// Comparisons of one filter.
const MAX_TERMS: usize = 128;

#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    Compare(Location, Operator, Operand),
    Present(Location),
    /// A value of a list for which all of it holds.
    Within(Location, Box<Filter>),
    Not(Box<Filter>),
    And(Vec<Filter>),
    Or(Vec<Filter>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Equal,
    NotEqual,
    Contains,
    StartsWith,
    EndsWith,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operand {
    Text(String),
    Boolean(bool),
    Null,
}

const OPERATORS: [(&str, Operator); 9] = [
    ("eq", Operator::Equal),
    ("ne", Operator::NotEqual),
    ("co", Operator::Contains),
    ("sw", Operator::StartsWith),
    ("ew", Operator::EndsWith),
    ("gt", Operator::Greater),
    ("ge", Operator::GreaterOrEqual),
    ("lt", Operator::Less),
    ("le", Operator::LessOrEqual),
];

impl Filter {
    /// Reads a filter on resources of a kind.
    pub fn parse(text: &str, kind: Kind) -> Result<Filter, ScimError> {
        Filter::parse_within(text, Within::Resource(kind))
    }

    /// Reads what stands in brackets after an attribute.
    pub fn parse_within(text: &str, within: Within) -> Result<Filter, ScimError> {
        if text.len() > MAX_BYTES {
            let bytes = text.len();
            return Err(ScimError::filter(format!("the filter has {bytes} bytes; at most {MAX_BYTES} are allowed")));
        }
        let mut reader = Reader { text, at: 0, terms: 0 };
        let filter = reader.any_of(within, 0)?;
        match reader.rest().trim() {
            "" => Ok(filter),
            more => Err(ScimError::filter(format!("'{more}' follows the filter; only and, or and a term can"))),
        }
    }

    pub fn matches(&self, of: &Map<String, Value>) -> bool {
        match self {
            Filter::Compare(at, operator, operand) => compare(at, *operator, operand, of),
            Filter::Present(at) => at.is_present(of),
            Filter::Within(at, filter) => {
                let of = at.extension.map_or(Some(of), |urn| of.get(urn).and_then(Value::as_object));
                let found = of.and_then(|of| of.get(at.attribute.name));
                let all =
                    found.map_or(&[][..], |found| found.as_array().map_or(std::slice::from_ref(found), Vec::as_slice));
                all.iter().filter_map(Value::as_object).any(|value| filter.matches(value))
            }
            Filter::Not(filter) => !filter.matches(of),
            Filter::And(filters) => filters.iter().all(|filter| filter.matches(of)),
            Filter::Or(filters) => filters.iter().any(|filter| filter.matches(of)),
        }
    }

    /// What a resource's own attribute has to be equal to for the filter to hold, if it says so of `name`: so that one
    /// is found without looking at all.
    pub fn demands(&self, name: &str) -> Option<&str> {
        match self {
            Filter::Compare(
                Location { extension: None, attribute, part: None },
                Operator::Equal,
                Operand::Text(text),
            ) => (attribute.name == name).then_some(text),
            Filter::Compare(
                Location { extension: None, attribute, part: Some(part) },
                Operator::Equal,
                Operand::Text(text),
            ) => (name.split_once('.') == Some((attribute.name, part.name))).then_some(text),
            Filter::Within(Location { extension: None, attribute, .. }, filter) => {
                let (of, part) = name.split_once('.')?;
                if of == attribute.name { filter.demands(part) } else { None }
            }
            Filter::And(filters) => filters.iter().find_map(|filter| filter.demands(name)),
            _ => None,
        }
    }

    /// Whether it looks at an attribute: what nobody looks at need not be made.
    pub fn looks_at(&self, name: &str) -> bool {
        match self {
            Filter::Compare(at, ..) | Filter::Present(at) | Filter::Within(at, _) => at.attribute.name == name,
            Filter::Not(filter) => filter.looks_at(name),
            Filter::And(filters) | Filter::Or(filters) => filters.iter().any(|filter| filter.looks_at(name)),
        }
    }

    /// What a value has that is made so that the filter holds of it: what the filter says it equals.
    pub fn example(&self) -> Map<String, Value> {
        match self {
            Filter::Compare(at, Operator::Equal, operand) => {
                let value = match operand {
                    Operand::Text(text) => Value::from(text.as_str()),
                    Operand::Boolean(is) => Value::from(*is),
                    Operand::Null => return Map::new(),
                };
                Map::from_iter([(at.attribute.name.to_owned(), value)])
            }
            Filter::And(filters) => filters.iter().flat_map(Filter::example).collect(),
            _ => Map::new(),
        }
    }
}

fn compare(at: &Location, operator: Operator, operand: &Operand, of: &Map<String, Value>) -> bool {
    if *operand == Operand::Null {
        return at.is_present(of) != (operator == Operator::Equal);
    }
    let values = at.values(of);
    if operator == Operator::NotEqual {
        return !values.into_iter().any(|value| holds(at.compared(), Operator::Equal, operand, value));
    }
    values.into_iter().any(|value| holds(at.compared(), operator, operand, value))
}

fn holds(attribute: &Attribute, operator: Operator, operand: &Operand, value: &Value) -> bool {
    match (value, operand) {
        (Value::Bool(value), Operand::Boolean(asked)) => operator == Operator::Equal && value == asked,
        (Value::String(value), Operand::Text(asked)) => {
            let (value, asked) = match attribute.exact {
                true => (value.clone(), asked.clone()),
                false => (value.to_lowercase(), asked.to_lowercase()),
            };
            match operator {
                Operator::Equal => value == asked,
                Operator::NotEqual => value != asked,
                Operator::Contains => value.contains(&asked),
                Operator::StartsWith => value.starts_with(&asked),
                Operator::EndsWith => value.ends_with(&asked),
                Operator::Greater => value > asked,
                Operator::GreaterOrEqual => value >= asked,
                Operator::Less => value < asked,
                Operator::LessOrEqual => value <= asked,
            }
        }
        _ => false,
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    terms: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn skip_blanks(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// Takes a word if it comes next, whatever its letters.
    fn takes(&mut self, word: &str) -> bool {
        self.skip_blanks();
        let (rest, length) = (self.rest(), word.len());
        let is_it = rest.get(..length).is_some_and(|start| start.eq_ignore_ascii_case(word));
        let ends = rest.get(length..).is_some_and(|more| !more.starts_with(|c: char| c.is_alphanumeric() || c == '.'));
        if is_it && (ends || !word.ends_with(char::is_alphanumeric)) {
            self.at += length;
            return true;
        }
        false
    }

    fn any_of(&mut self, within: Within, depth: usize) -> Result<Filter, ScimError> {
        let mut filters = vec![self.all_of(within, depth)?];
        while self.takes("or") {
            filters.push(self.all_of(within, depth)?);
        }
        Ok(if filters.len() == 1 { filters.swap_remove(0) } else { Filter::Or(filters) })
    }

    fn all_of(&mut self, within: Within, depth: usize) -> Result<Filter, ScimError> {
        let mut filters = vec![self.term(within, depth)?];
        while self.takes("and") {
            filters.push(self.term(within, depth)?);
        }
        Ok(if filters.len() == 1 { filters.swap_remove(0) } else { Filter::And(filters) })
    }

    fn term(&mut self, within: Within, depth: usize) -> Result<Filter, ScimError> {
        if depth > MAX_DEPTH {
            return Err(ScimError::filter(format!("the filter is nested deeper than {MAX_DEPTH}, which is the most")));
        }
        let negated = self.takes("not");
        if self.takes("(") {
            let filter = self.any_of(within, depth + 1)?;
            self.expects(")")?;
            return Ok(if negated { Filter::Not(Box::new(filter)) } else { filter });
        }
        if negated {
            return Err(ScimError::filter("not must be followed by a filter in parentheses"));
        }
        self.terms += 1;
        if self.terms > MAX_TERMS {
            return Err(ScimError::filter(format!("the filter has more than {MAX_TERMS} terms, which is the most")));
        }
        let at = self.location(within)?;
        if self.rest().starts_with('[') {
            self.at += 1;
            let filter = self.any_of(Within::Value(at.attribute), depth + 1)?;
            self.expects("]")?;
            // `emails[type eq "work"].value eq "…"`: what comes after is one more thing that the value has to be.
            let Some(part) = self.part_of(at.attribute)? else { return Ok(Filter::Within(at, Box::new(filter))) };
            let after = self.compared(part)?;
            return Ok(Filter::Within(at, Box::new(Filter::And(vec![filter, after]))));
        }
        self.compared(at)
    }

    fn expects(&mut self, word: &str) -> Result<(), ScimError> {
        if self.takes(word) {
            return Ok(());
        }
        Err(ScimError::filter(format!("the filter lacks a '{word}' before '{}'", self.rest())))
    }

    fn word(&mut self) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|c: char| c.is_whitespace() || "()[]\"".contains(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn location(&mut self, within: Within) -> Result<Location, ScimError> {
        self.skip_blanks();
        let name = self.word();
        match within.find(name) {
            Found::At(location) => Ok(location),
            _ if name.is_empty() => {
                Err(ScimError::filter(format!("the filter lacks an attribute at '{}'", self.rest())))
            }
            _ => {
                Err(ScimError::filter(format!("the filter is about '{name}', which is no attribute that is kept here")))
            }
        }
    }

    /// The part that is named after brackets.
    fn part_of(&mut self, attribute: &'static Attribute) -> Result<Option<Location>, ScimError> {
        if !self.rest().starts_with('.') {
            return Ok(None);
        }
        self.at += 1;
        self.location(Within::Value(attribute)).map(Some)
    }

    fn compared(&mut self, at: Location) -> Result<Filter, ScimError> {
        if self.takes("pr") {
            return Ok(Filter::Present(at));
        }
        let operator = OPERATORS.iter().find(|(name, _)| self.takes(name)).map(|(_, operator)| *operator);
        let Some(operator) = operator else {
            let names: Vec<&str> = OPERATORS.iter().map(|(name, _)| *name).collect();
            return Err(ScimError::filter(format!(
                "'{}' must be followed by pr, {}, and not by '{}'",
                at.attribute.name,
                names.join(", "),
                self.rest().trim_start()
            )));
        };
        let operand = self.operand()?;
        let is_boolean = at.compared().kind == Type::Boolean;
        let operand = match (is_boolean, operand) {
            (true, Operand::Text(text)) => boolean(&text).map(Operand::Boolean).ok_or_else(|| {
                ScimError::filter(format!("'{}' is compared with '{text}'; allowed: true, false", at.attribute.name))
            })?,
            (false, Operand::Boolean(is)) => Operand::Text(is.to_string()),
            (_, operand) => operand,
        };
        if is_boolean && !matches!(operator, Operator::Equal | Operator::NotEqual) {
            return Err(ScimError::filter(format!("'{}' is true or false; allowed: eq, ne", at.attribute.name)));
        }
        Ok(Filter::Compare(at, operator, operand))
    }

    fn operand(&mut self) -> Result<Operand, ScimError> {
        self.skip_blanks();
        if self.rest().starts_with('"') {
            let mut texts = serde_json::Deserializer::from_str(self.rest()).into_iter::<String>();
            let text = texts.next().and_then(Result::ok);
            let text = text.ok_or_else(|| ScimError::filter(format!("{} is no text in quotes", self.rest())))?;
            self.at += texts.byte_offset();
            return Ok(Operand::Text(text));
        }
        let word = self.word();
        match word.to_ascii_lowercase().as_str() {
            "null" => Ok(Operand::Null),
            "" => Err(ScimError::filter("the filter ends where a value should be")),
            _ => match boolean(word) {
                Some(is) => Ok(Operand::Boolean(is)),
                None => Err(ScimError::filter(format!("'{word}' must be a text in quotes, true, false or null"))),
            },
        }
    }
}

/// Whether a text says true or false, in any letters, as some providers send it.
pub fn boolean(text: &str) -> Option<bool> {
    match text {
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ada() -> Map<String, Value> {
        let ada = json!({
            "id": "ada", "userName": "Ada@acme.example", "externalId": "E1", "active": true,
            "name": {"givenName": "Ada"},
            "emails": [
                {"value": "ada@acme.example", "type": "work", "primary": true},
                {"value": "ada@home.example", "type": "home"},
            ],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "R&D \"Lab\""},
        });
        ada.as_object().unwrap().clone()
    }

    #[test]
    fn filters_hold_of_what_they_say() {
        for (filter, expected) in [
            ("userName eq \"ada@ACME.example\"", true),
            ("USERNAME EQ \"ada@acme.example\"", true),
            ("userName eq \"ben\"", false),
            ("userName ne \"ben\"", true),
            ("externalId eq \"E1\"", true),
            ("externalId eq \"e1\"", false),
            ("userName co \"acme\" and userName sw \"ada\"", true),
            ("userName ew \".example\"", true),
            ("userName pr", true),
            ("displayName pr", false),
            ("displayName eq null", true),
            ("displayName ne \"x\"", true),
            ("name pr", true),
            ("name.givenName eq \"ada\"", true),
            ("active eq true", true),
            ("active eq \"True\"", true),
            ("active eq False", false),
            ("emails eq \"ada@home.example\"", true),
            ("emails.value eq \"ada@home.example\"", true),
            ("emails[type eq \"work\"].value eq \"ada@acme.example\"", true),
            ("emails[type eq \"work\"].value eq \"ada@home.example\"", false),
            ("emails[type eq \"work\" and value co \"acme\"]", true),
            ("emails[type eq \"home\" and primary eq true]", false),
            ("emails[not (type eq \"work\")]", true),
            ("not (userName eq \"ben\") and (active eq false or externalId pr)", true),
            // And goes before or.
            ("active eq true or active eq false and userName eq \"ben\"", true),
            ("urn:ietf:params:scim:schemas:core:2.0:User:userName sw \"ada\"", true),
            ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq \"R&D \\\"Lab\\\"\"", true),
            ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value pr", false),
        ] {
            let parsed = Filter::parse(filter, Kind::User).unwrap_or_else(|e| panic!("{filter}: {e}"));
            assert_eq!(parsed.matches(&ada()), expected, "{filter}");
        }
    }

    #[test]
    fn what_is_no_filter_is_refused_with_what_would_be_one() {
        let deep = format!("{}active pr{}", "(".repeat(20), ")".repeat(20));
        let many = vec!["active pr"; 129].join(" or ");
        let long = format!("userName eq \"{}\"", "x".repeat(5000));
        for (filter, words) in [
            ("", "lacks an attribute"),
            ("userName", "must be followed by pr, eq"),
            ("userName like \"a\"", "and not by 'like"),
            ("userName eq", "ends where a value should be"),
            ("userName eq ada", "'ada' must be a text in quotes"),
            ("userName eq \"ada", "no text in quotes"),
            ("userName eq \"ada\" userName", "'userName' follows the filter"),
            ("salary gt \"1\"", "'salary', which is no attribute that is kept here"),
            ("title eq \"x\"", "'title', which is no attribute that is kept here"),
            ("active gt true", "allowed: eq, ne"),
            ("active eq \"maybe\"", "allowed: true, false"),
            ("(userName pr", "lacks a ')'"),
            ("emails[type eq \"work\"", "lacks a ']'"),
            ("emails[salary pr]", "'salary'"),
            ("not userName pr", "in parentheses"),
            (&deep, "nested deeper than 16"),
            (&many, "more than 128 terms"),
            (&long, "at most 4096"),
        ] {
            let refused = Filter::parse(filter, Kind::User).unwrap_err();
            assert!(refused.detail.contains(words), "{filter}: {refused}");
        }
    }

    #[test]
    fn what_a_filter_demands_is_known_without_asking_all() {
        let demands =
            |filter: &str, name: &str| Filter::parse(filter, Kind::User).unwrap().demands(name).map(str::to_owned);
        assert_eq!(demands("userName eq \"a\"", "userName").as_deref(), Some("a"));
        assert_eq!(demands("active eq true and externalId eq \"e\"", "externalId").as_deref(), Some("e"));
        assert_eq!(demands("userName eq \"a\" or userName eq \"b\"", "userName"), None);
        assert_eq!(demands("not (userName eq \"a\")", "userName"), None);
        assert_eq!(demands("userName ne \"a\"", "userName"), None);
        let work = "emails[type eq \"work\"].value eq \"a@b\"";
        assert_eq!(demands(work, "emails.value").as_deref(), Some("a@b"));
        assert_eq!(demands(work, "userName"), None);
    }
}
