//! Exports of other programs: which of their columns holds which field, what their rows look like, and how they are told
//! from one another. What a figure means is not decided here: they are handed on as the file has them, but for columns
//! that stand beside each other and are one figure of an event.

use super::call::Ending;
use super::row::{Draft, Fields, Row, plain};
use super::rows::{Gateway, LITELLM_FILE, LLMGATEWAY};
use super::{langfuse, litellm_daily, openrouter};
use crate::model::{PicoUsd, UNKNOWN};

/// A known export.
pub struct Format {
    /// As `--format` has it.
    pub name: &'static str,
    /// As people call it.
    pub title: &'static str,
    /// The API key of usage for which the file names none; without one it must be named.
    pub key: Option<&'static str>,
    /// A field and a column that it is taken from. Of several columns for one field, the first that has a value.
    pub(super) columns: &'static [(&'static str, &'static str)],
    /// What every event of it has that has nothing else.
    pub(super) constants: &'static [(&'static str, &'static str)],
    /// Sets of columns by which it is recognized.
    pub(super) marks: &'static [&'static [&'static str]],
    pub(super) identity: Identity,
    pub(super) finish: Finish,
    /// The rows in a JSON value that holds more than one, by what is around them.
    pub(super) rows: Option<Rows>,
    /// The gateway whose own table it is: its rows are read as what it posts.
    pub gateway: Option<Gateway>,
}

/// Turns what the columns say into the events of a row: mostly one, none for what is no call.
pub(super) type Finish = fn(&Row<'_>, Draft) -> Result<Vec<Draft>, String>;

/// The rows of a page, in JSON; `None` for what is a row itself.
pub(super) type Rows = fn(&Fields<'_>) -> Result<Option<Vec<String>>, String>;

/// What makes a row the same row when it comes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Identity {
    /// Its id; rows of a whole day have none, and are known by everything that is no figure.
    Own,
    /// Everything that is no figure: rows are sums.
    Dimensions,
    /// Everything but the cost: rows are calls that have no id.
    Cells,
}

const PLAIN: Format = Format {
    name: "",
    title: "",
    key: None,
    columns: &[],
    constants: &[],
    marks: &[],
    identity: Identity::Own,
    finish: |_, draft| Ok(vec![draft]),
    rows: None,
    gateway: None,
};

/// Exports whose columns are known.
pub static FORMATS: [Format; 9] = [
    Format {
        name: "litellm-spend-logs",
        title: "LiteLLM's spend logs",
        key: Some("litellm"),
        columns: LITELLM_FILE,
        marks: &[&["request_id", "startTime", "spend", "model"]],
        gateway: Some(Gateway::Litellm),
        ..PLAIN
    },
    Format {
        name: "litellm-daily",
        title: "LiteLLM's daily activity",
        key: Some("litellm"),
        columns: litellm_daily::COLUMNS,
        constants: &[("usedModel", UNKNOWN), ("usedProvider", UNKNOWN)],
        marks: litellm_daily::MARKS,
        identity: Identity::Dimensions,
        finish: litellm_daily::finish,
        rows: Some(litellm_daily::rows),
        ..PLAIN
    },
    Format {
        name: "llmgateway-log",
        title: "LLM Gateway's log",
        key: Some("llmgateway"),
        columns: LLMGATEWAY,
        marks: &[&["used_model", "used_provider", "api_key_id", "created_at"]],
        gateway: Some(Gateway::Llmgateway),
        ..PLAIN
    },
    Format {
        name: "openrouter",
        title: "OpenRouter's activity",
        key: Some("openrouter"),
        columns: openrouter::COLUMNS,
        marks: &[
            &["generation_id", "created_at", "model_permaslug"],
            &["date", "model_permaslug", "usage", "requests"],
            &["native_tokens_prompt", "created_at", "model"],
        ],
        finish: openrouter::finish,
        ..PLAIN
    },
    Format {
        name: "langfuse",
        title: "Langfuse's observations",
        columns: langfuse::COLUMNS,
        marks: &[&["usage_details", "start_time", "type"], &["usageDetails", "startTime", "type"]],
        finish: |row, draft| Ok(vec![without_unknown_price(langfuse::finish(row, draft)?)]),
        ..PLAIN
    },
    Format { name: "helicone", title: "Helicone's requests", finish: helicone, ..HELICONE },
    Format {
        name: "helicone-api",
        title: "requests of Helicone's API",
        marks: &[],
        finish: |row, draft| helicone_call(row, draft, Money::Usd),
        ..HELICONE
    },
    Format {
        name: "helicone-hql",
        title: "Helicone's table",
        marks: &[],
        finish: |row, draft| helicone_call(row, draft, Money::Billionths),
        ..HELICONE
    },
    Format {
        name: "cursor",
        title: "Cursor's usage",
        key: Some("cursor"),
        columns: CURSOR,
        constants: &[("usedProvider", "cursor"), ("source", "cursor")],
        marks: &[&["Date", "Model", CURSOR_UNCACHED, "Cache Read", "Output Tokens"]],
        identity: Identity::Cells,
        finish: cursor,
        ..PLAIN
    },
];

impl Format {
    pub fn named(name: &str) -> Option<&'static Format> {
        FORMATS.iter().find(|format| format.name == name)
    }

    /// The export that has these columns and no other known one has.
    pub(super) fn recognize<'a>(columns: impl Iterator<Item = &'a str>) -> Option<&'static Format> {
        let columns: Vec<String> = columns.map(plain).collect();
        let has = |mark: &&str| columns.contains(&plain(mark));
        FORMATS.iter().find(|format| format.marks.iter().any(|marks| marks.iter().all(has)))
    }
}

