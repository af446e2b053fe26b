//! A byte stream that does as it is told, written as implementers write: plain `async fn`s.

use std::{
    collections::VecDeque,
    io,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use anyio_cancel_scope::{Cancelled, checkpoint, sleep_forever};
use anyio_streams::{
    AsyncResource, ByteReceiveStream, ByteSendError, ByteSendStream, ByteStream, ReceiveError, SendReason, SocketStream,
};
use anyio_typed_attrs::{AttributeRequest, TypedAttributeProvider, typed_attributes};

typed_attributes! {
    /// Which script this is.
    pub(crate) Name: &'static str;
    pub(crate) OnlyHere: &'static str;
}

/// What a receive meets.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Chunk(Vec<u8>),
    /// It waits until it is cancelled or dropped; the next receive goes on behind it.
    Wait,
    Broken,
}

/// After its steps, the stream has ended.
pub(crate) struct Script {
    pub(crate) steps: Mutex<VecDeque<Step>>,
    pub(crate) sent: Mutex<Vec<u8>>,
    /// So many bytes can be sent; then a send waits until it is cancelled.
    pub(crate) room: AtomicUsize,
    /// Without room, a send breaks rather than waits.
    pub(crate) breaks: AtomicBool,
    pub(crate) fails_to_close: bool,
    pub(crate) name: &'static str,
    /// How often it was closed gracefully, at once, and ended.
    pub(crate) counts: [AtomicUsize; 3],
    /// The most bytes that were asked for at once, and the least.
    pub(crate) most_asked: AtomicUsize,
    pub(crate) least_asked: AtomicUsize,
}

impl Script {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: Mutex::new(steps.into_iter().collect()),
            sent: Mutex::default(),
            room: AtomicUsize::new(usize::MAX),
            breaks: AtomicBool::new(false),
            fails_to_close: false,
            name: "script",
            counts: Default::default(),
            most_asked: AtomicUsize::new(0),
            least_asked: AtomicUsize::new(usize::MAX),
        }
    }

    pub(crate) fn of(chunks: &[&[u8]]) -> Self {
        Self::new(chunks.iter().map(|chunk| Step::Chunk(chunk.to_vec())))
    }

    pub(crate) fn cut(bytes: &[u8], sizes: &[usize]) -> Self {
        let (mut rest, mut steps) = (bytes, Vec::new());
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (chunk, after) = rest.split_at((*size).clamp(1, rest.len()));
            steps.push(Step::Chunk(chunk.to_vec()));
            rest = after;
        }
        Self::new(steps)
    }

    pub(crate) fn with_room(room: usize) -> Self {
        let script = Self::new([]);
        script.room.store(room, Ordering::SeqCst);
        script
    }

    pub(crate) fn sent(&self) -> Vec<u8> {
        self.sent.lock().unwrap().clone()
    }

    pub(crate) fn counts(&self) -> [usize; 3] {
        self.counts.each_ref().map(|count| count.load(Ordering::SeqCst))
    }

    fn is_closed(&self) -> bool {
        self.counts()[..2] != [0, 0]
    }

    async fn wait(&self) -> Result<(), Cancelled> {
        sleep_forever().await
    }
}

impl AsyncResource for Script {
    async fn aclose(&self) -> io::Result<()> {
        self.counts[0].fetch_add(1, Ordering::SeqCst);
        checkpoint().await?;
        if self.fails_to_close { Err(io::Error::other(format!("{} jams", self.name))) } else { Ok(()) }
    }

    fn close(&self) {
        self.counts[1].fetch_add(1, Ordering::SeqCst);
    }
}

impl ByteReceiveStream for Script {
    async fn receive(&self, buf: &mut [u8]) -> Result<usize, ReceiveError> {
        assert!(!buf.is_empty());
        self.most_asked.fetch_max(buf.len(), Ordering::SeqCst);
        self.least_asked.fetch_min(buf.len(), Ordering::SeqCst);
        checkpoint().await?;
        if self.is_closed() {
            return Err(ReceiveError::Closed);
        }
        let step = self.steps.lock().unwrap().pop_front();
        match step {
            Some(Step::Chunk(mut chunk)) => {
                let count = chunk.len().min(buf.len());
                let rest = chunk.split_off(count);
                buf[..count].copy_from_slice(&chunk);
                if !rest.is_empty() {
                    self.steps.lock().unwrap().push_front(Step::Chunk(rest));
                }
                Ok(count)
            }
            Some(Step::Wait) => {
                self.wait().await?;
                unreachable!("it waits for ever")
            }
            Some(Step::Broken) => Err(io::Error::from(io::ErrorKind::ConnectionReset).into()),
            None => Err(ReceiveError::EndOfStream),
        }
    }
}

impl ByteSendStream for Script {
    async fn send(&self, data: &[u8]) -> Result<(), ByteSendError> {
        if let Err(cancelled) = checkpoint().await {
            return Err(ByteSendError::new(0, cancelled));
        }
        if self.is_closed() || self.counts()[2] > 0 {
            return Err(ByteSendError::new(0, SendReason::Closed));
        }
        let count = data.len().min(self.room.load(Ordering::SeqCst));
        self.room.fetch_sub(count, Ordering::SeqCst);
        self.sent.lock().unwrap().extend_from_slice(&data[..count]);
        if count < data.len() && self.breaks.load(Ordering::SeqCst) {
            return Err(ByteSendError::new(count, io::Error::from(io::ErrorKind::ConnectionReset)));
        }
        if count < data.len()
            && let Err(cancelled) = self.wait().await
        {
            return Err(ByteSendError::new(count, cancelled));
        }
        Ok(())
    }
}

impl ByteStream for Script {
    async fn send_eof(&self) -> Result<(), ByteSendError> {
        self.counts[2].fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

impl TypedAttributeProvider for Script {
    fn provide_attributes(&self, request: &mut AttributeRequest<'_>) {
        request.provide::<Name>(|| self.name);
        if self.name == "receive" {
            request.provide::<OnlyHere>(|| "here");
        }
    }
}

impl SocketStream for Script {}
