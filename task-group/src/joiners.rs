//! Those who wait for a task to end.

use std::{
    fmt,
    task::{Context, Poll, Waker},
};

use slab::Slab;

use crate::task::{End, Header};

#[derive(Default)]
pub(crate) struct Joiners {
    waiting: Option<Box<Slab<Waker>>>,
}

pub(crate) struct Woken(Option<Box<Slab<Waker>>>);
impl Woken {
    pub(crate) fn wake(self) {
        for (_, w) in self.0.into_iter().flat_map(|s| s.into_iter()) {
            w.wake();
        }
    }
}

impl Joiners {
    pub(crate) fn take_all(&mut self) -> Woken {
        Woken(self.waiting.take())
    }
}

pub(crate) struct Joining<'a> {
    header: &'a Header,
    ticket: Option<usize>,
}

impl<'a> Joining<'a> {
    pub(crate) fn new(header: &'a Header) -> Self {
        Self { header, ticket: None }
    }
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        let waker = cx.waker().clone();
        self.header.with_joiners(|end, joiners| match end {
            Some(end) => Poll::Ready(end),
            None => {
                let s = joiners.waiting.get_or_insert_default();
                match self.ticket {
                    None => self.ticket = Some(s.insert(waker)),
                    Some(k) => s[k] = waker,
                }
                Poll::Pending
            }
        })
    }
}

impl Drop for Joining<'_> {
    fn drop(&mut self) {
        if let Some(k) = self.ticket {
            self.header.with_joiners(|_, j| j.waiting.as_mut().and_then(|s| s.try_remove(k)));
        }
    }
}

impl fmt::Debug for Joining<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Joining").finish_non_exhaustive()
    }
}
