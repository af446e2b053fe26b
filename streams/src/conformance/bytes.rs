//! The claims on byte streams.

use std::{fmt, io, time::Duration};

use anyio_cancel_scope::check_cancelled;

use super::{
    Broken, Held, LIMIT, hold,
    steps::{both, cancelled_at, caught, dropped_at, let_first_wait, meanwhile},
};
use crate::{ByteReceiveStream, ByteSendError, ByteSendStream, ByteStream, ReceiveError};

/// More than a connection holds by itself.
const MUCH: usize = 4 << 20;

/// How many steps a send is cancelled at, one after the other.
const STEPS: usize = 16;

/// The claims on a pair of connected byte streams.
///
/// # Examples
/// ```
/// use anyio_streams::{FuturesIo, conformance::ByteStreams};
/// use std::os::unix::net::UnixStream;
///
/// # futures_lite::future::block_on(async {
/// ByteStreams::new(async || {
///     let (here, there) = UnixStream::pair()?;
///     Ok((FuturesIo::new(async_io::Async::new(here)?), FuturesIo::new(async_io::Async::new(there)?)))
/// })
/// // Closing one of these does not end its direction before it is dropped.
/// .without_send_eof()
/// .check()
/// .await;
/// # });
/// ```
pub struct ByteStreams<M> {
    make: M,
    ends: bool,
    busy: bool,
    limit: Duration,
}

impl<M, A, B> ByteStreams<M>
where
    M: AsyncFn() -> io::Result<(A, B)>,
    A: ByteStream,
    B: ByteStream,
{
    /// Claims on the pairs that `make` makes.
    pub fn new(make: M) -> Self {
        Self { make, ends: true, busy: true, limit: LIMIT }
    }

    /// Leaves out that a direction can be ended alone, for streams that cannot.
    pub fn without_send_eof(mut self) -> Self {
        self.ends = false;
        self
    }

    /// Leaves out that a second task is `Busy`, for streams which several tasks may use.
    pub fn without_busy(mut self) -> Self {
        self.busy = false;
        self
    }

    /// Gives each claim so much time, rather than 20 seconds.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Checks every claim, on both ends.
    ///
    /// # Panics
    /// When claims do not hold, with all of them; when no pair can be made.
    pub async fn check(self) {
        let mut broken = Broken::new(self.limit);
        macro_rules! claim {
            ($name:literal, $claim:expr) => {
                let (a, b) = self.pair().await;
                broken.check($name, $claim(&a, &b)).await;
                let (a, b) = self.pair().await;
                broken.check(concat!($name, " (the other way around)"), $claim(&b, &a)).await;
            };
        }
        claim!("bytes arrive in order", in_order);
        claim!("a close is the end of the stream for the other side", close_is_the_end);
        claim!("after its own close it is closed", closed_after_close);
        claim!("sends break when the other side is closed", broken_after_close);
        claim!("who waits to receive is told of the close", receiver_is_told);
        claim!("who waits to send is told of the close", sender_is_told);
        claim!("a receive into an empty buffer panics, and takes nothing", empty_buffer);
        claim!("in a cancelled scope nothing moves", nothing_in_a_cancelled_scope);
        claim!("closing in a cancelled scope closes", cancelled_close);
        claim!("a cancelled receive loses nothing", cancelled_receive);
        claim!("a dropped receive loses nothing", dropped_receive);
        claim!("much data goes both ways at once", duplex);
        if self.ends {
            claim!("a direction can be ended alone", ended);
        }
        if self.busy {
            claim!("a second task is busy", busy);
        }
        for step in 0..STEPS {
            let (a, b) = self.pair().await;
            let mut finished = false;
            broken.check("a cancelled send tells how much went out", cancelled_send(&a, &b, step, &mut finished)).await;
            if finished {
                break;
            }
        }
        broken.tell();
    }

    async fn pair(&self) -> (A, B) {
        (self.make)().await.expect("a pair of streams can be made")
    }
}

