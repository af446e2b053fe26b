//! Foreign code: wakers and destructors that use the channel, or panic. None of it runs under the lock.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex},
    task::{Context, Wake, Waker},
};

use anyio_future_contract::{Polled, ReentrantWaker};
use anyio_memstream::{MemoryObjectReceiveStream, MemoryObjectSendStream, memory_object_stream};

use crate::support::{Grave, OnDrop, Steps, back, now, panic_of, waiting, why};

type Call = Box<dyn FnMut() + Send>;
type Job = OnDrop<Call>;

fn job(call: impl FnMut() + Send + 'static) -> Job {
    OnDrop(Box::new(call))
}

/// A channel of jobs whose ends their destructors can use.
fn jobs(capacity: usize) -> (Arc<MemoryObjectSendStream<Job>>, Arc<MemoryObjectReceiveStream<Job>>) {
    let (send, receive) = memory_object_stream(capacity);
    (Arc::new(send), Arc::new(receive))
}

#[test]
fn destructors_of_what_is_left_use_the_channel() {
    let (send, receive) = jobs(4);
    let seen = Arc::new(Mutex::new(Vec::new()));
    for _ in 0..3 {
        let (send_in, receive_in, seen) = (send.clone(), receive.clone(), seen.clone());
        let item = job(move || {
            let refused = send_in.try_send(job(|| {})).unwrap_err().is_broken();
            let closed = receive_in.try_receive().err().unwrap().is_closed();
            seen.lock().unwrap().push((refused, closed, send_in.statistics().dropped));
        });
        assert!(send.try_send(item).is_ok());
    }
    receive.close();
    assert_eq!(*seen.lock().unwrap(), [(true, true, 3); 3]);
}

#[test]
fn the_destructor_of_an_item_that_was_not_sent_uses_the_channel() {
    let (send, receive) = jobs(0);
    let (send_in, receive_in) = (send.clone(), receive.clone());
    let sending = waiting(send.send(job(move || {
        assert!(send_in.try_send(job(|| {})).unwrap_err().would_block());
        assert_eq!(receive_in.statistics().tasks_waiting_send, 0);
        send_in.close();
    })));
    drop(sending);
    assert!(receive.try_receive().err().unwrap().is_end_of_stream());
}

#[test]
fn the_destructor_of_an_item_that_nobody_is_left_for_uses_the_channel() {
    let (send, receive) = jobs(0);
    let receiving = waiting(receive.receive());
    let send_in = send.clone();
    assert!(send.try_send(job(move || assert_eq!(send_in.statistics().dropped, 1))).is_ok());
    receive.close();
    drop(receiving);
}

#[test]
fn a_destructor_that_panics_keeps_nobody_asleep_and_nothing_alive() {
    let grave = Grave::default();
    let (send, receive) = memory_object_stream(3);
    for number in 0..3 {
        let item = grave.item(number);
        let item: Job = job(move || {
            let _ = &item;
            assert_ne!(item.0, 1, "the second one panics");
        });
        assert!(send.try_send(item).is_ok());
    }
    let mut sending = waiting(send.send(job(|| {})));
    let panic = panic_of(|| receive.close());
    assert!(panic.contains("the second one panics"), "{panic}");
    assert!(sending.is_woken());
    assert_eq!(back(sending.ends()).1, "broken");
    let statistics = send.statistics();
    assert_eq!((grave.count(), statistics.dropped, statistics.current_buffer_used), (3, 3, 0));
    assert_eq!(statistics.open_receive_streams, 0);
    // It goes on as any channel without receivers, and the panic comes out of the close only.
    assert!(send.try_send(job(|| {})).unwrap_err().is_broken());
    drop(receive);
}

#[test]
fn a_destructor_that_panics_in_a_dropped_send_leaves_the_channel_whole() {
    let (send, receive) = jobs(0);
    let mut bomb = Some(());
    let sending = waiting(send.send(job(move || assert!(bomb.take().is_none(), "boom"))));
    let mut other = waiting(send.send(job(|| {})));
    assert_eq!(panic_of(|| drop(sending)), "boom");
    assert_eq!(send.statistics().tasks_waiting_send, 1);
    assert!(receive.try_receive().is_ok());
    assert!(other.ends().is_ok());
}

#[test]
fn a_waker_that_panics_keeps_the_others_awake_and_the_items_counted() {
    let (send, receive) = memory_object_stream(1);
    now(send.send(0)).unwrap();
    let mut first = Polled::new(send.send(1));
    let bomb = ReentrantWaker::new().on_wake(|| panic!("a waker")).into_waker();
    assert!(first.poll_with(&bomb).is_pending());
    let mut second = waiting(send.send(2));
    assert_eq!(panic_of(|| receive.close()), "a waker");
    assert!(second.is_woken());
    assert_eq!((back(first.ends()), back(second.ends())), ((1, "broken"), (2, "broken")));
    assert_eq!((send.statistics().dropped, send.statistics().open_receive_streams), (1, 0));
}

