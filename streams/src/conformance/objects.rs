//! The claims on object streams.

use std::{fmt, io};

use anyio_cancel_scope::check_cancelled;

use super::{
    Broken, Held, LIMIT, hold,
    steps::{both, cancelled_at, dropped_at, meanwhile},
};
use crate::{ObjectReceiveStream, ObjectSendStream, ReceiveError};

/// More than a stream holds by itself.
const MANY: usize = 50_000;

/// How many steps a send is cancelled at, one after the other.
const STEPS: usize = 8;

/// The claims on a send end and a receive end of object streams that are connected.
///
/// # Examples
/// ```
/// use anyio_streams::{FuturesSink, FuturesStream, conformance::ObjectStreams};
///
/// # futures_lite::future::block_on(async {
/// ObjectStreams::new(
///     async || {
///         let (send, receive) = futures::channel::mpsc::channel(3);
///         Ok((FuturesSink::new(send), FuturesStream::new(receive)))
///     },
///     |number| number,
/// )
/// .check()
/// .await;
/// # });
/// ```
pub struct ObjectStreams<M, I> {
    make: M,
    item: I,
}

impl<M, I, W, R, T> ObjectStreams<M, I>
where
    M: AsyncFn() -> io::Result<(W, R)>,
    I: Fn(usize) -> T,
    W: ObjectSendStream<SendItem = T>,
    R: ObjectReceiveStream<Item = T>,
    T: PartialEq + fmt::Debug + Send,
{
    /// Claims on the pairs that `make` makes, with items of which `item` makes another one for each number.
    pub fn new(make: M, item: I) -> Self {
        Self { make, item }
    }

    /// Checks every claim.
    ///
    /// # Panics
    /// When claims do not hold, with all of them; when no pair can be made.
    pub async fn check(self) {
        let mut broken = Broken::new(LIMIT);
        macro_rules! claim {
            ($name:literal, $claim:expr) => {
                let (send, receive) = self.pair().await;
                broken.check($name, $claim(&send, &receive, &self.item)).await;
            };
        }
        claim!("items arrive in order", in_order);
        claim!("a close is the end of the stream for the other side", close_is_the_end);
        claim!("after its own close it is closed", closed_after_close);
        claim!("sends break when the other side is closed, and give the item back", broken_after_close);
        claim!("who waits to receive is told of the close", receiver_is_told);
        claim!("who waits to send is told of the close, and has the item back", sender_is_told);
        claim!("in a cancelled scope nothing moves", nothing_in_a_cancelled_scope);
        claim!("a dropped receive loses nothing", dropped_receive);
        for step in 0..STEPS {
            let (send, receive) = self.pair().await;
            broken
                .check("a cancelled send gives the item back", cancelled_send(&send, &receive, &self.item, step))
                .await;
            let (send, receive) = self.pair().await;
            broken
                .check("a cancelled receive loses nothing", cancelled_receive(&send, &receive, &self.item, step))
                .await;
        }
        broken.tell();
    }

    async fn pair(&self) -> (W, R) {
        (self.make)().await.expect("a pair of streams can be made")
    }
}

impl<M, I> fmt::Debug for ObjectStreams<M, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectStreams").finish_non_exhaustive()
    }
}

/// An error without the item, which need not be shown.
fn told<T>(sent: &Result<(), crate::SendError<T>>) -> String {
    sent.as_ref().err().map_or("it was sent".into(), ToString::to_string)
}

async fn in_order<T, W, R>(send: &W, receive: &R, item: &impl Fn(usize) -> T) -> Held
where
    T: PartialEq + fmt::Debug + Send,
    W: ObjectSendStream<SendItem = T>,
    R: ObjectReceiveStream<Item = T>,
{
    let sends = async {
        for number in 0..100 {
            send.send(item(number)).await.map_err(|error| format!("a send failed: {error}"))?;
        }
        send.aclose().await.map_err(|error| format!("aclose failed: {error}"))
    };
    let receives = async {
        for number in 0..100 {
            let received = receive.receive().await.map_err(|error| format!("a receive failed: {error}"))?;
            hold!(received == item(number), "instead of item {number} came {received:?}");
        }
        let end = receive.receive().await;
        hold!(matches!(end, Err(ReceiveError::EndOfStream)), "after the last one there is {end:?}");
        Ok(())
    };
    let (sent, received) = both(sends, receives).await;
    sent.and(received)
}

