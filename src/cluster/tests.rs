//! What is said to servers, by a server that only writes it down.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::*;
use crate::engine::Engine;
use crate::model::{Batch, Combination, CostSource, Event, Fingerprint, Measures, Mode, UnixMs};

const NOW: UnixMs = 1_780_315_200_000;
const PASSWORD: &str = "hunter/2";

/// What was asked: the address with its query, the head, and the body.
#[derive(Debug, Clone)]
struct Asked {
    target: String,
    head: String,
    body: Vec<u8>,
}

/// Answers by what is asked, and writes it down.
struct Fake {
    port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
    /// What comes in the place of the usual answers, for as long as there is some.
    answers: Arc<Mutex<VecDeque<(u16, String)>>>,
    /// Tables with a column that is not ours.
    foreign: Arc<Mutex<Option<&'static str>>>,
}

impl Fake {
    fn start() -> Fake {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let fake = Fake {
            port: listener.local_addr().unwrap().port(),
            asked: Arc::default(),
            answers: Arc::default(),
            foreign: Arc::default(),
        };
        let (asked, answers, foreign) = (fake.asked.clone(), fake.answers.clone(), fake.foreign.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (asked, answers, foreign) = (asked.clone(), answers.clone(), foreign.clone());
                std::thread::spawn(move || serve(stream.unwrap(), &asked, &answers, &foreign));
            }
        });
        fake
    }

    fn client(&self) -> Client {
        let address = format!("clickhouse://ann:hunter%2F2@127.0.0.1:{}/usage", self.port);
        Client::new(Address::parse(&address).unwrap()).unwrap()
    }

    fn say(&self, status: u16, text: &str) {
        self.answers.lock().unwrap().push_back((status, text.to_owned()));
    }

    fn inserts(&self, table: &str) -> Vec<Vec<u8>> {
        let into = format!("INSERT+INTO+{table}+");
        let asked = self.asked.lock().unwrap();
        let is_one = |asked: &&Asked| asked.target.replace("%20", "+").contains(&into);
        asked.iter().filter(is_one).map(|asked| asked.body.clone()).collect()
    }
}

fn serve(
    mut stream: TcpStream,
    asked: &Mutex<Vec<Asked>>,
    answers: &Mutex<VecDeque<(u16, String)>>,
    foreign: &Mutex<Option<&'static str>>,
) {
    let mut bytes = Vec::new();
    let mut part = [0; 65536];
    loop {
        let head = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break String::from_utf8(bytes.drain(..end + 4).collect()).unwrap().to_lowercase();
            }
            match stream.read(&mut part) {
                Ok(0) | Err(_) => return,
                Ok(read) => bytes.extend_from_slice(&part[..read]),
            }
        };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
        let length: usize = length.unwrap_or(0);
        while bytes.len() < length {
            let read = stream.read(&mut part).unwrap();
            bytes.extend_from_slice(&part[..read]);
        }
        let body: Vec<u8> = bytes.drain(..length).collect();
        let (status, answer) = match answers.lock().unwrap().pop_front() {
            Some((status, text)) => (status, text.into_bytes()),
            None => (200, answer_to(&String::from_utf8_lossy(&body), *foreign.lock().unwrap())),
        };
        let target = head.lines().next().unwrap().split(' ').nth(1).unwrap().replace("insert+into", "INSERT+INTO");
        let target = target.replace("insert%20into", "INSERT%20INTO");
        asked.lock().unwrap().push(Asked { target, head, body });
        let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\nlocation: /elsewhere\r\n\r\n", answer.len());
        if stream.write_all(&[head.as_bytes(), &answer].concat()).is_err() {
            return;
        }
    }
}

/// What a server with our tables and nothing in them says.
fn answer_to(sql: &str, foreign: Option<&str>) -> Vec<u8> {
    let mut out = Vec::new();
    if sql.contains("system.columns") {
        for (table, columns, _) in schema::described() {
            for (name, kind) in columns {
                [table.as_str(), name.as_str(), kind.as_str()].iter().for_each(|text| out.text(text.as_bytes()));
            }
            if foreign == Some(table.as_str()) {
                [table.as_str(), "mine", "UInt8"].iter().for_each(|text| out.text(text.as_bytes()));
            }
        }
    } else if sql.contains("system.tables") {
        for (table, _, engine) in schema::described() {
            [table, engine].iter().for_each(|text| out.text(text.as_bytes()));
        }
    } else if sql.contains("FROM schema_local") {
        out.u32(SCHEMA_VERSION);
        out.u64(1);
    } else if sql.contains("now()") {
        out.u64(NOW as u64 / 1000);
    }
    out
}

