//! What providers say they billed, as their admin APIs report it.

use super::{Day, PicoUsd};

/// A provider whose reports are read. The numbers are on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Biller {
    OpenAi = 1,
    Anthropic = 2,
}

impl Biller {
    pub const ALL: [(&str, Biller); 2] = [("openai", Biller::OpenAi), ("anthropic", Biller::Anthropic)];

    /// Its name, which is also what usage of it has as provider.
    pub fn name(self) -> &'static str {
        match self {
            Biller::OpenAi => "openai",
            Biller::Anthropic => "anthropic",
        }
    }

    /// Whether its usage reports say how many requests there were.
    pub fn counts_requests(self) -> bool {
        self == Biller::OpenAi
    }
}

/// What a report is about. The numbers are on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Report {
    /// Money; all others are usage.
    Costs = 1,
    Completions = 2,
    Embeddings = 3,
    Moderations = 4,
    Images = 5,
    AudioSpeeches = 6,
    AudioTranscriptions = 7,
    /// Anthropic's one report of usage.
    Messages = 8,
}

impl Report {
    pub const ALL: [(&str, Report); 8] = [
        ("costs", Report::Costs),
        ("completions", Report::Completions),
        ("embeddings", Report::Embeddings),
        ("moderations", Report::Moderations),
        ("images", Report::Images),
        ("audio_speeches", Report::AudioSpeeches),
        ("audio_transcriptions", Report::AudioTranscriptions),
        ("messages", Report::Messages),
    ];

    pub fn name(self) -> &'static str {
        Report::ALL[self as usize - 1].0
    }
}

/// All that one report says of one UTC day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BilledDay {
    pub report: Report,
    pub day: Day,
    pub lines: Vec<BilledLine>,
}

/// The part of a report about one model and one of the provider's API keys. A report of costs has a cost and a report
/// of usage the rest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BilledLine {
    /// The canonical model; `None` for what is billed by no model, such as a tool.
    pub model: Option<String>,
    /// The provider's id of the key, when the report says it.
    pub api_key: Option<String>,
    pub requests: u64,
    /// Cached ones and those written to a cache included.
    pub input_tokens: u64,
    pub cached_tokens: u64,
    pub output_tokens: u64,
    pub cost: PicoUsd,
}

/// Reports of one provider about one organization, to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoice {
    pub organization_id: String,
    pub biller: Biller,
    /// At most one of each report and day.
    pub days: Vec<BilledDay>,
}

/// A model without the date of its snapshot: `gpt-4o-2024-08-06` and `gpt-4o-20240806` are `gpt-4o`.
pub fn undated_model(model: &str) -> &str {
    let dated = |pattern: &str| {
        let (name, date) = model.split_at_checked(model.len().checked_sub(pattern.len())?)?;
        let fits = |(byte, of): (u8, u8)| if of == b'-' { byte == b'-' } else { byte.is_ascii_digit() };
        (!name.is_empty() && date.bytes().zip(pattern.bytes()).all(fits)).then_some(name)
    };
    dated("-yyyy-mm-dd").or_else(|| dated("-yyyymmdd")).unwrap_or(model)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_without_their_date() {
        for (model, expected) in [
            ("gpt-4o-2024-08-06", "gpt-4o"),
            ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
            ("gpt-4o", "gpt-4o"),
            ("gpt-4-0613", "gpt-4-0613"),
            ("-2024-08-06", "-2024-08-06"),
            ("modèle-20250929", "modèle"),
            ("é-2024-08-0é", "é-2024-08-0é"),
            ("", ""),
        ] {
            assert_eq!(undated_model(model), expected, "{model}");
        }
    }

    #[test]
    fn reports_are_numbered_in_order() {
        assert!(Report::ALL.iter().all(|(name, report)| report.name() == *name));
    }
}
