//! Request lines as people type them: `?query={foo="bar"}`.
//!
//! Loki's documentation shows such lines, and Go's server takes them; the one underneath refuses a quote that is not
//! escaped. Only the first line of a connection is looked at: where a later request begins is not known here, and a
//! body must stay as it is.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that are read at a time while the line goes on.
const CHUNK: usize = 4096;

/// A stream whose first line is escaped where it has to be.
#[derive(Debug)]
pub(crate) struct RequestLine<S> {
    stream: S,
    /// What was read and not handed on.
    pending: Vec<u8>,
    /// Of those, bytes that were handed on.
    given: usize,
    has_ended: bool,
}

impl<S> RequestLine<S> {
    pub(crate) fn new(stream: S) -> RequestLine<S> {
        RequestLine {
            stream,
            pending: Vec::new(),
            given: 0,
            has_ended: false,
        }
    }

    /// Takes in bytes of the line, and those behind it as they are.
    fn take_in(&mut self, mut bytes: &[u8]) {
        while let Some((&byte, rest)) = bytes.split_first() {
            match byte {
                b'"' => self.pending.extend_from_slice(b"%22"),
                b'<' => self.pending.extend_from_slice(b"%3C"),
                b'>' => self.pending.extend_from_slice(b"%3E"),
                b'`' => self.pending.extend_from_slice(b"%60"),
                b'\n' => {
                    self.pending.extend_from_slice(bytes);
                    self.has_ended = true;
                    return;
                }
                other => self.pending.push(other),
            }
            bytes = rest;
        }
    }

    /// Hands on what was read; false where there is nothing.
    fn give(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let left = &self.pending[self.given..];
        let count = left.len().min(buffer.remaining());
        buffer.put_slice(&left[..count]);
        let is_something = !left.is_empty();
        self.given += count;
        if self.given == self.pending.len() {
            // Nothing is held for the rest of the connection.
            self.pending = Vec::new();
            self.given = 0;
        }
        is_something
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for RequestLine<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.give(buffer) {
            return Poll::Ready(Ok(()));
        }
        if self.has_ended {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let mut chunk = [0; CHUNK];
        let mut read = ReadBuf::new(&mut chunk);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut read))?;
        self.take_in(read.filled());
        self.give(buffer);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for RequestLine<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// What comes out of `sent`, written `at_once` bytes at a time and read in small steps.
    async fn heard(sent: &[u8], at_once: usize) -> Vec<u8> {
        let (mut client, server) = tokio::io::duplex(at_once);
        let mut server = RequestLine::new(server);
        let mut out = Vec::new();
        let hear = async {
            let mut step = [0; 7];
            loop {
                match server.read(&mut step).await.expect("in memory") {
                    0 => break,
                    count => out.extend_from_slice(&step[..count]),
                }
            }
        };
        let send = async {
            client.write_all(sent).await.expect("in memory");
            drop(client);
        };
        tokio::join!(send, hear);
        out
    }

    #[tokio::test]
    async fn the_first_line_is_escaped_and_nothing_behind_it() {
        let sent = b"GET /?q={a=\"b\"}|=`<x>` HTTP/1.1\r\nX: \"`<>\r\n\r\n\"body\"\nGET /?\"\n";
        let wanted = b"GET /?q={a=%22b%22}|=%60%3Cx%3E%60 HTTP/1.1\r\nX: \"`<>\r\n\r\n\"body\"\nGET /?\"\n";
        for at_once in [1, 5, 1000] {
            assert_eq!(heard(sent, at_once).await, wanted, "{at_once}");
        }
        assert_eq!(heard(b"", 10).await, b"");
        assert_eq!(heard(b"no end \"", 10).await, b"no end %22");
    }
}
