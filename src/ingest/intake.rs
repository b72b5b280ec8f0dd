//! What the intake ledger will say of a body: who sent its records, and why some of them made no event.
//!
//! The ledger is kept for months and read by people who did not send what is in it. So all of it is bounded, and
//! nothing in it repeats what was sent: reasons are our own words without the values that an answer names, examples are
//! ids, positions and names of records.

use std::borrow::Cow;

use super::collector::Collector;
use super::reason::{MAX_CHARS, OTHER, fitting, reason, rejected};
use super::{BodyError, Context, SentBy, TokenDefaults};
use crate::model::{Batch, Intake, Sender, Unmade};

/// Senders that one body is entered under: a collector forwards for many, an attacker invents them.
const MAX_SENDERS: usize = 64;
/// Combinations of sender, organization and reason that one body is entered under.
const MAX_UNMADE: usize = 256;
/// A sender that does not say who it is.
const UNNAMED: &str = "unknown";

impl Collector<'_> {
    /// Says who sends the records that come next.
    pub fn sent_by(&mut self, sender: SentBy<'_>) {
        let name = fitting(sender.name, MAX_CHARS).unwrap_or(Cow::Borrowed(UNNAMED));
        let version = sender.version.and_then(|version| fitting(version, MAX_CHARS));
        let senders = &mut self.parsed.batch.senders;
        let is = |known: &Sender, name: &str, version: Option<&str>| {
            known.name == name && known.version.as_deref() == version
        };
        let known = senders.iter().position(|known| is(known, &name, version.as_deref()));
        let place = known.unwrap_or_else(|| {
            let (name, version) = match senders.len() {
                0..MAX_SENDERS => (name.into_owned(), version.map(Cow::into_owned)),
                _ => (OTHER.to_owned(), None),
            };
            match senders.iter().position(|known| is(known, &name, version.as_deref())) {
                Some(place) => place,
                None => {
                    senders.push(Sender { name, version });
                    senders.len() - 1
                }
            }
        });
        self.sender = place as u32;
    }

    /// The organization that the record at hand is for, where that is known.
    pub(super) fn known_organization(&self) -> Option<&str> {
        match (self.context().token.organization_id, &self.kept_since) {
            (Some(bound), _) => Some(bound),
            (None, Some((named, _))) if self.names_organization => Some(named),
            (None, _) => None,
        }
    }

    /// Counts a record that says nothing about usage. `example` names it, and is asked once for each reason.
    pub fn ignore(&mut self, reason: &str, example: impl FnOnce() -> Option<String>) {
        self.enter(Intake::Ignored, reason, example);
    }

    /// Counts a record under the reason why it made no event.
    pub(super) fn enter(&mut self, result: Intake, reason: &str, example: impl FnOnce() -> Option<String>) {
        let sender = self.sender;
        let organization = self.known_organization().map(str::to_owned);
        let unmade = &mut self.parsed.batch.unmade;
        let full = unmade.len() >= MAX_UNMADE;
        let is = |known: &Unmade, reason: &str| {
            (known.sender, known.result, known.reason.as_str()) == (sender, result, reason)
                && known.organization == organization
        };
        let known = unmade.iter().position(|known| is(known, reason));
        let known = known.or_else(|| unmade.iter().position(|known| full && is(known, OTHER)));
        let known = known.or_else(|| {
            // One more for each result at most: the first of each result past the limit is not told apart further.
            unmade.iter().position(|known| full && (known.result, known.reason.as_str()) == (result, OTHER))
        });
        if let Some(known) = known {
            unmade[known].count += 1;
            return;
        }
        let fits = |text: String| fitting(&text, MAX_CHARS).map(Cow::into_owned);
        unmade.push(Unmade {
            sender,
            organization,
            result,
            reason: if full { OTHER.to_owned() } else { reason.to_owned() },
            count: 1,
            example: if full { None } else { example().and_then(fits) },
        });
    }
}

/// Enters rows of a file that made no event, each with its number, its id and what is wrong with it.
pub fn refused_rows<'a>(rows: impl Iterator<Item = (u64, Option<&'a str>, &'a str)>, context: &Context<'_>) -> Batch {
    let mut collector = Collector::new(context);
    for (number, id, error) in rows {
        let example = || Some(rejected(number as usize, id, error));
        collector.enter(Intake::Rejected, &reason(error), example);
    }
    collector.finish().batch
}

