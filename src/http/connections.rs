//! Connections: how many there may be, and how long each may take over what it owes.
//!
//! HTTP/1.1 only. Nobody sends usage by anything else, and a connection then does one thing at a time.
//!
//! An answer may be there before all of the request is: a wrong token, a body that is too large, no room. Many senders
//! read no answer before they have sent everything, and lose one that a reset follows. So the answer says that the
//! connection ends, and what still comes is read and forgotten.

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::io;
use std::mem::MaybeUninit;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tokio::time::{Instant, Sleep, sleep, sleep_until, timeout, timeout_at};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use super::places::{Held, Place, Places, network};
use super::problem::Problem;
use super::tls::Tls;

/// What a connection is held to. The default is what is served with; tests are less patient.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// Connections beyond that wait for a place at once, or are told that there is none. Further ones are closed.
    pub turned_away: usize,
    /// For somebody who is idle to give way.
    pub place: Duration,
    /// For the whole head of a request, from when the connection is free for one: also how long it may be idle.
    pub head: Duration,
    /// For the whole body of a request. 64 MiB take it at 9 Mbit/s.
    pub body: Duration,
    /// For the next bytes of an answer to be taken.
    pub answer: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        let seconds = Duration::from_secs;
        Limits {
            connections: connections_within(USUAL_FILES),
            turned_away: 60,
            place: seconds(1),
            head: seconds(30),
            body: seconds(60),
            answer: seconds(30),
        }
    }
}

impl Limits {
    /// As many connections as this process may have files for.
    pub fn of_this_process() -> Limits {
        Limits { connections: connections_within(files()), ..Limits::default() }
    }
}

/// Connections at most. Three quarters may be of one source: ten thousand laptops behind one address that keep theirs
/// open between posts. One that is idle takes 18 KB.
const CONNECTIONS: u64 = 16_384;
/// Files that are no such connections: the store, and those that are turned away.
const OTHER_FILES: u64 = 124;
/// What a process may have open where nobody has said otherwise.
const USUAL_FILES: u64 = 1024;

fn connections_within(files: u64) -> usize {
    files.saturating_sub(OTHER_FILES).max(files / 2).min(CONNECTIONS) as usize
}

/// How many files this process may have open, after it has asked for what connections take.
#[cfg(unix)]
fn files() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    // None is without a limit.
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.map_or(CONNECTIONS + OTHER_FILES, |maximum| maximum.min(CONNECTIONS + OTHER_FILES));
    match current {
        Some(current) if current < wanted => {
            let asked = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum });
            if asked.is_ok() { wanted } else { current }
        }
        current => current.unwrap_or(u64::MAX),
    }
}

#[cfg(not(unix))]
fn files() -> u64 {
    USUAL_FILES
}

/// Where a connection comes from, as an extension of each of its requests.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    pub address: IpAddr,
    /// Whether nobody on the way reads along.
    pub tls: bool,
}

/// Largest head of a request. Somebody without a token can have as much of memory on each connection.
const HEAD_BYTES: usize = 64 << 10;
/// A body up to this size that nobody wanted is read before it is answered: the connection can then be used again.
const SMALL_BYTES: u64 = 64 << 10;
/// This much is read after the last answer, as much as the largest body has by default.
const FORGOTTEN_BYTES: usize = 64 << 20;
/// For a connection that is idle to end in an orderly way.
const FAREWELL: Duration = Duration::from_millis(100);

/// For a year, browsers that were here by TLS come by nothing else.
const ONLY_TLS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Serves until `stop` resolves, then finishes the requests under way.
pub async fn serve(
    router: Router,
    listener: TcpListener,
    limits: Limits,
    tls: Option<Arc<Tls>>,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let (places, porch) = (Places::new(limits.connections), Arc::new(Semaphore::new(limits.turned_away)));
    let (stopping, stopped) = watch::channel(false);
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // The client has gone already, or there are no files left: those that are served will free some.
                tracing::warn!(%error, "a connection was not accepted");
                sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let room = match places.take(network(peer.ip())) {
            Some(place) => Room::Place(place),
            None => match porch.clone().try_acquire_owned() {
                Ok(waiting) => Room::Porch(waiting, places.clone()),
                Err(_) => continue,
            },
        };
        // Small answers are not to wait for more to send.
        let _ = stream.set_nodelay(true);
        let server = Server { router: router.clone(), limits, tls: tls.is_some(), stopped: stopped.clone() };
        let acceptor = tls.as_ref().map(|tls| tls.acceptor());
        tokio::spawn(server.receive(room, acceptor, stream, peer));
    }
    drop((listener, stopped));
    stopping.send_replace(true);
    stopping.closed().await;
    Ok(())
}