const HELICONE: Format = Format {
    key: Some("helicone"),
    columns: &[
        ("id", "request_id"),
        ("timestamp", "request_created_at"),
        ("apiKeyId", "proxy_key_id"),
        ("usedModel", "model"),
        ("usedModel", "response_model"),
        ("usedModel", "request_model"),
        ("usedProvider", "provider"),
        ("promptTokens", "prompt_tokens"),
        ("completionTokens", "completion_tokens"),
        ("cachedTokens", "prompt_cache_read_tokens"),
        ("cacheWriteTokens", "prompt_cache_write_tokens"),
        ("audioInputTokens", "prompt_audio_tokens"),
        ("audioOutputTokens", "completion_audio_tokens"),
        ("cost", "costUSD"),
        ("cost", "cost"),
        ("hasError", "response_status"),
        ("hasError", "status"),
    ],
    marks: &[&["request_id", "request_created_at", "provider"]],
    ..PLAIN
};

const CURSOR_CACHE_WRITE: &str = "Input (w/ Cache Write)";
const CURSOR_UNCACHED: &str = "Input (w/o Cache Write)";
const CURSOR: &[(&str, &str)] = &[
    ("timestamp", "Date"),
    ("apiKeyId", "User"),
    ("usedModel", "Model"),
    ("promptTokens", CURSOR_UNCACHED),
    ("cacheWriteTokens", CURSOR_CACHE_WRITE),
    ("cachedTokens", "Cache Read"),
    ("completionTokens", "Output Tokens"),
    ("totalTokens", "Total Tokens"),
    ("cost", "Cost"),
];

