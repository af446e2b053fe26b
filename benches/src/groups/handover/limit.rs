//! A channel in a cell of the thread: for one sender and one receiver, with no lock, no cancellation and no line.
//!
//! It lies in a thread-local because the tasks of the host have to be `Send`, which a cell behind an `Rc` is not.

use std::{
    cell::RefCell,
    collections::VecDeque,
    future::{Future, poll_fn},
    task::{Poll, Waker},
};

use super::channels::Channel;

#[derive(Default)]
struct State {
    capacity: usize,
    buffer: VecDeque<u64>,
    /// What was handed to the receiver.
    handed: Option<u64>,
    receiver: Option<Waker>,
    /// The item of a sender that waits.
    offered: Option<(u64, Waker)>,
    closed: bool,
}

thread_local! { static STATE: RefCell<State> = RefCell::default(); }

pub(super) struct Limit;

pub(super) struct Sender(());

/// There is one sender: this is for the trait.
impl Clone for Sender {
    fn clone(&self) -> Self {
        unreachable!("the limit has one sender")
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        let waker = STATE.with_borrow_mut(|state| {
            state.closed = true;
            state.receiver.take()
        });
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

pub(super) struct Receiver(());

impl Channel for Limit {
    type Sender = Sender;
    type Receiver = Receiver;

    fn make(capacity: usize) -> (Sender, Receiver) {
        STATE.set(State { capacity, buffer: VecDeque::with_capacity(capacity), ..State::default() });
        (Sender(()), Receiver(()))
    }

    fn send(_: &mut Sender, item: u64) -> impl Future<Output = ()> + Send {
        let mut item = Some(item);
        poll_fn(move |cx| {
            STATE.with_borrow_mut(|state| {
                let Some(item) = item.take() else {
                    return if state.offered.is_none() { Poll::Ready(()) } else { Poll::Pending };
                };
                if let Some(waker) = state.receiver.take() {
                    state.handed = Some(item);
                    waker.wake();
                    return Poll::Ready(());
                }
                if state.buffer.len() < state.capacity {
                    state.buffer.push_back(item);
                    return Poll::Ready(());
                }
                state.offered = Some((item, cx.waker().clone()));
                Poll::Pending
            })
        })
    }

    fn receive(_: &mut Receiver) -> impl Future<Output = Option<u64>> + Send {
        poll_fn(|cx| {
            STATE.with_borrow_mut(|state| {
                if let Some(item) = state.handed.take() {
                    return Poll::Ready(Some(item));
                }
                let first = state.buffer.pop_front();
                let offered = state.offered.take().map(|(item, waker)| {
                    waker.wake();
                    item
                });
                let item = match (first, offered) {
                    (Some(first), Some(offered)) => {
                        state.buffer.push_back(offered);
                        Some(first)
                    }
                    (first, offered) => first.or(offered),
                };
                if item.is_some() || state.closed {
                    return Poll::Ready(item);
                }
                state.receiver = Some(cx.waker().clone());
                Poll::Pending
            })
        })
    }
}