/// Enters rows of a file that were passed over: why, and how many.
pub fn skipped_rows(rows: [(&'static str, usize); 3], context: &Context<'_>) -> Batch {
    let mut collector = Collector::new(context);
    for (reason, count) in rows {
        (0..count).for_each(|_| collector.ignore(reason, || None));
    }
    collector.finish().batch
}

/// Enters what a program says that it refused or passed over by itself, under the sender of the context.
pub fn entered_rows(rows: Vec<Unmade>, context: &Context<'_>) -> Batch {
    let mut batch = Collector::new(context).finish().batch;
    let bound = context.token.organization_id;
    let fits = |text: &str| fitting(text, MAX_CHARS).map(Cow::into_owned);
    batch.unmade.extend(rows.into_iter().map(|row| Unmade {
        sender: 0,
        organization: bound.map(str::to_owned).or(row.organization),
        reason: fits(&row.reason).unwrap_or_else(|| OTHER.to_owned()),
        example: row.example.as_deref().and_then(fits),
        ..row
    }));
    batch
}

impl BodyError {
    /// A batch that says nothing but that a body was refused whole.
    pub fn refused(&self, token: TokenDefaults<'_>) -> Batch {
        let fits = |text: &str| fitting(text, MAX_CHARS).map(Cow::into_owned);
        let sender = Sender {
            name: fits(token.sender.name).unwrap_or_else(|| UNNAMED.to_owned()),
            version: token.sender.version.and_then(fits),
        };
        let reason = match self {
            BodyError::Json(_) => "the body is not valid JSON",
            BodyError::Protobuf(_) => "the body is not valid OTLP",
            BodyError::Empty => "the body is empty",
            BodyError::TooMany => "the body has too many events",
        };
        let refused = Unmade {
            sender: 0,
            organization: token.organization_id.map(str::to_owned),
            result: Intake::Rejected,
            reason: reason.to_owned(),
            count: 1,
            example: None,
        };
        Batch { senders: vec![sender], unmade: vec![refused], ..Batch::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Context, TokenDefaults, for_ever, parse_json};
    use super::*;
    use crate::pricing::PriceBook;

    fn parse(events: &[String], organization_id: Option<&str>) -> Batch {
        let sender = SentBy { name: "api", version: Some("curl/8.5.0") };
        let token = TokenDefaults { organization_id, sender, ..TokenDefaults::default() };
        let prices = PriceBook::bundled();
        let context = Context { now: 1_780_315_200_000, prices: &prices, token, kept_since: &for_ever };
        parse_json(format!("[{}]", events.join(",")).as_bytes(), &context).unwrap().batch
    }

    #[test]
    fn what_made_no_event_is_entered_by_organization_and_reason() {
        let event = |organization: &str, fields: &str| {
            format!(
                r#"{{"id":"a","timestamp":1780315200000,"organizationId":"{organization}","projectId":"p",
                    "apiKeyId":"k","usedModel":"openai/gpt-4o"{fields}}}"#
            )
        };
        let bad = r#","promptTokens":-1"#;
        let events = [event("acme", ""), event("acme", bad), event("acme", bad), event("other", bad), "7".to_owned()];
        let batch = parse(&events, None);
        assert_eq!(batch.senders, [Sender { name: "api".into(), version: Some("curl/8.5.0".into()) }]);
        let entered: Vec<_> =
            batch.unmade.iter().map(|of| (of.organization.as_deref(), of.reason.as_str(), of.count)).collect();
        let expected = [
            (Some("acme"), "promptTokens is not valid", 2),
            (Some("other"), "promptTokens is not valid", 1),
            (None, "an event is not valid", 1),
        ];
        assert_eq!(entered, expected);
        assert_eq!(batch.unmade[0].example.as_deref(), Some("id a: promptTokens is -1"));
        assert_eq!(parse(&["7".to_owned()], Some("acme")).unmade[0].organization.as_deref(), Some("acme"));
    }

    #[test]
    fn a_body_has_so_many_senders_and_reasons_and_the_rest_is_other() {
        let prices = PriceBook::bundled();
        let token = TokenDefaults { organization_id: Some("acme"), ..TokenDefaults::default() };
        let context = Context { now: 0, prices: &prices, token, kept_since: &for_ever };
        let mut collector = Collector::new(&context);
        for number in 0..1000 {
            let name = format!("sender {number}");
            collector.sent_by(SentBy { name: &name, version: None });
            collector.reject(None, format!("field{number} is missing"));
            collector.ignore("no usage in it", || Some("x".repeat(1000)));
        }
        let batch = collector.finish().batch;
        assert_eq!(batch.senders.len(), MAX_SENDERS + 1);
        assert!(batch.unmade.len() <= MAX_UNMADE + 2, "{}", batch.unmade.len());
        assert_eq!(batch.unmade.iter().map(|of| of.count).sum::<u64>(), 2000);
        assert!(batch.unmade.iter().all(|of| of.example.as_ref().is_none_or(|text| text.len() <= MAX_CHARS)));
    }
}
