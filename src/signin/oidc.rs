//! OpenID Connect: the code flow with PKCE, a nonce and a state, each made for one sign-in.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreClientAuthMethod, CoreErrorResponseType,
    CoreGenderClaim, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreRevocableToken,
    CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AccessToken, AdditionalClaims, AuthType, AuthorizationCode, ClaimsVerificationError, Client, ClientId,
    ClientSecret, CsrfToken, DiscoveryError, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet,
    HttpRequest, HttpResponse, IdToken, IdTokenClaims, IdTokenFields, IssuerUrl, JsonWebTokenType, LocalizedClaim,
    LogoutRequest, Nonce, NonceVerifier, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier,
    PostLogoutRedirectUrl, ProviderMetadataWithLogout, RedirectUrl, RequestTokenError, Scope, StandardErrorResponse,
    StandardTokenResponse, SubjectIdentifier, TokenResponse, UserInfoClaims, UserInfoError,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::outgoing::{Outgoing, OutgoingError};
use super::private::is_private;
use super::settings::ProviderSettings;
use super::{Groups, Visitor};
use crate::directory::{ExternalIdentity, GroupRule, Secret};
use crate::model::UnixMs;

/// How far a provider's clock may be from this one.
const SKEW_MS: i64 = 60_000;
/// What a provider says of itself is asked for anew by whoever begins to sign in, at most once in this time: a provider
/// that is down is told of here and not by the browser, and nobody can have it asked more often.
const FRESH_MS: i64 = 1_000;
/// Groups that are looked at, and letters of a name of one.
const GROUPS: usize = 20_000;
const GROUP_NAME: usize = 512;
/// What a logout token says that it is.
const LOGOUT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// Letters of what a provider says went wrong.
const REASON: usize = 300;

/// Signatures that need the provider's private key: whoever knows a shared secret could make the others.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// All claims that have no field of their own in the crate.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Others {
    #[serde(flatten)]
    claims: Map<String, Value>,
}

impl AdditionalClaims for Others {}

type Fields = IdTokenFields<
    Others,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;
type Tokens = StandardTokenResponse<Fields, CoreTokenType>;
type Signed = IdToken<Others, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;
type Claims = IdTokenClaims<Others, CoreGenderClaim>;
type UserInfo = UserInfoClaims<Others, CoreGenderClaim>;
type ProviderClient = Client<
    Others,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Why somebody is not signed in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The provider cannot be reached, or does not work. Later it may.
    #[error("the sign-in provider '{name}' does not answer as it should: {why}")]
    Down { name: String, why: String },
    /// What it says does not hold. *Caller.*
    #[error("the sign-in by '{name}' was refused: {why}")]
    Refused { name: String, why: String },
}

/// What a browser keeps from the beginning of a sign-in to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    pub provider: String,
    /// Comes back in the address, which others can make a browser open.
    pub state: String,
    nonce: String,
    verifier: String,
    /// Where to go then.
    pub next: String,
}

impl Pending {
    /// As a cookie has it: of the letters that one may have.
    pub fn text(&self) -> String {
        let mut text = form_urlencoded::Serializer::new(String::new());
        let Pending { provider, state, nonce, verifier, next } = self;
        for (name, value) in [("p", provider), ("s", state), ("n", nonce), ("v", verifier), ("x", next)] {
            text.append_pair(name, value);
        }
        text.finish()
    }

    pub fn parse(text: &str) -> Option<Pending> {
        let mut parts = form_urlencoded::parse(text.as_bytes());
        let mut part =
            |name: &str| parts.next().filter(|(given, _)| given == name).map(|(_, value)| value.into_owned());
        Some(Pending {
            provider: part("p")?,
            state: part("s")?,
            nonce: part("n")?,
            verifier: part("v")?,
            next: part("x")?,
        })
    }
}

/// A sign-in that has begun.
pub struct Begun {
    /// Where the browser goes.
    pub url: String,
    pub pending: Pending,
}

