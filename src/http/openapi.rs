//! The contract as OpenAPI, made from the handlers themselves.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use axum::http::{Method, header};
use axum::response::IntoResponse;
use serde_json::{Value, json};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::decimals::{self, Amounts};
use super::of_nodes::is_of_a_node;
use super::problem::ProblemBody;
use super::{
    Described, alerts, analytics, audit, budgets, byte_order_mark, cache_saving, calendar, change, closings, cluster,
    dashboard, decisions, directory, events, explain, export, intake, invitations, invoices, links, login, maintenance,
    mcp, metrics, operations, policies, reprice, session, tokens, views, what_if,
};

#[derive(OpenApi)]
#[openapi(
    info(title = "Rollcall", description = "LLM spend by team, key, model and person."),
    paths(
        events::post_events,
        events::feeds::post_litellm,
        events::feeds::post_llmgateway,
        events::feeds::post_transcripts,
        events::feeds::post_traces,
        events::feeds::post_logs,
        events::feeds::post_metrics,
        invoices::post_invoices,
        directory::put_directory,
        directory::get_directory,
        directory::preview::preview_directory,
        directory::post_assignments,
        directory::delete_member,
        budgets::put_budgets,
        budgets::get_budgets,
        alerts::put_alerts,
        alerts::get_alerts,
        alerts::rehearse,
        decisions::post_decision,
        decisions::check,
        decisions::check_by_post,
        decisions::counts,
        decisions::log::log,
        policies::put_policies,
        policies::get_policies,
        policies::put_providers,
        policies::get_providers,
        tokens::post_token,
        tokens::get_tokens,
        tokens::get_token,
        tokens::find_token,
        tokens::delete_token,
        links::post_link,
        links::get_links,
        links::open_link,
        links::delete_link,
        mcp::post_message,
        invitations::post_invitation,
        invitations::get_invitations,
        invitations::delete_invitation,
        session::invited::read_invitation,
        session::invited::accept_invitation,
        views::get_views,
        views::post_view,
        views::put_view,
        views::delete_view,
        login::begin_program,
        login::grant_token,
        login::asking_program,
        login::decide_on_program,
        login::let_program_in,
        session::sign_in,
        session::sign_out,
        session::signed_in,
        session::oidc::begin,
        session::oidc::end,
        session::oidc::backchannel,
        session::list::get_sessions,
        session::list::delete_session,
        session::list::delete_sessions,
        session::me,
        session::projects,
        calendar::get_calendar,
        calendar::get_zones,
        dashboard::look::settings,
        dashboard::look::logo,
        analytics::activity,
        analytics::members,
        analytics::member,
        analytics::api_keys,
        analytics::api_key,
        analytics::my_usage,
        invoices::get_reconciliation,
        export::export,
        cache_saving::cache_saving,
        what_if::what_if,
        change::change,
        explain::explain,
        maintenance::compact,
        maintenance::reread,
        maintenance::backup,
        maintenance::backups,
        maintenance::verify,
        cluster::audit,
        cluster::ship_all,
        audit::get_audit,
        intake::get_intake,
        intake::post_intake,
        reprice::post_reprice,
        reprice::get_repricings,
        closings::post_closing,
        closings::get_closings,
        closings::get_closing,
        closings::delete_closing,
        closings::statement::get_statement,
        operations::healthz,
        operations::readyz,
        metrics::metrics,
        metrics::usage::usage_metrics,
        serve,
    ),
    components(schemas(ProblemBody)),
    modifiers(&Token),
    servers((url = "/", description = "Wherever this document is served")),
    tags(
        (name = "analytics", description = "Questions about usage"),
        (name = "audit", description = "Who did what"),
        (name = "budgets", description = "What may be used: budgets, policies, decisions on calls, and alerts"),
        (name = "calendar", description = "Days and zones"),
        (name = "closing", description = "Months that are closed, and statements"),
        (name = "directory", description = "Organizations, projects, people and keys"),
        (name = "events", description = "Usage events, and what became of them"),
        (name = "invitations", description = "Links that make people members"),
        (name = "invoices", description = "What providers billed"),
        (name = "links", description = "Answers by an address alone, for spreadsheets and databases"),
        (name = "login", description = "Programs that somebody who is signed in lets in"),
        (name = "maintenance", description = "The store as a file"),
        (name = "mcp", description = "Questions of assistants"),
        (name = "operations", description = "What runs the server asks"),
        (name = "otlp", description = "OpenTelemetry"),
        (name = "session", description = "Signing in, and who is signed in"),
        (name = "tokens", description = "Access tokens"),
        (name = "views", description = "Pages that the members of an organization share"),
    ),
    security(("token" = [])),
)]
struct Api;