#[test]
fn a_waker_that_panics_at_a_hand_over_has_handed_over() {
    let (send, receive) = memory_object_stream(0);
    let mut receiving = Polled::new(receive.receive());
    let bomb = ReentrantWaker::new().on_wake(|| panic!("a waker")).into_waker();
    assert!(receiving.poll_with(&bomb).is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| send.try_send(1))).is_err());
    assert_eq!(receiving.ends().unwrap(), 1);
}

/// Everything that can be done to a channel, from inside a waker.
fn everything(send: &MemoryObjectSendStream<u32>, receive: &MemoryObjectReceiveStream<u32>) {
    let _ = send.try_send(7);
    let _ = receive.try_receive();
    drop(waiting_or_not(send.send(8)));
    drop(waiting_or_not(receive.receive()));
    let clones = (send.clone(), receive.clone());
    clones.0.close();
    clones.1.close();
    assert_eq!(send.statistics(), receive.statistics());
    let _ = format!("{send:?} {receive:?}");
}

fn waiting_or_not<F: Future>(future: F) -> Polled<F> {
    let mut future = Polled::new(future);
    let _ = future.poll();
    future
}

#[test]
fn wakers_do_everything_when_they_are_cloned_woken_and_dropped() {
    type Ends = (Arc<MemoryObjectSendStream<u32>>, Arc<MemoryObjectReceiveStream<u32>>);
    type Act = fn(&Ends);
    let acts: [Act; 6] = [
        |ends| drop(ends.0.try_send(1)),
        |ends| drop(ends.1.try_receive()),
        |ends| ends.0.close(),
        |ends| ends.1.close(),
        |ends| drop(waiting_or_not(ends.0.send(1))),
        |ends| drop(waiting_or_not(ends.1.receive())),
    ];
    for (capacity, clones) in [(0, false), (0, true), (1, false), (1, true)] {
        for receives in [true, false] {
            for act in acts {
                let (send, receive) = memory_object_stream(capacity);
                let ends: Ends = (Arc::new(send), Arc::new(receive));
                let waker = || {
                    let [cloned, woken, dropped] = [(); 3].map(|()| ends.clone());
                    let waker = ReentrantWaker::new();
                    // One whose clones are watched is never the same as another.
                    let waker = if clones { waker.on_clone(move || everything(&cloned.0, &cloned.1)) } else { waker };
                    waker
                        .on_wake(move || everything(&woken.0, &woken.1))
                        .on_drop(move || everything(&dropped.0, &dropped.1))
                        .into_waker()
                };
                if !receives {
                    let _ = ends.0.try_send(0);
                }
                let mut receiving = Polled::new(ends.1.receive());
                let mut sending = Polled::new(ends.0.send(0));
                for _ in 0..2 {
                    let is_ready = if receives {
                        receiving.poll_with(&waker()).is_ready()
                    } else {
                        sending.poll_with(&waker()).is_ready()
                    };
                    if is_ready {
                        break;
                    }
                }
                act(&ends);
                drop((receiving, sending));
                drop(ends.1.try_receive());
            }
        }
    }
}

#[test]
fn a_waker_that_closes_its_own_end_on_waking_meets_its_end() {
    let (send, receive) = memory_object_stream(0);
    let (send, receive) = (Arc::new(send), Arc::new(receive));
    let closes = receive.clone();
    let mut receiving = Polled::new(receive.receive());
    let waker = ReentrantWaker::new().on_wake(move || closes.close()).into_waker();
    assert!(receiving.poll_with(&waker).is_pending());
    send.try_send(1).unwrap();
    assert_eq!(receiving.ends().unwrap(), 1);
    assert_eq!(why(now(receive.receive())), "closed");
}

/// Who wakes it panics.
struct PanicsWhenWoken;

impl Wake for PanicsWhenWoken {
    fn wake(self: Arc<Self>) {
        panic!("the waker panics");
    }
}

#[test]
fn an_item_that_was_taken_is_not_lost_when_the_waker_of_the_next_sender_panics() {
    for capacity in [0, 1] {
        let (send, receive) = memory_object_stream(capacity);
        (0..capacity).for_each(|number| now(send.send(number)).unwrap());
        let mut sending = Box::pin(send.send(capacity));
        assert!(sending.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::new(PanicsWhenWoken)))).is_pending());

        let panic = if capacity == 0 {
            panic_of(|| drop(receive.try_receive()))
        } else {
            panic_of(|| drop(now(receive.receive())))
        };
        assert!(panic.contains("the waker panics"), "{panic}");
        assert!(now(sending.as_mut()).is_ok(), "it was taken");
        for number in 0..=capacity {
            assert_eq!(receive.try_receive().unwrap(), number);
        }
    }
}
