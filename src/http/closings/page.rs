//! A statement as one page that needs nothing else, and prints on A4, in either language of the dashboard.

use std::fmt::Write;

use super::wire::{ReasonName, StatementAnswer, StatementLine, StatementSums};
use crate::calendar::Window;
use crate::http::currency::Currency;
use crate::http::render::usd;
use crate::ledger::{Disclosure, Side, Waterfall, checksum};
use crate::model::PicoUsd;
use crate::query::{Cause, GroupBy};

/// As it prints on A4.
const STYLE: &str = include_str!("statement.css");

/// How wide a bar is drawn at most, in units of its picture.
const BAR: i128 = 1000;

/// What a page is written in. Figures and dates are written alike in both, so that they can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    English,
    German,
}

pub const LANGUAGES: [(&str, Language); 2] = [("en", Language::English), ("de", Language::German)];

impl Language {
    fn pick<T>(self, english: T, german: T) -> T {
        match self {
            Language::English => english,
            Language::German => german,
        }
    }

    /// What lines are by.
    fn by(self, by: GroupBy) -> &'static str {
        match by {
            GroupBy::Team => "Team",
            GroupBy::CostCentre => self.pick("Cost centre", "Kostenstelle"),
            GroupBy::Project => self.pick("Project", "Projekt"),
            GroupBy::User => "Person",
            GroupBy::ApiKey => self.pick("API key", "API-Schlüssel"),
            _ => self.pick("Model", "Modell"),
        }
    }

    /// Which line a request counts for.
    fn attribution(self, by: GroupBy) -> &'static str {
        match by {
            GroupBy::Team => self.pick(
                "A request counts for the team that its API key is assigned to on that day, else for the team of the \
                 key's owner, else for the team of its project.",
                "Eine Anfrage zählt für das Team, dem ihr API-Schlüssel an diesem Tag zugewiesen ist, sonst für das \
                 Team der Person, der der Schlüssel gehört, sonst für das Team ihres Projekts.",
            ),
            GroupBy::CostCentre => self.pick(
                "A request counts for the cost centre of its team: the team that its API key is assigned to on that \
                 day, else that of the key's owner, else that of its project.",
                "Eine Anfrage zählt für die Kostenstelle ihres Teams: des Teams, dem ihr API-Schlüssel an diesem Tag \
                 zugewiesen ist, sonst des Teams der Person, der der Schlüssel gehört, sonst des Teams ihres Projekts.",
            ),
            GroupBy::Project => self.pick(
                "A request counts for the project that it was sent for.",
                "Eine Anfrage zählt für das Projekt, für das sie gesendet wurde.",
            ),
            GroupBy::User => self.pick(
                "A request counts for the person whose its API key is on that day: whom it is assigned to, else who \
                 created it.",
                "Eine Anfrage zählt für die Person, der ihr API-Schlüssel an diesem Tag gehört: der er zugewiesen \
                 ist, sonst die ihn angelegt hat.",
            ),
            GroupBy::ApiKey => self.pick(
                "A request counts for the API key that it was made with.",
                "Eine Anfrage zählt für den API-Schlüssel, mit dem sie gestellt wurde.",
            ),
            _ => self.pick(
                "A request counts for the model that answered it.",
                "Eine Anfrage zählt für das Modell, das sie beantwortet hat.",
            ),
        }
    }

    fn disclosure(self, disclosure: &Disclosure) -> &'static str {
        match disclosure {
            Disclosure::Names => self.pick("by name", "mit Namen"),
            Disclosure::Pseudonyms(_) => {
                self.pick("by pseudonyms, the same all year", "unter Pseudonymen, das ganze Jahr denselben")
            }
            Disclosure::Groups => self.pick("in groups of at least five", "in Gruppen von mindestens fünf"),
        }
    }

    fn reason(self, reason: ReasonName, month: &str) -> String {
        match reason {
            ReasonName::Late => self.pick(
                format!("Adjustment: usage of {month} that came since it was closed"),
                format!("Nachtrag: Nutzung von {month}, die seit dem Abschluss kam"),
            ),
            ReasonName::Repriced => self.pick(
                format!("Adjustment: usage of {month} that has another price since it was closed"),
                format!("Nachtrag: Nutzung von {month}, die seit dem Abschluss einen anderen Preis hat"),
            ),
            ReasonName::Reassigned => self.pick(
                format!("Adjustment: usage of {month} that counts for others since it was closed"),
                format!("Nachtrag: Nutzung von {month}, die seit dem Abschluss für andere zählt"),
            ),
            ReasonName::Renamed => self.pick(
                format!("Adjustment: usage of {month} that has another name since it was closed"),
                format!("Nachtrag: Nutzung von {month}, die seit dem Abschluss einen anderen Namen hat"),
            ),
            ReasonName::ZoneRules => self.pick(
                format!("Adjustment: usage that newer zone rules put on other days of {month}, into it or out of it"),
                format!("Nachtrag: Nutzung, die neuere Zeitzonenregeln auf andere Tage von {month} legen, hinein oder heraus"),
            ),
        }
    }

    fn cause(self, cause: Cause) -> [&'static str; 2] {
        match cause {
            Cause::Volume => self.pick(
                ["Volume", "more or fewer requests in all"],
                ["Zahl der Anfragen", "mehr oder weniger Anfragen insgesamt"],
            ),
            Cause::Mix => self.pick(
                ["Mix", "other lines or models with the same number of requests"],
                ["Mischung", "andere Zeilen oder Modelle bei gleicher Zahl der Anfragen"],
            ),
            Cause::Price => self.pick(["Price", "what the same tokens cost"], ["Preis", "was dieselben Tokens kosten"]),
            Cause::Cache => self.pick(
                ["Caches", "how much came from caches or was written to them"],
                ["Caches", "wie viel aus Caches kam oder in sie geschrieben wurde"],
            ),
            Cause::TokensPerRequest => self.pick(
                ["Tokens per request", "longer or shorter requests and answers"],
                ["Tokens je Anfrage", "längere oder kürzere Anfragen und Antworten"],
            ),
            Cause::New => self
                .pick(["New", "lines without usage in the month before"], ["Neu", "Zeilen ohne Nutzung im Vormonat"]),
            Cause::Gone => self.pick(
                ["Gone", "lines without usage in this month"],
                ["Weggefallen", "Zeilen ohne Nutzung in diesem Monat"],
            ),
            Cause::Unpriced => self.pick(
                ["Unpriced", "requests without a price in one of the months"],
                ["Ohne Preis", "Anfragen ohne Preis in einem der Monate"],
            ),
        }
    }

    /// What a line is called that has no key: those names are the program's own.
    fn nameless(self, line: &StatementLine) -> &str {
        let label = &*line.label;
        if line.key.is_some() || self == Language::English {
            return label;
        }
        match label {
            "All" => "Alle",
            "Other" => "Übrige",
            "Unattributed" => "Nicht zugeordnet",
            "No team" => "Ohne Team",
            "No cost centre" => "Ohne Kostenstelle",
            label => label,
        }
    }
}

