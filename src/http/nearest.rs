//! Names that are none, and what somebody may have meant by them.

use axum::extract::MatchedPath;
use axum::http::request::Parts;

use super::problem::Problem;
use super::{App, byte_order_mark, decimals};

/// How alike two names have to be, from 0 to 1; clap takes the same for commands.
const ALIKE: f64 = 0.7;

/// Endpoints of other senders and of gateways, who may append what they like to an address: no usage is lost over it, and
/// no call refused.
const ENDPOINTS: [&str; 3] = ["/v1/ingest/", "/v1/otlp/", "/v1/decisions/check/"];

/// Refuses a request with a parameter that its route does not take: the answer would be to another question.
pub fn refuse_unknown(request: &Parts, app: &App) -> Result<(), Problem> {
    let Some(route) = request.extensions.get::<MatchedPath>().map(MatchedPath::as_str) else { return Ok(()) };
    if ENDPOINTS.iter().any(|endpoint| route.starts_with(endpoint)) {
        return Ok(());
    }
    let known = (app.described)(&request.method, route).map_or(&[][..], |described| &described.parameters);
    let mut given = form_urlencoded::parse(request.uri.query().unwrap_or_default().as_bytes());
    let Some((unknown, _)) = given.find(|(name, _)| !known.iter().any(|known| known == name)) else {
        return decimals::check(request.uri.query()).and_then(|()| byte_order_mark::check(request.uri.query()));
    };
    let nearest = did_you_mean(&unknown, known.iter().map(String::as_str));
    let allowed = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    Err(Problem::bad_request(format!("the parameter '{unknown}' is unknown{nearest} (allowed here: {allowed})")))
}

/// `; did you mean projectId?`, or nothing where no name is like it.
pub fn did_you_mean<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let given = given.to_lowercase();
    let alike = known.into_iter().map(|name| (strsim::jaro_winkler(&given, &name.to_lowercase()), name));
    let nearest = alike.filter(|(alike, _)| *alike > ALIKE).max_by(|a, b| a.0.total_cmp(&b.0));
    nearest.map(|(_, name)| format!("; did you mean {name}?")).unwrap_or_default()
}

/// Adds what was meant to serde's complaint about an unknown field or value, which has all names in backticks: first
/// the unknown one, then those that are known.
pub fn with_nearest(complaint: &str) -> String {
    let Some((_, names)) = complaint.split_once("unknown field").or(complaint.split_once("unknown variant")) else {
        return complaint.to_owned();
    };
    let mut names = names.split('`').skip(1).step_by(2);
    let Some(given) = names.next() else { return complaint.to_owned() };
    format!("{complaint}{}", did_you_mean(given, names))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_what_a_person_would_say() {
        let known = ["organizationId", "from", "to", "timezone", "projectId", "apiKeyId", "groupBy", "createdBy"];
        let check = |given, expected: &str| {
            let said = did_you_mean(given, known);
            assert_eq!(said, if expected.is_empty() { String::new() } else { format!("; did you mean {expected}?") });
        };
        check("projct", "projectId");
        check("project_id", "projectId");
        check("ORGANIZATION", "organizationId");
        check("tz", "timezone");
        check("groupby", "groupBy");
        check("colour", "");
        check("", "");
    }

    #[test]
    fn an_unknown_field_or_value_is_told_with_the_nearest() {
        let check = |complaint: &str, expected| assert_eq!(with_nearest(complaint), format!("{complaint}{expected}"));
        check("unknown field `nam`, expected `id` or `name` at line 1 column 9", "; did you mean name?");
        check("unknown variant `develper`, expected one of `owner`, `developer`", "; did you mean developer?");
        check("unknown field `x`, there are no fields", "");
        check("missing field `id`", "");
    }
}
