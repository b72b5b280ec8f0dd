//! OTLP of tests: bodies in JSON as protobuf, in another order, and in parts.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{Metric, ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::Event;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;
use serde_json::{Value, json};

use super::random::Random;

/// What a body is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    Traces,
    Logs,
    Metrics,
}

/// A body in JSON.
#[derive(Debug, Clone)]
pub struct Body {
    pub signal: Signal,
    pub export: Value,
}

impl Signal {
    pub fn door(self) -> &'static str {
        match self {
            Signal::Traces => "/v1/otlp/v1/traces",
            Signal::Logs => "/v1/otlp/v1/logs",
            Signal::Metrics => "/v1/otlp/v1/metrics",
        }
    }

    /// What JSON calls resources, scopes and records.
    fn names(self) -> [&'static str; 3] {
        match self {
            Signal::Traces => ["resourceSpans", "scopeSpans", "spans"],
            Signal::Logs => ["resourceLogs", "scopeLogs", "logRecords"],
            Signal::Metrics => ["resourceMetrics", "scopeMetrics", "metrics"],
        }
    }
}

impl Body {
    /// Records of one scope of one resource.
    pub fn new(signal: Signal, resource: &Value, scope: &str, records: &[Value]) -> Body {
        let [resources, scopes, list] = signal.names();
        let group = json!({"resource": {"attributes": attributes(resource)},
            scopes: [{"scope": {"name": scope}, list: records}]});
        Body { signal, export: json!({resources: [group]}) }
    }

    pub fn json(&self) -> Vec<u8> {
        self.export.to_string().into_bytes()
    }

    /// Each record with what it is of.
    fn records(&self) -> Vec<(Value, Value, Value)> {
        let [resources, scopes, list] = self.signal.names();
        let mut records = Vec::new();
        for group in items(&self.export[resources]) {
            for scope in items(&group[scopes]) {
                let of = |record: &Value| (group["resource"].clone(), scope["scope"].clone(), record.clone());
                records.extend(items(&scope[list]).iter().map(of));
            }
        }
        records
    }

    fn of(&self, records: &[(Value, Value, Value)]) -> Body {
        let [resources, scopes, list] = self.signal.names();
        let group = |(resource, scope, record): &(Value, Value, Value)| {
            json!({"resource": resource,
            scopes: [{"scope": scope, list: [record]}]})
        };
        let groups: Vec<Value> = records.iter().map(group).collect();
        Body { signal: self.signal, export: json!({resources: groups}) }
    }

    /// The same records in another order, each under a resource of its own.
    pub fn shuffled(&self, random: &mut Random) -> Body {
        let mut records = self.records();
        for at in (1..records.len()).rev() {
            records.swap(at, random.below(at as u64 + 1) as usize);
        }
        self.of(&records)
    }

    /// A body for each record.
    pub fn split(&self) -> Vec<Body> {
        self.records().iter().map(|record| self.of(std::slice::from_ref(record))).collect()
    }

    pub fn protobuf(&self) -> Vec<u8> {
        let [resources, scopes, list] = self.signal.names();
        let groups = items(&self.export[resources]).iter();
        let resource = |group: &Value| {
            Some(Resource { attributes: pairs(&group["resource"]["attributes"]), ..Resource::default() })
        };
        let scope = |of: &Value| {
            let text = |field: &str| of["scope"][field].as_str().unwrap_or_default().to_owned();
            Some(InstrumentationScope {
                name: text("name"),
                version: text("version"),
                ..InstrumentationScope::default()
            })
        };
        match self.signal {
            Signal::Traces => {
                let scopes_of = |group: &Value| {
                    let of = |of: &Value| ScopeSpans {
                        scope: scope(of),
                        spans: items(&of[list]).iter().map(span).collect(),
                        ..ScopeSpans::default()
                    };
                    items(&group[scopes]).iter().map(of).collect()
                };
                let group = |group: &Value| ResourceSpans {
                    resource: resource(group),
                    scope_spans: scopes_of(group),
                    ..ResourceSpans::default()
                };
                ExportTraceServiceRequest { resource_spans: groups.map(group).collect() }.encode_to_vec()
            }
            Signal::Logs => {
                let scopes_of = |group: &Value| {
                    let of = |of: &Value| ScopeLogs {
                        scope: scope(of),
                        log_records: items(&of[list]).iter().map(log_record).collect(),
                        ..ScopeLogs::default()
                    };
                    items(&group[scopes]).iter().map(of).collect()
                };
                let group = |group: &Value| ResourceLogs {
                    resource: resource(group),
                    scope_logs: scopes_of(group),
                    ..ResourceLogs::default()
                };
                ExportLogsServiceRequest { resource_logs: groups.map(group).collect() }.encode_to_vec()
            }
            Signal::Metrics => {
                let metric = |of: &Value| Metric { name: text(of, "name"), ..Metric::default() };
                let scopes_of = |group: &Value| {
                    let of = |of: &Value| ScopeMetrics {
                        scope: scope(of),
                        metrics: items(&of[list]).iter().map(metric).collect(),
                        ..ScopeMetrics::default()
                    };
                    items(&group[scopes]).iter().map(of).collect()
                };
                let group = |group: &Value| ResourceMetrics {
                    resource: resource(group),
                    scope_metrics: scopes_of(group),
                    ..ResourceMetrics::default()
                };
                ExportMetricsServiceRequest { resource_metrics: groups.map(group).collect() }.encode_to_vec()
            }
        }
    }
}

