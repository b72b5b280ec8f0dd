//! Lists of people and groups: filtered, cut into pages, and made only as far as somebody looks at them.

use serde_json::{Value, json};

use super::answer::{Answer, Refusal};
use super::request::{Asked, Json, Place};
use super::resources;
use crate::directory::Provisioned;
use crate::http::access::Provisioner;
use crate::http::on_a_thread;
use crate::http::problem::Problem;
use crate::scim::{Filter, Kind, LIST_RESPONSE, MEMBERS, Resource};

/// People in the groups of one page: after so many it ends, and the next one begins there.
const MEMBERS_PER_PAGE: usize = 100_000;

/// Everything of both kinds: people first.
pub async fn search_all(
    place: Place,
    caller: Result<Provisioner, Problem>,
    body: Result<Json, Refusal>,
) -> Result<Answer, Refusal> {
    let (caller, Json(body)) = (caller?, body?);
    answer(caller, place, Asked::of_body(&body)?, &[Kind::User, Kind::Group]).await
}

/// Answers with those that are asked for.
pub async fn answer(
    caller: Provisioner,
    place: Place,
    asked: Asked,
    kinds: &'static [Kind],
) -> Result<Answer, Refusal> {
    let made = on_a_thread(move || Ok::<_, Problem>(list(&caller, &place, &asked, kinds))).await?;
    made.map(Answer::ok)
}

fn list(caller: &Provisioner, place: &Place, asked: &Asked, kinds: &[Kind]) -> Result<Value, Refusal> {
    let provisioned = caller.provisioned();
    let (mut total, mut page, mut members) = (0, Vec::new(), 0);
    for kind in kinds.iter().copied() {
        let chosen = asked.chosen(kind)?;
        let filter = match asked.filter(kind) {
            Ok(filter) => filter,
            // What one kind has no attribute for may be about the other.
            Err(_) if kinds.len() > 1 => continue,
            Err(refused) => return Err(refused.into()),
        };
        let looks_at = |name: &str| filter.as_ref().is_some_and(|filter| filter.looks_at(name));
        let make = |id: &str, for_filter: bool| -> Option<Resource> {
            let wants = |name: &str| if for_filter { looks_at(name) } else { chosen.has(name) };
            match kind {
                Kind::User => resources::user(provisioned, id, place, wants("groups")),
                Kind::Group => resources::group(provisioned, id, place, wants(MEMBERS)),
            }
        };
        for id in candidates(provisioned, kind, filter.as_ref()) {
            let holds = |filter: &Filter| make(id, true).is_some_and(|resource| filter.matches(&resource));
            if !filter.as_ref().is_none_or(holds) {
                continue;
            }
            total += 1;
            if total > asked.page.skipped && page.len() < asked.page.count && members < MEMBERS_PER_PAGE {
                if kind == Kind::Group && chosen.has(MEMBERS) {
                    members += provisioned.member_count(id);
                }
                page.extend(make(id, false).map(|resource| Value::Object(chosen.of(resource, kind))));
            }
        }
    }
    Ok(json!({
        "schemas": [LIST_RESPONSE],
        "totalResults": total,
        "startIndex": asked.page.skipped + 1,
        "itemsPerPage": page.len(),
        "Resources": page,
    }))
}

/// Who may be meant by a filter: all, unless it says what one of the names that they are found by has to be.
fn candidates<'p>(provisioned: &'p Provisioned, kind: Kind, filter: Option<&Filter>) -> Vec<&'p str> {
    let demands = |name: &str| filter.and_then(|filter| filter.demands(name));
    match kind {
        Kind::User => {
            if let Some(id) = demands("id") {
                return provisioned.users().map(|(known, _)| known).filter(|known| *known == id).collect();
            }
            if let Some(name) = demands("userName") {
                return provisioned.user_named(name).into_iter().collect();
            }
            if let Some(id) = demands("externalId") {
                return provisioned.user_by_external_id(id).into_iter().collect();
            }
            if let Some(address) = demands("emails.value") {
                return provisioned.users_at(address).collect();
            }
            provisioned.users().map(|(id, _)| id).collect()
        }
        Kind::Group => {
            if let Some(name) = demands("displayName") {
                return provisioned.group_named(name).into_iter().collect();
            }
            if let Some(user) = demands("members.value") {
                return provisioned.groups_of(user).collect();
            }
            provisioned.groups().map(|(id, _)| id).collect()
        }
    }
}