#[test]
fn a_client_says_who_asks_in_headers_alone_and_what_is_refused_without_the_password() {
    let fake = Fake::start();
    let client = fake.client();
    client.insert(0, "nodes_local", &[1, 2, 3]).unwrap();
    assert!(fake.asked.lock().unwrap()[0].body.starts_with(b"SELECT name FROM system.settings"));
    let asked = fake.asked.lock().unwrap()[1].clone();
    assert_eq!(asked.body, [1, 2, 3]);
    assert!(asked.target.contains("wait_end_of_query=1") && asked.target.contains("database=usage"));
    assert!(asked.head.contains("x-clickhouse-user: ann") && asked.head.contains("x-clickhouse-key: hunter/2"));
    assert!(!asked.target.contains("hunter"));

    let said = |status, text: &str| {
        fake.say(status, text);
        let error = client.run(0, true, "SELECT 1").unwrap_err();
        assert!(!error.to_string().contains(PASSWORD), "{error}");
        error
    };
    let error = said(500, "Code: 193, e.displayText() = DB::Exception: Wrong password for user ann, e.what() = x");
    assert!(
        matches!(&error, ClusterError::NotAllowed { text, .. } if text == "Wrong password for user ann"),
        "{error}"
    );
    let error = said(403, "Code: 516. DB::Exception: ann: hunter/2: Authentication failed");
    assert!(matches!(error, ClusterError::NotAllowed { .. }) && !error.is_passing());
    let error = said(500, "Code: 241. DB::Exception: Memory limit exceeded");
    assert!(matches!(error, ClusterError::Answered { code: 241, .. }) && error.is_passing());
    for (status, text) in [(502, "<html>Bad gateway</html>"), (302, ""), (200, "")] {
        fake.say(status, text);
        let result = client.run(0, true, "SELECT 1");
        assert_eq!(result.is_ok(), status == 200, "{status}");
    }
    assert!(fake.asked.lock().unwrap().iter().all(|asked| asked.target.starts_with("/?")), "nobody follows elsewhere");
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let client = Client::new(Address::parse(&format!("clickhouse://u:hunter%2F2@{nobody}/x")).unwrap()).unwrap();
    let error = client.run(0, true, "SELECT 1").unwrap_err();
    assert!(error.is_passing() && error.to_string().contains(&nobody.to_string()), "{error}");
}

#[test]
fn tables_that_are_anothers_are_named_and_left_alone() {
    let fake = Fake::start();
    check(&fake.client()).unwrap();
    *fake.foreign.lock().unwrap() = Some("records_local");
    fake.asked.lock().unwrap().clear();
    for refused in [check(&fake.client()), init(&fake.client())] {
        let error = refused.unwrap_err().to_string();
        for word in ["usage.records_local on 127.0.0.1", "column mine", "rollcall cluster init"] {
            assert!(error.contains(word), "{error}");
        }
    }
    let asked = fake.asked.lock().unwrap();
    assert!(asked.iter().all(|asked| asked.body.starts_with(b"SELECT")), "nothing is made");
}

fn batch(number: u32) -> Batch {
    let combination = Combination {
        organization: "acme".into(),
        project: "p".into(),
        api_key: "k".into(),
        model: "m".into(),
        provider: "v".into(),
        source: None,
        mode: Mode::Credits,
        cost_source: CostSource::Reported,
    };
    let mut measures = Measures::ZERO;
    measures.counts[0] = 1;
    let event = Event::new(Fingerprint::of(&number.to_string()), NOW, 0, measures);
    Batch { combinations: vec![combination], events: vec![event], ..Batch::default() }
}

#[test]
fn what_is_acknowledged_is_shipped_with_the_nodes_line_last_and_a_cluster_that_fails_holds_nothing_up() {
    let fake = Fake::start();
    let directory = tempfile::tempdir().unwrap();
    let engine = Arc::new(Engine::open(directory.path(), Arc::new(|| NOW)).unwrap());
    engine.submit(batch(1)).unwrap().wait().unwrap();
    let shipper = Shipper::start(engine.clone(), fake.client(), "here", "http://n").unwrap();
    let ships = shipper.ships();
    let until = |what: &dyn Fn() -> bool| {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !what() {
            assert!(Instant::now() < deadline, "{:?}", ships.error());
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    // The fake forgets every line, so the place is taken anew each time; what is sent is the same.
    until(&|| !fake.inserts("usage_local").is_empty());
    let row = fake.inserts("usage_local").remove(0);
    assert!(row.starts_with(b"\x04acme"));
    let asked = fake.asked.lock().unwrap();
    let place = |table: &str| asked.iter().rposition(|asked| asked.target.contains(table));
    assert!(place("records_local") < place("usage_local"), "records come with what they name");
    drop(asked);

    (0..200).for_each(|_| fake.say(500, "Code: 252. DB::Exception: Too many parts"));
    until(&|| ships.error().is_some());
    let started = Instant::now();
    engine.submit(batch(2)).unwrap().wait().unwrap();
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(ships.failures() > 0 && ships.error().unwrap().contains("Too many parts"));
    let started = Instant::now();
    drop(shipper);
    assert!(started.elapsed() < Duration::from_secs(5));
    engine.stop();
}