async fn close_is_the_end<T, W, R>(send: &W, receive: &R, _: &impl Fn(usize) -> T) -> Held
where
    T: PartialEq + fmt::Debug + Send,
    W: ObjectSendStream<SendItem = T>,
    R: ObjectReceiveStream<Item = T>,
{
    for _ in 0..2 {
        send.aclose().await.map_err(|error| format!("aclose failed: {error}"))?;
        send.close();
    }
    for _ in 0..2 {
        let end = receive.receive().await;
        hold!(matches!(end, Err(ReceiveError::EndOfStream)), "there is {end:?}");
    }
    Ok(())
}

async fn closed_after_close<T, W, R>(send: &W, receive: &R, item: &impl Fn(usize) -> T) -> Held
where
    T: PartialEq + fmt::Debug + Send,
    W: ObjectSendStream<SendItem = T>,
    R: ObjectReceiveStream<Item = T>,
{
    receive.close();
    receive.close();
    let received = receive.receive().await;
    hold!(matches!(received, Err(ReceiveError::Closed)), "a receive gives {received:?}");
    receive.aclose().await.map_err(|error| format!("aclose after close failed: {error}"))?;
    send.close();
    let sent = send.send(item(7)).await;
    hold!(
        sent.as_ref().is_err_and(|error| error.is_closed() && error.item == item(7)),
        "a send gives: {}",
        told(&sent)
    );
    Ok(())
}

async fn broken_after_close<T, W, R>(send: &W, receive: &R, item: &impl Fn(usize) -> T) -> Held
where
    T: PartialEq + fmt::Debug + Send,
    W: ObjectSendStream<SendItem = T>,
    R: ObjectReceiveStream<Item = T>,
{
    receive.close();
    for number in 0..MANY {
        // A transport may take a while to learn of it.
        let sent = send.send(item(number)).await;
        if sent.is_err() {
            let back = sent.as_ref().is_err_and(|error| error.is_broken() && error.item == item(number));
            hold!(back, "a send gives: {}", told(&sent));
            return Ok(());
        }
    }
    Err(format!("{MANY} items could be sent to nobody"))
}

async fn receiver_is_told<T, W, R>(_: &W, receive: &R, _: &impl Fn(usize) -> T) -> Held
where
    T: PartialEq + fmt::Debug + Send,
    W: ObjectSendStream<SendItem = T>,
    R: ObjectReceiveStream<Item = T>,
{
    let received = meanwhile(receive.receive(), || receive.close()).await;
    hold!(matches!(received, Err(ReceiveError::Closed)), "it is told {received:?}");
    Ok(())
}

/// Sends until a send has to wait, if it ever has to.
async fn fill<T, W: ObjectSendStream<SendItem = T>>(send: &W, item: &impl Fn(usize) -> T) -> Option<usize> {
    for number in 0..MANY {
        if dropped_at(3, send.send(item(number))).await.is_none() {
            return Some(number);
        }
    }
    None
}

async fn sender_is_told<T, W, R>(send: &W, _: &R, item: &impl Fn(usize) -> T) -> Held
where
    T: PartialEq + fmt::Debug + Send,
    W: ObjectSendStream<SendItem = T>,
    R: ObjectReceiveStream<Item = T>,
{
    if fill(send, item).await.is_none() {
        // It never waits, so there is nothing to be told.
        return Ok(());
    }
    let sent = meanwhile(send.send(item(7)), || send.close()).await;
    // A stream that is framed was left in the middle of one by the send that was dropped.
    let told_so = sent.as_ref().is_err_and(|error| (error.is_closed() || error.is_broken()) && error.item == item(7));
    hold!(told_so, "it is told: {}", told(&sent));
    Ok(())
}

