//! Each end on a thread of its own, with a script.

use std::{
    collections::BTreeSet,
    io,
    pin::pin,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
    thread,
};

use anyio_cancel_scope::{CancelScope, yield_now};
use anyio_memstream::{MemoryObjectReceiveStream, MemoryObjectSendStream, memory_object_stream};
use anyio_task_group::task_group;
use futures_lite::future::block_on;
use proptest::prelude::*;

use super::cases;

/// One operation of a script, a send or a receive.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Act {
    /// Until it is done.
    Wait,
    Try,
    /// It is dropped after so many polls.
    Drop(u8),
    /// Its scope is cancelled after so many polls, by the thread itself.
    Cancel(u8),
    /// Its scope is cancelled by another thread.
    CancelElsewhere,
    /// It is a task of a group, and its handle cancels it after so many turns.
    CancelTask(u8),
    /// The end is exchanged for a clone.
    Clone,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => Just(Act::Wait),
        3 => Just(Act::Try),
        2 => (0..4_u8).prop_map(Act::Drop),
        2 => (0..4_u8).prop_map(Act::Cancel),
        2 => Just(Act::CancelElsewhere),
        2 => (0..4_u8).prop_map(Act::CancelTask),
        1 => Just(Act::Clone),
    ]
}

type Number = (usize, usize);

/// Says where it is when it is dropped without having arrived.
struct Item<'a>(Number, &'a Shared);

#[derive(Default)]
struct Shared {
    destroyed: Mutex<BTreeSet<Number>>,
    /// Scopes for somebody to cancel.
    scopes: Mutex<Vec<CancelScope>>,
    over: AtomicBool,
}

impl Drop for Item<'_> {
    fn drop(&mut self) {
        assert!(self.1.destroyed.lock().unwrap().insert(self.0), "{:?} was dropped twice", self.0);
    }
}

/// Takes the number out, and lets go of the rest.
fn arrived(item: Item<'_>) -> Number {
    let number = item.0;
    std::mem::forget(item);
    number
}

/// Runs an operation as `act` says; `None` if it was dropped. Where a cancellation is late, it is the operation that says.
fn operate<T: Send, F: Future<Output = T> + Send>(act: Act, shared: &Shared, operation: F) -> Option<T> {
    match act {
        Act::Drop(polls) => {
            let mut operation = pin!(operation);
            for _ in 0..polls {
                if let Poll::Ready(output) = operation.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                    return Some(output);
                }
                thread::yield_now();
            }
            None
        }
        Act::Cancel(polls) => {
            let scope = CancelScope::new();
            let mut entered = pin!(scope.enter(operation));
            for _ in 0..polls {
                if let Poll::Ready(output) = entered.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                    return Some(output);
                }
                thread::yield_now();
            }
            scope.cancel();
            Some(block_on(entered))
        }
        Act::CancelElsewhere => {
            let scope = CancelScope::new();
            shared.scopes.lock().unwrap().push(scope.clone());
            Some(block_on(scope.enter(operation)))
        }
        Act::CancelTask(turns) => {
            let output = Mutex::new(None);
            let place = &output;
            block_on(task_group(async move |tg| -> io::Result<()> {
                let task = tg.start_soon(async move {
                    let came = operation.await;
                    *place.lock().unwrap() = Some(came);
                });
                for _ in 0..turns {
                    yield_now().await;
                }
                task.cancel();
                Ok(())
            }))
            .unwrap();
            output.into_inner().unwrap()
        }
        Act::Wait | Act::Try | Act::Clone => Some(block_on(operation)),
    }
}

/// What a sender tells of its items.
#[derive(Default)]
struct Sent {
    sent: BTreeSet<Number>,
    back: BTreeSet<Number>,
    /// With their sends.
    dropped: BTreeSet<Number>,
}

fn sender<'a>(name: usize, mut end: MemoryObjectSendStream<Item<'a>>, acts: &[Act], shared: &'a Shared) -> Sent {
    let mut told = Sent::default();
    for (count, act) in acts.iter().enumerate() {
        let number = (name, count);
        let item = Item(number, shared);
        match act {
            Act::Clone => {
                end = end.clone();
                told.back.insert(arrived(item));
            }
            Act::Try => match end.try_send(item) {
                Ok(()) => drop(told.sent.insert(number)),
                Err(error) => drop(told.back.insert(arrived(error.into_item()))),
            },
            act => match operate(*act, shared, end.send(item)) {
                Some(Ok(())) => drop(told.sent.insert(number)),
                Some(Err(error)) => drop(told.back.insert(arrived(error.into_item()))),
                None => drop(told.dropped.insert(number)),
            },
        }
    }
    told
}