/// A cost of 0 for tokens that no cache answered is what these programs write for models that they have no price for.
fn without_unknown_price(mut draft: Draft) -> Draft {
    let is_zero = draft.cost() == Some(PicoUsd::ZERO);
    let used_any = ["promptTokens", "completionTokens", "totalTokens"].iter().any(|field| draft.whole(field) > 0);
    if is_zero && used_any && draft.get("cached") != Some("true") {
        draft.remove("cost");
    }
    draft
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Money {
    Usd,
    Billionths,
}

/// Helicone's table has costs in billionths of a dollar, its API has dollars under the same name.
fn helicone(row: &Row<'_>, draft: Draft) -> Result<Vec<Draft>, String> {
    let money = match (row.has("response_status") || row.has("costUSD"), row.has("status")) {
        (true, _) => Money::Usd,
        (false, true) => Money::Billionths,
        (false, false) if !draft.has("cost") => Money::Usd,
        (false, false) => {
            return Err("column cost: without a column status (the table's) or response_status (the API's) it can be \
                        billionths of a dollar or dollars; --format helicone-hql or --format helicone-api says which"
                .into());
        }
    };
    helicone_call(row, draft, money)
}

fn helicone_call(row: &Row<'_>, mut draft: Draft, money: Money) -> Result<Vec<Draft>, String> {
    let [input, output, read, written] =
        ["promptTokens", "completionTokens", "cachedTokens", "cacheWriteTokens"].map(|field| draft.whole(field));
    // Input is without the cached, as Helicone adds them up itself, unless the total says otherwise.
    let total = row.text("total_tokens")?.and_then(|total| total.parse::<u64>().ok());
    let is_within = total == Some(input.saturating_add(output)) && read.saturating_add(written) <= input;
    if !is_within && draft.has("promptTokens") && read.saturating_add(written) > 0 {
        draft.set("promptTokens", input.saturating_add(read).saturating_add(written).to_string());
    }
    if let Some(total) = total.filter(|_| !draft.has("promptTokens") || !draft.has("completionTokens")) {
        draft.set("totalTokens", total.to_string());
    }
    const NO_REFERENCE: &str = "00000000-0000-0000-0000-000000000000";
    if row.text("cache_reference_id")?.is_some_and(|id| id != NO_REFERENCE) {
        draft.set("cached", "true");
    }
    if let Some(cost) = draft.get("cost").map(str::to_owned) {
        let tokens = input.saturating_add(output).saturating_add(read).saturating_add(written);
        if money == Money::Billionths {
            if cost.contains(['.', 'e', 'E']) {
                return Err(format!("column cost: '{cost}' is no whole number, as billionths of a dollar are"));
            }
            draft.set("cost", format!("{cost}e-9"));
        } else if cost.parse::<u64>().is_ok_and(|dollars| dollars >= 100 && dollars > tokens / 10) {
            // No model costs ten cents a token.
            return Err(format!(
                "column cost: '{cost}' are no dollars for {tokens} tokens; if they are billionths of one, say --format helicone-hql"
            ));
        }
        if draft.get("hasError") != Some("true") {
            draft = without_unknown_price(draft);
        }
    }
    Ok(vec![draft])
}

/// Input stands in three columns beside each other. In older exports the first of them has the second in it, which the
/// total tells.
fn cursor(row: &Row<'_>, mut draft: Draft) -> Result<Vec<Draft>, String> {
    let [written, uncached, read, output] =
        ["cacheWriteTokens", "promptTokens", "cachedTokens", "completionTokens"].map(|field| draft.whole(field));
    let sum = |parts: &[u64]| parts.iter().fold(0u64, |sum, part| sum.saturating_add(*part));
    let beside = sum(&[written, uncached, read, output]);
    let total = if draft.has("totalTokens") { draft.whole("totalTokens") } else { beside };
    let (input, written) = if total == beside {
        (sum(&[written, uncached, read]), written)
    } else if total == sum(&[written, read, output]) && uncached <= written {
        (sum(&[written, read]), written - uncached)
    } else {
        return Err(format!(
            "column Total Tokens: {total} is neither all columns added up, {beside}, nor without '{CURSOR_UNCACHED}'"
        ));
    };
    // Without what was not cached, the input is not known.
    if draft.has("promptTokens") {
        draft.set("promptTokens", input.to_string());
        draft.set("cacheWriteTokens", written.to_string());
    }
    if let Some(user) = row.text("User")? {
        draft.set("apiKeyId", super::row::quoted(&format!("cursor:{user}")));
    }
    let kind = row.text("Kind")?.unwrap_or_default().to_lowercase();
    if kind.contains("abort") || kind.contains("cancel") {
        draft.set("finishReason", "\"client_error\"");
    } else if kind.contains("error") {
        draft.set("hasError", "true");
    }
    if kind.contains("user api key") {
        draft.set("usedMode", "\"api-keys\"");
    }
    Ok(vec![draft])
}

/// Adds what an HTTP status says of whose error it was.
pub(super) fn note_status(draft: &mut Draft, status: &str) {
    let code = status.parse::<u16>().ok();
    if code.is_some() && Ending::of_status(code) == Ending::ClientError {
        draft.fill("finishReason", "client_error");
    }
}

#[cfg(test)]
mod tests {
    use super::super::mapping::{CsvRows, JsonRows, Made, Mapping};
    use super::*;

    fn said(made: &Made) -> Vec<String> {
        let lines = std::str::from_utf8(&made.lines).unwrap().lines().map(without_id);
        lines.chain(made.refused.iter().map(|refused| format!("! {}", refused.error))).collect()
    }

    /// Derived ids are tested where they are made.
    fn without_id(line: &str) -> String {
        let event: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).unwrap();
        let is_derived = event["id"].as_str().unwrap().contains('-');
        match line.rfind(",\"id\":").filter(|_| is_derived) {
            Some(at) => {
                let rest = &line[at + 1..];
                let end = rest.find(',').map_or(rest.len() - 1, |end| end);
                format!("{}{}", &line[..at], &rest[end..])
            }
            None => line.to_owned(),
        }
    }

    /// What a table makes, whose format is found by its columns.
    #[track_caller]
    fn check_csv(format: &str, text: &str, expected: &[&str]) {
        let mut rows = CsvRows::open(text.as_bytes(), Mapping::default()).unwrap();
        assert_eq!(rows.mapping().format().map_or("", |format| format.name), format);
        assert_eq!(said(&rows.next_rows(usize::MAX)), expected);
    }

    #[track_caller]
    fn check_json(format: &str, row: &str, expected: &[&str]) {
        let mapping = Mapping::default().recognized_in(row);
        let mapping = mapping.unwrap_or_else(|| Mapping::of_format(Format::named(format).unwrap()));
        assert_eq!(mapping.format().map_or("", |format| format.name), format);
        assert_eq!(said(&JsonRows::new(mapping).rewrite(row.as_bytes(), false).unwrap()), expected);
    }

    #[test]
    fn cursor_has_its_input_in_three_columns() {
        let header = "Date,User,Kind,Model,Max Mode,Input (w/ Cache Write),Input (w/o Cache Write),Cache Read,Output Tokens,Total Tokens,Cost\n";
        let row = |kind: &str, figures: &str, cost: &str| {
            format!("2026-06-01T10:00:00.250Z,ada@example.com,\"{kind}\",gpt-5,No,{figures},{cost}\n")
        };
        let event = |figures: &str| {
            format!(
                r#"{{"timestamp":1780308000250,"apiKeyId":"cursor:ada@example.com","usedModel":"gpt-5",{figures},"usedProvider":"cursor","source":"cursor"}}"#
            )
        };
        for (kind, figures, cost, expected) in [
            (
                "On-Demand",
                "9541,117382,1383578,13232,1523733",
                "$0.18",
                r#""promptTokens":1510501,"cacheWriteTokens":9541,"cachedTokens":1383578,"completionTokens":13232,"totalTokens":1523733,"cost":0.18"#,
            ),
            (
                "Included",
                "1200,1000,5000,300,6500",
                "Included",
                r#""promptTokens":6200,"cacheWriteTokens":200,"cachedTokens":5000,"completionTokens":300,"totalTokens":6500,"cost":0"#,
            ),
            (
                "User API Key",
                "0,10,0,5,15",
                "0.5",
                r#""promptTokens":10,"cacheWriteTokens":0,"cachedTokens":0,"completionTokens":5,"totalTokens":15,"cost":0.5,"usedMode":"api-keys""#,
            ),
            ("Errored, No Charge", ",,,,", "Free", r#""cost":0,"hasError":true"#),
            (
                "Aborted, Not Charged",
                "0,0,0,0,0",
                "-",
                r#""promptTokens":0,"cacheWriteTokens":0,"cachedTokens":0,"completionTokens":0,"totalTokens":0,"finishReason":"client_error""#,
            ),
        ] {
            check_csv("cursor", &format!("{header}{}", row(kind, figures, cost)), &[&event(expected)]);
        }
        let known = event(r#""cacheWriteTokens":0,"cachedTokens":5,"completionTokens":7"#);
        let unknown = known.replace('}', r#","promptTokens":"unknown"}"#);
        check_csv("cursor", &format!("{header}{}", row("Included", "0,-,5,7,", "-")), &[&unknown]);
        let wrong = format!("{header}{}", row("On-Demand", "1,2,3,4,99", "0.1"));
        check_csv(
            "cursor",
            &wrong,
            &["! column Total Tokens: 99 is neither all columns added up, 10, nor without 'Input (w/o Cache Write)'"],
        );
    }

    #[test]
    fn an_activity_of_openrouter_is_in_days() {
        let row = |usage: &str, own: &str, more: &str| {
            format!(
                r#"{{"data":[{{"date":"2026-06-01 00:00:00","model":"openai/gpt-4.1","model_permaslug":"openai/gpt-4.1-2025","endpoint_id":"e","provider_name":"OpenAI","usage":{usage},"byok_usage_inference":{own},"requests":5,"prompt_tokens":50,"completion_tokens":125,"reasoning_tokens":25{more}}}]}}"#
            )
        };
        let names = r#""timestamp":1780315200000,"usedModel":"openai/gpt-4.1","usedProvider":"OpenAI""#;
        let tokens = r#""promptTokens":50,"completionTokens":125,"reasoningTokens":25"#;
        let whole = |rest: &str| format!("{{{names},{tokens},{rest}}}");
        let part = |rest: &str| format!("{{{names},{rest}}}");
        check_json("openrouter", &row("0.015", "0", ""), &[&whole(r#""cost":0.015,"count":5"#)]);
        check_json("openrouter", &row("0.05", "1", ""), &[&whole(r#""cost":1.05,"count":5,"usedMode":"api-keys""#)]);
        let mixed = [whole(r#""cost":0.015,"count":4"#), part(r#""cost":0.012,"count":1,"usedMode":"api-keys""#)];
        check_json("openrouter", &row("0.015", "0.012", ""), &[&mixed[0], &mixed[1]]);
        let told = [whole(r#""cost":0.015,"count":3"#), part(r#""cost":0.012,"count":2,"usedMode":"api-keys""#)];
        check_json("openrouter", &row("0.015", "0.012", r#","byok_requests":2"#), &[&told[0], &told[1]]);
    }

    #[test]
    fn an_export_of_openrouter_is_in_calls() {
        let header = "generation_id,created_at,cost_total,cost_web_search,byok_usage_inference,tokens_prompt,tokens_completion,tokens_reasoning,tokens_cached,model_permaslug,provider_name,cancelled,streamed,finish_reason_normalized,app_name,api_key_name\n";
        let rows = "gen1,2026-06-01 10:00:00,0.25,,0,100,20,5,40,openai/gpt-4.1,OpenAI,false,true,stop,Shop,web key\n\
                    gen2,2026-06-01 10:00:00,0.0,,0.5,100,20,5,40,openai/gpt-4.1,OpenAI,true,false,,Shop,web key\n";
        let event = |id: &str, rest: &str| {
            format!(
                r#"{{"id":"{id}","timestamp":1780308000000,"apiKeyId":"web key","usedModel":"openai/gpt-4.1","usedProvider":"OpenAI","source":"Shop","promptTokens":100,"completionTokens":20,"cachedTokens":40,"reasoningTokens":5,{rest}}}"#
            )
        };
        let events = [
            event("gen1", r#""cost":0.25,"streamed":true,"finishReason":"stop""#),
            event("gen2", r#""cost":0.5,"finishReason":"client_error","usedMode":"api-keys""#),
        ];
        check_csv("openrouter", &format!("{header}{rows}"), &[&events[0], &events[1]]);
    }

    #[test]
    fn helicones_table_has_billionths_and_its_api_dollars() {
        let event = |rest: &str| {
            format!(r#"{{"id":"r","timestamp":1780308000000,"usedModel":"m","usedProvider":"OPENAI",{rest}}}"#)
        };
        let header = "request_id,request_created_at,model,provider,prompt_tokens,completion_tokens,prompt_cache_read_tokens,prompt_cache_write_tokens,cost";
        let check = |status: &str, figures: &str, expected: &str| {
            let expected = if expected.starts_with('!') { expected.to_owned() } else { event(expected) };
            let (name, value) = status.split_once('=').unwrap_or_default();
            let more = if name.is_empty() { ["", "", ""] } else { [",", name, value] };
            let [comma, name, value] = more;
            let text = format!("{header}{comma}{name}\nr,2026-06-01 10:00:00,m,OPENAI,{figures}{comma}{value}\n");
            check_csv("helicone", &text, &[&expected]);
        };
        let tokens = r#""promptTokens":3100,"completionTokens":100,"cachedTokens":2000,"cacheWriteTokens":100"#;
        check("status=200", "1000,100,2000,100,210000", &format!(r#"{tokens},"cost":210000e-9,"hasError":false"#));
        check(
            "response_status=200",
            "1000,100,2000,100,0.0021",
            &format!(r#"{tokens},"cost":0.0021,"hasError":false"#),
        );
        let plain = r#""promptTokens":1000,"completionTokens":100,"cachedTokens":0,"cacheWriteTokens":0"#;
        // No price is known for what costs nothing, and nothing is paid for what failed.
        check("status=200", "1000,100,0,0,0", &format!(r#"{plain},"hasError":false"#));
        check("status=500", "1000,100,0,0,0", &format!(r#"{plain},"cost":0e-9,"hasError":true"#));
        check(
            "status=422",
            "1000,100,0,0,0",
            &format!(r#"{plain},"cost":0e-9,"hasError":true,"finishReason":"client_error""#),
        );
        check(
            "",
            "1000,100,0,0,210000",
            "! column cost: without a column status (the table's) or response_status (the API's) it can be billionths of a dollar or dollars; --format helicone-hql or --format helicone-api says which",
        );
        check(
            "response_status=200",
            "1000,100,0,0,210000",
            "! column cost: '210000' are no dollars for 1100 tokens; if they are billionths of one, say --format helicone-hql",
        );
        check(
            "status=200",
            "1000,100,0,0,0.5",
            "! column cost: '0.5' is no whole number, as billionths of a dollar are",
        );
    }

    #[test]
    fn litellms_daily_export_counts_its_failures_apart() {
        let event =
            |rest: &str| format!(r#"{{"timestamp":1780315200000,"projectId":"t1","usedModel":"gpt-5",{rest}}}"#);
        let text = "Date,Team,Team ID,Model,Spend ($),Requests,Successful,Failed,Total Tokens\n\
                    2026-06-01,Search,t1,gpt-5,\"1,234.5000\",10,8,2,5000\n";
        let ok = event(r#""totalTokens":5000,"cost":1234.5000,"count":8,"usedProvider":"unknown""#);
        let failed = event(r#""cost":0,"count":2,"hasError":true,"usedProvider":"unknown""#);
        check_csv("litellm-daily", text, &[&ok, &failed]);
        let tags = "Date,Tag,Tag ID,Spend ($),Requests\n2026-06-01,a,a,1.5,2\n";
        check_csv(
            "litellm-daily",
            tags,
            &["! column Tag: a call counts once for each of its tags; export by team, key or model instead"],
        );
    }

    #[test]
    fn litellms_daily_activity_is_read_by_model_and_key() {
        let metrics = |requests: u64, failed: u64, tokens: u64, spend: &str| {
            format!(
                r#"{{"spend":{spend},"prompt_tokens":{tokens},"completion_tokens":10,"cache_read_input_tokens":4,"cache_creation_input_tokens":0,"total_tokens":{},"successful_requests":{},"failed_requests":{failed},"api_requests":{requests}}}"#,
                tokens + 10,
                requests - failed
            )
        };
        let page = |keys: &str| {
            format!(
                r#"{{"results":[{{"date":"2026-06-01","metrics":{{}},"breakdown":{{"models":{{"gpt-5":{{"metrics":{},"metadata":{{}},"api_key_breakdown":{{{keys}}}}}}},"providers":{{}}}}}}],"metadata":{{"page":1}}}}"#,
                metrics(5, 1, 100, "8e-06")
            )
        };
        let key = format!(
            r#""88dc":{{"metrics":{},"metadata":{{"key_alias":"web","team_id":"t1"}}}}"#,
            metrics(5, 1, 100, "8e-06")
        );
        let names = r#""timestamp":1780315200000,"projectId":"t1","apiKeyId":"88dc","usedModel":"gpt-5""#;
        let tokens =
            r#""promptTokens":100,"completionTokens":10,"totalTokens":110,"cachedTokens":4,"cacheWriteTokens":0"#;
        let ok = format!(r#"{{{names},{tokens},"cost":8e-06,"count":4,"usedProvider":"unknown"}}"#);
        let failed = format!(r#"{{{names},"cost":0,"count":1,"hasError":true,"usedProvider":"unknown"}}"#);
        check_json("litellm-daily", &page(&key), &[&ok, &failed]);
        // Keys that do not add up to their model are not known to be all: the model's own sums count.
        let part = format!(r#""88dc":{{"metrics":{},"metadata":{{}}}}"#, metrics(2, 0, 50, "4e-06"));
        let without_key = ok.replace(r#""projectId":"t1","apiKeyId":"88dc","#, "");
        let failed_without = failed.replace(r#""projectId":"t1","apiKeyId":"88dc","#, "");
        check_json("litellm-daily", &page(&part), &[&without_key, &failed_without]);
    }

    #[test]
    fn litellms_spend_report_is_read_by_team_model_and_key() {
        let report = r#"{"group_by_day":"2026-06-01T00:00:00+00:00","teams":[{"team_name":"Search","total_spend":0.5,"metadata":[{"model":"gpt-5","spend":0.5,"total_tokens":28,"api_key":"88dc"}]}]}"#;
        let event = r#"{"timestamp":1780315200000,"projectId":"Search","apiKeyId":"88dc","usedModel":"gpt-5","totalTokens":28,"cost":0.5,"usedProvider":"unknown"}"#;
        check_json("litellm-daily", report, &[event]);
    }
}
