//! `/v1/organizations/{organization}/views`: pages that the members of an organization share.

pub mod wire;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use self::wire::{NewView, ViewBody, ViewList};
use super::App;
use super::access::{Caller, Subject};
use super::body::JsonObject;
use super::directory::id;
use super::file_name;
use super::listing::{ListParameters, Listed, Table};
use super::problem::{Problem, ProblemBody};
use crate::directory::{Change, Organization, View};
use crate::engine::Note;

/// What a menu can show.
const MAX_NAME_CHARS: usize = 80;
/// What browsers and proxies take as an address.
const MAX_PATH_BYTES: usize = 8192;

/// The views of an organization, by name.
///
/// For its members and operators.
#[utoipa::path(
    get, path = "/v1/organizations/{organizationId}/views", tag = "views",
    params(("organizationId" = String, Path, description = "The organization"), ListParameters),
    responses(
        (status = 200, body = ViewList),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn get_views(listed: Listed, path: Result<Path<String>, PathRejection>) -> Result<Response, Problem> {
    let Path(organization_id) = path?;
    let caller = &listed.caller;
    let organization = caller.may_ask(&organization_id, Subject::Views)?;
    let views = organization.views.iter().map(|(id, view)| body(caller, organization, id, view));
    let (views, next) = listed.part(views)?;
    let list = ViewList { views, next };
    let file_name = file_name::of_list(&organization_id, TABLE.name, "csv");
    listed.answer_as(&file_name, &TABLE, &list, &list.views)
}

const TABLE: Table =
    Table { name: "views", columns: &["id", "name", "path", "createdBy", "createdByName", "mayChange"] };

/// Shares a page with the organization.
///
/// For its members and operators. An organization has 200 views at most.
#[utoipa::path(
    post, path = "/v1/organizations/{organizationId}/views", tag = "views", request_body = NewView,
    params(("organizationId" = String, Path, description = "The organization")),
    responses(
        (status = 201, body = ViewBody),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn post_view(
    State(app): State<App>,
    caller: Caller,
    path: Result<Path<String>, PathRejection>,
    new: Result<JsonObject<NewView>, Problem>,
) -> Result<(StatusCode, Json<ViewBody>), Problem> {
    let Path(organization_id) = path?;
    caller.may_ask(&organization_id, Subject::Views)?;
    let JsonObject(new) = new?;
    let view = checked(new, &organization_id, caller.user_id().map(str::to_owned))?;
    let mut random = [0; 8];
    getrandom::fill(&mut random).expect("the operating system has random bytes");
    let view_id = format!("view_{:016x}", u64::from_le_bytes(random));
    write(&app, &caller, organization_id, view_id, view, "view-create").await.map(|body| (StatusCode::CREATED, body))
}

/// Gives a view another name or page.
///
/// For who made it, for the organization's owners and admins, and for operators.
#[utoipa::path(
    put, path = "/v1/organizations/{organizationId}/views/{viewId}", tag = "views", request_body = NewView,
    params(("organizationId" = String, Path, description = "The organization"), ("viewId" = String, Path, description = "The view")),
    responses(
        (status = 200, body = ViewBody),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn put_view(
    State(app): State<App>,
    caller: Caller,
    path: Result<Path<(String, String)>, PathRejection>,
    new: Result<JsonObject<NewView>, Problem>,
) -> Result<Json<ViewBody>, Problem> {
    let Path((organization_id, view_id)) = path?;
    let created_by = changeable(&caller, &organization_id, &view_id)?.created_by.clone();
    let JsonObject(new) = new?;
    let view = checked(new, &organization_id, created_by)?;
    write(&app, &caller, organization_id, view_id, view, "view-change").await
}

/// Removes a view.
///
/// For who made it, for the organization's owners and admins, and for operators.
#[utoipa::path(
    delete, path = "/v1/organizations/{organizationId}/views/{viewId}", tag = "views",
    params(("organizationId" = String, Path, description = "The organization"), ("viewId" = String, Path, description = "The view")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn delete_view(
    State(app): State<App>,
    caller: Caller,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<StatusCode, Problem> {
    let Path((organization_id, view_id)) = path?;
    let name = changeable(&caller, &organization_id, &view_id)?.name.clone();
    let note = note(&caller, &organization_id, &view_id, &name, "view-remove");
    app.engine.audited(Change::RemoveView { organization_id, id: view_id }, note)?.answer().await?;
    Ok(StatusCode::NO_CONTENT)
}

fn changeable<'c>(caller: &'c Caller, organization_id: &str, view_id: &str) -> Result<&'c View, Problem> {
    let organization = caller.may_ask(organization_id, Subject::Views)?;
    let view = organization.views.get(view_id);
    let view = view.ok_or_else(|| Problem::not_found(format!("there is no view '{view_id}'")))?;
    if !caller.may_change_view(organization, view) {
        return Err(Problem::forbidden(format!(
            "the view '{}' is somebody else's; owners and admins may change it as well",
            view.name
        )));
    }
    Ok(view)
}

async fn write(
    app: &App,
    caller: &Caller,
    organization_id: String,
    view_id: String,
    view: View,
    action: &'static str,
) -> Result<Json<ViewBody>, Problem> {
    let organization = caller.may_ask(&organization_id, Subject::Views)?;
    let written = body(caller, organization, &view_id, &view);
    let note = note(caller, &organization_id, &view_id, &view.name, action);
    app.engine.audited(Change::PutView { organization_id, id: view_id, view }, note)?.answer().await?;
    Ok(Json(written))
}

fn note(caller: &Caller, organization_id: &str, view_id: &str, name: &str, action: &'static str) -> Note {
    Note {
        target: view_id.to_owned(),
        organization_id: Some(organization_id.to_owned()),
        user_id: caller.user_id().map(str::to_owned),
        detail: format!("view '{name}'"),
        ..Note::new(&caller.token_id, action)
    }
}

fn body(caller: &Caller, organization: &Organization, view_id: &str, view: &View) -> ViewBody {
    let created_by = view.created_by.clone();
    ViewBody {
        id: view_id.to_owned(),
        name: view.name.clone(),
        path: view.path.clone(),
        created_by_name: created_by.as_deref().map(|user_id| caller.directory().user_label(user_id).to_owned()),
        created_by,
        may_change: caller.may_change_view(organization, view),
    }
}

/// Checks what is to be shared: everybody in the organization will follow it.
fn checked(new: NewView, organization_id: &str, created_by: Option<String>) -> Result<View, Problem> {
    let name = id("name", new.name.trim().to_owned())?;
    let characters = name.chars().count();
    if characters > MAX_NAME_CHARS {
        return Err(Problem::bad_request(format!(
            "name has {characters} characters; at most {MAX_NAME_CHARS} are allowed"
        )));
    }
    if new.path.len() > MAX_PATH_BYTES {
        return Err(Problem::bad_request(format!(
            "path has {} bytes; at most {MAX_PATH_BYTES} are allowed",
            new.path.len()
        )));
    }
    // A page of another organization, or of another site, is not what its members expect behind a name.
    let own = new.path.strip_prefix("/organizations/").and_then(|rest| rest.split(['/', '?']).next());
    let own =
        own.is_some_and(|segment| form_urlencoded::parse(segment.as_bytes()).eq([(organization_id.into(), "".into())]));
    let plain = new.path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if !own || !plain {
        return Err(Problem::bad_request(format!(
            "path is '{}'; it must be of a page of this organization, such as /organizations/{organization_id}/analytics",
            new.path
        )));
    }
    Ok(View { name, path: new.path, created_by })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(organization_id: &str, path: &str, allowed: bool) {
        let new = NewView { name: "June".into(), path: path.into() };
        assert_eq!(checked(new, organization_id, None).is_ok(), allowed, "{path}");
    }

    #[test]
    fn a_view_leads_to_a_page_of_its_organization() {
        for (organization_id, path, allowed) in [
            ("acme", "/organizations/acme/analytics?range=this-month&tz=Europe%2FParis", true),
            ("acme", "/organizations/acme?by=model", true),
            ("a b/ü", "/organizations/a%20b%2F%C3%BC/keys", true),
            ("acme", "/organizations/beta/analytics", false),
            ("acme", "/organizations/acme%2F..%2Fbeta/analytics", false),
            ("acme", "/store", false),
            ("acme", "//evil.example/organizations/acme", false),
            ("acme", "https://evil.example/organizations/acme", false),
            ("acme", "javascript:alert(1)", false),
            ("acme", "/organizations/acme/\\evil.example", false),
            ("acme", "/organizations/acme/ana lytics", false),
            ("acme", "", false),
        ] {
            check(organization_id, path, allowed);
        }
        check("acme", &format!("/organizations/acme/keys?q={}", "x".repeat(MAX_PATH_BYTES)), false);
    }
}
