//! Prometheus' two text formats.

use std::fmt::{Display, Write};

use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};

/// What a family of samples is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, from 0 at the start. Its name ends in `_total`.
    Counter,
    Gauge,
    /// Says something by its labels, and is always 1. Its name ends in `_info`.
    Info,
}

/// How samples are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Version 0.0.4, which everything reads.
    Plain,
    /// OpenMetrics 1.0, where families go by their names without `_total` and `_info`, have units, and an end.
    OpenMetrics,
}

const OPEN_METRICS: &str = "application/openmetrics-text";

/// Units that a family's name ends in.
const UNITS: [&str; 3] = ["seconds", "bytes", "usd"];

impl Format {
    /// What is asked for by the header `Accept`: OpenMetrics only where it is named, as what takes anything may be a
    /// person.
    pub fn asked(headers: &HeaderMap) -> Format {
        let accepts = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let (mut open, mut plain) = (0.0, 0.0);
        for range in accepts.flat_map(|value| value.split(',')) {
            let mut parts = range.split(';').map(|part| part.trim().to_ascii_lowercase());
            let kind = parts.next().unwrap_or_default();
            let (mut quality, mut version) = (1.0_f64, None);
            for part in parts {
                match part.split_once('=') {
                    Some(("q", value)) => quality = value.parse().unwrap_or_default(),
                    Some(("version", value)) => version = Some(value.trim_matches('"').to_owned()),
                    _ => {}
                }
            }
            match &*kind {
                OPEN_METRICS if version.is_none_or(|version| version == "1.0.0") => open = quality.max(open),
                "text/plain" | "text/*" | "*/*" => plain = quality.max(plain),
                _ => {}
            }
        }
        if open > 0.0 && open >= plain { Format::OpenMetrics } else { Format::Plain }
    }

    fn content_type(self) -> &'static str {
        match self {
            Format::Plain => "text/plain; version=0.0.4; charset=utf-8",
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// Families of samples, one after another.
pub struct Exposition {
    format: Format,
    text: String,
}

/// A family that is being written; all its samples stand together.
pub struct Family<'e> {
    text: &'e mut String,
    name: &'static str,
}

impl Exposition {
    pub fn new(format: Format) -> Exposition {
        Exposition { format, text: String::new() }
    }

    pub fn family(&mut self, kind: Kind, name: &'static str, help: &str) -> Family<'_> {
        let (suffix, plain, open) = match kind {
            Kind::Counter => ("_total", "counter", "counter"),
            Kind::Gauge => ("", "gauge", "gauge"),
            Kind::Info => ("_info", "gauge", "info"),
        };
        let short = name.strip_suffix(suffix).expect("its name says of what kind it is");
        let (family, kind) = match self.format {
            Format::Plain => (name, plain),
            Format::OpenMetrics => (short, open),
        };
        self.line(format_args!("# TYPE {family} {kind}"));
        let unit = UNITS.iter().find(|unit| short.strip_suffix(**unit).is_some_and(|rest| rest.ends_with('_')));
        if let (Some(unit), Format::OpenMetrics) = (unit, self.format) {
            self.line(format_args!("# UNIT {family} {unit}"));
        }
        self.line(format_args!("# HELP {family} {help}"));
        Family { text: &mut self.text, name }
    }

    pub fn counter(&mut self, name: &'static str, help: &str, value: impl Display) {
        self.family(Kind::Counter, name, help).sample(&[], value);
    }

    pub fn gauge(&mut self, name: &'static str, help: &str, value: impl Display) {
        self.family(Kind::Gauge, name, help).sample(&[], value);
    }

    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        writeln!(self.text, "{text}").expect("strings take every write");
    }

    /// All that was written.
    pub fn text(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }
}

impl IntoResponse for Exposition {
    fn into_response(self) -> Response {
        let headers = [(header::CONTENT_TYPE, self.format.content_type()), (header::VARY, "accept")];
        (headers, self.text()).into_response()
    }
}

impl Family<'_> {
    pub fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) {
        self.text.push_str(self.name);
        for (n, (name, value)) in labels.iter().enumerate() {
            let begin = if n == 0 { '{' } else { ',' };
            let value = value.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n");
            write!(self.text, "{begin}{name}=\"{value}\"").expect("strings take every write");
        }
        let end = if labels.is_empty() { "" } else { "}" };
        writeln!(self.text, "{end} {value}").expect("strings take every write");
    }
}

/// Microseconds, in the seconds that Prometheus counts in.
pub fn seconds(microseconds: u64) -> String {
    format!("{}.{:06}", microseconds / 1_000_000, microseconds % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_asked(accept: &str, expected: Format) {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        assert_eq!(Format::asked(&headers), expected, "{accept}");
    }

    #[test]
    fn open_metrics_where_it_is_asked_for() {
        use Format::{OpenMetrics, Plain};
        assert_eq!(Format::asked(&HeaderMap::new()), Plain);
        // What Prometheus 2.42 sends, and what newer ones say in addition.
        check_asked(
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            OpenMetrics,
        );
        check_asked(
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
            OpenMetrics,
        );
        check_asked("application/openmetrics-text", OpenMetrics);
        check_asked("*/*", Plain);
        check_asked("text/html,application/xhtml+xml,*/*;q=0.8", Plain);
        check_asked("application/openmetrics-text;version=0.0.1", Plain);
        check_asked("application/openmetrics-text;q=0, text/plain;q=0.1", Plain);
        check_asked("application/openmetrics-text;q=0.2, text/plain", Plain);
    }

    fn all(format: Format) -> String {
        let mut out = Exposition::new(format);
        out.counter("calls_seconds_total", "Time.", seconds(1_000_050));
        let mut family = out.family(Kind::Gauge, "age_seconds", "Age.");
        family.sample(&[("of", "a\"\\\nb"), ("more", "")], 7);
        family.sample(&[("of", "c")], 8);
        out.family(Kind::Info, "build_info", "What.").sample(&[("version", "1")], 1);
        out.gauge("seconds", "No unit.", 0);
        out.text()
    }

    #[test]
    fn families_in_both_formats() {
        assert_eq!(
            all(Format::Plain),
            "# TYPE calls_seconds_total counter\n# HELP calls_seconds_total Time.\ncalls_seconds_total 1.000050\n\
             # TYPE age_seconds gauge\n# HELP age_seconds Age.\n\
             age_seconds{of=\"a\\\"\\\\\\nb\",more=\"\"} 7\nage_seconds{of=\"c\"} 8\n\
             # TYPE build_info gauge\n# HELP build_info What.\nbuild_info{version=\"1\"} 1\n\
             # TYPE seconds gauge\n# HELP seconds No unit.\nseconds 0\n"
        );
        assert_eq!(
            all(Format::OpenMetrics),
            "# TYPE calls_seconds counter\n# UNIT calls_seconds seconds\n# HELP calls_seconds Time.\n\
             calls_seconds_total 1.000050\n\
             # TYPE age_seconds gauge\n# UNIT age_seconds seconds\n# HELP age_seconds Age.\n\
             age_seconds{of=\"a\\\"\\\\\\nb\",more=\"\"} 7\nage_seconds{of=\"c\"} 8\n\
             # TYPE build info\n# HELP build What.\nbuild_info{version=\"1\"} 1\n\
             # TYPE seconds gauge\n# HELP seconds No unit.\nseconds 0\n# EOF\n"
        );
    }
}