impl<M> fmt::Debug for ByteStreams<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByteStreams").field("ends", &self.ends).field("busy", &self.busy).finish_non_exhaustive()
    }
}

/// Bytes of which each tells its place.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at ^ (at >> 8) ^ (at >> 16)) as u8).collect()
}

/// Everything up to the end of the stream, or so many bytes.
async fn read(stream: &impl ByteReceiveStream, at_most: usize, chunk: usize) -> Result<Vec<u8>, String> {
    let (mut all, mut buf) = (Vec::new(), vec![0; chunk]);
    while all.len() < at_most {
        let room = chunk.min(at_most - all.len());
        match stream.receive(&mut buf[..room]).await {
            Ok(0) => return Err("a receive gave 0 bytes; the end of the stream is an error".into()),
            Ok(count) => all.extend_from_slice(&buf[..count]),
            Err(ReceiveError::EndOfStream) => break,
            Err(error) => return Err(format!("a receive failed after {} bytes: {error}", all.len())),
        }
    }
    Ok(all)
}

async fn send(stream: &impl ByteSendStream, data: &[u8]) -> Held {
    stream.send(data).await.map_err(|error| format!("a send failed: {error}"))
}

async fn in_order(a: &impl ByteStream, b: &impl ByteStream) -> Held {
    let data = pattern(50_000);
    let sends = async {
        for chunk in data.chunks(777) {
            send(a, chunk).await?;
        }
        send(a, b"").await
    };
    let (sent, received) = both(sends, read(b, data.len(), 1000)).await;
    sent?;
    hold!(received? == data, "other bytes were received than sent");
    Ok(())
}

async fn close_is_the_end(a: &impl ByteStream, b: &impl ByteStream) -> Held {
    send(a, b"last words").await?;
    a.aclose().await.map_err(|error| format!("aclose failed: {error}"))?;
    a.aclose().await.map_err(|error| format!("a second aclose failed: {error}"))?;
    a.close();
    hold!(read(b, MUCH, 4).await? == b"last words", "what was sent before the close did not arrive");
    let again = b.receive(&mut [0]).await;
    hold!(matches!(again, Err(ReceiveError::EndOfStream)), "after the end there is {again:?}");
    Ok(())
}

async fn closed_after_close(a: &impl ByteStream, b: &impl ByteStream) -> Held {
    send(b, b"unread").await?;
    a.close();
    a.close();
    let received = a.receive(&mut [0; 9]).await;
    hold!(matches!(received, Err(ReceiveError::Closed)), "a receive gives {received:?}");
    let sent = a.send(b"x").await;
    hold!(sent.as_ref().is_err_and(|error| error.is_closed() && error.sent == 0), "a send gives {sent:?}");
    let sent = a.send(b"").await;
    hold!(sent.as_ref().is_err_and(|error| error.is_closed()), "a send of nothing gives {sent:?}");
    a.aclose().await.map_err(|error| format!("aclose after close failed: {error}"))
}

async fn broken_after_close(a: &impl ByteStream, b: &impl ByteStream) -> Held {
    b.close();
    let mut sent = 0;
    // A transport may take a while to learn of it.
    while sent < MUCH {
        match a.send(&[0; 4096]).await {
            Ok(()) => sent += 4096,
            Err(error) if error.is_broken() => {
                a.close();
                let after = a.send(b"x").await;
                hold!(
                    after.as_ref().is_err_and(|error| error.is_closed()),
                    "closed after it broke, a send gives {after:?}"
                );
                return Ok(());
            }
            Err(error) => return Err(format!("a send gives: {error}")),
        }
    }
    Err(format!("{sent} bytes could be sent to nobody"))
}

async fn receiver_is_told(a: &impl ByteStream, _b: &impl ByteStream) -> Held {
    let received = meanwhile(a.receive(&mut [0; 9]), || a.close()).await;
    hold!(matches!(received, Err(ReceiveError::Closed)), "it is told {received:?}");
    Ok(())
}

