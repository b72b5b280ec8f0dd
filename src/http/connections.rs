//! Connections: how many there may be, and how long each may take over what it owes.
//!
//! HTTP/1.1 only. Nobody sends usage by anything else, and a connection then does one thing at a time.

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderValue, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use super::problem::Problem;
use super::tls::Tls;

/// What a connection is held to. The default is what is served with; tests are less patient.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at once. A process may usually have 1,024 files open, and those turned away and the store need some.
    pub connections: usize,
    /// Connections beyond, which are told so, at once. Further ones are closed.
    pub turned_away: usize,
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
        Limits { connections: 900, turned_away: 60, head: seconds(30), body: seconds(60), answer: seconds(30) }
    }
}

/// Where a connection comes from, as an extension of each of its requests.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    pub address: IpAddr,
    /// Whether nobody on the way reads along.
    pub tls: bool,
}

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
    let (room, porch) = (semaphore(limits.connections), semaphore(limits.turned_away));
    let requests_under_way = GracefulShutdown::new();
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
        let (router, place) = match (room.clone().try_acquire_owned(), porch.clone().try_acquire_owned()) {
            (Ok(place), _) => (Some(router.clone()), place),
            (Err(_), Ok(place)) => (None, place),
            (Err(_), Err(_)) => continue,
        };
        // Small answers are not to wait for more to send.
        let _ = stream.set_nodelay(true);
        let watcher = requests_under_way.watcher();
        let connection = Connection { router, peer, limits, place, watcher, tls: tls.is_some() };
        match &tls {
            None => drop(tokio::spawn(connection.attend(stream))),
            Some(tls) => drop(tokio::spawn(connection.attend_encrypted(tls.acceptor(), stream))),
        }
    }
    drop(listener);
    requests_under_way.shutdown().await;
    Ok(())
}

fn semaphore(places: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(places))
}

struct Connection {
    /// Absent when there is no room: every request is then told so.
    router: Option<Router>,
    peer: SocketAddr,
    limits: Limits,
    place: OwnedSemaphorePermit,
    watcher: Watcher,
    tls: bool,
}

impl Connection {
    /// Agrees on keys first, in the time of a head.
    async fn attend_encrypted(self, acceptor: TlsAcceptor, stream: TcpStream) {
        match timeout(self.limits.head, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => self.attend(stream).await,
            Ok(Err(error)) => tracing::debug!(%error, peer = %self.peer, "no TLS connection"),
            Err(_) => tracing::debug!(peer = %self.peer, "no TLS connection in time"),
        }
    }

    async fn attend(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let Connection { router, peer, limits, place, watcher, tls } = self;
        let service = service_fn(move |request: Request<Incoming>| {
            let router = router.clone();
            async move {
                let Some(router) = router else { return Ok(turned_away()) };
                let (mut parts, body) = request.into_parts();
                parts.extensions.insert(Peer { address: peer.ip(), tls });
                let body = Body::new(Punctual { body, late: Box::pin(sleep_until(Instant::now() + limits.body)) });
                let mut response = router.oneshot(Request::from_parts(parts, body)).await?;
                if tls {
                    response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, ONLY_TLS);
                }
                Ok::<Response, Infallible>(response)
            }
        });
        let io = TokioIo::new(Taken { stream, patience: limits.answer, waiting: None });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head)
            .serve_connection(io, service);
        if let Err(error) = watcher.watch(connection).await {
            tracing::debug!(%error, %peer, "a connection ended early");
        }
        drop(place);
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

/// A body that has to be there in time as a whole, so that bytes that trickle in hold nothing up.
struct Punctual {
    body: Incoming,
    late: Pin<Box<Sleep>>,
}

impl HttpBody for Punctual {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        ready!(self.late.as_mut().poll(context));
        Poll::Ready(Some(Err(Late.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}

/// A stream whose other end has to take what is written to it.
struct Taken<S> {
    stream: S,
    patience: Duration,
    /// Runs while the other end takes nothing.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<S> Taken<S> {
    fn unless_stuck<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.waiting = None;
            return written;
        }
        let patience = self.patience;
        ready!(self.waiting.get_or_insert_with(|| Box::pin(sleep(patience))).as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the answer was not taken")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Taken<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Taken<S> {
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
        let shut = Pin::new(&mut self.stream).poll_shutdown(context);
        self.unless_stuck(context, shut)
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
        // Whoever is turned away while still sending may find the connection reset, after the answer.
        let _ = stream.read_to_end(&mut text).await;
        String::from_utf8_lossy(&text).into_owned()
    }

    async fn until_served(address: SocketAddr) {
        let served = async { while !rest(connect(address, ASK).await).await.ends_with("hello") {} };
        tokio::time::timeout(Duration::from_secs(30), served).await.expect("a place");
    }

    const ASK: &str = "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

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

    #[tokio::test]
    async fn beyond_the_limit_a_client_is_told_and_later_served() {
        let patient = Limits { head: Duration::from_secs(60), ..IMPATIENT };
        let address = start(patient).await;
        let mut held = Vec::new();
        for _ in 0..patient.connections {
            let mut stream = connect(address, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
            // Served once, it stays open.
            stream.read_exact(&mut [0; 12]).await.unwrap();
            held.push(stream);
        }
        let refused = rest(connect(address, ASK).await).await;
        assert!(refused.starts_with("HTTP/1.1 503 ") && refused.contains("retry-after: 1"), "{refused}");
        drop(held);
        until_served(address).await;
    }

    #[tokio::test]
    async fn a_head_has_a_largest_size() {
        let address = start(Limits::default()).await;
        let large = format!("GET / HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "x".repeat(1 << 20));
        let mut stream = TcpStream::connect(address).await.unwrap();
        // It may be refused before all of it is sent.
        let _ = stream.write_all(large.as_bytes()).await;
        assert!(rest(stream).await.starts_with("HTTP/1.1 431 "));
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(101));
        assert!(rest(connect(address, &many).await).await.starts_with("HTTP/1.1 431 "));
    }
}
