use std::cell::RefCell;
use std::collections::BTreeSet;
use std::future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use anyio_future_contract::{BoxedFuture, block_on, block_on_for, run_all, run_all_for};

use crate::event::{Bug, Event};

/// Is pending once, and has woken itself by then.
async fn take_turns() {
    let mut is_polled = false;
    future::poll_fn(|cx| {
        if is_polled {
            return Poll::Ready(());
        }
        is_polled = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

async fn take_turns_forever() {
    loop {
        take_turns().await;
    }
}

#[test]
fn block_on_polls_while_woken() {
    let text = String::from("borrowed");
    let length = block_on(async {
        take_turns().await;
        take_turns().await;
        text.len()
    });
    assert_eq!(length, 8);
}

#[test]
#[should_panic(expected = "deadlock: the future is pending and nobody has woken it")]
fn block_on_panics_when_nobody_wakes() {
    block_on(Arc::new(Event::new(Bug::None)).wait());
}

#[test]
fn block_on_for_counts_polls() {
    block_on_for(2, take_turns());
}

#[test]
#[should_panic(expected = "the future is still pending after poll 1")]
fn block_on_for_panics_after_its_steps() {
    block_on_for(1, take_turns());
}

#[test]
#[should_panic(expected = "deadlock: the future is pending and nobody has woken it")]
fn block_on_for_tells_a_deadlock_from_a_lack_of_steps() {
    block_on_for(1, future::pending::<()>());
}

#[test]
fn run_all_returns_outputs_in_the_order_of_the_futures() {
    for seed in 0..20 {
        let event = Arc::new(Event::new(Bug::None));
        let waiting = Arc::clone(&event).wait();
        let outputs = run_all(
            seed,
            vec![
                Box::pin(async {
                    waiting.await;
                    1
                }),
                Box::pin(async {
                    take_turns().await;
                    event.set();
                    2
                }),
            ],
        );
        assert_eq!(outputs, [1, 2]);
    }
    assert_eq!(run_all::<()>(0, Vec::new()), []);
}

#[test]
fn seeds_repeat_their_order_and_reach_every_order() {
    let order = |seed| {
        let log = RefCell::new(Vec::new());
        let future = |name| -> BoxedFuture<'_, ()> {
            let log = &log;
            Box::pin(async move {
                log.borrow_mut().push(name);
                take_turns().await;
                log.borrow_mut().push(name);
            })
        };
        run_all(seed, vec![future('a'), future('b'), future('c')]);
        log.into_inner()
    };
    assert!((0..100).all(|seed| order(seed) == order(seed)));
    let orders: BTreeSet<_> = (0..5000).map(order).collect();
    assert_eq!(orders.len(), 90, "three futures with two polls each have 6! / (2! 2! 2!) orders");
}

#[test]
fn a_finished_future_is_dropped_before_the_others_go_on() {
    struct SetOnDrop(Arc<Event>);

    impl Future for SetOnDrop {
        type Output = ();

        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
            Poll::Ready(())
        }
    }

    impl Drop for SetOnDrop {
        fn drop(&mut self) {
            self.0.set();
        }
    }

    let event = Arc::new(Event::new(Bug::None));
    run_all(7, vec![Box::pin(Arc::clone(&event).wait()), Box::pin(SetOnDrop(event))]);
}

#[test]
#[should_panic(expected = "deadlock: the futures [0, 2] are pending and nobody has woken them (seed 3)")]
fn run_all_names_those_that_wait_for_nothing() {
    run_all(3, vec![Box::pin(future::pending()), Box::pin(take_turns()), Box::pin(future::pending())]);
}

#[test]
#[should_panic(expected = "the futures [1] are still pending after poll 100 (seed 3)")]
fn run_all_for_names_those_that_never_end() {
    run_all_for(100, 3, vec![Box::pin(take_turns()), Box::pin(take_turns_forever())]);
}
