//! Connections as others use them, by senders that dawdle, wait or stay.

use axum::body::to_bytes;
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

const IMPATIENT: Limits = Limits {
    connections: 2,
    turned_away: 1,
    place: Duration::from_millis(200),
    head: Duration::from_millis(200),
    body: Duration::from_millis(200),
    answer: Duration::from_millis(200),
};

/// A server of two routes: one that answers, one that reads a body.
async fn start(limits: Limits) -> SocketAddr {
    let read = |body: Body| async {
        match to_bytes(body, 1 << 20).await {
            Ok(bytes) => bytes.len().to_string(),
            Err(error) if is_late(&error) => "late".into(),
            Err(error) => error.to_string(),
        }
    };
    let large = || async { vec![b'x'; 32 << 20] };
    let router =
        Router::new().route("/", get(|| async { "hello" })).route("/large", get(large)).route("/read", post(read));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(router, listener, limits, None, std::future::pending()));
    address
}

async fn connect(address: SocketAddr, first: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // Whoever finds no place is closed at once.
    let _ = stream.write_all(first.as_bytes()).await;
    stream
}

/// All there is until the other end closes.
async fn rest(mut stream: TcpStream) -> String {
    let mut text = Vec::new();
    // An answer that was given up ends with a reset.
    let _ = stream.read_to_end(&mut text).await;
    String::from_utf8_lossy(&text).into_owned()
}

async fn until_served(address: SocketAddr) {
    let served = async { while !rest(connect(address, ASK).await).await.ends_with("hello") {} };
    tokio::time::timeout(Duration::from_secs(30), served).await.expect("a place");
}

const ASK: &str = "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

#[test]
fn there_are_as_many_places_as_files_allow() {
    for (files, connections) in
        [(1024, 900), (4096, 3972), (16_508, 16_384), (1 << 20, 16_384), (u64::MAX, 16_384), (100, 50), (0, 0)]
    {
        assert_eq!(connections_within(files), connections, "{files}");
    }
}

