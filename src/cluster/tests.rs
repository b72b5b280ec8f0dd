//! What is said to servers, by a server that only writes it down.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::fake::{Cluster, Field, Row, Watch};
use super::*;
use crate::calendar::{Date, Granularity, Window, Zone};
use crate::directory::{Change, DirectoryUpdate, ProjectUpdate};
use crate::engine::{Engine, Following, Snapshot};
use crate::model::{Batch, Combination, CostSource, Event, Fingerprint, Measures, Mode, UnixMs};
use crate::query::{ACTIVITY_COLUMNS, About, Filter, Query, RankBy, activity};

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

/// Waits until something is so.
fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn text<'a>(row: &'a Row, column: &str) -> &'a str {
    match &row[column] {
        Field::Text(text) => std::str::from_utf8(text).unwrap(),
        Field::Number(_) => panic!("{column} is no text"),
    }
}

fn requests_of_acme(usage: &[Row]) -> i128 {
    let of_acme = usage.iter().filter(|row| text(row, "organization") == "acme");
    of_acme.map(|row| if let Field::Number(number) = row["requests"] { number } else { 0 }).sum()
}

fn records_of_acme(records: &[Row]) -> usize {
    let is_one = |row: &&Row| {
        text(row, "organization") == "acme" && text(row, "kind") != "owner" && row["deleted"] == Field::Number(0)
    };
    records.iter().filter(is_one).count()
}

/// Where a shard says that acme is.
fn place_of_acme(records: &[Row]) -> Option<&str> {
    let key = Field::Text(b"acme".to_vec());
    let place = records.iter().find(|row| text(row, "kind") == "place" && row["key"] == key)?;
    Some(text(place, "value"))
}

/// The shard that it is read at, by that.
fn home_of_acme(records: &[Row], otherwise: usize) -> usize {
    let words: Vec<&str> = place_of_acme(records).unwrap_or_default().split(' ').collect();
    match words[..] {
        ["at", shard] | ["copying", shard, _] | ["leaving", _, shard] => shard.parse::<usize>().unwrap() - 1,
        _ => otherwise,
    }
}

fn whole_day(snapshot: &Snapshot) -> Result<String, String> {
    let day = Date::parse("2026-06-01").unwrap();
    let query = Query {
        window: Window::new(Zone::UTC, day, day, Granularity::Day).unwrap(),
        granularity: Granularity::Day,
        group_by: Vec::new(),
        filter: Filter::default(),
        rank_by: RankBy::Cost,
        top: None,
        columns: ACTIVITY_COLUMNS,
    };
    let about = About {
        reader: &snapshot.reader,
        dictionary: &snapshot.dictionary,
        directory: &snapshot.directory,
        organization_id: "acme",
        organization: snapshot.directory.organization("acme").ok_or("there is no such organization")?,
    };
    let answer = activity(about, &query).map_err(|error| error.to_string())?;
    Ok(format!("{:?} {:?}", answer.groups, answer.totals))
}

/// A node with two hours of usage, and a project with a name.
fn node_of_acme() -> (Arc<Engine>, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let engine = Arc::new(Engine::open(directory.path(), Arc::new(|| NOW)).unwrap());
    engine.submit(batch(1)).unwrap().wait().unwrap();
    let mut earlier = batch(2);
    let mut measures = Measures::ZERO;
    measures.counts[0] = 1;
    earlier.events = vec![Event::new(Fingerprint::of("earlier"), NOW - 7_200_000, 0, measures)];
    engine.submit(earlier).unwrap().wait().unwrap();
    let project = ProjectUpdate {
        id: "p".into(),
        organization_id: "acme".into(),
        name: Some("Project".into()),
        ..ProjectUpdate::default()
    };
    let update = DirectoryUpdate { projects: vec![project], ..DirectoryUpdate::default() };
    engine.change(Change::Merge(update)).unwrap().wait().unwrap();
    (engine, directory)
}

const SOON: Duration = Duration::from_millis(5);