/// Gives what was received, in order; `drains` says whether it goes on to the end of the stream.
fn receiver(mut end: MemoryObjectReceiveStream<Item<'_>>, acts: &[Act], drains: bool, shared: &Shared) -> Vec<Number> {
    let mut received = Vec::new();
    for act in acts {
        match act {
            Act::Clone => end = end.clone(),
            Act::Try => received.extend(end.try_receive().ok().map(arrived)),
            act => received.extend(operate(*act, shared, end.receive()).and_then(Result::ok).map(arrived)),
        }
    }
    if drains {
        while let Some(item) = block_on(end.next()).unwrap() {
            received.push(arrived(item));
        }
    }
    received
}

type Scripts = (Vec<Vec<Act>>, Vec<(Vec<Act>, bool)>);

fn scripts() -> impl Strategy<Value = Scripts> {
    let acts = || prop::collection::vec(act(), 0..20);
    (prop::collection::vec(acts(), 1..4), prop::collection::vec((acts(), prop::bool::weighted(0.7)), 1..4))
}

fn run(capacity: usize, (sends, receives): &Scripts) {
    let shared = Shared::default();
    let (send, receive) = memory_object_stream(capacity);
    // It is closed, and tells the statistics.
    let watch = send.clone();
    watch.close();
    let (told, received) = thread::scope(|threads| {
        let canceller = threads.spawn(|| {
            while !shared.over.load(Ordering::SeqCst) {
                let scope = shared.scopes.lock().unwrap().pop();
                scope.iter().for_each(CancelScope::cancel);
                thread::yield_now();
            }
        });
        let senders: Vec<_> = sends
            .iter()
            .enumerate()
            .map(|(name, acts)| {
                let (end, shared) = (send.clone(), &shared);
                threads.spawn(move || sender(name, end, acts, shared))
            })
            .collect();
        let receivers: Vec<_> = receives
            .iter()
            .map(|(acts, drains)| {
                let (end, shared) = (receive.clone(), &shared);
                threads.spawn(move || receiver(end, acts, *drains, shared))
            })
            .collect();
        drop((send, receive));
        let told: Vec<_> = senders.into_iter().map(|one| one.join().unwrap()).collect();
        let received: Vec<_> = receivers.into_iter().map(|one| one.join().unwrap()).collect();
        shared.over.store(true, Ordering::SeqCst);
        canceller.join().unwrap();
        (told, received)
    });
    let statistics = watch.statistics();
    assert_eq!((statistics.open_send_streams, statistics.open_receive_streams), (0, 0));
    assert_eq!((statistics.tasks_waiting_send, statistics.tasks_waiting_receive), (0, 0));
    assert_eq!(statistics.current_buffer_used, 0);

    let destroyed = shared.destroyed.lock().unwrap();
    let all = |of: fn(&Sent) -> &BTreeSet<Number>| -> BTreeSet<Number> { told.iter().flat_map(of).copied().collect() };
    let (sent, back, dropped) = (all(|told| &told.sent), all(|told| &told.back), all(|told| &told.dropped));
    let arrived: BTreeSet<Number> = received.iter().flatten().copied().collect();
    assert_eq!(arrived.len(), received.iter().map(Vec::len).sum(), "an item was received twice");
    assert!(arrived.is_disjoint(&back) && arrived.is_disjoint(&destroyed) && back.is_disjoint(&destroyed));
    let made: usize = sends.iter().map(Vec::len).sum();
    assert_eq!(arrived.len() + back.len() + destroyed.len(), made, "an item is missing");
    // What was sent and not received was dropped by the channel, and counted; of what was dropped with its send nobody knows
    // whether it was taken before.
    let (certain, possible) = (destroyed.intersection(&sent).count(), destroyed.intersection(&dropped).count());
    assert_eq!(certain + possible, destroyed.len(), "an item was dropped that was given back");
    assert!((certain..=certain + possible).contains(&statistics.dropped), "{certain} {possible} {statistics:?}");

    // In the order of each sender, unless a receive that was dropped gave an item back.
    if !receives.iter().flat_map(|(acts, _)| acts).any(|act| matches!(act, Act::Drop(_))) {
        for numbers in &received {
            for sender in 0..sends.len() {
                assert!(numbers.iter().filter(|number| number.0 == sender).is_sorted(), "{numbers:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(192))]

    #[test]
    fn threads_lose_and_double_nothing(capacity in 0_usize..4, scripts in scripts()) {
        run(capacity, &scripts);
    }

    #[test]
    fn what_no_dropped_receive_gave_back_comes_in_order(capacity in 0_usize..4, mut scripts in scripts()) {
        for act in scripts.1.iter_mut().flat_map(|(acts, _)| acts) {
            if let Act::Drop(polls) = *act {
                *act = Act::Cancel(polls);
            }
        }
        run(capacity, &scripts);
    }
}