struct Token;

impl Modify for Token {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        openapi.components.get_or_insert_default().add_security_scheme("token", scheme);
    }
}

/// What any request with a token can meet, whatever it asks for.
const OF_ANY: [(&str, &str); 6] = [
    ("400", "A parameter or the body makes no sense, or there is no parameter of that name"),
    ("401", "No access token, or an unknown one"),
    ("403", "Not for this caller"),
    ("429", "Too many wrong tokens from one place; `Retry-After` says when to come back"),
    ("500", "A bug, or a damaged store; the server's log says more"),
    ("503", "Too much to do, or the disk fails; `Retry-After` says when to come back"),
];
/// What any request with a body can meet.
const OF_BODIES: [(&str, &str); 3] = [
    ("408", "The body did not arrive in time"),
    ("413", "The body is larger than the limit"),
    ("415", "An encoding or a kind of content that is not taken"),
];
/// What some say in addition.
const OF_SOME: [(&str, &str); 4] = [
    ("200", "The answer"),
    ("201", "It was made"),
    ("404", "There is no such thing"),
    ("409", "It cannot be done as things are"),
];

/// The answer to what changes something, of a server that keeps nothing. One for all, by reference.
const NOT_HERE: &str = "NotHere";

/// What is the same for many operations is written once, here.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let mut document = serde_json::to_value(Api::openapi()).expect("the document serializes");
    let schemas = document["components"]["schemas"].take();
    document["components"]["responses"][NOT_HERE] = json!({
        "description": "The server answers from a cluster and keeps nothing itself; the problem names the node to send this to",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    });
    for (path, method, operation) in operations(&mut document) {
        describe_statuses(operation);
        if is_of_a_node(&method.to_ascii_uppercase().parse().expect("a method"), path) {
            operation["responses"]["421"] = json!({"$ref": format!("#/components/responses/{NOT_HERE}")});
        }
        describe_csv(operation);
        if !amounts(operation, &schemas).is_empty() {
            describe_decimals(operation);
        }
    }
    let answers: Vec<Value> =
        operations(&mut document).map(|(_, _, operation)| operation["responses"].clone()).collect();
    document["components"]["schemas"] = let_grow(schemas, &answers);
    document
});

