//! The question of `/analytics/activity`, and the command, that give a figure again by themselves.

use std::fmt::Write as _;

use super::wire::Reproduce;
use crate::http::parameters::{Parameters, filter_of};
use crate::query::GroupBy;

/// What asks for nothing of the figure itself.
const NOT_OF_THE_FIGURE: [&str; 12] = [
    "date",
    "key",
    "from",
    "to",
    "range",
    "errors",
    "compare",
    "compareFrom",
    "compareTo",
    "format",
    "decimals",
    "csvBom",
];
/// What picks the largest; once one entry is asked for, there is nothing to pick.
const OF_THE_LARGEST: [&str; 2] = ["top", "rankBy"];
/// Options of `rollcall query activity` by parameter. All others are filters.
const OPTIONS: [(&str, &str); 8] = [
    ("organizationId", "--organization"),
    ("timezone", "--timezone"),
    ("from", "--from"),
    ("to", "--to"),
    ("groupBy", "--group-by"),
    ("granularity", "--granularity"),
    ("top", "--top"),
    ("rankBy", "--rank-by"),
];

/// What was asked, as far as it decides on the figure.
pub struct Question {
    parameters: Vec<(String, String)>,
    group_by: Vec<GroupBy>,
}

impl Question {
    pub fn of(parameters: &Parameters, group_by: Vec<GroupBy>) -> Question {
        let asked = parameters.each().filter(|(name, value)| !value.is_empty() && !NOT_OF_THE_FIGURE.contains(name));
        Question { parameters: asked.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(), group_by }
    }

    /// The days, and of an entry its keys, unless it is the rest of an answer, which takes all of it. `one_of_many` says
    /// that it is of one bucket of several, which tables do not show.
    pub fn reproduce(&self, (from, to): (&str, &str), keys: Option<&[Option<String>]>, one_of_many: bool) -> Reproduce {
        let mut pairs: Vec<(&str, &str)> =
            self.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        if let Some(keys) = keys {
            pairs.retain(|(name, _)| !OF_THE_LARGEST.contains(name));
            for (by, key) in self.group_by.iter().zip(keys) {
                // What belongs to none cannot be filtered by.
                if let Some(key) = key {
                    let filter = filter_of(*by);
                    pairs.retain(|(name, _)| *name != filter);
                    pairs.push((filter, key));
                }
            }
        }
        pairs.extend([("from", from), ("to", to)]);
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&pairs);
        let mut cli = "rollcall query activity".to_owned();
        for (name, value) in &pairs {
            let option = OPTIONS.iter().find(|(parameter, _)| parameter == name);
            let written = match option {
                Some((_, option)) => write!(cli, " {option} {}", quoted(value)),
                None => write!(cli, " --filter {}", quoted(&format!("{name}={value}"))),
            };
            written.expect("memory takes every write");
        }
        if one_of_many {
            cli.push_str(" --json");
        }
        Reproduce { http: format!("/analytics/activity?{}", query.finish()), cli }
    }
}

/// One word of a shell.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_asked_for_by_itself() {
        let check = |query: &str, by: &[GroupBy], keys: Option<&[Option<&str>]>, http: &str, cli: &str| {
            let keys: Option<Vec<Option<String>>> =
                keys.map(|keys| keys.iter().map(|key| key.map(str::to_owned)).collect());
            let question = Question::of(&Parameters::parse(Some(query)), by.to_vec());
            let found =
                question.reproduce(("2026-06-12", "2026-06-12"), keys.as_deref(), query.contains("top=3&compare"));
            assert_eq!((found.http.as_str(), found.cli.as_str()), (http, cli), "{query}");
        };
        let days = "from=2026-06-12&to=2026-06-12";
        check(
            "organizationId=acme&groupBy=project&from=2026-06-01&date=2026-06-12&key=it%27s",
            &[GroupBy::Project],
            Some(&[Some("it's")]),
            &format!("/analytics/activity?organizationId=acme&groupBy=project&projectId=it%27s&{days}"),
            "rollcall query activity --organization acme --group-by project --filter 'projectId=it'\\''s' \
             --from 2026-06-12 --to 2026-06-12",
        );
        check(
            "organizationId=acme&groupBy=user,model&userId=ada&userId=ben&mode=credits&top=3&key=&key=gpt-4o",
            &[GroupBy::User, GroupBy::Model],
            Some(&[None, Some("gpt-4o")]),
            &format!(
                "/analytics/activity?organizationId=acme&groupBy=user%2Cmodel&userId=ada&userId=ben&mode=credits&\
                 model=gpt-4o&{days}"
            ),
            "rollcall query activity --organization acme --group-by user,model --filter userId=ada \
             --filter userId=ben --filter mode=credits --filter model=gpt-4o --from 2026-06-12 --to 2026-06-12",
        );
        check(
            "organizationId=acme&top=3&compare=previous&key=",
            &[GroupBy::Model],
            None,
            &format!("/analytics/activity?organizationId=acme&top=3&{days}"),
            "rollcall query activity --organization acme --top 3 --from 2026-06-12 --to 2026-06-12 --json",
        );
    }
}
