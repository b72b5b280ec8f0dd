//! Bodies that have to be there in time.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::{Bytes, HttpBody};
use axum::http::StatusCode;
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::http::problem::Problem;

/// A body that did not arrive in time.
#[derive(Debug, thiserror::Error)]
#[error("the body did not arrive in time")]
pub(super) struct Late;

/// Whether an error while reading a body is that it took too long.
pub fn is_late(error: &(dyn Error + 'static)) -> bool {
    error.is::<Late>() || error.source().is_some_and(is_late)
}

pub fn late_body() -> Problem {
    Problem::new(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time; send it in smaller parts")
}

/// A body that has to be there in time as a whole, so that bytes that trickle in hold nothing up. When whoever reads
/// it has had enough before its end, the rest is handed back.
pub(super) struct Punctual {
    /// Absent once it has ended or failed.
    body: Option<Incoming>,
    late: Pin<Box<Sleep>>,
    asked_for: bool,
    hand_back: Option<oneshot::Sender<Unread>>,
}

pub(super) struct Unread {
    pub body: Incoming,
    /// Whether a sender that waits to be asked for the body has been.
    pub asked_for: bool,
}

impl Punctual {
    /// The body, and where it is handed back.
    pub fn new(body: Incoming, deadline: Instant) -> (Punctual, oneshot::Receiver<Unread>) {
        let (hand_back, unread) = oneshot::channel();
        let late = Box::pin(sleep_until(deadline));
        (Punctual { body: Some(body), late, asked_for: false, hand_back: Some(hand_back) }, unread)
    }
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

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}
