//! The channels of the peers and ours, under one face: ends that send and receive.

use std::future::Future;

use anyio::memory::{MemoryObjectReceiveStream, MemoryObjectSendStream, memory_object_stream};
use futures::{SinkExt, StreamExt};

/// A channel with room for some numbers.
pub(super) trait Channel: 'static {
    type Sender: Clone + Send + 'static;
    type Receiver: Send + 'static;

    fn make(capacity: usize) -> (Self::Sender, Self::Receiver);

    fn send(sender: &mut Self::Sender, item: u64) -> impl Future<Output = ()> + Send;

    /// `None` at the end.
    fn receive(receiver: &mut Self::Receiver) -> impl Future<Output = Option<u64>> + Send;
}

const OPEN: &str = "the other end is open";

pub(super) struct Anyio;

impl Channel for Anyio {
    type Sender = MemoryObjectSendStream<u64>;
    type Receiver = MemoryObjectReceiveStream<u64>;

    fn make(capacity: usize) -> (Self::Sender, Self::Receiver) {
        memory_object_stream(capacity)
    }

    async fn send(sender: &mut Self::Sender, item: u64) {
        sender.send(item).await.expect(OPEN);
    }

    async fn receive(receiver: &mut Self::Receiver) -> Option<u64> {
        receiver.next().await.expect("nobody cancels it")
    }
}

pub(super) struct Kanal;

impl Channel for Kanal {
    type Sender = kanal::AsyncSender<u64>;
    type Receiver = kanal::AsyncReceiver<u64>;

    fn make(capacity: usize) -> (Self::Sender, Self::Receiver) {
        kanal::bounded_async(capacity)
    }

    async fn send(sender: &mut Self::Sender, item: u64) {
        sender.send(item).await.expect(OPEN);
    }

    async fn receive(receiver: &mut Self::Receiver) -> Option<u64> {
        receiver.recv().await.ok()
    }
}

pub(super) struct Flume;

impl Channel for Flume {
    type Sender = flume::Sender<u64>;
    type Receiver = flume::Receiver<u64>;

    fn make(capacity: usize) -> (Self::Sender, Self::Receiver) {
        flume::bounded(capacity)
    }

    async fn send(sender: &mut Self::Sender, item: u64) {
        sender.send_async(item).await.expect(OPEN);
    }

    async fn receive(receiver: &mut Self::Receiver) -> Option<u64> {
        receiver.recv_async().await.ok()
    }
}

pub(super) struct AsyncChannel;

impl Channel for AsyncChannel {
    type Sender = async_channel::Sender<u64>;
    type Receiver = async_channel::Receiver<u64>;

    fn make(capacity: usize) -> (Self::Sender, Self::Receiver) {
        async_channel::bounded(capacity)
    }

    async fn send(sender: &mut Self::Sender, item: u64) {
        sender.send(item).await.expect(OPEN);
    }

    async fn receive(receiver: &mut Self::Receiver) -> Option<u64> {
        receiver.recv().await.ok()
    }
}

pub(super) struct Tokio;

impl Channel for Tokio {
    type Sender = tokio::sync::mpsc::Sender<u64>;
    type Receiver = tokio::sync::mpsc::Receiver<u64>;

    fn make(capacity: usize) -> (Self::Sender, Self::Receiver) {
        tokio::sync::mpsc::channel(capacity)
    }

    async fn send(sender: &mut Self::Sender, item: u64) {
        sender.send(item).await.expect(OPEN);
    }

    async fn receive(receiver: &mut Self::Receiver) -> Option<u64> {
        receiver.recv().await
    }
}

/// It has room for one more for each sender, so its 0 is our 1.
pub(super) struct Futures;

impl Channel for Futures {
    type Sender = futures::channel::mpsc::Sender<u64>;
    type Receiver = futures::channel::mpsc::Receiver<u64>;

    fn make(capacity: usize) -> (Self::Sender, Self::Receiver) {
        futures::channel::mpsc::channel(capacity)
    }

    async fn send(sender: &mut Self::Sender, item: u64) {
        sender.send(item).await.expect(OPEN);
    }

    async fn receive(receiver: &mut Self::Receiver) -> Option<u64> {
        receiver.next().await
    }
}

pub(super) struct Tachyonix;

impl Channel for Tachyonix {
    type Sender = tachyonix::Sender<u64>;
    type Receiver = tachyonix::Receiver<u64>;

    fn make(capacity: usize) -> (Self::Sender, Self::Receiver) {
        tachyonix::channel(capacity)
    }

    async fn send(sender: &mut Self::Sender, item: u64) {
        sender.send(item).await.expect(OPEN);
    }

    async fn receive(receiver: &mut Self::Receiver) -> Option<u64> {
        receiver.recv().await.ok()
    }
}
