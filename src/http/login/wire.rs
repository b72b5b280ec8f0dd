//! Letting programs in, in the words of OAuth's device flow (RFC 8628) and of its code flow with PKCE (RFC 7636).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a program asks with that shows a code.
#[derive(ToSchema)]
#[allow(dead_code, reason = "documents what the handler takes")]
pub struct DeviceForm {
    /// What the program calls itself, such as the host that it runs on.
    pub client_name: Option<String>,
}

/// A program that waits to be let in.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct DeviceCode {
    /// What the program asks with.
    pub device_code: String,
    /// What it shows, and somebody types.
    pub user_code: String,
    /// Where.
    pub verification_uri: String,
    /// The same with the code in it.
    pub verification_uri_complete: String,
    /// For how many seconds.
    pub expires_in: i64,
    /// Seconds between two requests for the token.
    pub interval: i64,
}

/// What a program gets its token with.
#[derive(ToSchema)]
#[allow(dead_code, reason = "documents what the handler takes")]
pub struct TokenForm {
    /// `authorization_code`, or `urn:ietf:params:oauth:grant-type:device_code`.
    pub grant_type: String,
    /// With the latter: as `POST /v1/login/device` has answered.
    pub device_code: Option<String>,
    /// With the former: what the browser has brought.
    pub code: Option<String>,
    pub code_verifier: Option<String>,
    /// The address that the browser has brought it to.
    pub redirect_uri: Option<String>,
}

/// The token of a program. The only time it is shown.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct GrantedToken {
    pub access_token: String,
    /// `Bearer`.
    pub token_type: String,
    /// For how many seconds.
    pub expires_in: i64,
    /// The token's id, by which it is listed among the sessions of who let the program in.
    pub token_id: String,
}

/// A program that shows a code.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AskingProgram {
    /// What it calls itself.
    pub name: String,
    /// The address that it asks from.
    pub from: String,
    pub asked_at: String,
    pub expires_at: String,
}

/// What somebody decides on a program.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ProgramDecision)]
pub struct Decision {
    /// Whether it is let in.
    pub allow: bool,
}

/// A program on somebody's own machine that they let in.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LocalProgram {
    /// Where it listens: `http://127.0.0.1:PORT/…` or `http://[::1]:PORT/…`.
    pub redirect_uri: String,
    /// Comes back to it as it is.
    pub state: String,
    /// The base64url of the SHA-256 of what only it knows (S256).
    pub code_challenge: String,
    /// What it calls itself.
    #[serde(default)]
    pub name: String,
}

/// Where the browser goes then, which brings the program its code.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LetInAt {
    pub redirect_to: String,
}