#[test]
fn an_organization_that_moves_is_whole_wherever_it_is_read_and_whenever_its_node_dies() {
    let (engine, _directory) = node_of_acme();
    let otherwise = Address::parse("clickhouse://a,b/x?cluster=two").unwrap().shard_of("acme");
    // How many requests and records there are, once all is shipped a first time; and what was seen that is less.
    let (whole, less) = (Arc::new(Mutex::new(None)), Arc::new(Mutex::new(None)));
    let watch: Watch = {
        let (whole, less) = (whole.clone(), less.clone());
        Arc::new(move |usage, records| {
            let Some(whole) = *whole.lock().unwrap() else { return };
            for seen in 0..2 {
                let home = home_of_acme(&records[seen], otherwise);
                // Whoever was told of that by a shard that does not know better finds out there.
                if home_of_acme(&records[home], otherwise) == home {
                    let found = (requests_of_acme(&usage[home]), records_of_acme(&records[home]));
                    if found != whole {
                        less.lock().unwrap().get_or_insert(format!("shard {home}: {found:?} of {whole:?}"));
                    }
                }
            }
        })
    };
    let cluster = Cluster::start(2, Some(watch));
    let client = cluster.client();
    let start = || Shipper::start_at(SOON, engine.clone(), client.clone(), "here", "http://n").unwrap();
    let mut shipper = start();
    until("a first load", || {
        shipper.ships().commits_behind() == 0 && requests_of_acme(&cluster.rows(otherwise, "usage_local")) == 2
    });
    *whole.lock().unwrap() = Some((2, records_of_acme(&cluster.rows(otherwise, "records_local"))));
    assert!(whole.lock().unwrap().unwrap().1 > 3);
    let follower = Follower::new(client.clone(), Box::new(|directory| directory)).unwrap();
    let shown = Mutex::new(Arc::new(follower.look().unwrap().unwrap()));
    let truth = whole_day(&engine.snapshot()).unwrap();
    assert_eq!(whole_day(&shown.lock().unwrap()), Ok(truth.clone()));

    let (mut shard, mut deaths) = (otherwise, 0);
    for requests in (1..).step_by(4) {
        shard = 1 - shard;
        let (since, _) = want(&client, "acme", shard, NOW, None).unwrap();
        cluster.dies_after(requests);
        let is_done = || matches!(want(&client, "acme", shard, NOW, Some(since)), Ok((_, Move::Done)));
        let there = format!("at {}", shard + 1);
        until("it moves or dies", || {
            cluster.is_dead() || place_of_acme(&cluster.rows(shard, "records_local")) == Some(&there)
        });
        let died = cluster.is_dead();
        deaths += usize::from(died);
        drop(shipper);
        cluster.lives_again();
        // Whoever was reading before reads on.
        let stale = whole_day(&shown.lock().unwrap());
        assert!(stale.is_err() || stale == Ok(truth.clone()), "{stale:?}");
        shipper = start();
        until("it moves once its node lives again", is_done);
        if let Some(news) = follower.look().unwrap() {
            *shown.lock().unwrap() = Arc::new(news);
        }
        assert_eq!(whole_day(&shown.lock().unwrap()), Ok(truth.clone()));
        assert_eq!(requests_of_acme(&cluster.rows(1 - shard, "usage_local")), 0, "nothing is left where it was");
        assert_eq!(records_of_acme(&cluster.rows(1 - shard, "records_local")), 0);
        assert_eq!(*less.lock().unwrap(), None);
        if !died {
            break;
        }
    }
    assert!(deaths > 10, "{deaths}");

    // What comes later goes there alone.
    *whole.lock().unwrap() = None;
    engine.submit(batch(3)).unwrap().wait().unwrap();
    until("what came later", || requests_of_acme(&cluster.rows(shard, "usage_local")) == 3);
    assert_eq!(requests_of_acme(&cluster.rows(1 - shard, "usage_local")), 0);
    assert_eq!(shipper.ships().compare(false, Duration::from_secs(60)), Ok(Vec::new()));
    assert!(
        matches!(want(&client, "nobody", 0, NOW, None), Err(ClusterError::Wrong(why)) if why.contains("no node ships"))
    );
    drop(shipper);
    engine.stop();
}

#[test]
fn a_shard_that_hangs_holds_up_neither_the_others_nor_a_stop_nor_a_question() {
    let (engine, _directory) = node_of_acme();
    let cluster = Cluster::start(2, None);
    let client = cluster.client();
    let home = client.address().shard_of("acme");
    let shipper = Shipper::start_at(SOON, engine.clone(), client.clone(), "here", "http://n").unwrap();
    until("a first load", || {
        shipper.ships().commits_behind() == 0 && requests_of_acme(&cluster.rows(home, "usage_local")) == 2
    });
    let follower = Follower::with_patience(
        client,
        Box::new(|directory| directory),
        Duration::from_secs(1),
        Duration::from_secs(2),
    );
    let follower = follower.unwrap();
    let shown = follower.look().unwrap().unwrap();
    assert!(whole_day(&shown).is_ok());

    cluster.hang(1 - home, true);
    let began = Instant::now();
    engine.submit(batch(3)).unwrap().wait().unwrap();
    until("the other goes on", || requests_of_acme(&cluster.rows(home, "usage_local")) == 3);
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    until("it says so", || shipper.ships().error().is_some_and(|error| error.contains("timeout")));
    until("what the other has is seen", || matches!(follower.look(), Ok(Some(seen)) if whole_day(&seen).is_ok()));
    assert_eq!(follower.away(Some("acme")), None);
    cluster.hang(1 - home, false);

    cluster.hang(home, true);
    let began = Instant::now();
    let error = whole_day(&shown).unwrap_err();
    assert!(error.contains(&format!("shard {}, which does not answer", home + 1)), "{error}");
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    // It may have news of the other, which answers again.
    let _ = follower.look();
    let away = follower.away(Some("acme")).expect("nobody is to wait again");
    assert!(away.contains(&format!("shard {} does not answer", home + 1)), "{away}");
    let began = Instant::now();
    drop(shipper);
    assert!(began.elapsed() < Duration::from_secs(5));
    cluster.hang(home, false);
    engine.stop();
}
