//! Who made a call, by the record that tells of it: the person, and the key that stands for them.

use std::borrow::Cow;

use super::Options;
use super::attributes::{self as names, Attributes};
use crate::ingest::Context;
use crate::ingest::call::{Call, Said};

/// Longest id of a person that is taken, in characters; with the client's name it is to fit an API key's.
const MAX_PERSON_CHARS: usize = 256;
/// What applications say for want of a name.
const NOBODY: [&str; 8] = ["unknown", "anonymous", "none", "null", "(null)", "undefined", "n/a", "-"];

/// A coding agent with records of its own.
#[derive(Clone, Copy)]
pub struct Client {
    /// The app its usage is shown under, and how the keys of its people begin.
    pub app: &'static str,
    /// As people read it.
    pub name: &'static str,
    /// Whose models it calls unless its records say.
    pub provider: Option<&'static str>,
}

/// Somebody a record names.
pub struct Person<'a> {
    /// The address where there is one: it is the same in every client.
    id: Cow<'a, str>,
    email: Option<Cow<'a, str>>,
}

impl<'a> Person<'a> {
    /// Whom a record names, or the resource it is of.
    pub fn of(attributes: &Attributes<'a>, resource: &Attributes<'a>) -> Option<Person<'a>> {
        let told = |of: &Attributes<'a>, list| of.text(list).filter(|text| is_somebody(text));
        let named = |list| told(attributes, list).or_else(|| told(resource, list));
        let id = named(names::EMAIL).or_else(|| named(names::USER))?;
        let email = is_address(&id).then(|| id.clone());
        Some(Person { id, email })
    }

    /// As [`Person::key`], of a program that has one name.
    pub fn key_at(self, app: &str) -> (Cow<'a, str>, Said<'a>) {
        self.key(app, app)
    }

    /// The key that stands for a person who uses a client, and what is to be learnt of both.
    fn key(self, app: &str, name: &str) -> (Cow<'a, str>, Said<'a>) {
        let key = Cow::Owned(format!("{app}:{}", self.id));
        let label = Some(Cow::Owned(format!("{name}, {}", self.id)));
        (key, Said { api_key: label, user: Some(self.id), email: self.email, ..Said::default() })
    }
}

/// Whether a text can be an e-mail address: some have it where others have a number.
fn is_address(text: &str) -> bool {
    let parts = text.split_once('@');
    parts.is_some_and(|(name, host)| !name.is_empty() && host.contains('.') && !text.contains([' ', '/', ':']))
}

fn is_somebody(text: &str) -> bool {
    let text = text.trim();
    !text.is_empty()
        && text.chars().take(MAX_PERSON_CHARS + 1).count() <= MAX_PERSON_CHARS
        && !text.chars().any(char::is_control)
        && !NOBODY.iter().any(|nobody| nobody.eq_ignore_ascii_case(text))
}

/// A coding agent's call with who made it, and what all of its calls have in common.
pub(super) fn attributed<'a>(
    client: Client,
    call: Call<'a>,
    attributes: &Attributes<'a>,
    resource: &Attributes<'a>,
    options: &Options,
    context: &Context<'_>,
) -> (Call<'a>, Said<'a>) {
    let person = Person::of(attributes, resource).filter(|_| options.key_by_person);
    let (api_key, said) = person.map(|person| person.key(client.app, client.name)).unzip();
    // It is the account's id at the provider: no name of ours, so a token of one organization settles which it is.
    let organization = attributes.text(names::ORGANIZATION).or_else(|| resource.text(names::ORGANIZATION));
    let call = Call {
        organization: organization.filter(|_| context.token.organization_id.is_none()),
        project: attributes.project().or_else(|| resource.project()),
        api_key,
        provider: call.provider.or(client.provider.map(Cow::Borrowed)),
        source: Some(Cow::Borrowed(client.app)),
        ..call
    };
    (call, said.unwrap_or_default())
}
