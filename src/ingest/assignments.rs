//! Tables of assignments, as accounts keep them: a line says of an API key, a project or a person which team it counts
//! for, and from which day on.
//!
//! What is named is not looked up here.

use super::csv::{Record, SEPARATED, Table, shown_cell};
use super::field::clipped;
use super::row::plain;
use crate::calendar::Date;

/// What a line is about, as it is written there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AssignedName {
    ApiKey(String),
    Project(String),
    /// By address or id.
    Person(String),
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssignmentLine {
    /// Its number in the file, from 1.
    pub line: u64,
    pub of: AssignedName,
    pub team: String,
    pub cost_centre: Option<String>,
    pub from: Date,
    pub to: Option<Date>,
}

/// What columns are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Key,
    Project,
    Person,
    Team,
    CostCentre,
    From,
    To,
}

/// Their names, which may differ in capitals and in what stands between words.
const COLUMNS: [(Column, &[&str]); 7] = [
    (Column::Key, &["key", "apiKey", "API key", "apiKeyId"]),
    (Column::Project, &["project", "projectId"]),
    (Column::Person, &["email", "e-mail", "person", "user", "userId", "member"]),
    (Column::Team, &["team", "teamId"]),
    (Column::CostCentre, &["costCentre", "cost centre", "costCenter", "cost center"]),
    (Column::From, &["from"]),
    (Column::To, &["to"]),
];
const ALLOWED: &str = "allowed are key, project, email, team, costCentre, from and to";

/// Each line, or what is wrong with it.
pub fn parse(body: &[u8]) -> Result<Vec<Result<AssignmentLine, String>>, String> {
    let mut table = Table::open(body)?;
    let columns = columns(&table)?;
    let mut lines = Vec::new();
    while let Some(record) = table.next() {
        lines.push(line(&record, &columns).map_err(|what| format!("line {}: {what}", record.line)));
    }
    if lines.is_empty() { Err("there is no line below the header".to_owned()) } else { Ok(lines) }
}

/// Which column is where.
fn columns<R: std::io::Read>(table: &Table<R>) -> Result<Vec<Column>, String> {
    let mut found: Vec<Column> = Vec::new();
    for name in &table.header.names {
        let is_it = |known: &&str| plain(known) == plain(name);
        let known = COLUMNS.iter().find(|(_, names)| names.iter().any(is_it));
        let (column, _) = known.ok_or_else(|| {
            let hint = if table.header.names.len() == 1 { SEPARATED } else { ALLOWED };
            format!("the column '{}' is unknown; {hint}", clipped(name))
        })?;
        if found.contains(column) {
            return Err(format!("there is a second column of what '{}' says", clipped(name)));
        }
        found.push(*column);
    }
    let has = |column| found.contains(&column);
    if !has(Column::Key) && !has(Column::Project) && !has(Column::Person) {
        return Err("there is no column key, project or email, one of which says what is assigned".to_owned());
    }
    for (column, name) in [(Column::Team, "team"), (Column::From, "from")] {
        if !has(column) {
            return Err(format!("there is no column {name}; the header is {}", table.shown_header()));
        }
    }
    Ok(found)
}

fn line(record: &Record, columns: &[Column]) -> Result<AssignmentLine, String> {
    if let Some(wrong) = &record.wrong {
        return Err(wrong.clone());
    }
    let cell = |column: Column| -> Result<Option<String>, String> {
        let at = columns.iter().position(|known| *known == column);
        let Some(bytes) = at.and_then(|at| record.cells.get(at)) else { return Ok(None) };
        let text = std::str::from_utf8(bytes)
            .map_err(|_| format!("'{}' is not UTF-8; save the file as CSV UTF-8", shown_cell(bytes)))?;
        Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty()))
    };
    let named = [
        cell(Column::Key)?.map(AssignedName::ApiKey),
        cell(Column::Project)?.map(AssignedName::Project),
        cell(Column::Person)?.map(AssignedName::Person),
    ];
    let mut named = named.into_iter().flatten();
    let of = match (named.next(), named.next()) {
        (Some(one), None) => one,
        (None, _) => return Err("none of key, project and email is given; give one".to_owned()),
        (Some(_), Some(_)) => return Err("more than one of key, project and email is given; give one".to_owned()),
    };
    let team = cell(Column::Team)?.ok_or("team is empty; give its name or id, or 'none' for no team")?;
    let from = cell(Column::From)?.ok_or("from is empty; give the first day as YYYY-MM-DD")?;
    let from = day("from", &from)?;
    let to = cell(Column::To)?.map(|to| day("to", &to)).transpose()?;
    if let Some(to) = to.filter(|to| *to < from) {
        return Err(format!("to ({to}) is before from ({from}); both days are included"));
    }
    Ok(AssignmentLine { line: record.line, of, team, cost_centre: cell(Column::CostCentre)?, from, to })
}