enum Room {
    Place(Place),
    /// All are taken: somebody who is idle is asked to leave.
    Porch(OwnedSemaphorePermit, Arc<Places>),
}

struct Server {
    router: Router,
    limits: Limits,
    tls: bool,
    stopped: watch::Receiver<bool>,
}

impl Server {
    async fn receive(self, room: Room, acceptor: Option<TlsAcceptor>, stream: TcpStream, peer: SocketAddr) {
        match room {
            Room::Place(place) => self.attend(Some(&place), acceptor, stream, peer).await,
            Room::Porch(waiting, places) => match timeout(self.limits.place, places.wait(network(peer.ip()))).await {
                Ok(place) => {
                    drop(waiting);
                    self.attend(Some(&place), acceptor, stream, peer).await;
                }
                Err(_) => self.attend(None, acceptor, stream, peer).await,
            },
        }
    }

    /// Without a place every request is told that there is none.
    async fn attend(
        self,
        place: Option<&Arc<Held>>,
        acceptor: Option<TlsAcceptor>,
        stream: TcpStream,
        peer: SocketAddr,
    ) {
        let Some(acceptor) = acceptor else { return self.converse(place, stream, peer).await };
        let agreed = tokio::select! {
            // Keys are agreed on in the time of a head.
            agreed = timeout(self.limits.head, acceptor.accept(stream)) => agreed,
            () = asked_to_leave(place) => return,
        };
        match agreed {
            Ok(Ok(stream)) => self.converse(place, stream, peer).await,
            Ok(Err(error)) => tracing::debug!(%error, %peer, "no TLS connection"),
            Err(_) => tracing::debug!(%peer, "no TLS connection in time"),
        }
    }

    async fn converse(
        self,
        place: Option<&Arc<Held>>,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        peer: SocketAddr,
    ) {
        let Server { router, limits, tls, mut stopped } = self;
        let service = service_fn(|request: Request<Incoming>| {
            let router = place.map(|_| router.clone());
            let under_way = place.map(Held::request);
            async move {
                let mut response = answer(router, request, Peer { address: peer.ip(), tls }, limits).await;
                if tls {
                    response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, ONLY_TLS);
                }
                Ok::<Response, Infallible>(response.map(|body| Body::new(UnderWay { body, _request: under_way })))
            }
        });
        let stuck = Arc::new(AtomicBool::new(false));
        let io = TokioIo::new(Taken { stream, limits, waiting: None, stuck: stuck.clone(), forgetting: None });
        let mut connection = pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(limits.head)
                .max_buf_size(HEAD_BYTES)
                .serve_connection(io, service)
        );
        let mut ended = tokio::select! {
            ended = connection.as_mut() => Some(ended),
            _ = stopped.wait_for(|stopped| *stopped) => None,
            () = asked_to_leave(place) => None,
        };
        if ended.is_none() {
            connection.as_mut().graceful_shutdown();
            // What is under way is finished. Half a head is not waited for: it may never be whole.
            let under_way = || stuck.load(Ordering::Acquire) || place.is_some_and(|place| place.is_busy());
            while ended.is_none() {
                ended = timeout(FAREWELL, connection.as_mut()).await.ok();
                if !under_way() {
                    break;
                }
            }
        }
        if let Some(Err(error)) = ended {
            tracing::debug!(%error, %peer, "a connection ended early");
        }
    }
}

async fn asked_to_leave(place: Option<&Arc<Held>>) {
    match place {
        Some(place) => place.asked_to_leave().await,
        None => std::future::pending().await,
    }
}