async fn sender_is_told(a: &impl ByteStream, _b: &impl ByteStream) -> Held {
    let chunk = pattern(1 << 16);
    let sends = async {
        for _ in 0..MUCH / chunk.len() {
            a.send(&chunk).await?;
        }
        Ok(())
    };
    let sent: Result<(), ByteSendError> = meanwhile(sends, || a.close()).await;
    hold!(sent.as_ref().is_err_and(|error| error.is_closed()), "it is told {sent:?}");
    Ok(())
}

async fn empty_buffer(a: &impl ByteStream, b: &impl ByteStream) -> Held {
    // So that it has no reason to wait.
    send(b, b"kept").await?;
    let received = caught(|| a.receive(&mut [])).await;
    hold!(received.is_none(), "it gives {received:?}");
    hold!(read(a, 4, 9).await? == b"kept", "it took something");
    Ok(())
}

async fn nothing_in_a_cancelled_scope(a: &impl ByteStream, b: &impl ByteStream) -> Held {
    send(b, b"kept").await?;
    let (sent, _) = cancelled_at(0, a.send(b"lost")).await;
    hold!(sent.as_ref().is_err_and(|error| error.is_cancelled() && error.sent == 0), "a send gives {sent:?}");
    let (sent, _) = cancelled_at(0, a.send(b"")).await;
    hold!(sent.as_ref().is_err_and(ByteSendError::is_cancelled), "a send of nothing gives {sent:?}");
    let (received, _) = cancelled_at(0, a.receive(&mut [0; 9])).await;
    hold!(received.as_ref().is_err_and(ReceiveError::is_cancelled), "a receive gives {received:?}");
    hold!(read(a, 4, 9).await? == b"kept", "a receive in a cancelled scope took something");
    send(a, b"first").await?;
    hold!(read(b, 5, 9).await? == b"first", "a send in a cancelled scope sent something");
    Ok(())
}

async fn cancelled_close(a: &impl ByteStream, b: &impl ByteStream) -> Held {
    // Whatever it says of its graceful part.
    let _ = cancelled_at(0, a.aclose()).await;
    let received = a.receive(&mut [0; 9]).await;
    hold!(matches!(received, Err(ReceiveError::Closed)), "then a receive gives {received:?}");
    let there = b.receive(&mut [0; 9]).await;
    hold!(
        matches!(there, Err(ReceiveError::EndOfStream | ReceiveError::Broken(_))),
        "the other side is told {there:?}"
    );
    Ok(())
}

async fn cancelled_receive(a: &impl ByteStream, b: &impl ByteStream) -> Held {
    let data = pattern(10_000);
    let receives = async {
        let (mut all, mut buf, mut step) = (Vec::new(), [0; 100], 0);
        while all.len() < data.len() {
            step = (step + 1) % 4;
            match cancelled_at(step, a.receive(&mut buf)).await.0 {
                Ok(count) => all.extend_from_slice(&buf[..count]),
                // By the scope in there, and not by the limit of this claim.
                Err(ReceiveError::Cancelled(_)) if check_cancelled().is_ok() => {}
                Err(error) => return Err(format!("a receive failed: {error}")),
            }
        }
        Ok(all)
    };
    let sends = async {
        for chunk in data.chunks(333) {
            send(b, chunk).await?;
            anyio_cancel_scope::yield_now().await;
        }
        Ok(())
    };
    let (received, sent) = both(receives, sends).await;
    let _: () = sent.map_err(|error: String| error)?;
    hold!(received? == data, "other bytes were received than sent");
    Ok(())
}

async fn dropped_receive(a: &impl ByteStream, b: &impl ByteStream) -> Held {
    let mut buf = [0; 9];
    hold!(dropped_at(2, a.receive(&mut buf)).await.is_none(), "a receive of nothing is ready");
    send(b, b"kept").await?;
    hold!(read(a, 4, 9).await? == b"kept", "a dropped receive took something along");
    Ok(())
}

