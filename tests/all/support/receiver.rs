//! Somebody on this machine who receives webhooks, and what they got.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};

/// The secret of the reference libraries' own test.
pub const SECRET: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
pub const DEADLINE: Duration = Duration::from_secs(60);

pub fn signature(id: &str, timestamp: &str, body: &str) -> String {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&STANDARD.decode(SECRET).unwrap()).unwrap();
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    pub headers: HashMap<String, String>,
    pub body: String,
}

impl Request {
    pub fn read(stream: &TcpStream) -> Option<Request> {
        let mut reader = BufReader::new(stream);
        let mut lines = reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty());
        assert_eq!(lines.next()?, "POST /in HTTP/1.1");
        let header = |line: String| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        let headers: HashMap<String, String> = lines.filter_map(header).collect();
        let mut body = vec![0; headers["content-length"].parse().unwrap()];
        reader.read_exact(&mut body).ok()?;
        Some(Request { headers, body: String::from_utf8(body).unwrap() })
    }

    pub fn id(&self) -> &str {
        &self.headers["webhook-id"]
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Asserts that it is signed as of `at`, in Unix seconds, and says what it is.
    #[track_caller]
    pub fn is_signed(&self, at: Option<i64>) {
        let [timestamp, signed] = ["webhook-timestamp", "webhook-signature"].map(|name| &self.headers[name]);
        assert_eq!(*signed, signature(self.id(), timestamp, &self.body));
        assert!(at.is_none_or(|at| *timestamp == at.to_string()), "{timestamp}");
        assert!(!self.id().contains('.'), "{}", self.id());
        assert_eq!(self.headers["content-type"], "application/json");
        assert_eq!(self.headers["user-agent"], format!("rollcall/{}", env!("CARGO_PKG_VERSION")));
    }
}

/// What a receiver answers that never does.
pub const NEVER: u16 = 0;

/// Someone who is told, on this machine.
pub struct Receiver {
    pub url: String,
    /// What it answers from now on.
    pub status: Arc<AtomicU16>,
    pub got: Arc<(Mutex<Vec<Request>>, Condvar)>,
}

impl Receiver {
    pub fn answering(status: u16) -> Receiver {
        Receiver::answering_with(status, "x-nothing: 0")
    }

    /// The same with one more header.
    pub fn answering_with(status: u16, header: &str) -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/in", listener.local_addr().unwrap());
        let status = Arc::new(AtomicU16::new(status));
        let got: Arc<(Mutex<Vec<Request>>, Condvar)> = Arc::default();
        let (answer, told, header) = (status.clone(), got.clone(), header.to_owned());
        std::thread::spawn(move || {
            let mut open = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let Some(request) = Request::read(&stream) else { continue };
                // Decided before anyone knows of the request, who may then have the next answered otherwise.
                let status = answer.load(Ordering::SeqCst);
                told.0.lock().unwrap().push(request);
                told.1.notify_all();
                if status == NEVER {
                    open.push(stream);
                } else {
                    let head = format!("HTTP/1.1 {status} X\r\n{header}\r\nconnection: close\r\n");
                    let _ = stream.write_all(format!("{head}content-length: 0\r\n\r\n").as_bytes());
                }
            }
        });
        Receiver { url, status, got }
    }

    pub fn answer(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    pub fn all(&self) -> Vec<Request> {
        self.got.0.lock().unwrap().clone()
    }

    pub fn ids(&self) -> Vec<String> {
        self.all().iter().map(|request| request.id().to_owned()).collect()
    }

    /// Waits for a request, of all that there are.
    #[track_caller]
    pub fn wait(&self, wanted: impl Fn(&Request) -> bool) -> Request {
        let (got, more) = (self.got.0.lock().unwrap(), &self.got.1);
        let (got, waited) = more.wait_timeout_while(got, DEADLINE, |got| !got.iter().any(&wanted)).unwrap();
        assert!(!waited.timed_out(), "{got:?}");
        got.iter().find(|request| wanted(request)).unwrap().clone()
    }

    #[track_caller]
    pub fn wait_for(&self, id: &str) -> Request {
        self.wait(|request| request.id() == id)
    }

    #[track_caller]
    pub fn wait_count(&self, count: usize) {
        let (got, more) = (self.got.0.lock().unwrap(), &self.got.1);
        let (got, waited) = more.wait_timeout_while(got, DEADLINE, |got| got.len() < count).unwrap();
        assert!(!waited.timed_out(), "{got:?}");
    }

    /// An entry of the file, with fields put over it.
    pub fn entry(&self, name: &str, extra: &Value) -> Value {
        let mut entry = json!({"name": name, "url": self.url, "secret": format!("whsec_{SECRET}"),
            "organizationId": "acme"});
        entry.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        entry
    }
}

/// Waits until something is so.
#[track_caller]
pub fn until(mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !is_so() {
        assert!(Instant::now() < deadline, "it never is so");
        std::thread::yield_now();
    }
}
