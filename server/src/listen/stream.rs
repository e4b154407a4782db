//! A connection's bytes, with a bound for who does not read its answers.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// A stream that fails once nothing of what is to be sent could be sent for a while: the other end does not
/// read, and whatever it does not read stays in memory here.
pub(crate) struct Unstuck<S> {
    stream: S,
    within: Duration,
    /// Set while the other end takes nothing.
    stuck: Option<Pin<Box<Sleep>>>,
}

impl<S> Unstuck<S> {
    pub(crate) const fn new(stream: S, within: Duration) -> Self {
        Self {
            stream,
            within,
            stuck: None,
        }
    }

    /// Passes on what became of an attempt to send, and ends it where it takes too long.
    fn watch<T>(
        &mut self,
        sent: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if sent.is_ready() {
            self.stuck = None;
            return sent;
        }
        let within = self.within;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(sleep(within)));
        ready!(stuck.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Unstuck<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Unstuck<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(sent, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.watch(sent, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let sent = Pin::new(&mut self.stream).poll_flush(context);
        self.watch(sent, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let sent = Pin::new(&mut self.stream).poll_shutdown(context);
        self.watch(sent, context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    const WITHIN: Duration = Duration::from_secs(20);

    #[tokio::test(start_paused = true)]
    async fn who_reads_nothing_is_given_up() {
        let (ours, _theirs) = duplex(10);
        let mut ours = Unstuck::new(ours, WITHIN);
        let error = ours.write_all(&[0; 100]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn who_reads_slowly_gets_it_all() {
        let (ours, mut theirs) = duplex(10);
        let reading = tokio::spawn(async move {
            let mut all = Vec::new();
            while all.len() < 100 {
                tokio::time::sleep(WITHIN / 2).await;
                theirs.read_buf(&mut all).await.unwrap();
            }
            theirs
        });
        let mut ours = Unstuck::new(ours, WITHIN);
        ours.write_all(&[0; 100]).await.unwrap();
        reading.await.unwrap();
    }
}