fn operations(document: &mut Value) -> impl Iterator<Item = (&str, &str, &mut Value)> {
    let paths = document["paths"].as_object_mut().expect("there are paths").iter_mut();
    paths.flat_map(|(path, methods)| {
        let methods = methods.as_object_mut().expect("a path has methods").iter_mut();
        methods.map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

/// Every status has a description, and those that any request can meet stand at every one.
fn describe_statuses(operation: &mut Value) {
    let needs_no_token = operation["security"] == json!([{}]);
    let has_body = operation["requestBody"].is_object();
    let refusals = OF_ANY.iter().filter(|_| has_body || !needs_no_token).chain(OF_BODIES.iter().filter(|_| has_body));
    for (status, _) in refusals {
        let problem = json!({"schema": {"$ref": "#/components/schemas/Problem"}});
        let response = operation["responses"].as_object_mut().expect("there are answers").entry(*status);
        response.or_insert_with(|| json!({"content": {"application/problem+json": problem}}));
    }
    for (status, response) in operation["responses"].as_object_mut().expect("there are answers") {
        let known = OF_ANY.iter().chain(&OF_BODIES).chain(&OF_SOME).find(|(known, _)| known == status);
        if let (None, Some((_, description))) = (response.get("description"), known) {
            response["description"] = json!(description);
        }
    }
}

/// A table is CSV as well.
fn describe_csv(operation: &mut Value) {
    let takes_format = parameters(operation).any(|parameter| parameter["name"] == "format");
    let content = operation.pointer_mut("/responses/200/content").and_then(Value::as_object_mut);
    if let Some(content) = content.filter(|content| takes_format && content.contains_key("application/json")) {
        content.insert("text/csv".to_owned(), json!({"schema": {"type": "string"}}));
    }
    let is_csv = operation.pointer("/responses/200/content/text~1csv").is_some();
    if is_csv && takes_format {
        let parameter = json!({
            "name": byte_order_mark::NAME,
            "in": "query",
            "description": "`true` begins CSV with a byte order mark, by which Excel knows it for UTF-8. Default `false`",
            "required": false,
            "schema": {"type": "boolean", "default": false},
        });
        operation["parameters"].as_array_mut().expect("it takes a format").push(parameter);
    }
}

fn describe_decimals(operation: &mut Value) {
    let parameter = json!({
        "name": decimals::NAME,
        "in": "query",
        "description": "`string` writes every amount of money in JSON as a string: for clients that read numbers as \
                        doubles. Default `number`",
        "required": false,
        "schema": {"type": "string", "enum": decimals::CHOICES.map(|(name, _)| name), "default": "number"},
    });
    match operation["parameters"].as_array_mut() {
        Some(parameters) => parameters.push(parameter),
        None => operation["parameters"] = json!([parameter]),
    }
}

fn parameters(operation: &Value) -> impl Iterator<Item = &Value> {
    operation["parameters"].as_array().into_iter().flatten()
}

/// What answers are made of may have more fields one day, and clients must not refuse them then. Bodies of requests
/// have those that are described, and no others.
fn let_grow(mut schemas: Value, answers: &[Value]) -> Value {
    let mut reached = HashSet::new();
    let mut next: Vec<&Value> = answers.iter().collect();
    while let Some(part) = next.pop() {
        match part {
            Value::Object(fields) => next.extend(fields.values()),
            Value::Array(items) => next.extend(items),
            Value::String(name) => {
                let referred = name.strip_prefix(SCHEMAS).filter(|name| !reached.contains(*name));
                if let Some(name) = referred {
                    reached.insert(name.to_owned());
                    next.push(&schemas[name]);
                }
            }
            _ => {}
        }
    }
    for name in reached {
        if let Some(schema) = schemas[&name].as_object_mut() {
            schema.remove("additionalProperties");
        }
    }
    schemas
}

/// What a reference to a schema begins with.
const SCHEMAS: &str = "#/components/schemas/";

/// The amounts of an operation's answer.
fn amounts(operation: &Value, schemas: &Value) -> Amounts {
    let mut amounts = Amounts::new();
    find_amounts(&operation["responses"]["200"]["content"]["application/json"]["schema"], schemas, "", &mut amounts);
    amounts
}

fn find_amounts(schema: &Value, schemas: &Value, path: &str, amounts: &mut Amounts) {
    if let Some(name) = schema["$ref"].as_str().and_then(|to| to.strip_prefix(SCHEMAS)) {
        match name {
            "Money" => drop(amounts.insert(path.to_owned())),
            _ => find_amounts(&schemas[name], schemas, path, amounts),
        }
        return;
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        find_amounts(field, schemas, &path, amounts);
    }
    let parts = ["oneOf", "anyOf", "allOf"].iter().filter_map(|of| schema[of].as_array()).flatten();
    parts.chain(schema.get("items")).for_each(|part| find_amounts(part, schemas, path, amounts));
}

/// The document.
pub(super) fn document() -> &'static Value {
    &DOCUMENT
}

/// The document, indented, as `docs/openapi.json` has it.
pub fn openapi_json() -> String {
    serde_json::to_string_pretty(&*DOCUMENT).expect("a value serializes") + "\n"
}

/// By method and path, with `{}` for whatever a part of a path is called.
static OPERATIONS: LazyLock<HashMap<String, Described>> = LazyLock::new(|| {
    let mut document = DOCUMENT.clone();
    let schemas = document["components"]["schemas"].take();
    let described = operations(&mut document).map(|(path, method, operation)| {
        let in_query = parameters(operation).filter(|parameter| parameter["in"] == "query");
        let names = in_query.filter_map(|parameter| parameter["name"].as_str().map(str::to_owned)).collect();
        (shape(method, path), Described { parameters: names, amounts: amounts(operation, &schemas) })
    });
    described.collect()
});

/// What is described of a route.
pub(super) fn described(method: &Method, route: &str) -> Option<&'static Described> {
    let method = if method == Method::HEAD { &Method::GET } else { method };
    OPERATIONS.get(&shape(method.as_str(), route))
}

fn shape(method: &str, path: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
    parts.fold(method.to_ascii_uppercase(), |shape, part| shape + "/" + part)
}

/// This description. For everyone.
#[utoipa::path(
    get, path = "/openapi.json", tag = "operations", operation_id = "openapi", security(()),
    responses((status = 200, body = Object, description = "OpenAPI 3.1")),
)]
pub async fn serve() -> impl IntoResponse {
    static JSON: LazyLock<String> = LazyLock::new(openapi_json);
    ([(header::CONTENT_TYPE, "application/json")], JSON.as_str())
}