/// What a provider says of itself, with its keys, or why it does not.
type Discovered = Result<Arc<ProviderMetadataWithLogout>, Fault>;

/// A provider of OpenID Connect.
pub struct Provider {
    settings: ProviderSettings,
    outgoing: Outgoing,
    /// Held while it is asked, so that it is asked once for all who wait.
    discovered: Mutex<Option<(UnixMs, Discovered)>>,
}

impl Provider {
    pub(super) fn new(settings: ProviderSettings) -> Provider {
        let outgoing = Outgoing::new(settings.authorities.as_deref());
        Provider { settings, outgoing, discovered: Mutex::default() }
    }

    pub fn name(&self) -> &str {
        &self.settings.name
    }

    pub fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    pub fn rules(&self) -> &[GroupRule] {
        &self.settings.groups
    }

    /// Whether people who are not in the directory are entered if their groups give them something.
    pub fn welcomes(&self) -> bool {
        self.settings.welcomes
    }

    /// Whether people sign in by providers only.
    pub fn enforces(&self) -> bool {
        self.settings.enforces
    }

    /// Begins a sign-in that ends at `redirect`, and then at `next`.
    pub fn begin(&self, redirect: &str, next: &str, now: UnixMs) -> Result<Begun, Fault> {
        let metadata = self.discover(now)?;
        let client = self.client(&metadata, redirect)?;
        let [state, nonce, verifier] = [(); 3].map(|()| Secret::generate("").reveal().to_owned());
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(verifier.clone()));
        let (csrf, own_nonce) = (CsrfToken::new(state.clone()), Nonce::new(nonce.clone()));
        let mut request = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, move || csrf, move || own_nonce)
            .set_pkce_challenge(challenge);
        for scope in self.scopes(&metadata) {
            request = request.add_scope(Scope::new(scope));
        }
        let (url, ..) = request.url();
        let pending = Pending { provider: self.name().to_owned(), state, nonce, verifier, next: next.to_owned() };
        Ok(Begun { url: url.into(), pending })
    }

    /// Those that are set or, without any, what is needed: of groups only where the provider has such a scope, because
    /// some refuse what they do not know.
    fn scopes(&self, metadata: &ProviderMetadataWithLogout) -> Vec<String> {
        if let Some(scopes) = &self.settings.scopes {
            return scopes.iter().filter(|scope| *scope != "openid").cloned().collect();
        }
        let supported = metadata.scopes_supported().map(Vec::as_slice).unwrap_or_default();
        let groups = !self.rules().is_empty() && supported.iter().any(|scope| **scope == "groups");
        ["email", "profile"].into_iter().chain(groups.then_some("groups")).map(str::to_owned).collect()
    }

    /// Ends a sign-in: who it is of, by the code that the browser has brought.
    pub fn finish(&self, redirect: &str, code: &str, pending: &Pending, now: UnixMs) -> Result<Visitor, Fault> {
        let metadata = self.discover(now)?;
        let client = self.client(&metadata, redirect)?;
        let request = client.exchange_code(AuthorizationCode::new(code.to_owned()));
        let request = request.map_err(|error| self.down(&error.to_string()))?;
        let tokens = request
            .set_pkce_verifier(PkceCodeVerifier::new(pending.verifier.clone()))
            .request(&|request| self.outgoing.send(request))
            .map_err(|error| self.token_fault(error))?;
        let signed = tokens.id_token().ok_or_else(|| self.refused("there is no ID token in its answer"))?;
        let nonce = Nonce::new(pending.nonce.clone());
        let (claims, client) = match self.verified(&client, signed, &nonce, now) {
            // It may have a new key since. Nobody gets here without a code of the provider.
            Err(ClaimsVerificationError::SignatureVerification(_)) => {
                let metadata = self.discover_anew(now)?;
                let client = self.client(&metadata, redirect)?;
                let claims = self.verified(&client, signed, &nonce, now);
                (claims.map_err(|error| self.unverified(&error))?, client)
            }
            claims => (claims.map_err(|error| self.unverified(&error))?, client),
        };
        let user_info = match self.has_all(&claims) {
            true => None,
            false => self.user_info(&client, tokens.access_token(), claims.subject())?,
        };
        let visitor = self.visitor(&claims, user_info.as_ref())?;
        Ok(Visitor { hint: Some(signed.to_string()), ..visitor })
    }

    /// Whose sessions end by a token that the provider has sent, and which.
    pub fn logged_out(&self, logout_token: &str, now: UnixMs) -> Result<(ExternalIdentity, Option<String>), Fault> {
        let signed: Signed = logout_token.parse().map_err(|_| self.refused("logout_token is no such token"))?;
        // Who asks need not be the provider: it is asked for its keys as seldom as by those who begin to sign in.
        let metadata = self.discover(now)?;
        let client = self.client(&metadata, "https://localhost/")?;
        let no_nonce = |nonce: Option<&Nonce>| match nonce {
            Some(_) => Err("a logout token has none".to_owned()),
            None => Ok(()),
        };
        let claims = self.verified(&client, &signed, no_nonce, now).map_err(|error| self.unverified(&error))?;
        let others = &claims.additional_claims().claims;
        if others.get("events").and_then(|events| events.get(LOGOUT)).is_none_or(|event| !event.is_object()) {
            return Err(self.refused("logout_token is of no logout"));
        }
        Ok((self.identity(claims.subject())?, sid(&claims)))
    }

    /// Where somebody signs out at the provider, who then leads to `back`; nothing where they cannot. `hint` is what it
    /// has signed of them, and may be missing.
    pub fn sign_out(&self, hint: Option<&str>, back: &str, now: UnixMs) -> Option<String> {
        if !self.settings.signs_out {
            return None;
        }
        // What was heard of it last will do: who signs out does not wait for a provider that is down.
        let known = self.discovered.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let metadata = match known {
            Some((_, Ok(metadata))) => metadata,
            _ => self.discover(now).ok()?,
        };
        let at = metadata.additional_metadata().end_session_endpoint.clone()?;
        if !is_private(at.as_str()) {
            return None;
        }
        let mut request = LogoutRequest::from(at)
            .set_client_id(ClientId::new(self.settings.client_id.clone()))
            .set_post_logout_redirect_uri(PostLogoutRedirectUrl::new(back.to_owned()).ok()?);
        if let Some(signed) = hint.and_then(|hint| hint.parse::<Signed>().ok()) {
            request = request.set_id_token_hint(&signed);
        }
        Some(request.http_get_url().into())
    }

    fn verified(
        &self,
        client: &ProviderClient,
        signed: &Signed,
        nonce: impl NonceVerifier,
        now: UnixMs,
    ) -> Result<Claims, ClaimsVerificationError> {
        let at = |ms: UnixMs| DateTime::from_timestamp_millis(ms).unwrap_or(DateTime::<Utc>::MAX_UTC);
        let latest = at(now.saturating_add(SKEW_MS));
        let types = ["jwt", "logout+jwt"].map(|name| JsonWebTokenType::new(name.to_owned()).normalize());
        let verifier = client
            .id_token_verifier()
            .set_allowed_algs(ALGORITHMS)
            .set_allowed_jose_types(types.into_iter().flatten())
            .set_time_fn(move || at(now - SKEW_MS))
            .set_issue_time_verifier_fn(move |issued| match issued > latest {
                true => Err(format!("it was issued at {issued}, which is after now")),
                false => Ok(()),
            });
        signed.claims(&verifier, nonce).cloned()
    }

    fn has_all(&self, claims: &Claims) -> bool {
        let needs_groups = !self.rules().is_empty();
        let others = &claims.additional_claims().claims;
        let groups = others.contains_key(&self.settings.groups_claim) || self.cut_off(others).is_some();
        claims.email().is_some() && claims.name().is_some() && (groups || !needs_groups)
    }

    fn user_info(
        &self,
        client: &ProviderClient,
        token: &AccessToken,
        subject: &SubjectIdentifier,
    ) -> Result<Option<UserInfo>, Fault> {
        // A provider need not have any; what is missing is missing then.
        let Ok(request) = client.user_info(token.clone(), Some(subject.clone())) else { return Ok(None) };
        request.request(&|request| self.outgoing.send(request)).map(Some).map_err(|error| match error {
            UserInfoError::Request(error) => self.down(&error.to_string()),
            UserInfoError::Response(status, ..) => self.down(&format!("its user info answered {status}")),
            UserInfoError::ClaimsVerification(error) => self.unverified(&error),
            UserInfoError::Parse(error) => self.refused(&format!("its user info cannot be read at '{}'", error.path())),
            error => self.refused(&error.to_string()),
        })
    }

    fn visitor(&self, claims: &Claims, user_info: Option<&UserInfo>) -> Result<Visitor, Fault> {
        // An address and whether it is verified are from the same place: one says nothing of the other's.
        let (email, email_verified) = match (claims.email(), user_info) {
            (Some(email), _) => (Some(email), claims.email_verified()),
            (None, Some(info)) => (info.email(), info.email_verified()),
            (None, None) => (None, None),
        };
        let name = |names: Option<&LocalizedClaim<_>>| {
            names
                .and_then(|names: &LocalizedClaim<openidconnect::EndUserName>| names.get(None))
                .map(|name| name.to_string())
        };
        let name = name(claims.name()).or_else(|| user_info.and_then(|info| name(info.name())));
        let first = &claims.additional_claims().claims;
        let second = user_info.map(|info| &info.additional_claims().claims);
        let groups = match self.groups(first) {
            None => second.and_then(|claims| self.groups(claims)),
            groups => groups,
        };
        Ok(Visitor {
            identity: self.identity(claims.subject())?,
            name: name.filter(|name| !name.trim().is_empty()),
            email: email.map(|email| email.to_string()).filter(|email| !email.trim().is_empty()),
            email_verified: email_verified == Some(true),
            groups: groups.unwrap_or(Groups::Known(Vec::new())),
            sid: sid(claims),
            hint: None,
        })
    }

    fn groups(&self, claims: &Map<String, Value>) -> Option<Groups> {
        let name = &self.settings.groups_claim;
        if let Some(why) = self.cut_off(claims) {
            return Some(Groups::Incomplete(why));
        }
        let unreadable = |what: &str| Some(Groups::Incomplete(format!("the claim '{name}' {what}")));
        match claims.get(name)? {
            Value::Null => None,
            Value::String(group) => Some(Groups::Known(vec![group.clone()])),
            Value::Array(groups) if groups.len() > GROUPS => unreadable(&format!("has more than {GROUPS} groups")),
            Value::Array(groups) => {
                let texts: Option<Vec<String>> = groups.iter().map(|group| group.as_str().map(str::to_owned)).collect();
                match texts {
                    Some(texts) if texts.iter().all(|text| text.chars().count() <= GROUP_NAME) => {
                        Some(Groups::Known(texts))
                    }
                    _ => unreadable(&format!("has an entry that is no text of at most {GROUP_NAME} characters")),
                }
            }
            _ => unreadable("is neither a text nor a list of texts"),
        }
    }

    /// Why the groups are not all in some claims: Entra leaves all of them out where there are more than 200, or more than
    /// fit into an address, and says where to ask.
    fn cut_off(&self, claims: &Map<String, Value>) -> Option<String> {
        let name = &self.settings.groups_claim;
        let elsewhere =
            claims.get("_claim_names").is_some_and(|names| names.get(name).or(names.get("groups")).is_some());
        let has_groups = claims.get("hasgroups").is_some_and(|has| *has == true || *has == "true");
        (elsewhere || has_groups).then(|| {
            format!(
                "you are in so many groups that '{}' has left them out, so they give you nothing here; whoever runs it can \
                 have it send only the groups that are assigned to this application",
                self.name()
            )
        })
    }

    fn identity(&self, subject: &SubjectIdentifier) -> Result<ExternalIdentity, Fault> {
        ExternalIdentity::new(&self.settings.issuer, subject.as_str()).ok_or_else(|| {
            self.refused("the subject is empty, or has more than 512 characters or one that is no letter")
        })
    }

    fn client(&self, metadata: &ProviderMetadataWithLogout, redirect: &str) -> Result<ProviderClient, Fault> {
        let redirect = RedirectUrl::new(redirect.to_owned())
            .map_err(|_| self.refused(&format!("'{redirect}' is no address to come back to")))?;
        let (id, secret) = (ClientId::new(self.settings.client_id.clone()), &self.settings.client_secret);
        let secret = secret.as_ref().map(|secret| ClientSecret::new(secret.reveal().to_owned()));
        let methods = metadata.token_endpoint_auth_methods_supported();
        let has = |method| methods.is_none_or(|methods| methods.contains(&method));
        let auth_type = match has(CoreClientAuthMethod::ClientSecretBasic) {
            true => AuthType::BasicAuth,
            false => AuthType::RequestBody,
        };
        let client = ProviderClient::from_provider_metadata(metadata.clone(), id, secret);
        Ok(client.set_redirect_uri(redirect).set_auth_type(auth_type))
    }

    /// What the provider says of itself, as it was a moment ago.
    fn discover(&self, now: UnixMs) -> Discovered {
        let mut discovered = self.discovered.lock().unwrap_or_else(PoisonError::into_inner);
        match &*discovered {
            Some((at, found)) if (0..FRESH_MS).contains(&(now - at)) => found.clone(),
            _ => {
                let found = self.ask();
                *discovered = Some((now, found.clone()));
                found
            }
        }
    }

    fn discover_anew(&self, now: UnixMs) -> Discovered {
        let found = self.ask();
        *self.discovered.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, found.clone()));
        found
    }

    fn ask(&self) -> Discovered {
        let issuer = IssuerUrl::new(self.settings.issuer.clone()).map_err(|error| self.down(&error.to_string()))?;
        let send = |request: HttpRequest| -> Result<HttpResponse, OutgoingError> { self.outgoing.send(request) };
        let found = ProviderMetadataWithLogout::discover(&issuer, &send);
        found.map(Arc::new).map_err(|error| match error {
            DiscoveryError::Request(error) => self.down(&error.to_string()),
            error => self.down(&with_sources(&error)),
        })
    }

    fn token_fault(
        &self,
        error: RequestTokenError<OutgoingError, StandardErrorResponse<CoreErrorResponseType>>,
    ) -> Fault {
        match error {
            RequestTokenError::Request(error) => self.down(&error.to_string()),
            RequestTokenError::ServerResponse(response) => self.refused(&response.to_string()),
            // What is in it may be a token.
            RequestTokenError::Parse(error, _) => {
                self.refused(&format!("its tokens cannot be read at '{}'", error.path()))
            }
            error => self.refused(&error.to_string()),
        }
    }

    fn unverified(&self, error: &ClaimsVerificationError) -> Fault {
        self.refused(&with_sources(error))
    }

    fn down(&self, why: &str) -> Fault {
        Fault::Down { name: self.name().to_owned(), why: shortened(why) }
    }

    /// The sign-in is refused, for a reason that the provider may have given.
    pub fn refused(&self, why: &str) -> Fault {
        Fault::Refused { name: self.name().to_owned(), why: shortened(why) }
    }
}

fn sid(claims: &Claims) -> Option<String> {
    let sid = claims.additional_claims().claims.get("sid")?.as_str()?;
    (sid.len() <= GROUP_NAME).then(|| sid.to_owned())
}

fn with_sources(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text += &format!(": {error}");
        source = error.source();
    }
    text
}

fn shortened(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(REASON).collect()
}
