//! Streams whose other end has to take what it asked for.

use std::future::Future;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// This much is read after the last answer, as much as the largest body has by default.
const FORGOTTEN_BYTES: usize = 64 << 20;
/// A stream whose other end has to take what is written to it.
pub(super) struct Taken<S> {
    stream: S,
    /// How long the other end may take nothing.
    patience: Duration,
    /// How long what comes after the last answer is read.
    farewell: Duration,
    /// Runs while the other end takes nothing.
    waiting: Option<Pin<Box<Sleep>>>,
    /// Whether it does, for whoever would end the connection.
    stuck: Arc<AtomicBool>,
    /// After the last answer: until when what comes is read, and how much of it.
    forgetting: Option<(Pin<Box<Sleep>>, usize)>,
}

impl<S> Taken<S> {
    /// The stream, and whether its other end is taking nothing.
    pub fn new(stream: S, patience: Duration, farewell: Duration) -> (Taken<S>, Arc<AtomicBool>) {
        let stuck = Arc::new(AtomicBool::new(false));
        (Taken { stream, patience, farewell, waiting: None, stuck: stuck.clone(), forgetting: None }, stuck)
    }
}

impl<S: AsyncRead + Unpin> Taken<S> {
    /// Reads until the other end has no more to say.
    fn forget(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let time = self.farewell;
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