async fn nothing_in_a_cancelled_scope<T, W, R>(send: &W, receive: &R, item: &impl Fn(usize) -> T) -> Held
where
    T: PartialEq + fmt::Debug + Send,
    W: ObjectSendStream<SendItem = T>,
    R: ObjectReceiveStream<Item = T>,
{
    let (sent, _) = cancelled_at(0, send.send(item(1))).await;
    hold!(
        sent.as_ref().is_err_and(|error| error.is_cancelled() && error.item == item(1)),
        "a send gives: {}",
        told(&sent)
    );
    let receives = async {
        let (received, _) = cancelled_at(0, receive.receive()).await;
        hold!(received.as_ref().is_err_and(ReceiveError::is_cancelled), "a receive gives {received:?}");
        let received = receive.receive().await;
        hold!(received.as_ref().is_ok_and(|received| *received == item(2)), "the first to arrive is {received:?}");
        Ok(())
    };
    let (sent, received) = both(send.send(item(2)), receives).await;
    hold!(sent.is_ok(), "a send fails: {}", told(&sent));
    received
}

async fn dropped_receive<T, W, R>(send: &W, receive: &R, item: &impl Fn(usize) -> T) -> Held
where
    T: PartialEq + fmt::Debug + Send,
    W: ObjectSendStream<SendItem = T>,
    R: ObjectReceiveStream<Item = T>,
{
    hold!(dropped_at(2, receive.receive()).await.is_none(), "a receive of nothing is ready");
    let (sent, received) = both(send.send(item(5)), receive.receive()).await;
    hold!(sent.is_ok(), "a send fails: {}", told(&sent));
    hold!(received.as_ref().is_ok_and(|received| *received == item(5)), "then comes {received:?}");
    Ok(())
}

/// Sends a hundred items, each again when it comes back, while they are received: all arrive, once, in order.
async fn cancelled_send<T, W, R>(send: &W, receive: &R, item: &impl Fn(usize) -> T, step: usize) -> Held
where
    T: PartialEq + fmt::Debug + Send,
    W: ObjectSendStream<SendItem = T>,
    R: ObjectReceiveStream<Item = T>,
{
    let sends = async {
        for number in 0..100 {
            let mut at_hand = item(number);
            let mut steps = step;
            while let Err(error) = cancelled_at(steps, send.send(at_hand)).await.0 {
                hold!(error.is_cancelled() && check_cancelled().is_ok(), "a send fails: {error}");
                hold!(error.item == item(number), "another item comes back");
                at_hand = error.into_item();
                steps += 1;
            }
        }
        send.send(item(100)).await.map_err(|error| format!("a send failed: {error}"))
    };
    let receives = async {
        for number in 0..=100 {
            let received = receive.receive().await.map_err(|error| format!("a receive failed: {error}"))?;
            hold!(received == item(number), "instead of item {number} came {received:?}");
        }
        Ok(())
    };
    let (sent, received) = both(sends, receives).await;
    sent.and(received)
}

async fn cancelled_receive<T, W, R>(send: &W, receive: &R, item: &impl Fn(usize) -> T, step: usize) -> Held
where
    T: PartialEq + fmt::Debug + Send,
    W: ObjectSendStream<SendItem = T>,
    R: ObjectReceiveStream<Item = T>,
{
    let receives = async {
        for number in 0..100 {
            let mut steps = step;
            let received = loop {
                match cancelled_at(steps, receive.receive()).await.0 {
                    Ok(received) => break received,
                    Err(error) => hold!(error.is_cancelled() && check_cancelled().is_ok(), "a receive fails: {error}"),
                }
                steps += 1;
            };
            hold!(received == item(number), "instead of item {number} came {received:?}");
        }
        Ok(())
    };
    let sends = async {
        for number in 0..100 {
            send.send(item(number)).await.map_err(|error| format!("a send failed: {error}"))?;
        }
        Ok(())
    };
    let (received, sent) = both(receives, sends).await;
    sent.and(received)
}
