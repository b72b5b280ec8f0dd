//! `/v1/invitations`: inviting people by a link, which makes whoever has it a member, once.

pub mod wire;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::{Extension, Json};

use self::wire::{CreatedInvitation, InvitationBody, InvitationList, InvitationStatus, NewInvitation};
use super::access::Caller;
use super::body::JsonObject;
use super::connections::Peer;
use super::directory::{id, project_ids};
use super::listing::{ListParameters, Listed, Table};
use super::origin::{is_tls, origin};
use super::problem::{Problem, ProblemBody};
use super::{App, on_a_thread};
use crate::calendar::rfc3339_utc;
use crate::directory::{Change, Directory, Invitation, Role, Secret, SecretHash, Status};
use crate::engine::Note;
use crate::model::UnixMs;

/// What every secret of an invitation begins with.
const PREFIX: &str = "rc_invite_";
/// The page that accepts. The secret is behind #, which no server is sent and no log has.
const PAGE: &str = "/invitation#";
/// For how many days it can be accepted.
const DAYS: u32 = 7;
const MOST_DAYS: u32 = 30;
const DAY_MS: i64 = 86_400_000;
/// What mail servers take.
const EMAIL_CHARS: usize = 254;

/// Sends a mail: to whom, its id, subject and text.
pub type SendMail = Box<dyn Fn(&str, &str, &str, &str) -> Result<(), String> + Send + Sync>;

