//! Bodies that are sent while they are still being written, so that a long answer takes no more memory than a short
//! one.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use futures_core::Stream;
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::problem::Problem;

/// Written bytes that are sent on together. Shorter answers are sent whole: a year of a chart's ten largest is.
const CHUNK_BYTES: usize = 1 << 20;
/// Chunks that wait for the client.
const WAITING: usize = 2;
/// How long a chunk may wait before the client is given up.
const PATIENCE: Duration = Duration::from_secs(30);

thread_local! {
    /// The buffer of the answer before. One that grows for each answer anew copies it about twice, and an answer that is
    /// kept would keep all of a buffer that is up to twice as long.
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Where an answer is written to.
pub struct Out {
    pub buffer: Vec<u8>,
    sender: Sender<Message>,
}

enum Message {
    Part(Bytes),
    /// Nothing comes after this.
    Last(Bytes),
    Failed(Problem),
}

impl Out {
    /// Sends on what was written, if it is enough. To be called now and then.
    pub fn flow(&mut self) -> Result<(), Problem> {
        if self.buffer.len() < CHUNK_BYTES {
            return Ok(());
        }
        let part = self.take();
        self.send(Message::Part(part))
    }

    /// Writes an answer that is small.
    pub fn json(&mut self, answer: &impl Serialize) -> Result<(), Problem> {
        serde_json::to_writer(&mut self.buffer, answer)
            .map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
    }

    fn take(&mut self) -> Bytes {
        let bytes = Bytes::copy_from_slice(&self.buffer);
        self.buffer.clear();
        bytes
    }

    fn send(&self, message: Message) -> Result<(), Problem> {
        let sent =
            Handle::current().block_on(async { tokio::time::timeout(PATIENCE, self.sender.send(message)).await });
        match sent {
            Ok(Ok(())) => Ok(()),
            // Nobody reads this: the client has gone or reads too slowly.
            _ => Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "the answer was not read")),
        }
    }
}

impl io::Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        self.flow().map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An answer that is ready, or the first part of a long one with the rest to come.
pub enum Written {
    Whole(Bytes),
    Parts(Body),
}

impl From<Written> for Body {
    fn from(written: Written) -> Body {
        match written {
            Written::Whole(bytes) => bytes.into(),
            Written::Parts(body) => body,
        }
    }
}

/// Runs `write` on a thread that may block. A problem found before the first chunk is full is the result; one found
/// later breaks the connection off, so that nobody takes half an answer for a whole one.
pub async fn body(write: impl FnOnce(&mut Out) -> Result<(), Problem> + Send + 'static) -> Result<Written, Problem> {
    let (sender, mut receiver) = channel(WAITING);
    tokio::task::spawn_blocking(move || {
        let mut out = Out { buffer: BUFFER.take(), sender };
        let message = match write(&mut out) {
            Ok(()) => Message::Last(out.take()),
            Err(problem) => Message::Failed(problem),
        };
        out.buffer.clear();
        if out.buffer.capacity() <= 2 * CHUNK_BYTES {
            BUFFER.set(std::mem::take(&mut out.buffer));
        }
        // Whoever asked may have gone away.
        let _ = out.send(message);
    });
    match receiver.recv().await {
        Some(Message::Last(whole)) => Ok(Written::Whole(whole)),
        Some(Message::Part(first)) => {
            Ok(Written::Parts(Body::from_stream(Rest { first: Some(first), receiver, ended: false })))
        }
        Some(Message::Failed(problem)) => Err(problem),
        None => Err(Problem::panicked()),
    }
}

struct Rest {
    first: Option<Bytes>,
    receiver: Receiver<Message>,
    ended: bool,
}

impl Stream for Rest {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        if self.ended {
            return Poll::Ready(None);
        }
        let message = ready!(self.receiver.poll_recv(context));
        self.ended = !matches!(message, Some(Message::Part(_)));
        Poll::Ready(Some(match message {
            Some(Message::Part(part) | Message::Last(part)) => Ok(part),
            Some(Message::Failed(problem)) => Err(io::Error::other(problem.detail)),
            // The writing thread panicked, which is reported where it did.
            None => Err(io::Error::other("answering failed")),
        }))
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn short_answers_are_whole_and_long_ones_arrive_in_parts() {
        for (pieces, whole) in [(1usize, true), (250, false)] {
            let body = body(move |out| {
                for piece in 0..pieces {
                    out.buffer.extend(std::iter::repeat_n(piece as u8, 10_000));
                    out.flow()?;
                }
                Ok(())
            });
            let body = Body::from(body.await.unwrap_or_else(|_| panic!("an answer")));
            assert_eq!(axum::body::HttpBody::size_hint(&body).exact().is_some(), whole);
            let bytes = body.collect().await.unwrap().to_bytes();
            assert_eq!(bytes.len(), pieces * 10_000);
            assert!(bytes.iter().enumerate().all(|(i, byte)| usize::from(*byte) == i / 10_000));
        }
    }

    #[tokio::test]
    async fn half_an_answer_is_never_taken_for_a_whole_one() {
        let early = body(|_| Err(Problem::not_found("nothing"))).await;
        assert!(early.is_err());
        for panics in [false, true] {
            let late = body(move |out| {
                out.buffer.resize(2 * CHUNK_BYTES, 0);
                out.flow()?;
                assert!(!panics, "as a bug would");
                Err(Problem::not_found("nothing more"))
            });
            let late = Body::from(late.await.unwrap_or_else(|_| panic!("its first part is an answer")));
            assert!(late.collect().await.is_err());
        }
    }
}
