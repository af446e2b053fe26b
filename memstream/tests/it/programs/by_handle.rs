//! Sends and receives in the tasks of a group, which are cancelled by their handles, or dropped with the group.

use std::{
    collections::BTreeSet,
    io,
    sync::{Arc, Mutex},
};

use anyio_cancel_scope::sleep_forever;
use anyio_future_contract::Polled;
use anyio_memstream::{MemoryObjectReceiveStream, MemoryObjectSendStream, memory_object_stream};
use anyio_task_group::{TaskGroup, TaskHandle, task_group};
use proptest::prelude::*;

use super::cases;
use crate::support::{Grave, Item};

#[derive(Clone, Copy, Debug)]
enum Step {
    Send,
    Receive,
    TrySend,
    TryReceive,
    Cancel(u8),
    Poll,
    CancelGroup,
    DropGroup,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Send),
        6 => Just(Step::Receive),
        2 => Just(Step::TrySend),
        2 => Just(Step::TryReceive),
        8 => any::<u8>().prop_map(Step::Cancel),
        6 => Just(Step::Poll),
        1 => prop_oneof![Just(Step::CancelGroup), Just(Step::DropGroup)],
    ]
}

/// What became of the items, as the tasks tell.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Fates>>);

#[derive(Default)]
struct Fates {
    sent: BTreeSet<usize>,
    back: BTreeSet<usize>,
    received: BTreeSet<usize>,
}

impl Told {
    fn received(&self, item: &Item) {
        assert!(self.0.lock().unwrap().received.insert(item.0), "it was received twice");
    }

    fn sent(&self, number: usize) {
        self.0.lock().unwrap().sent.insert(number);
    }

    fn back(&self, item: &Item) {
        self.0.lock().unwrap().back.insert(item.0);
    }
}

async fn sends(send: MemoryObjectSendStream<Item>, item: Item, told: Told) -> io::Result<()> {
    let number = item.0;
    match send.send(item).await {
        Ok(()) => told.sent(number),
        Err(error) => {
            assert!(error.is_cancelled());
            told.back(&error.item);
        }
    }
    Ok(())
}

async fn receives(receive: MemoryObjectReceiveStream<Item>, told: Told) -> io::Result<()> {
    told.received(&receive.receive().await?);
    Ok(())
}

fn run(capacity: usize, steps: &[Step]) {
    let (send, receive) = memory_object_stream(capacity);
    let (grave, told) = (Grave::default(), Told::default());
    let handle = Arc::new(Mutex::new(None));
    let given = handle.clone();
    let mut group = Some(Box::pin(Polled::new(task_group(async move |tg: TaskGroup<'static, io::Error>| {
        *given.lock().unwrap() = Some(tg);
        Ok(sleep_forever().await?)
    }))));
    let poll = |group: &mut Option<_>| {
        let polled: &mut std::pin::Pin<Box<Polled<_>>> = group.as_mut().expect("it runs");
        match polled.poll() {
            std::task::Poll::Ready(end) => {
                assert!(matches!(end, Ok(None)), "only a cancelled group ends");
                *group = None;
            }
            std::task::Poll::Pending => {}
        }
    };
    poll(&mut group);
    let tg: TaskGroup<'static, io::Error> = handle.lock().unwrap().take().expect("its body ran");
    let mut tasks: Vec<TaskHandle<()>> = Vec::new();
    let mut made = 0;
    for step in steps {
        match step {
            _ if group.is_none() => break,
            Step::Send | Step::TrySend => {
                let item = grave.item(made);
                made += 1;
                if let Step::Send = step {
                    tasks.push(tg.start_soon(sends(send.clone(), item, told.clone())));
                } else {
                    match send.try_send(item) {
                        Ok(()) => told.sent(made - 1),
                        Err(error) => told.back(&error.item),
                    }
                }
            }
            Step::Receive => tasks.push(tg.start_soon(receives(receive.clone(), told.clone()))),
            Step::TryReceive => {
                if let Ok(item) = receive.try_receive() {
                    told.received(&item);
                }
            }
            Step::Cancel(which) if !tasks.is_empty() => {
                tasks[usize::from(*which) % tasks.len()].cancel();
            }
            Step::Cancel(_) => {}
            Step::Poll => poll(&mut group),
            Step::CancelGroup => {
                tg.cancel();
                while group.as_ref().is_some_and(|group| group.is_woken()) {
                    poll(&mut group);
                }
                assert!(group.is_none(), "a cancelled group sleeps");
            }
            Step::DropGroup => group = None,
        }
    }
    drop(group);
    while let Ok(item) = receive.try_receive() {
        told.received(&item);
    }
    let statistics = send.statistics();
    assert_eq!((statistics.tasks_waiting_send, statistics.tasks_waiting_receive), (0, 0));
    assert_eq!((statistics.open_send_streams, statistics.open_receive_streams), (1, 1));
    drop((send, receive, tasks, tg));
    let fates = told.0.lock().unwrap();
    assert_eq!(grave.count(), made, "nothing is left");
    assert!(fates.sent.is_subset(&fates.received), "what was sent was received");
    assert!(fates.back.is_disjoint(&fates.received), "what came back was not");
    assert_eq!(statistics.dropped, 0);
}

proptest! {
    #![proptest_config(cases(512))]

    #[test]
    fn tasks_that_are_cancelled_by_handle_lose_nothing(
        capacity in 0_usize..4,
        steps in prop::collection::vec(step(), 0..60),
    ) {
        run(capacity, &steps);
    }
}