/// Invites somebody to an organization. The link is sent where the server sends mail, and is else in the answer and nowhere
/// else.
///
/// For the operator, and for owners of the organization.
#[utoipa::path(
    post, path = "/v1/invitations", tag = "invitations", request_body = NewInvitation,
    responses(
        (status = 201, body = CreatedInvitation),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn post_invitation(
    State(app): State<App>,
    caller: Caller,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    body: Result<JsonObject<NewInvitation>, Problem>,
) -> Result<(StatusCode, Json<CreatedInvitation>), Problem> {
    caller.may_change_people()?;
    let JsonObject(NewInvitation { organization_id, email, role, project_ids: projects, days }) = body?;
    let organization_id = id("organizationId", organization_id)?;
    caller.may_link(&organization_id)?;
    let organization = caller.directory().organization(&organization_id);
    let organization = organization.filter(|of| of.profile.status == Status::Active);
    let organization =
        organization.ok_or_else(|| Problem::not_found(format!("there is no organization '{organization_id}'")))?;
    let days = days.unwrap_or(DAYS);
    if !(1..=MOST_DAYS).contains(&days) {
        return Err(Problem::bad_request(format!("days is {days}; allowed are 1 to {MOST_DAYS}")));
    }
    if !is_address(&email) {
        return Err(Problem::bad_request(format!(
            "email is '{email}', which is no address, or has more than {EMAIL_CHARS} characters"
        )));
    }
    app.attempts.invite(&organization_id, caller.now)?;
    let (secret, now) = (Secret::generate(PREFIX), app.engine.now());
    let hash = SecretHash::of(secret.reveal());
    // Part of a hash of random bits: unique, and of no use to whoever reads it.
    let invitation_id = format!("inv_{}", &hash.to_hex()[..16]);
    let name = organization.profile.name.clone().unwrap_or_else(|| organization_id.clone());
    let invitation = Invitation {
        organization_id,
        email: email.clone(),
        role: role.into(),
        project_ids: project_ids("projectIds", projects)?,
        hash,
        made_by: caller.token_id.clone(),
        user_id: caller.user_id().map(str::to_owned),
        created: now,
        expires: now + i64::from(days) * DAY_MS,
    };
    let url = format!("{}{PAGE}{}", origin(&app, &headers, is_tls(&headers, peer.as_deref()))?, secret.reveal());
    let inviter = invited_by(&invitation, caller.directory());
    let created = CreatedInvitation {
        id: invitation_id.clone(),
        expires_at: rfc3339_utc(invitation.expires),
        url: Some(url.clone()),
        warning: None,
    };
    let note = note(&caller.token_id, "invitation-create", &invitation_id, &invitation);
    let change = Change::Invite { id: invitation_id.clone(), invitation };
    app.engine.audited(change, note)?.answer().await?;
    if app.mail().is_none() {
        return Ok((StatusCode::CREATED, Json(created)));
    }
    let subject = format!("{inviter} invites you to {name}");
    let text = format!(
        "{inviter} invites you to see {name}'s usage of language models. Until {}, this link makes you a \
         member, once:\n\n{url}\n\nIf you expect no such thing, do nothing.",
        created.expires_at
    );
    let (sender, to) = (app.clone(), email);
    let sent = on_a_thread(move || {
        let mail = sender.mail().expect("it was there a moment ago");
        Ok::<_, Problem>(mail(&to, &invitation_id, &subject, &text))
    });
    let created = match sent.await? {
        Ok(()) => CreatedInvitation { url: None, ..created },
        Err(why) => CreatedInvitation { warning: Some(format!("it could not be sent: {why}")), ..created },
    };
    Ok((StatusCode::CREATED, Json(created)))
}

/// Invitations that nobody has accepted, of all organizations or of one, without their links.
///
/// For the operator, and for owners who name their organization.
#[utoipa::path(
    get, path = "/v1/invitations", tag = "invitations",
    params(("organizationId" = Option<String>, Query, description = "Only this organization's"), ListParameters),
    responses(
        (status = 200, body = InvitationList),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn get_invitations(listed: Listed) -> Result<Response, Problem> {
    let (caller, only) = (&listed.caller, listed.parameters.one("organizationId")?);
    caller.may_read_records("invitations are", only)?;
    if let Some(organization_id) = only {
        caller.require_organization(organization_id)?;
    }
    let directory = caller.directory();
    let meant = |of: &Invitation| only.is_none_or(|only| of.organization_id == only);
    let bodies = directory.invitations().filter(|(_, of)| meant(of));
    let (invitations, next) = listed.part(bodies.map(|(id, of)| body(directory, id, of, caller.now)))?;
    let list = InvitationList { invitations, next };
    listed.answer(&TABLE, &list, &list.invitations)
}

const TABLE: Table = Table {
    name: "invitations",
    columns: &["id", "organizationId", "email", "role", "projectIds", "status", "invitedBy", "createdAt", "expiresAt"],
};

/// Takes an invitation back: its link is worth nothing any more.
///
/// For the operator, and for owners of the organization.
#[utoipa::path(
    delete, path = "/v1/invitations/{id}", tag = "invitations",
    params(("id" = String, Path, description = "The invitation's id, not its secret")),
    responses(
        (status = 204, description = "The link is worth nothing now"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub async fn delete_invitation(
    State(app): State<App>,
    caller: Caller,
    path: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, Problem> {
    let Path(id) = path?;
    let Some(invitation) = caller.directory().invitation(&id) else {
        caller.require_operator()?;
        return Err(Problem::not_found(format!("there is no invitation '{id}'")));
    };
    caller.may_link(&invitation.organization_id)?;
    let note = note(&caller.token_id, "invitation-revoke", &id, invitation);
    app.engine.audited(Change::RemoveInvitation { id }, note)?.answer().await?;
    Ok(StatusCode::NO_CONTENT)
}

fn body(directory: &Directory, id: &str, of: &Invitation, now: UnixMs) -> InvitationBody {
    let status = match () {
        () if now >= of.expires => InvitationStatus::Expired,
        () if of.stands(directory, now) => InvitationStatus::Open,
        () => InvitationStatus::Closed,
    };
    InvitationBody {
        id: id.to_owned(),
        organization_id: of.organization_id.clone(),
        email: of.email.clone(),
        role: of.role.into(),
        project_ids: of.project_ids.clone(),
        status,
        invited_by: invited_by(of, directory),
        created_at: rfc3339_utc(of.created),
        expires_at: rfc3339_utc(of.expires),
    }
}

/// Who has made an invitation, in words for whom it is for.
pub fn invited_by(of: &Invitation, directory: &Directory) -> String {
    match &of.user_id {
        Some(user_id) => directory.user_label(user_id).to_owned(),
        None => "whoever runs this server".to_owned(),
    }
}

/// What the audit log says of an invitation.
pub fn note(actor: &str, action: &'static str, id: &str, of: &Invitation) -> Note {
    let role = match of.role {
        Role::Owner => "an owner",
        Role::Admin => "an admin",
        Role::Developer => "a developer",
    };
    Note {
        target: id.to_owned(),
        organization_id: Some(of.organization_id.clone()),
        user_id: of.user_id.clone(),
        detail: format!("{} as {role}", of.email),
        ..Note::new(actor, action)
    }
}

/// Whether mail may be sent there; whether it comes to somebody is for that to say.
fn is_address(text: &str) -> bool {
    let whole = text.rsplit_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
    let plain = !text.chars().any(|c| c.is_control() || c.is_whitespace() || matches!(c, '<' | '>' | ',' | ';'));
    whole && plain && text.chars().count() <= EMAIL_CHARS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_that_mail_can_go_to() {
        for (text, expected) in [
            ("ada@acme.example", true),
            ("ada+rollcall@mail.acme.example", true),
            ("ada", false),
            ("@acme.example", false),
            ("ada@acme", false),
            ("ada@acme.example\nbcc: ben@acme.example", false),
            ("ada@acme.example, ben@acme.example", false),
            ("Ada <ada@acme.example>", false),
            (&format!("{}@acme.example", "a".repeat(250)), false),
        ] {
            assert_eq!(is_address(text), expected, "{text}");
        }
    }
}
