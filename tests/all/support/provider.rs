//! A provider of OpenID Connect on this machine that says whatever a test wants it to.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use rcgen::{CertifiedKey, KeyPair, PKCS_ED25519, PublicKeyData, SigningKey, generate_simple_self_signed};
use serde_json::{Value, json};
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::{Answer, Server};

pub const CLIENT: &str = "rollcall";
pub const CLIENT_SECRET: &str = "client-secret-of-the-tests";
/// The one code that it takes, once for each sign-in.
pub const CODE: &str = "the-code";

/// How a token is signed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Signed {
    Rightly,
    /// By a key that it has told nobody of.
    ByAnother,
    /// As if that were a way.
    None,
    /// By the secret that the client has as well.
    BySecret,
    /// And then changed.
    ForOtherClaims,
}

pub struct State {
    key: KeyPair,
    key_id: String,
    pub signed: Signed,
    /// Over the usual claims of the ID token; what is null is left out.
    pub claims: Value,
    pub user_info: Value,
    /// Requests with the code that are still answered.
    pub codes: u32,
    /// It answers nothing but an error.
    pub down: bool,
    /// It has an address where people sign out.
    pub signs_out: bool,
    /// Requests by path.
    pub asked: HashMap<String, u32>,
    nonce: String,
}

pub struct Provider {
    pub issuer: String,
    pub state: Arc<Mutex<State>>,
}

pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
}

fn new_key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ED25519).unwrap()
}

impl Provider {
    pub fn start() -> Provider {
        Provider::start_at("http", |stream| Some(Box::new(stream)))
    }

    /// By HTTPS, with the certificate that vouches for it.
    pub fn start_tls() -> (Provider, String) {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![cert.der().clone()], key);
        let config = Arc::new(config.unwrap());
        let accept = move |stream| {
            let connection = ServerConnection::new(config.clone()).ok()?;
            Some(Box::new(StreamOwned::new(connection, stream)) as Box<dyn Stream>)
        };
        (Provider::start_at("https", accept), cert.pem())
    }

    fn start_at(scheme: &str, accept: impl Fn(TcpStream) -> Option<Box<dyn Stream>> + Send + 'static) -> Provider {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = format!("{scheme}://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State {
            key: new_key(),
            key_id: "k1".into(),
            signed: Signed::Rightly,
            claims: json!({}),
            user_info: json!({"sub": "s1"}),
            codes: 1,
            down: false,
            signs_out: false,
            asked: HashMap::new(),
            nonce: String::new(),
        }));
        let (own, shared) = (issuer.clone(), state.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = accept(stream.unwrap());
                let _ = stream.and_then(|stream| answer(stream, &own, &shared));
            }
        });
        Provider { issuer, state }
    }

    /// What it says from now on of whoever signs in.
    pub fn says(&self, claims: Value) {
        self.state.lock().unwrap().claims = claims;
    }

    pub fn rotates(&self) {
        let mut state = self.state.lock().unwrap();
        (state.key, state.key_id) = (new_key(), format!("{}+", state.key_id));
    }

    /// A file of this provider, with fields put over it.
    pub fn file(&self, extra: &Value) -> Value {
        let mut file =
            json!({"issuer": self.issuer, "clientId": CLIENT, "clientSecret": CLIENT_SECRET, "name": "Acme"});
        file.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        file
    }

    /// A token that it signs, of the usual claims and these.
    pub fn token(&self, kind: &str, extra: &Value) -> String {
        let state = self.state.lock().unwrap();
        token(&state, kind, &claims(&self.issuer, extra))
    }

    /// Begins a sign-in as a browser does: the cookie, and the parameters that it brings to the provider.
    pub fn begin(&self, server: &Server, query: &str) -> (String, HashMap<String, String>) {
        let begun = server.send("GET", &format!("/v1/session/oidc{query}"), &[], b"");
        assert_eq!(begun.status, 303, "{}", begun.text);
        let (to, parameters) = begun.header("location").split_once('?').unwrap();
        assert_eq!(to, format!("{}/authorize", self.issuer));
        let parameters: HashMap<String, String> = form_urlencoded::parse(parameters.as_bytes()).into_owned().collect();
        self.state.lock().unwrap().nonce = parameters["nonce"].clone();
        (first_cookie(&begun), parameters)
    }

    /// Ends a sign-in as a browser does that the provider has led back.
    pub fn end(&self, server: &Server, cookie: &str, parameters: &HashMap<String, String>) -> Answer {
        self.state.lock().unwrap().codes = 1;
        let query = format!("code={CODE}&state={}", parameters["state"]);
        server.send("GET", &format!("/v1/session/oidc/callback?{query}"), &[("cookie", cookie)], b"")
    }

    /// All of a sign-in.
    pub fn sign_in(&self, server: &Server) -> Answer {
        let (cookie, parameters) = self.begin(server, "");
        self.end(server, &cookie, &parameters)
    }

    /// The session cookie of a sign-in that has to succeed.
    #[track_caller]
    pub fn session(&self, server: &Server) -> String {
        let answer = self.sign_in(server);
        assert_eq!(answer.status, 303, "{}", answer.text);
        session_of(&answer)
    }
}