/// Whose statement it is, and how it is told.
pub struct Heading<'h> {
    pub organization: &'h str,
    pub by: GroupBy,
    pub disclosure: &'h Disclosure,
    pub window: &'h Window,
    pub language: Language,
    /// What amounts are said in beside US dollars.
    pub currency: Option<&'h Currency>,
}

pub fn page(heading: &Heading<'_>, statement: &StatementAnswer, waterfall: Option<&Waterfall>) -> String {
    let mut page = Page { text: String::new(), heading };
    page.write(statement, waterfall);
    checksum::sealed(&page.text)
}

struct Page<'p> {
    text: String,
    heading: &'p Heading<'p>,
}

impl Page<'_> {
    fn write(&mut self, statement: &StatementAnswer, waterfall: Option<&Waterfall>) {
        let Heading { organization, by, language, window, .. } = *self.heading;
        let (month, by, organization) = (&statement.month, language.by(by), escaped(organization));
        let code = language.pick("en", "de");
        let title = language.pick(
            format!("Statement {month} by {by}: {organization}"),
            format!("Abrechnung {month} nach {by}: {organization}"),
        );
        let subtitle =
            language.pick(format!("LLM usage of {month}, by {by}"), format!("LLM-Nutzung von {month}, nach {by}"));
        let mark = checksum::mark();
        let _ = write!(
            self.text,
            "<!doctype html>\n<html lang=\"{code}\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n{mark}\n\
             <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n\
             <h1>{organization}</h1>\n<p>{subtitle}</p>\n"
        );
        if !statement.closed {
            let draft = language.pick(
                "Draft: the month is not closed, and its figures still change.",
                "Entwurf: Der Monat ist nicht abgeschlossen, und seine Zahlen ändern sich noch.",
            );
            let _ = writeln!(self.text, "<p class=\"draft\">{draft}</p>");
        }
        self.text.push_str("<dl>\n");
        self.about(language.pick("Organization", "Organisation"), &statement.organization_id);
        let (zone, rules) = (&statement.timezone, window.zone.edition().version());
        let days = language.pick(
            format!("{month}, days of {zone} (zone rules {rules})"),
            format!("{month}, Tage in {zone} (Zonenregeln {rules})"),
        );
        self.about(language.pick("Month", "Monat"), &days);
        if let (Some(at), Some(who), Some(id)) = (&statement.closed_at, &statement.closed_by, &statement.closing_id) {
            let closed = language.pick(format!("{at} by {who} ({id})"), format!("{at} von {who} ({id})"));
            self.about(language.pick("Closed", "Abgeschlossen"), &closed);
        }
        for one in &statement.reopened {
            let [closed, who, reopened, by] = [&one.closed_at, &one.closed_by, &one.reopened_at, &one.reopened_by];
            let before = language.pick(
                format!("{closed} by {who}, opened again {reopened} by {by}"),
                format!("{closed} von {who}, wieder geöffnet {reopened} von {by}"),
            );
            self.about(language.pick("Closed before", "Vorher abgeschlossen"), &before);
        }
        self.about(language.pick("People", "Personen"), language.disclosure(self.heading.disclosure));
        if let Some(Currency { label, rate, date }) = self.heading.currency {
            let rate = language.pick(
                format!("1 USD = {rate} {label}, rate of {date}"),
                format!("1 USD = {rate} {label}, Kurs vom {date}"),
            );
            self.about(language.pick("Currency", "Währung"), &rate);
        }
        self.text.push_str("</dl>\n");
        self.heading_of(&language.pick(format!("Usage of {month}"), format!("Nutzung von {month}")));
        self.table(by, &statement.lines, None);
        for adjustment in &statement.adjustments {
            self.heading_of(&language.reason(adjustment.reason, &adjustment.month));
            self.table(by, &adjustment.lines, None);
        }
        self.heading_of(language.pick("In all", "Zusammen"));
        self.table("", &[], Some(&statement.totals));
        if let Some(waterfall) = waterfall {
            self.waterfall(waterfall);
        }
        self.reading();
        let checksum = language.pick(
            "SHA-256 of this file with zeros in place of this number:",
            "SHA-256 dieser Datei mit Nullen anstelle dieser Zahl:",
        );
        let compares = language.pick("compares", "vergleicht");
        let _ = write!(
            self.text,
            "</main>\n<footer>{checksum} {}. <code>rollcall statement verify FILE</code> {compares}.</footer>\n\
             </body>\n</html>\n",
            checksum::PLACE
        );
    }

    fn reading(&mut self) {
        let Heading { by, language, currency, .. } = *self.heading;
        self.heading_of(language.pick("How to read this", "Wie das zu lesen ist"));
        let amounts = language.pick(
            "Amounts are US dollars, exact to the last digit, with a decimal point and nothing between thousands. \
             Dates are year-month-day.",
            "Beträge sind US-Dollar, genau bis zur letzten Ziffer, mit Dezimalpunkt und nichts zwischen Tausendern. \
             Tage stehen als Jahr-Monat-Tag.",
        );
        let converted = currency.map(|Currency { label, rate, date }| {
            let label = escaped(label);
            language.pick(
                format!(
                    " Beneath each amount stands what it is in {label}, at the operator's rate of {date}: 1 USD = \
                     {rate} {label}. Each is rounded by itself to two decimals, half to even, so they may add up to \
                     another one by some hundredths; US dollars are what holds."
                ),
                format!(
                    " Unter jedem Betrag steht, was er in {label} ist, zum Kurs des Betreibers vom {date}: 1 USD = \
                     {rate} {label}. Jeder ist für sich auf zwei Stellen gerundet, die Hälfte zur geraden Ziffer, \
                     darum kann ihre Summe um einige Hundertstel abweichen; es gelten die US-Dollar."
                ),
            )
        });
        let converted = converted.unwrap_or_default();
        let days = language.pick(
            "A request counts on the local day on which it began.",
            "Eine Anfrage zählt an dem lokalen Tag, an dem sie begann.",
        );
        let whose = language.attribution(by);
        let later = language.pick(
            "What comes of a closed month later changes none of its lines: it stands as an adjustment on the \
             statement of the first month that is open.",
            "Was von einem abgeschlossenen Monat später kommt, ändert keine seiner Zeilen: Es steht als Nachtrag auf \
             der Abrechnung des ersten offenen Monats.",
        );
        let _ = writeln!(self.text, "<p>{amounts}{converted}</p>\n<p>{days} {whose}</p>\n<p>{later}</p>");
    }

    fn about(&mut self, name: &str, text: &str) {
        let _ = writeln!(self.text, "<dt>{name}</dt><dd>{}</dd>", escaped(text));
    }

    fn heading_of(&mut self, text: &str) {
        let _ = writeln!(self.text, "<h2>{text}</h2>");
    }

    fn table(&mut self, by: &str, lines: &[StatementLine], totals: Option<&StatementSums>) {
        let language = self.heading.language;
        let columns = language.pick(
            ["Requests", "Tokens", "With credits", "With own keys", "Cost in USD"],
            ["Anfragen", "Tokens", "Mit Guthaben", "Mit eigenen Schlüsseln", "Kosten in USD"],
        );
        let columns: String = columns.iter().map(|name| format!("<th scope=\"col\">{name}</th>")).collect();
        let _ = writeln!(self.text, "<table>\n<thead><tr><th scope=\"col\">{by}</th>{columns}</tr></thead>\n<tbody>");
        for line in lines {
            let label = language.nameless(line);
            let key = line.key.as_ref().filter(|key| *key != label);
            let key = key.map(|key| format!("<small>{}</small>", escaped(key))).unwrap_or_default();
            let counts = [line.request_count, line.total_tokens];
            let amounts = [&line.credits_cost, &line.api_keys_cost, &line.cost].map(|amount| amount.get());
            self.row(&format!("{}{key}", escaped(label)), counts, amounts, line.unpriced_request_count);
        }
        if let Some(of) = totals {
            let counts = [of.request_count, of.total_tokens];
            let amounts = [&of.credits_cost, &of.api_keys_cost, &of.cost].map(|amount| amount.get());
            let total = language.pick("Total", "Summe");
            self.row(&format!("<strong>{total}</strong>"), counts, amounts, of.unpriced_request_count);
        }
        if lines.is_empty() && totals.is_none() {
            let none = language.pick("There is none.", "Keine.");
            let _ = writeln!(self.text, "<tr><td colspan=\"6\">{none}</td></tr>");
        }
        self.text.push_str("</tbody>\n</table>\n");
    }

    fn row(&mut self, name: &str, counts: [i64; 2], amounts: [&str; 3], unpriced: i64) {
        let _ = write!(self.text, "<tr><td>{name}</td>");
        for count in counts {
            let _ = write!(self.text, "<td>{count}</td>");
        }
        let [credits, of_keys, cost] = amounts.map(|amount| self.amount(amount));
        let without = match unpriced {
            0 => String::new(),
            1 => self
                .heading
                .language
                .pick("<small>1 request has no price</small>", "<small>1 Anfrage hat keinen Preis</small>")
                .to_owned(),
            _ => self.heading.language.pick(
                format!("<small>{unpriced} requests have no price</small>"),
                format!("<small>{unpriced} Anfragen haben keinen Preis</small>"),
            ),
        };
        let _ = writeln!(self.text, "<td>{credits}</td><td>{of_keys}</td><td>{cost}{without}</td></tr>");
    }

    /// An amount of US dollars, and beneath it what it is in the operator's currency.
    fn amount(&self, usd: &str) -> String {
        let Some(currency) = self.heading.currency else { return usd.to_owned() };
        let magnitude = PicoUsd::parse_sum(usd.trim_start_matches(['-', '+'])).expect("it was written by this program");
        let amount = currency.amount(PicoUsd(if usd.starts_with('-') { -magnitude.0 } else { magnitude.0 }));
        let sign = if usd.starts_with('+') { "+" } else { "" };
        format!("{usd}<small>{sign}{amount} {}</small>", escaped(&currency.label))
    }

    /// From the month before to this one: a bar for either, and one for each cause from where the one above it ended.
    fn waterfall(&mut self, waterfall: &Waterfall) {
        let language = self.heading.language;
        let Waterfall { before, after, until, parts } = waterfall;
        self.heading_of(&language.pick(
            format!("{} against {}", after.month, before.month),
            format!("{} gegenüber {}", after.month, before.month),
        ));
        let columns = language.pick(["Why", "", "Cost in USD"], ["Warum", "", "Kosten in USD"]);
        let columns: String = columns.iter().map(|name| format!("<th scope=\"col\">{name}</th>")).collect();
        let _ = writeln!(self.text, "<table>\n<thead><tr>{columns}</tr></thead>\n<tbody>");
        let moved: Vec<_> = parts.iter().filter(|(_, cost)| *cost != 0).collect();
        let mut ends = vec![0, before.cost, after.cost];
        ends.extend(moved.iter().scan(before.cost, |at, (_, cost)| {
            *at += cost;
            Some(*at)
        }));
        let scale = Scale::of(&ends);
        let until = until.map(|until| self.heading.window.zone.rfc3339(until));
        let closed = |side: &Side| match (side.closed_at, &until) {
            (Some(_), _) => language.pick("as it was closed", "wie abgeschlossen").to_owned(),
            (None, Some(until)) if side.month == before.month => language.pick(
                format!("until {until}, as far as this month is"),
                format!("bis {until}, so weit wie dieser Monat"),
            ),
            (None, _) => {
                language.pick("not closed: as it is known now", "nicht abgeschlossen: wie jetzt bekannt").to_owned()
            }
        };
        let month = |side: &Side| format!("{}<small>{}</small>", side.month, closed(side));
        self.bar(&month(before), &scale.bar([0, before.cost], "#555"), usd(before.cost).get());
        let mut at = before.cost;
        for (cause, cost) in moved {
            let [name, what] = language.cause(*cause);
            let (colour, sign) = if *cost > 0 { ("#a8322a", "+") } else { ("#1f7a4d", "") };
            let bar = scale.bar([at, at + cost], colour);
            self.bar(&format!("{name}<small>{what}</small>"), &bar, &format!("{sign}{}", usd(*cost).get()));
            at += cost;
        }
        self.bar(&month(after), &scale.bar([0, after.cost], "#555"), usd(after.cost).get());
        let difference = after.cost - before.cost;
        let sign = if difference > 0 { "+" } else { "" };
        let name = language.pick("Difference", "Unterschied");
        let amount = self.amount(&format!("{sign}{}", usd(difference).get()));
        let note = language.pick(
            "Each cause is the change of one thing, with everything else at the mean of both months. Together they \
             are the difference, to the last digit. Adjustments are no part of it.",
            "Jede Ursache ist die Änderung einer Sache, alles andere im Mittel beider Monate. Zusammen sind sie der \
             Unterschied, bis zur letzten Ziffer. Nachträge gehören nicht dazu.",
        );
        let _ = writeln!(
            self.text,
            "</tbody>\n<tfoot><tr><td colspan=\"2\">{name}</td><td>{amount}</td></tr></tfoot>\n</table>\n<p>{note}</p>"
        );
    }

    fn bar(&mut self, name: &str, bar: &str, amount: &str) {
        let amount = self.amount(amount);
        let _ = writeln!(self.text, "<tr><td>{name}</td><td>{bar}</td><td>{amount}</td></tr>");
    }
}

/// Where amounts are in a picture.
struct Scale {
    low: i128,
    /// Picodollars of a picture's unit.
    unit: i128,
}

impl Scale {
    fn of(ends: &[i128]) -> Scale {
        let low = ends.iter().copied().min().unwrap_or_default();
        let high = ends.iter().copied().max().unwrap_or_default();
        Scale { low, unit: high.saturating_sub(low) / BAR + 1 }
    }

    fn bar(&self, ends: [i128; 2], colour: &str) -> String {
        let [a, b] = ends.map(|at| at.saturating_sub(self.low) / self.unit);
        // What is too small for its bar is a line.
        let (from, width) = (a.min(b), (a - b).abs().max(4));
        format!(
            "<svg viewBox=\"0 0 {} 20\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
             <rect x=\"{from}\" y=\"2\" width=\"{width}\" height=\"16\" fill=\"{colour}\"/></svg>",
            BAR + 4
        )
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\r' => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}