/// A day as it is written everywhere, or with points, which spreadsheets make of it where days come first. What has
/// strokes says in some countries another day than in others.
fn day(column: &str, text: &str) -> Result<Date, String> {
    let pointed = || -> Option<Date> {
        let mut parts = text.split('.');
        let (day, month, year) = (parts.next()?, parts.next()?, parts.next().filter(|year| year.len() == 4)?);
        Date::parse(&format!("{year}-{month:0>2}-{day:0>2}")).filter(|_| parts.next().is_none())
    };
    let no_day = || format!("{column} '{}' is no date that exists; write YYYY-MM-DD", clipped(text));
    Date::parse(text).or_else(pointed).ok_or_else(no_day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good(text: &str) -> Vec<AssignmentLine> {
        parse(text.as_bytes()).unwrap().into_iter().map(Result::unwrap).collect()
    }

    fn wrong_of(text: &[u8]) -> Vec<String> {
        parse(text).map_or_else(|wrong| vec![wrong], |lines| lines.into_iter().filter_map(Result::err).collect())
    }

    #[test]
    fn what_accounts_keep_is_read() {
        for text in [
            "key,team,costCentre,from\nk1,Search,4711,2026-06-01\n",
            "\u{feff}API key;Team;Cost center;From;To\r\nk1;Search;4711;01.06.2026;\r\n",
            "sep=\t\nteam\tfrom\tproject\tkey\tcost_centre\nSearch\t1.6.2026\t\t k1 \t4711\n",
        ] {
            let lines = good(text);
            let [line] = &lines[..] else { panic!("{text}: {lines:?}") };
            let day = Date::parse("2026-06-01").unwrap();
            assert_eq!((&line.of, line.from, line.to), (&AssignedName::ApiKey("k1".into()), day, None), "{text}");
            assert_eq!((&*line.team, line.cost_centre.as_deref()), ("Search", Some("4711")), "{text}");
        }
        let lines = good("E-Mail,project,team,from,to\na@b,,red,2026-06-01,2026-06-01\n,web,none,2026-06-02,\n");
        assert_eq!(lines[0].of, AssignedName::Person("a@b".into()));
        assert_eq!((&lines[1].of, lines[1].line), (&AssignedName::Project("web".into()), 3));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let check = |text: &str, expected: &[&str]| {
            let wrong = wrong_of(text.as_bytes());
            assert_eq!(wrong.len(), expected.len(), "{text}: {wrong:?}");
            for (wrong, expected) in wrong.iter().zip(expected) {
                assert!(wrong.contains(expected), "{text}: {wrong}");
            }
        };
        check("key,team,since\nk1,red,2026-06-01\n", &["the column 'since' is unknown; allowed are key, project"]);
        check("key team from\n", &["the column 'key team from' is unknown; columns are separated by commas"]);
        check("key,api_key,team,from\n", &["second column of what 'api_key' says"]);
        check("team,from\nred,2026-06-01\n", &["no column key, project or email"]);
        check("key,from\nk1,2026-06-01\n", &["no column team; the header is key, from"]);
        check("key,team\nk1,red\n", &["no column from"]);
        check("key,team,from\n", &["no line below the header"]);
        let lines = "key,project,team,from,to\n\
                     ,,red,2026-06-01,\n\
                     k1,web,red,2026-06-01,\n\
                     k1,,,2026-06-01,\n\
                     k1,,red,,\n\
                     k1,,red,6/1/2026,\n\
                     k1,,red,2026-02-30,\n\
                     k1,,red,2026-06-02,2026-06-01\n\
                     k1,,red\n\
                     k1,,red,2026-06-01,\n";
        check(
            lines,
            &[
                "line 2: none of key, project and email",
                "line 3: more than one of key, project and email",
                "line 4: team is empty",
                "line 5: from is empty",
                "line 6: from '6/1/2026' is no date that exists; write YYYY-MM-DD",
                "line 7: from '2026-02-30'",
                "line 8: to (2026-06-01) is before from (2026-06-02)",
                "line 9: the row has 3 cells, the header 5",
            ],
        );
        let latin = [&b"key,team,from\nk1,"[..], &[0xfc], b",2026-06-01\n"].concat();
        assert!(wrong_of(&latin)[0].contains("line 2: '\u{fffd}' is not UTF-8"));
    }
}
