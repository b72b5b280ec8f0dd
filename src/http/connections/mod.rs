//! Connections: how many there may be, and how long each may take over what it owes.
//!
//! HTTP/1.1 only. Nobody sends usage by anything else, and a connection then does one thing at a time.
//!
//! An answer may be there before all of the request is: a wrong token, a body that is too large, no room. Many senders
//! read no answer before they have sent everything, and lose one that a reset follows. So the answer says that the
//! connection ends, and what still comes is read and forgotten.

mod punctual;
mod taken;

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
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
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use self::punctual::{Punctual, Unread};
pub use self::punctual::{is_late, late_body};
use self::taken::Taken;
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
        let (stream, stuck) = Taken::new(stream, limits.answer, limits.body);
        let io = TokioIo::new(stream);
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
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(peer);
    let (body, mut unread) = Punctual::new(body, deadline);
    let request = Request::from_parts(parts, Body::new(body));
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

#[cfg(test)]
mod tests;