async fn duplex(a: &impl ByteStream, b: &impl ByteStream) -> Held {
    let data = pattern(200_000);
    let there = both(send(a, &data), read(b, data.len(), 10_000));
    let back = both(send(b, &data), read(a, data.len(), 7_000));
    let ((sent_there, there), (sent_back, back)) = both(there, back).await;
    sent_there?;
    sent_back?;
    hold!(there? == data && back? == data, "other bytes were received than sent");
    Ok(())
}

async fn ended(a: &impl ByteStream, b: &impl ByteStream) -> Held {
    send(a, b"request").await?;
    a.send_eof().await.map_err(|error| format!("send_eof failed: {error}"))?;
    a.send_eof().await.map_err(|error| format!("a second send_eof failed: {error}"))?;
    let after = a.send(b"x").await;
    hold!(after.as_ref().is_err_and(|error| error.is_closed()), "a send after send_eof gives {after:?}");
    let after = a.send(b"").await;
    hold!(after.as_ref().is_err_and(|error| error.is_closed()), "a send of nothing after send_eof gives {after:?}");
    hold!(read(b, MUCH, 9).await? == b"request", "what was sent before the end did not arrive");
    send(b, b"response").await?;
    hold!(read(a, 8, 9).await? == b"response", "the other direction ended as well");
    Ok(())
}

async fn busy(a: &impl ByteStream, b: &impl ByteStream) -> Held {
    let (mut first, mut second) = ([0; 9], [0; 9]);
    let others = async {
        let_first_wait().await;
        let received = a.receive(&mut second).await;
        let told = received.as_ref().is_err_and(ReceiveError::is_busy);
        let sent = b.send(b"x").await;
        hold!(sent.is_ok(), "a send fails while receives wait: {sent:?}");
        hold!(told, "a second receive gives {received:?}");
        Ok(())
    };
    let (received, told) = both(a.receive(&mut first), others).await;
    told?;
    hold!(matches!(received, Ok(1)), "the first receive gives {received:?}");

    let much = pattern(MUCH);
    let others = async {
        let_first_wait().await;
        let sent = a.send(b"x").await;
        a.close();
        hold!(sent.as_ref().is_err_and(|error| error.is_busy() && error.sent == 0), "a second send gives {sent:?}");
        Ok(())
    };
    both(a.send(&much), others).await.1
}

async fn cancelled_send(a: &impl ByteStream, b: &impl ByteStream, step: usize, finished: &mut bool) -> Held {
    let data = pattern(200_000);
    let sends = async {
        let (sent, cancelled) = cancelled_at(step, a.send(&data)).await;
        *finished = !cancelled;
        let sent = match sent {
            Ok(()) => data.len(),
            Err(error) if error.is_cancelled() => error.sent,
            Err(error) => return Err(format!("a send failed: {error}")),
        };
        // The rest, from where it says.
        send(a, &data[sent..]).await?;
        a.aclose().await.map_err(|error| format!("aclose failed: {error}"))
    };
    let (sent, received) = both(sends, read(b, MUCH, 9_000)).await;
    sent?;
    let received = received?;
    hold!(received == data, "cancelled at step {step}, {} of {} bytes arrived, or others", received.len(), data.len());
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{os::unix::net::UnixStream, thread};

    use anyio_cancel_scope::{CancelScope, checkpoint};
    use async_io::Async;
    use futures_lite::future::block_on;

    use super::*;
    use crate::FuturesIo;

    #[test]
    fn the_first_task_comes_first_even_if_it_gives_way_before_it_begins() {
        // Every 128th checkpoint of a thread gives way.
        for before in 110..130 {
            let held = thread::spawn(move || {
                let (a, b) = UnixStream::pair().unwrap();
                let (a, b) = (FuturesIo::new(Async::new(a).unwrap()), FuturesIo::new(Async::new(b).unwrap()));
                block_on(async {
                    for _ in 0..before {
                        checkpoint().await.unwrap();
                    }
                    CancelScope::after(Duration::from_secs(5)).enter(busy(&a, &b)).await
                })
            });
            assert_eq!(held.join().unwrap(), Ok(()), "after {before} checkpoints");
        }
    }
}