#[tokio::test]
async fn a_slow_head_is_closed_and_holds_nobody_up() {
    let address = start(IMPATIENT).await;
    let slow = connect(address, "GET / HTTP/1.1\r\nhost").await;
    assert!(rest(connect(address, ASK).await).await.ends_with("hello"));
    assert!(!rest(slow).await.contains("hello"));
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed() {
    let address = start(IMPATIENT).await;
    assert_eq!(rest(connect(address, "").await).await, "");
}

#[tokio::test]
async fn a_body_that_trickles_in_is_late() {
    let address = start(IMPATIENT).await;
    let head = "POST /read HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 1000000\r\n\r\n";
    let mut slow = connect(address, head).await;
    let (mut reading, mut writing) = slow.split();
    let mut answer = Vec::new();
    let trickle = async {
        while writing.write_all(b"1").await.is_ok() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        read = reading.read_to_end(&mut answer) => drop(read),
        () = trickle => {}
    }
    assert!(String::from_utf8_lossy(&answer).ends_with("late"), "{answer:?}");
}

#[tokio::test]
async fn an_answer_nobody_takes_is_given_up() {
    let address = start(Limits { connections: 1, ..IMPATIENT }).await;
    let stuck = connect(address, "GET /large HTTP/1.1\r\nhost: x\r\n\r\n").await;
    // The only place is taken until the server has given this one up.
    until_served(address).await;
    assert!(rest(stuck).await.len() < 32 << 20);
}

/// A request under way: its body never ends.
const UNENDING: &str = "POST /read HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n1";

#[tokio::test]
async fn beyond_the_limit_a_client_is_told_and_later_served() {
    let patient = Limits { body: Duration::from_secs(60), ..IMPATIENT };
    let address = start(patient).await;
    let mut held = Vec::new();
    for _ in 0..patient.connections {
        held.push(connect(address, UNENDING).await);
    }
    let refused = async {
        loop {
            // The bodies may not have been asked for yet.
            let answer = rest(connect(address, ASK).await).await;
            if !answer.ends_with("hello") {
                return answer;
            }
        }
    };
    let refused = tokio::time::timeout(Duration::from_secs(30), refused).await.expect("no place");
    assert!(refused.starts_with("HTTP/1.1 503 ") && refused.contains("retry-after: 1"), "{refused}");
    drop(held);
    until_served(address).await;
}

#[tokio::test]
async fn idle_connections_give_way_before_anybody_is_refused() {
    let patient = Limits { head: Duration::from_secs(60), place: Duration::from_secs(60), ..IMPATIENT };
    let address = start(patient).await;
    for idle in ["", "GET / HTTP/1.1\r\nhos", "GET / HTTP/1.1\r\nhost: x\r\n\r\n"] {
        let mut held = Vec::new();
        for _ in 0..patient.connections {
            let mut stream = connect(address, idle).await;
            if idle.ends_with("\r\n\r\n") {
                // Served once, it stays open.
                stream.read_exact(&mut [0; 12]).await.unwrap();
            }
            held.push(stream);
        }
        for _ in 0..3 {
            let answer = rest(connect(address, ASK).await).await;
            assert!(answer.ends_with("hello"), "beside {idle:?}: {answer}");
        }
    }
}

#[tokio::test]
async fn an_answer_under_way_is_finished_before_its_connection_gives_way() {
    let patient = Limits { answer: Duration::from_secs(60), place: Duration::from_secs(60), ..IMPATIENT };
    let address = start(Limits { connections: 1, ..patient }).await;
    let large = connect(address, "GET /large HTTP/1.1\r\nhost: x\r\n\r\n").await;
    large.readable().await.unwrap();
    let next = tokio::spawn(async move { rest(connect(address, ASK).await).await });
    // Long after it was asked to leave.
    sleep(3 * FAREWELL).await;
    let answer = rest(large).await;
    assert_eq!(answer.split_once("\r\n\r\n").expect("a head").1.len(), 32 << 20);
    assert!(next.await.unwrap().ends_with("hello"));
}

#[tokio::test]
async fn an_early_answer_reaches_a_sender_that_is_still_sending() {
    let busy = Limits { connections: 0, ..Limits::default() };
    for (path, limits, status) in [("/wrong", Limits::default(), "404"), ("/read", busy, "503")] {
        let address = start(limits).await;
        for length in [1_000_000, 20_000_000] {
            let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n");
            let mut stream = connect(address, &head).await;
            stream.write_all(&vec![b'x'; length]).await.expect("it is read");
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.expect("an answer, and no reset");
            let answer = String::from_utf8_lossy(&answer);
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
            assert!(answer.to_lowercase().contains("connection: close"), "{answer}");
        }
    }
}

#[tokio::test]
async fn after_an_early_answer_to_a_small_body_the_connection_is_used_again() {
    let address = start(Limits::default()).await;
    let head = "POST /wrong HTTP/1.1\r\nhost: x\r\ncontent-length: 60000\r\n\r\n";
    let mut stream = connect(address, head).await;
    stream.write_all(&[b'x'; 60_000]).await.unwrap();
    stream.write_all(ASK.as_bytes()).await.unwrap();
    let answers = rest(stream).await;
    assert!(answers.starts_with("HTTP/1.1 404 ") && answers.ends_with("hello"), "{answers}");
}

#[tokio::test]
async fn a_sender_that_waits_to_be_asked_is_not_asked_for_what_nobody_wants() {
    let address = start(Limits::default()).await;
    for (path, starts) in [("/wrong", "HTTP/1.1 404 "), ("/read", "HTTP/1.1 100 ")] {
        let head = "HTTP/1.1\r\nhost: x\r\nconnection: close\r\nexpect: 100-continue\r\ncontent-length: 3";
        let mut stream = connect(address, &format!("POST {path} {head}\r\n\r\n")).await;
        let mut first = [0; 13];
        stream.read_exact(&mut first).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&first), starts, "{path}");
    }
}

#[tokio::test]
async fn a_head_has_a_largest_size() {
    let address = start(Limits::default()).await;
    let large = format!("GET / HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "x".repeat(1 << 20));
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(large.as_bytes()).await.expect("it is read");
    assert!(rest(stream).await.starts_with("HTTP/1.1 431 "));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(101));
    assert!(rest(connect(address, &many).await).await.starts_with("HTTP/1.1 431 "));
}