/// Answers a request, and sees to it that the answer arrives although the body has not been read.
async fn answer(router: Option<Router>, request: Request<Incoming>, peer: Peer, limits: Limits) -> Response {
    let deadline = Instant::now() + limits.body;
    let waits_to_be_asked = request.headers().contains_key(header::EXPECT);
    let (hand_back, mut unread) = oneshot::channel();
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(peer);
    let late = Box::pin(sleep_until(deadline));
    let body = Body::new(Punctual { body: Some(body), late, asked_for: false, hand_back: Some(hand_back) });
    let request = Request::from_parts(parts, body);
    let mut response = match router {
        Some(router) => router.oneshot(request).await.unwrap_or_else(|never| match never {}),
        None => {
            drop(request);
            turned_away()
        }
    };
    let Ok(Unread { body, asked_for }) = unread.try_recv() else { return response };
    let small = body.size_hint().upper().is_some_and(|bytes| bytes <= SMALL_BYTES);
    if !(small && (asked_for || !waits_to_be_asked) && forget(body, deadline).await) {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Reads what nobody wants. Whether all of it came.
async fn forget(mut body: Incoming, deadline: Instant) -> bool {
    while let Ok(Some(Ok(_))) = timeout_at(deadline, body.frame()).await {}
    body.is_end_stream()
}

/// An answer's body, until whose end the request is under way.
struct UnderWay {
    body: Body,
    _request: Option<super::places::Request>,
}

impl HttpBody for UnderWay {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}

fn turned_away() -> Response {
    let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too many connections are open; try again in a second");
    let mut response = problem.into_response();
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// A body that did not arrive in time.
#[derive(Debug, thiserror::Error)]
#[error("the body did not arrive in time")]
struct Late;

/// Whether an error while reading a body is that it took too long.
pub fn is_late(error: &(dyn Error + 'static)) -> bool {
    error.is::<Late>() || error.source().is_some_and(is_late)
}

pub fn late_body() -> Problem {
    Problem::new(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time; send it in smaller parts")
}

/// A body that has to be there in time as a whole, so that bytes that trickle in hold nothing up. When whoever reads
/// it has had enough before its end, the rest is handed back.
struct Punctual {
    /// Absent once it has ended or failed.
    body: Option<Incoming>,
    late: Pin<Box<Sleep>>,
    asked_for: bool,
    hand_back: Option<oneshot::Sender<Unread>>,
}

struct Unread {
    body: Incoming,
    /// Whether a sender that waits to be asked for the body has been.
    asked_for: bool,
}

impl Drop for Punctual {
    fn drop(&mut self) {
        if let (Some(body), Some(hand_back)) = (self.body.take(), self.hand_back.take())
            && !body.is_end_stream()
        {
            // Whoever asked may have gone away.
            let _ = hand_back.send(Unread { body, asked_for: self.asked_for });
        }
    }
}

impl HttpBody for Punctual {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.asked_for = true;
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        if let Poll::Ready(frame) = Pin::new(body).poll_frame(context) {
            if !matches!(frame, Some(Ok(_))) {
                self.body = None;
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        ready!(self.late.as_mut().poll(context));
        Poll::Ready(Some(Err(Late.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.as_ref().map_or_else(|| hyper::body::SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

/// A stream whose other end has to take what is written to it.
struct Taken<S> {
    stream: S,
    limits: Limits,
    /// Runs while the other end takes nothing.
    waiting: Option<Pin<Box<Sleep>>>,
    /// Whether it does, for whoever would end the connection.
    stuck: Arc<AtomicBool>,
    /// After the last answer: until when what comes is read, and how much of it.
    forgetting: Option<(Pin<Box<Sleep>>, usize)>,
}

impl<S: AsyncRead + Unpin> Taken<S> {
    /// Reads until the other end has no more to say.
    fn forget(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let time = self.limits.body;
        let (late, left) = self.forgetting.get_or_insert_with(|| (Box::pin(sleep(time)), FORGOTTEN_BYTES));
        let mut buffer = [MaybeUninit::uninit(); 16 << 10];
        while *left > 0 && late.as_mut().poll(context).is_pending() {
            let mut into = ReadBuf::uninit(&mut buffer);
            match ready!(Pin::new(&mut self.stream).poll_read(context, &mut into)) {
                Ok(()) if !into.filled().is_empty() => *left = left.saturating_sub(into.filled().len()),
                _ => break,
            }
        }
        Poll::Ready(())
    }
}

impl<S> Taken<S> {
    fn unless_stuck<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.stuck.store(written.is_pending(), Ordering::Release);
        if written.is_ready() {
            self.waiting = None;
            return written;
        }
        let patience = self.limits.answer;
        ready!(self.waiting.get_or_insert_with(|| Box::pin(sleep(patience))).as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the answer was not taken")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Taken<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Taken<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.unless_stuck(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.unless_stuck(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.unless_stuck(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.forgetting.is_none() {
            let shut = Pin::new(&mut self.stream).poll_shutdown(context);
            ready!(self.unless_stuck(context, shut))?;
        }
        self.forget(context).map(Ok)
    }
}

#[cfg(test)]
mod tests {
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
}