/// Attributes of OTLP in JSON from an object; what is `null` is none.
pub fn attributes(of: &Value) -> Value {
    let value = |value: &Value| match value {
        Value::String(text) => json!({"stringValue": text}),
        Value::Bool(flag) => json!({"boolValue": flag}),
        Value::Number(number) if number.is_i64() => json!({"intValue": number.to_string()}),
        number => json!({"doubleValue": number}),
    };
    let given = of.as_object().unwrap().iter().filter(|(_, one)| !one.is_null());
    given.map(|(key, one)| json!({"key": key, "value": value(one)})).collect()
}

fn items(list: &Value) -> &[Value] {
    list.as_array().map_or(&[], Vec::as_slice)
}

fn text(of: &Value, field: &str) -> String {
    of[field].as_str().unwrap_or_default().to_owned()
}

fn nanos(of: &Value, field: &str) -> u64 {
    of[field].as_str().map_or(0, |digits| digits.parse().unwrap())
}

fn bytes(of: &Value, field: &str) -> Vec<u8> {
    let digits = text(of, field);
    (0..digits.len() / 2).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap()).collect()
}

fn pairs(list: &Value) -> Vec<KeyValue> {
    let pair = |of: &Value| KeyValue { key: text(of, "key"), value: any(&of["value"]), ..KeyValue::default() };
    items(list).iter().map(pair).collect()
}

fn any(of: &Value) -> Option<AnyValue> {
    let (kind, value) = of.as_object()?.iter().next()?;
    let digits = || value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let value = match kind.as_str() {
        "stringValue" => Any::StringValue(value.as_str()?.to_owned()),
        "boolValue" => Any::BoolValue(value.as_bool()?),
        "intValue" => Any::IntValue(digits().parse().unwrap()),
        "doubleValue" => Any::DoubleValue(digits().parse().unwrap()),
        "arrayValue" => {
            let of = |of: &Value| any(of).unwrap_or_default();
            Any::ArrayValue(ArrayValue { values: items(&value["values"]).iter().map(of).collect() })
        }
        other => panic!("{other} is not made by these tests"),
    };
    Some(AnyValue { value: Some(value) })
}

fn span(of: &Value) -> Span {
    let status =
        Status { message: text(&of["status"], "message"), code: of["status"]["code"].as_i64().unwrap_or(0) as i32 };
    Span {
        trace_id: bytes(of, "traceId"),
        span_id: bytes(of, "spanId"),
        parent_span_id: bytes(of, "parentSpanId"),
        name: text(of, "name"),
        start_time_unix_nano: nanos(of, "startTimeUnixNano"),
        end_time_unix_nano: nanos(of, "endTimeUnixNano"),
        attributes: pairs(&of["attributes"]),
        events: items(&of["events"]).iter().map(event).collect(),
        status: Some(status),
        ..Span::default()
    }
}

fn event(of: &Value) -> Event {
    Event {
        time_unix_nano: nanos(of, "timeUnixNano"),
        name: text(of, "name"),
        attributes: pairs(&of["attributes"]),
        ..Event::default()
    }
}

fn log_record(of: &Value) -> LogRecord {
    LogRecord {
        time_unix_nano: nanos(of, "timeUnixNano"),
        observed_time_unix_nano: nanos(of, "observedTimeUnixNano"),
        trace_id: bytes(of, "traceId"),
        span_id: bytes(of, "spanId"),
        event_name: text(of, "eventName"),
        body: any(&of["body"]),
        attributes: pairs(&of["attributes"]),
        ..LogRecord::default()
    }
}
