//! Items that come from a thread in batches: one job for many, and the next one on its way while the last is used.

use std::{future::poll_fn, io, panic::resume_unwind, task::Poll, vec};

use anyio_cancel_scope::Cancelled;

use crate::{
    entry::Operation,
    hop::{self, Flight},
};

/// What makes items, on a thread.
pub(crate) trait Source: Send + 'static {
    type Item: Send + 'static;

    /// Puts the next items into `batch`; tells whether there may be more.
    fn fill(&mut self, batch: &mut Vec<io::Result<Self::Item>>) -> bool;
}

/// How many items are a batch, more or less.
pub(crate) const BATCH: usize = 1024;

pub(crate) struct Batches<S: Source> {
    batch: vec::IntoIter<io::Result<S::Item>>,
    next: Next<S>,
}

type Filled<S> = (S, Vec<io::Result<<S as Source>::Item>>, bool);

enum Next<S: Source> {
    Idle(S),
    Air(Flight<Filled<S>>),
    End,
}

impl<S: Source> Batches<S> {
    pub(crate) fn new(source: S) -> Self {
        Self { batch: Vec::new().into_iter(), next: Next::Idle(source) }
    }

    /// With items that are there already.
    pub(crate) fn begun((source, batch, more): Filled<S>) -> Self {
        Self { batch: batch.into_iter(), next: if more { Next::Idle(source) } else { Next::End } }
    }

    /// Fills the first batch, on the thread that calls.
    pub(crate) fn begin(mut source: S) -> Filled<S> {
        let mut batch = Vec::new();
        let more = source.fill(&mut batch);
        (source, batch, more)
    }

    pub(crate) async fn next(&mut self, operation: &mut Operation) -> io::Result<Option<S::Item>> {
        operation.enter().await?;
        loop {
            if let Some(item) = self.batch.next() {
                return item.map(Some);
            }
            self.next_batch(operation).await?;
            if self.batch.len() == 0 && matches!(self.next, Next::End) {
                return Ok(None);
            }
        }
    }

    async fn next_batch(&mut self, operation: &mut Operation) -> Result<(), Cancelled> {
        if matches!(self.next, Next::Idle(_)) {
            let token = hop::token(None).await?;
            self.launch(token).await;
        }
        let Next::Air(flight) = &mut self.next else { return Ok(()) };
        let landed = poll_fn(|cx| match flight.poll_caught(cx) {
            Poll::Ready(filled) => Poll::Ready(Ok(filled)),
            Poll::Pending => operation.poll_pending(cx).map(Err),
        })
        .await?;
        // After a panic there are no more.
        self.next = Next::End;
        let (source, batch, more) = landed.unwrap_or_else(|panic| resume_unwind(panic));
        self.batch = batch.into_iter();
        self.next = if more { Next::Idle(source) } else { Next::End };
        if more && let Some(token) = hop::try_token(None) {
            self.launch(token).await;
        }
        Ok(())
    }

    async fn launch(&mut self, token: anyio_sync::LimiterToken) {
        match std::mem::replace(&mut self.next, Next::End) {
            Next::Idle(source) => self.next = Next::Air(Flight::launch(token, move || Self::begin(source)).await),
            other => self.next = other,
        }
    }
}
