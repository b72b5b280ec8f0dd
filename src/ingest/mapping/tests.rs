use super::super::formats::{FORMATS, Format, Identity};
use super::columns::known;
use super::reader::Reader;
use super::*;
use crate::calendar::Zone;

/// What rows of JSON make: events and refusals, by row.
#[track_caller]
fn check(mapping: Mapping, rows: &str, expected: &[&str]) {
    let made = JsonRows::new(mapping).rewrite(rows.as_bytes(), false).unwrap();
    assert_eq!(said(&made), expected, "{rows}");
}

fn said(made: &Made) -> Vec<String> {
    let lines = std::str::from_utf8(&made.lines).unwrap().lines().map(str::to_owned);
    let refused = made.refused.iter().map(|refused| format!("! {}: {}", refused.number, refused.error));
    lines.chain(refused).collect()
}

fn named(format: &str) -> Mapping {
    Mapping::of_format(Format::named(format).unwrap())
}

#[test]
fn columns_become_fields() {
    let mut mapping = Mapping::of(None, [].into_iter());
    for (field, column) in [("cost", "price"), ("timestamp", "at"), ("cachedTokens", "meta.usage.cached")] {
        mapping.map(field, column).unwrap();
    }
    mapping.set("id", "june-{row}").unwrap();
    mapping.set("promptTokens", "5").unwrap();
    check(
        mapping.clone(),
        r#"{"price": 0.12345678901234567890, "at": "2026-06-01 10:00:00", "meta": {"usage": {"cached": 3}}, "x": 1}"#,
        &[
            r#"{"cost":0.12345678901234567890,"timestamp":1780308000000,"cachedTokens":3,"id":"june-1","promptTokens":5,"completionTokens":"unknown"}"#,
        ],
    );
    check(
        mapping.clone(),
        r#"{"price": "", "at": null, "meta": "{\"usage\": {\"cached\": \"3\"}}"}"#,
        &[r#"{"cachedTokens":3,"id":"june-1","promptTokens":5,"completionTokens":"unknown"}"#],
    );
    check(mapping.clone(), "[1]", &["! 1: not a row: an object is expected, not an array"]);
    check(mapping.clone(), r#"{"price":1,"price":2}"#, &["! 1: not a row: it has 'price' twice at line 1 column 21"]);
    assert!(mapping.map("price", "cost").unwrap_err().contains("no field 'price'; it has apiKeyId, audioInputTokens,"));
}

#[test]
fn of_what_went_in_and_came_out_the_one_that_a_row_does_not_have_is_unknown() {
    let event = |tokens: &str| format!(r#"{{{tokens}"timestamp":1780315200000,"id":"a","usedModel":"m"UNKNOWN}}"#);
    let csv = |header: &str, cells: &str, tokens: &str, unknown: &str| {
        let text = format!("id,timestamp,usedModel,{header}\na,1780315200000,m,{cells}\n");
        check_csv(Mapping::default(), &text, &[&event(tokens).replace("UNKNOWN", unknown)]);
    };
    let (no_output, no_input) = (r#","completionTokens":"unknown""#, r#","promptTokens":"unknown""#);
    for cell in ["", "-", "n/a", "NaN", "null", "\\N"] {
        csv("promptTokens,completionTokens", &format!("40,{cell}"), r#""promptTokens":40,"#, no_output);
        csv("promptTokens,completionTokens", &format!("{cell},40"), r#""completionTokens":40,"#, no_input);
        csv("promptTokens,completionTokens", &format!("{cell},{cell}"), "", "");
    }
    csv("promptTokens", "40", r#""promptTokens":40,"#, no_output);
    csv("totalTokens", "40", r#""totalTokens":40,"#, "");
    csv("promptTokens,completionTokens", "40,0", r#""promptTokens":40,"completionTokens":0,"#, "");
}

#[test]
fn what_python_writes_for_no_number_is_absent() {
    let mut mapping = Mapping::default();
    mapping.set("projectId", "p").unwrap();
    let row = r#"{"id":"NaN","promptTokens":7,"completionTokens":NaN,"cost":-Infinity,"source":"Infinity"}"#;
    let event = r#"{"promptTokens":7,"id":"NaN","source":"Infinity","projectId":"p","completionTokens":"unknown"}"#;
    check(mapping.clone(), row, &[event]);
    check(mapping.clone(), "{NaN}", &["! 1: not a row: key must be a string at line 1 column 2"]);
    let helicone = r#"{"request_id":"r","request_created_at":1,"provider":"OPENAI","completion_tokens":NaN}"#;
    let known = mapping.recognized_in(helicone).and_then(|mapping| mapping.format());
    assert_eq!(known.map(|format| format.name), Some("helicone"));
}

#[test]
fn a_cost_below_0_is_unknown_in_exports_and_refused_in_events() {
    let row = r#"{"created_at":1780315200,"model":"openai/gpt-4o","id":"g","native_tokens_prompt":7,"native_tokens_completion":3,"total_cost":-0.5}"#;
    let tokens = r#""promptTokens":7,"completionTokens":3"#;
    let event = r#"{"id":"g","timestamp":1780315200000,"usedModel":"openai/gpt-4o",TOKENS}"#;
    check(named("openrouter"), row, &[&event.replace("TOKENS", tokens)]);
    let own = "id,timestamp,usedModel,cost\na,1780315200000,m,-$0.18\n";
    check_csv(Mapping::default(), own, &[r#"{"cost":-0.18,"timestamp":1780315200000,"id":"a","usedModel":"m"}"#]);
}

#[test]
fn rows_are_numbered_across_bodies() {
    let mut mapping = Mapping::default();
    mapping.set("id", "r{row}").unwrap();
    let mut rows = JsonRows::new(mapping);
    let made = rows.rewrite(b"{\"count\":2}\n\n{\"count\":3}\n", false).unwrap();
    assert_eq!(said(&made), [r#"{"count":2,"id":"r1"}"#, r#"{"count":3,"id":"r2"}"#]);
    assert_eq!(said(&rows.rewrite(b"[{}]", true).unwrap()), [r#"{"id":"r3"}"#]);
    assert!(rows.rewrite(b"[{}", true).is_err());
}

#[test]
fn the_same_said_differently() {
    let translate = |field: &str, json: &str| {
        let value = super::super::row::of_json(json)?;
        let mut reader = Reader::new(Mapping::default());
        let said = if field == "timestamp" {
            reader.time(&value).map(|(json, _)| Some(json))
        } else {
            reader.translate(field, &value)
        };
        said.unwrap_or_else(|error| Some(format!("! {error}")))
    };
    for (field, value, expected) in [
        ("timestamp", r#""2026-06-01T10:00:00.5+02:00""#, Some("1780300800500")),
        ("timestamp", "1780315200.25", Some("1780315200250")),
        (
            "timestamp",
            r#""yesterday""#,
            Some("! 'yesterday' is no time; write 2026-06-01T12:00:00Z, or a day as 2026-06-01"),
        ),
        ("hasError", r#""failure""#, Some("true")),
        ("hasError", r#""success""#, Some("false")),
        ("hasError", r#""no""#, Some("false")),
        ("hasError", r#""maybe""#, Some("! 'maybe' is neither true nor false")),
        ("hasError", r#""ja""#, Some("! 'ja' is neither true nor false")),
        ("hasError", r#""2""#, Some("! '2' is neither true nor false")),
        ("hasError", "429", Some("true")),
        ("hasError", r#""200""#, Some("false")),
        ("hasError", r#""f""#, Some("false")),
        ("cached", r#""True""#, Some("true")),
        ("cached", r#""None""#, None),
        ("partial", r#""true""#, Some("true")),
        ("cached", r#""maybe""#, Some("! 'maybe' is neither true nor false")),
        ("promptTokens", r#""12""#, Some("12")),
        ("cost", r#""n/a""#, None),
        ("cost", "0.10", Some("0.10")),
        ("id", "17", Some(r#""17""#)),
        ("source", r#"" ""#, None),
    ] {
        assert_eq!(translate(field, value).as_deref(), expected, "{field} {value}");
    }
}

#[test]
fn formats_name_fields_that_events_have() {
    for format in &FORMATS {
        let has = |must: &&str| {
            let mut all = format.columns.iter().chain(format.constants);
            all.any(|(field, _)| field == must)
        };
        // A gateway's own table has more, for its own reader.
        let mut fields = format.columns.iter().chain(format.constants);
        assert!(format.gateway.is_some() || fields.all(|(field, _)| known(field).is_ok()), "{}", format.name);
        assert!(["timestamp", "usedModel"].iter().all(has), "{}", format.name);
        assert!(has(&"id") || format.identity != Identity::Own, "{}", format.name);
    }
}

/// What a table makes, with its notes.
fn read(mapping: Mapping, text: &str) -> (Vec<String>, Notes) {
    let mut rows = CsvRows::open(text.as_bytes(), mapping).unwrap();
    (said(&rows.next_rows(usize::MAX)), rows.notes().clone())
}

#[track_caller]
fn check_csv(mapping: Mapping, text: &str, expected: &[&str]) -> Notes {
    let (said, notes) = read(mapping, text);
    assert_eq!(said, expected, "{text}");
    notes
}

#[track_caller]
fn check_refused(mapping: Mapping, text: &str, expected: &str) {
    let error = CsvRows::open(text.as_bytes(), mapping).err().unwrap_or_default();
    assert!(error.contains(expected), "{text}: {error}");
}

#[test]
fn events_in_csv_are_events() {
    check_csv(
        Mapping::default(),
        "\u{feff}id,timestamp,cost,promptTokens,note,source,usedModel\n\
         7,1780315200000,0.10,3,x,\"a, \"\"b\"\"\",m\nb,2026-06-01T00:00:00Z,n/a,,,,m\n",
        &[
            r#"{"promptTokens":3,"cost":0.10,"timestamp":1780315200000,"id":"7","usedModel":"m","source":"a, \"b\"","completionTokens":"unknown"}"#,
            r#"{"timestamp":1780272000000,"id":"b","usedModel":"m"}"#,
        ],
    );
}

const HEAD: &str = "id;timestamp;usedModel;promptTokens;cost\n";

/// The figures of rows of prompt tokens and cost, with the mark that was found.
#[track_caller]
fn check_figures(said: Option<Decimal>, rows: &[(&str, &str)], expected: &[&str], found: Option<Decimal>) {
    let rows = rows.iter().map(|(tokens, cost)| format!("a;2026-06-01T00:00:00Z;m;{tokens};{cost}\n"));
    let mapping = Mapping { decimal: said, ..Mapping::default() };
    let (made, notes) = read(mapping, &format!("{HEAD}{}", rows.collect::<String>()));
    let figures =
        made.iter().map(|line| line.split(",\"timestamp\"").next().unwrap().trim_start_matches('{').to_owned());
    assert_eq!(figures.collect::<Vec<_>>(), expected);
    assert_eq!(notes.decimal, found);
}

#[test]
fn a_decimal_mark_is_found_anywhere_in_the_file() {
    use Decimal::*;
    check_figures(
        None,
        &[("25.000", ""), ("7", "0,00021")],
        &[r#""promptTokens":25000"#, r#""promptTokens":7,"cost":0.00021"#],
        Some(Comma),
    );
    check_figures(None, &[("25.000", "$0.18")], &[r#""promptTokens":25,"cost":0.18"#], Some(Point));
    check_figures(None, &[("25,000", "1.5")], &[r#""promptTokens":25000,"cost":1.5"#], Some(Point));
    check_figures(
        None,
        &[("1.000", "1.000"), ("1.000.000", "")],
        &[r#""promptTokens":1000,"cost":1000"#, r#""promptTokens":1000000"#],
        Some(Comma),
    );
    check_figures(None, &[("25", "12")], &[r#""promptTokens":25,"cost":12"#], None);
    check_figures(Some(Comma), &[("25.000", "1.234")], &[r#""promptTokens":25000,"cost":1234"#], None);
    check_figures(Some(Point), &[("25.000", "1.234")], &[r#""promptTokens":25,"cost":1.234"#], None);
}

#[test]
fn what_can_be_two_numbers_is_refused_with_the_flag_that_decides() {
    let either = "! 2: column promptTokens: '25.000' can be 25 (--decimal point) or 25000 (--decimal comma): say which";
    check_figures(None, &[("25.000", "")], &[either], None);
    let cost = "! 2: column cost: '1.234' can be 1.234 (--decimal point) or 1234 (--decimal comma): say which";
    check_figures(None, &[("5", "1.234")], &[cost], None);
    let other = "! 3: column cost: '0.5' has a decimal point, the file a decimal comma, as in '0,5', line 2, \
                 column cost; --decimal point says otherwise";
    let first = r#""promptTokens":5,"cost":0.5"#;
    check_figures(None, &[("5", "0,5"), ("5", "0.5")], &[first, other], Some(Decimal::Comma));
    let said = "! 2: column cost: '0,5' has a decimal comma, the file a decimal point, as --decimal says; \
                --decimal comma says otherwise";
    check_figures(Some(Decimal::Point), &[("5", "0,5")], &[said], None);
    check_figures(None, &[("5", "€0,50")], &["! 2: column cost: '€0,50' has '€' in it; costs are US dollars"], None);
    check_figures(None, &[("5x", "")], &["! 2: column promptTokens: '5x' is no whole number"], None);
    // With commas between columns a point is what programs write, unless another amount has a comma.
    let comma = "id,timestamp,usedModel,cost\na,2026-06-01T00:00:00Z,m,1.234\n";
    check_csv(Mapping::default(), comma, &[r#"{"cost":1.234,"timestamp":1780272000000,"id":"a","usedModel":"m"}"#]);
    let (said, _) = read(Mapping::default(), &format!("{comma}b,2026-06-01T00:00:00Z,m,\"1,234\"\n"));
    assert!(said.iter().all(|said| said.starts_with("! ") && said.contains("--decimal point")), "{said:?}");
}

#[test]
fn headers_that_cannot_be_meant_are_refused_whole() {
    check_refused(Mapping::default(), "id,timestamp,usedModel,cost,cost\n", "two columns for cost: 'cost' and 'cost'");
    check_refused(
        named("litellm-daily"),
        "Date,Model,Spend,Spend ($),Requests\n",
        "two columns for cost: 'Spend' and 'Spend ($)'",
    );
    check_refused(named("cursor"), "Date,Model,Input (w/o Cache Write),Cost (€)\n", "column 'Cost (€)' is in €");
    check_refused(Mapping::default(), "id|timestamp|usedModel\n", "separated by commas, semicolons or tabs");
    check_refused(
        Mapping::default(),
        "when,what\n",
        "there is no column 'timestamp'; the header has when, what; --map",
    );
    let mut mapping = Mapping::default();
    mapping.map("cost", "price").unwrap();
    check_refused(
        mapping,
        "id,timestamp,usedModel,prize\n",
        "there is no column 'price'; the header has id, timestamp,",
    );
}

#[test]
fn what_is_said_of_errors_is_read_strictly_but_for_the_statuses_of_other_programs() {
    let rows = |header: &str, cell: &str| format!("id,timestamp,usedModel,{header}\na,1780315200000,m,{cell}\n");
    let wrong = |header: &str| format!("! 2: column {header}: 'ja' is neither true nor false");
    for header in ["hasError", "Has Error", "has_error"] {
        check_csv(Mapping::default(), &rows(header, "ja"), &[&wrong(header)]);
    }
    let mut mapping = Mapping::default();
    mapping.map("hasError", "outcome").unwrap();
    let event = |failed: bool| format!(r#"{{"timestamp":1780315200000,"id":"a","usedModel":"m","hasError":{failed}}}"#);
    check_csv(mapping.clone(), &rows("outcome", "ja"), &[&event(false)]);
    check_csv(mapping, &rows("outcome", "failed"), &[&event(true)]);
}

#[test]
fn our_own_names_are_found_however_they_are_written() {
    for header in ["id,Timestamp,UsedModel,PromptTokens,COST", "ID,timestamp,used_model,prompt_tokens,Cost ($)"] {
        let event = r#"{"promptTokens":5,"cost":0.5,"timestamp":1780315200000,"id":"a","usedModel":"m","completionTokens":"unknown"}"#;
        check_csv(Mapping::default(), &format!("{header}\na,1780315200000,m,5,0.5\n"), &[event]);
    }
    // The very name is before others, of which there may be one.
    let text = "id,timestamp,usedModel,cost,Cost ($)\na,1780315200000,m,0.5,9\n";
    check_csv(Mapping::default(), text, &[r#"{"cost":0.5,"timestamp":1780315200000,"id":"a","usedModel":"m"}"#]);
    let twice = "id,timestamp,usedModel,PromptTokens,prompt_tokens\n";
    check_refused(Mapping::default(), twice, "two columns for promptTokens: 'PromptTokens' and 'prompt_tokens'");
}

#[test]
fn costs_in_another_currency_that_nothing_takes_are_refused() {
    let open = |mapping: Mapping, column: &str| {
        let text = format!("id,timestamp,usedModel,price,{column}\na,1780315200000,m,0.5,0.4\n");
        CsvRows::open(text.as_bytes(), mapping).err().unwrap_or_default()
    };
    for (column, currency) in [("Cost (€)", "€"), ("Preis EUR", "EUR"), ("total_gbp", "gbp"), ("£", "£")] {
        let error = open(Mapping::default(), column);
        assert!(error.contains(&format!("column '{column}' is in {currency}; costs are US dollars")), "{error}");
    }
    // A word that is also a code, and costs that are there.
    assert_eq!(open(Mapping::default(), "aud"), "");
    let mut mapping = Mapping::default();
    mapping.map("cost", "price").unwrap();
    assert_eq!(open(mapping, "Cost (€)"), "");
    let mut mapping = Mapping::default();
    mapping.set("cost", "0.5").unwrap();
    assert_eq!(open(mapping, "Preis EUR"), "");
}

#[test]
fn refused_rows_say_whom_they_were_for() {
    let text = "id,timestamp,organizationId,usedModel,cached\n\
                a,1780315200000,acme,m,maybe\nb,1780315200000,,m,maybe\nc,1780315200000,\"a\u{1}\",m,maybe\n";
    let refused = |mapping: Mapping| {
        let mut rows = CsvRows::open(text.as_bytes(), mapping).unwrap();
        let refused = rows.next_rows(usize::MAX).refused;
        refused.into_iter().map(|row| row.organization.unwrap_or_default()).collect::<Vec<_>>()
    };
    assert_eq!(refused(Mapping::default()), ["acme", "", ""]);
    let mut mapping = Mapping::default();
    mapping.set("organizationId", "other").unwrap();
    assert_eq!(refused(mapping), ["acme", "other", ""]);
    let row = br#"{"organizationId":"acme","cached":"maybe"}"#;
    assert_eq!(
        JsonRows::new(Mapping::default()).rewrite(row, false).unwrap().refused[0].organization.as_deref(),
        Some("acme")
    );
}

#[test]
fn totals_and_empty_rows_are_skipped_and_counted() {
    let text = "id;timestamp;usedModel;count;cost\na;2026-06-01T00:00:00Z;m;2;1,5\n;;;;\nTotal;;;2;1,5\n\
                total;2026-06-01T00:00:00Z;m;1;0,25\n";
    let notes = check_csv(
        Mapping::default(),
        text,
        &[
            r#"{"count":2,"cost":1.5,"timestamp":1780272000000,"id":"a","usedModel":"m"}"#,
            r#"{"count":1,"cost":0.25,"timestamp":1780272000000,"id":"total","usedModel":"m"}"#,
        ],
    );
    assert_eq!((notes.totals, notes.first_total, notes.separator), (1, 4, Some("a semicolon")));
    let daily = "Date,Team,Model,Spend,Requests\n2026-06-01,a,m,0.5,1\n2026-06-01,Total,,0.5,1\n2026-06-02,a,m,0,0\n";
    let (said, notes) = read(Mapping::default(), daily);
    assert_eq!((said.len(), notes.totals, notes.unused, notes.days), (1, 1, 1, 1), "{said:?}");
    let (said, _) = read(Mapping::default(), "Date,Team,Model,Spend,Requests\n2026-06-01,a,m,0.5,0\n");
    assert!(said[0].contains("the row has usage, and 0 requests"), "{said:?}");
}

#[test]
fn rows_of_a_day_are_known_by_what_they_are_of() {
    let ids = |text: &str| {
        let (said, _) = read(Mapping::default(), text);
        said.iter().map(|line| line.split("\"id\":").nth(1).unwrap_or(line).to_owned()).collect::<Vec<_>>()
    };
    let header = "Date,Team,Model,Spend,Requests\n";
    let first = ids(&format!("{header}2026-06-01,a,m,0.5,1\n2026-06-01,b,m,0.5,1\n"));
    assert_ne!(first[0], first[1]);
    // The order, the figures and how they are written make no other row.
    assert_eq!(first[1], ids(&format!("{header}2026-06-01,b,m,0.750,3\n"))[0]);
    assert_eq!(first[1], ids("Team,Date,Model,Requests,Spend\nb,2026-06-01,m,1,$0.5\n")[0]);
    let twice = ids(&format!("{header}2026-06-01,b,m,0.5,1\n2026-06-01,b,m,0.5,1\n2026-06-01,b,m,0.6,1\n"));
    assert_eq!(twice[0], twice[1]);
    assert!(twice[2].contains("! 4: it is of the same day and names as line 3, with other figures"), "{twice:?}");
}

#[test]
fn a_row_has_a_number_that_its_line_is_not() {
    let mut mapping = Mapping::default();
    mapping.set("id", "r{row}").unwrap();
    let (said, _) = read(mapping, "timestamp;usedModel;source\n1780315200;m;\"a\nb\"\n\n;;\n1780315200;m;\n1;m;\n");
    assert!(said[0].ends_with(r#""id":"r1"}"#) && said[1].ends_with(r#""id":"r3"}"#), "{said:?}");
    assert!(said[2].starts_with("! 7: column timestamp: '1' is no time"), "{said:?}");
}

#[test]
fn rows_of_a_day_without_a_format_have_ids_too() {
    let mut mapping = Mapping::default();
    for (field, column) in [("timestamp", "day"), ("usedModel", "model"), ("count", "calls")] {
        mapping.map(field, column).unwrap();
    }
    mapping.day_zone = Zone::named("Asia/Kolkata").unwrap();
    let (said, notes) = read(mapping, "day;model;calls\n01.06.2026;m;3\n");
    assert!(said[0].starts_with(r#"{"timestamp":1780295400000,"usedModel":"m","count":3,"id":"day-"#), "{said:?}");
    assert_eq!(notes.days, 1);
}
