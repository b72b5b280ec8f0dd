//! A server that says what a node has shipped, and one who follows it.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;

use super::super::address::Address;
use super::super::client::Client;
use super::super::rows::WriteRow;
use super::Follower;
use crate::calendar::{Date, Granularity, Window, Zone};
use crate::directory::{Change, DirectoryUpdate, UserUpdate};
use crate::engine::{Engine, Following, Snapshot};
use crate::model::{
    Batch, COUNTS, Combination, CostSource, Count, Event, Fingerprint, Measures, Mode, PicoUsd, UnixMs,
};
use crate::query::{ACTIVITY_COLUMNS, About, Filter, GroupBy, Query, RankBy, activity};

/// 2026-06-01T12:00:00Z
const NOW: UnixMs = 1_780_315_200_000;

type Answering = Arc<dyn Fn(&str) -> Option<Vec<u8>> + Send + Sync>;

/// Starts a server that answers queries, or hangs up. Its port.
fn serve(answering: Answering) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (mut request, mut part) = (Vec::new(), [0; 65536]);
            let query = loop {
                let text = String::from_utf8_lossy(&request).into_owned();
                let whole = text.split_once("\r\n\r\n").filter(|(head, body)| {
                    let length =
                        head.to_lowercase().lines().find_map(|line| Some(line.strip_prefix("content-length: ")?.len()));
                    length.is_some() && body.ends_with("FORMAT RowBinary")
                });
                match whole {
                    Some((_, body)) => break body.to_owned(),
                    None => {
                        let read = stream.read(&mut part).unwrap();
                        assert!(read > 0, "half a request: {text}");
                        request.extend_from_slice(&part[..read]);
                    }
                }
            };
            let Some(answer) = answering(&query) else { continue };
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", answer.len());
            stream.write_all(&[head.as_bytes(), &answer].concat()).unwrap();
        }
    });
    port
}

fn follower(port: u16) -> Follower {
    let address = Address::parse(&format!("clickhouse://127.0.0.1:{port}/usage")).unwrap();
    Follower::new(Client::new(address).unwrap(), Box::new(|directory| directory)).unwrap()
}

/// A node with a call of each of two models.
fn node() -> (Engine, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let engine = Engine::open(directory.path(), Arc::new(|| NOW)).unwrap();
    let mut batch = Batch::default();
    for (number, model) in [(0, "a"), (1, "b")] {
        batch.combinations.push(Combination {
            organization: "acme".into(),
            project: "p".into(),
            api_key: format!("k{number}"),
            model: model.into(),
            provider: "v".into(),
            source: None,
            mode: Mode::Credits,
            cost_source: CostSource::Reported,
        });
        batch.events.push(Event::new(Fingerprint::of(model), NOW - 1000, number, measures(number)));
    }
    engine.submit(batch).unwrap().wait().unwrap();
    let user = UserUpdate { id: "ada".into(), name: Some("Ada".into()), ..UserUpdate::default() };
    let update = DirectoryUpdate { users: vec![user], ..DirectoryUpdate::default() };
    engine.change(Change::Merge(update)).unwrap().wait().unwrap();
    (engine, directory)
}

fn measures(number: u32) -> Measures {
    let mut measures = Measures { cost: PicoUsd(7 + i128::from(number)), ..Measures::ZERO };
    measures.counts[Count::Requests as usize] = 1;
    measures
}

/// What the node has shipped, as a server says it.
fn shipped(records: &[(&'static str, Vec<u8>, Vec<u8>)], committed_at_ms: u64, query: &str) -> Vec<u8> {
    let mut out = Vec::new();
    if query.contains("system.settings") {
        out.u64(0);
    } else if query.contains("nodes_local") {
        out.text(b"n1");
        out.u64(5);
        out.u64(committed_at_ms);
        out.text(b"http://node:8787");
    } else if query.contains("node = ''") {
        // Nobody has moved.
    } else if query.contains("records_local") {
        for (kind, key, value) in records {
            let organization =
                if *kind == "directory" || (*kind == "names" && key.starts_with(&[0; 4])) { "" } else { "acme" };
            out.text(organization.as_bytes());
            out.text(kind.as_bytes());
            out.text(key);
            out.u8(0);
            out.text(value);
        }
    } else {
        assert!(query.contains("usage_local FINAL WHERE organization = 'acme'"), "{query}");
        for number in 0..2 {
            out.u32(0);
            if query.contains(", api_key,") {
                out.text(format!("k{number}").as_bytes());
            } else {
                out.text(["a", "b"][number as usize].as_bytes());
                out.u8(0);
                (0..COUNTS).for_each(|count| out.i128(measures(number).counts[count].into()));
            }
            out.i128(measures(number).cost.0);
        }
    }
    out
}

fn by_model(snapshot: &Snapshot) -> String {
    let day = Date::parse("2026-06-01").unwrap();
    let query = Query {
        window: Window::new(Zone::UTC, day, day, Granularity::Day).unwrap(),
        granularity: Granularity::Day,
        group_by: vec![GroupBy::Model],
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
        organization: snapshot.directory.organization("acme").unwrap(),
    };
    let answer = activity(about, &query).unwrap();
    format!("{:?} {:?} {:?}", answer.groups, answer.ranking, answer.totals)
}

#[test]
fn what_a_node_has_shipped_is_answered_as_the_node_does() {
    let (node, _directory) = node();
    let mut records = Vec::new();
    node.snapshot()
        .reader
        .each_mirrored(|kind, key, value| {
            records.push((kind, key.to_vec(), value.to_vec()));
            Ok(())
        })
        .unwrap();
    let follower = follower(serve(Arc::new(move |query| Some(shipped(&records, 1_780_315_199_000, query)))));
    assert!(follower.away(None).is_some(), "nothing was read yet");
    let first = follower.nothing().unwrap();
    let shown = follower.look().unwrap().expect("there is something to show");
    assert!(first.directory.organization("acme").is_none());
    assert_eq!(shown.directory.user_label("ada"), "Ada");
    assert_eq!(by_model(&shown), by_model(&node.snapshot()));
    assert!(follower.look().unwrap().is_none(), "nothing is new");
    assert_eq!((follower.away(None), follower.away(Some("acme"))), (None, None));
    assert_eq!(follower.complete_to("acme"), Some(1_780_315_199_000));
    assert!(follower.place_of_changes(Some("acme")).contains("http://node:8787"));
}

#[test]
fn what_is_not_there_yet_is_not_taken_for_nothing() {
    let unfinished = follower(serve(Arc::new(|query| Some(shipped(&[], 0, query)))));
    unfinished.look().unwrap();
    assert!(unfinished.away(Some("acme")).unwrap().contains("does not have all that the node at http://node:8787"));
    assert_eq!(unfinished.away(None), None, "people may sign in");

    let away = follower(serve(Arc::new(|_| None)));
    assert!(away.look().is_err());
    for organization in [None, Some("acme")] {
        assert!(away.away(organization).unwrap().contains("shard 1"), "{:?}", away.away(organization));
    }
}
