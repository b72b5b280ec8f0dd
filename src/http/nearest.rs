//! What somebody may have meant by a name that is none.

/// How alike two names have to be, from 0 to 1; clap takes the same for commands.
const ALIKE: f64 = 0.7;

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