/// The session cookie that an answer sets.
#[track_caller]
pub fn session_of(answer: &Answer) -> String {
    let cookies = answer.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap());
    let session = cookies.into_iter().find(|cookie| cookie.starts_with("rollcall_session="));
    session.expect("a session is opened").split(';').next().unwrap().to_owned()
}

fn first_cookie(answer: &Answer) -> String {
    let cookie = answer.header("set-cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    cookie.split(';').next().unwrap().to_owned()
}

fn claims(issuer: &str, extra: &Value) -> Value {
    let mut claims = json!({"iss": issuer, "aud": CLIENT, "sub": "s1", "iat": now(), "exp": now() + 300});
    let fields = claims.as_object_mut().unwrap();
    fields.extend(extra.as_object().unwrap().clone());
    fields.retain(|_, value| !value.is_null());
    claims
}

fn token(state: &State, kind: &str, claims: &Value) -> String {
    let algorithm = match state.signed {
        Signed::None => "none",
        Signed::BySecret => "HS256",
        _ => "EdDSA",
    };
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = part(&json!({"alg": algorithm, "kid": state.key_id, "typ": kind}));
    let body = format!("{head}.{}", part(claims));
    let signature = match state.signed {
        Signed::Rightly => state.key.sign(body.as_bytes()).unwrap(),
        Signed::ByAnother => new_key().sign(body.as_bytes()).unwrap(),
        Signed::None => Vec::new(),
        Signed::BySecret => {
            let mut mac = Hmac::<sha2::Sha256>::new_from_slice(CLIENT_SECRET.as_bytes()).unwrap();
            mac.update(body.as_bytes());
            mac.finalize().into_bytes().to_vec()
        }
        Signed::ForOtherClaims => {
            let signature = state.key.sign(body.as_bytes()).unwrap();
            let mut other = claims.clone();
            other["sub"] = json!("somebody-else");
            return format!("{head}.{}.{}", part(&other), URL_SAFE_NO_PAD.encode(signature));
        }
    };
    format!("{body}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// A connection, encrypted or not.
trait Stream: Read + Write {}

impl<S: Read + Write> Stream for S {}

fn answer(stream: Box<dyn Stream>, issuer: &str, state: &Mutex<State>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut lines = reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty());
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let header = |line: String| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    let headers: HashMap<String, String> = lines.filter_map(header).collect();
    let mut body = vec![0; headers.get("content-length").map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).ok()?;
    let mut state = state.lock().unwrap();
    *state.asked.entry(path.clone()).or_default() += 1;
    let (status, said) = if state.down { (500, json!({})) } else { said(&mut state, issuer, &path, &headers, &body) };
    let said = said.to_string();
    let head = format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nconnection: close\r\n");
    let stream = reader.get_mut();
    stream.write_all(format!("{head}content-length: {}\r\n\r\n{said}", said.len()).as_bytes()).ok()?;
    stream.flush().ok()
}

fn said(state: &mut State, issuer: &str, path: &str, headers: &HashMap<String, String>, body: &[u8]) -> (u16, Value) {
    match path {
        "/.well-known/openid-configuration" => {
            let at = |path: &str| format!("{issuer}/{path}");
            let end = state.signs_out.then(|| at("end"));
            let metadata = json!({
                "end_session_endpoint": end,
                "issuer": issuer, "authorization_endpoint": at("authorize"), "token_endpoint": at("token"),
                "userinfo_endpoint": at("userinfo"), "jwks_uri": at("jwks"), "response_types_supported": ["code"],
                "subject_types_supported": ["public"], "scopes_supported": ["openid", "email", "groups"],
                // What it has no business to say.
                "id_token_signing_alg_values_supported": ["EdDSA", "RS256", "HS256", "none"],
            });
            (200, metadata)
        }
        "/jwks" => {
            let x = URL_SAFE_NO_PAD.encode(state.key.der_bytes());
            (200, json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": state.key_id, "x": x}]}))
        }
        "/token" => {
            let form: HashMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
            let basic = base64::engine::general_purpose::STANDARD.encode(format!("{CLIENT}:{CLIENT_SECRET}"));
            let knows = headers["authorization"] == format!("Basic {basic}") && form["code_verifier"].len() >= 43;
            if !knows || form["code"] != CODE || state.codes == 0 {
                return (400, json!({"error": "invalid_grant", "error_description": "that code is none"}));
            }
            state.codes -= 1;
            let mut usual = json!({"nonce": state.nonce});
            usual.as_object_mut().unwrap().extend(state.claims.as_object().unwrap().clone());
            let id_token = token(state, "JWT", &claims(issuer, &usual));
            (200, json!({"access_token": "at", "token_type": "Bearer", "expires_in": 60, "id_token": id_token}))
        }
        "/userinfo" => (200, state.user_info.clone()),
        _ => (404, json!({})),
    }
}
