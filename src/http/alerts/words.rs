//! Why an alert has fired, in words.

use crate::budget::{Figures, Firing, Span, Subject};
use crate::calendar::Zone;
use crate::directory::{Budget, Directory};
use crate::model::{PicoUsd, UnixMs};

/// What a firing is about: the alert's own names.
#[derive(Clone, Copy)]
pub struct Named<'a> {
    pub directory: &'a Directory,
    pub budget_id: Option<&'a str>,
    pub budget: Option<&'a Budget>,
    /// Whose days are meant.
    pub zone: Zone,
}

/// One sentence.
pub fn message(named: Named<'_>, firing: &Firing) -> String {
    let day = named.zone.date_at(firing.window);
    let usd = |picos: i128| format!("{} USD", PicoUsd(picos));
    match firing.figures {
        Figures::Spent { spent, limit } => {
            let text = |amount| limit.counted().text(amount);
            let percent = firing.percent.unwrap_or_default();
            let (of, when) = (whose(named, firing), window(named, firing));
            format!("{of} has reached {percent}%: {} of {} {when}.", text(spent), text(limit.amount()))
        }
        Figures::Expected { spent, expected, limit } => {
            let text = |amount| limit.counted().text(amount);
            let percent = firing.percent.unwrap_or_default();
            let (of, when) = (whose(named, firing), window(named, firing));
            format!(
                "{of} is expected to reach {percent}%: {} so far, {} expected, of {} {when}.",
                text(spent),
                text(expected),
                text(limit.amount())
            )
        }
        Figures::Day { cost, usual, bound } => format!(
            "{day} has cost {}, where its weekday usually costs {}; unusual is more than {}.",
            usd(cost),
            usd(usual),
            usd(bound)
        ),
        Figures::New { cost, .. } => {
            let what = match &firing.subject {
                Subject::Model(id) => format!("The model {}", named.directory.model_name(id).unwrap_or(id)),
                Subject::ApiKey(id) => format!("The API key {id}"),
                Subject::All | Subject::Member(_) => "Something".to_owned(),
            };
            format!("{what} is new since {day} and has cost {}.", usd(cost))
        }
        Figures::Failed { failed, requests } => format!("{failed} of {requests} requests of {day} have failed."),
        Figures::Week { cost, before, unpriced, .. } => {
            let than_before = match (cost - before, before) {
                (_, 0) => "after none in the week before".to_owned(),
                (0, _) => "as in the week before".to_owned(),
                (more, _) if more > 0 => format!("{} more than the {} of the week before", usd(more), usd(before)),
                (less, _) => format!("{} less than the {} of the week before", usd(-less), usd(before)),
            };
            let without_price = match unpriced {
                0 => String::new(),
                1 => " 1 request has no price.".to_owned(),
                _ => format!(" {unpriced} requests have no price."),
            };
            format!("The week from {day} to {} has cost {}, {than_before}.{without_price}", day.plus_days(6), usd(cost))
        }
        Figures::Unpriced { requests: 1 } => format!("1 request of {day} has no price."),
        Figures::Unpriced { requests } => format!("{requests} requests of {day} have no price."),
    }
}

fn whose(named: Named<'_>, firing: &Firing) -> String {
    let budget = named.budget_id.unwrap_or_default();
    match &firing.subject {
        Subject::Member(id) => format!("Budget {budget} of {}", named.directory.user_label(id)),
        _ => format!("Budget {budget}"),
    }
}

/// The days of the window.
fn window(named: Named<'_>, firing: &Firing) -> String {
    let Some(budget) = named.budget else { return String::new() };
    let span = Span::of(budget, named.zone, firing.at);
    if span.time.end == UnixMs::MAX {
        return budget.from.as_ref().map_or("in all".to_owned(), |from| format!("since {from}"));
    }
    let [first, last] = [span.time.start, span.time.end - 1].map(|at| named.zone.date_at(at));
    if first == last { format!("on {first}") } else { format!("from {first} to {last}") }
}
