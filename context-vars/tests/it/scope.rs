//! Variables set around a future, in every context a future can be polled in.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker},
};

use anyio_context_vars::{ContextVar, context_var};
use futures::{FutureExt, StreamExt, future, stream::FuturesUnordered};
use futures_lite::future::{block_on, yield_now};

context_var! {
    /// A variable with a doc comment.
    pub(crate) static USER: String;
    static DEPTH: u32 = 7;
    #[local] static SECRET: u32;
    #[local] /// The order of attributes does not matter.
    #[allow(dead_code)] static BOTH: Vec<u8> = Vec::new()
}

fn poll<F: Future>(fut: Pin<&mut F>) -> Poll<F::Output> {
    fut.poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn unset_it_is_the_default_or_nothing() {
    assert_eq!(USER.get(), None);
    assert_eq!(DEPTH.get(), Some(7));
    assert_eq!(DEPTH.with(|depth| depth.copied()), Some(7));
}

#[test]
fn it_holds_inside_and_not_outside() {
    block_on(async {
        let seen = USER.scope("ada".into(), async { USER.get() }).await;
        assert_eq!(seen.as_deref(), Some("ada"));
        assert_eq!(USER.get(), None);
    });
}

#[test]
fn the_inner_value_hides_the_outer_one_and_gives_it_back() {
    block_on(DEPTH.scope(1, async {
        DEPTH.scope(2, async { assert_eq!(DEPTH.get(), Some(2)) }).await;
        assert_eq!(DEPTH.get(), Some(1));
    }));
}

#[test]
fn several_variables_are_set_at_once() {
    block_on(USER.scope(
        "ada".into(),
        DEPTH.scope(1, async {
            assert_eq!((USER.get().as_deref(), DEPTH.get()), (Some("ada"), Some(1)));
        }),
    ));
}

#[test]
fn it_is_put_back_while_the_future_waits() {
    let mut waiting = pin!(USER.scope("ada".into(), async {
        yield_now().await;
        USER.get()
    }));
    assert!(poll(waiting.as_mut()).is_pending());
    assert_eq!(USER.get(), None);
    assert_eq!(poll(waiting).map(|user| user.unwrap()), Poll::Ready("ada".into()));
}

#[test]
fn two_futures_on_one_thread_see_each_their_own() {
    let user = |name: &str| {
        USER.scope(name.into(), async {
            let mut seen = Vec::new();
            for _ in 0..3 {
                seen.push(USER.get().unwrap());
                yield_now().await;
            }
            seen
        })
    };
    let (ada, grace) = block_on(future::join(user("ada"), user("grace")));
    assert_eq!((ada, grace), (vec!["ada".to_owned(); 3], vec!["grace".to_owned(); 3]));
}

#[test]
fn it_reaches_boxed_futures_select_and_sub_executors() {
    block_on(USER.scope("ada".into(), async {
        let boxed: Pin<Box<dyn Future<Output = Option<String>> + Send>> = Box::pin(async { USER.get() });
        assert_eq!(boxed.await.as_deref(), Some("ada"));
        let mut unordered: FuturesUnordered<_> = (0..3)
            .map(|_| async {
                yield_now().await;
                USER.get()
            })
            .collect();
        while let Some(user) = unordered.next().await {
            assert_eq!(user.as_deref(), Some("ada"));
        }
        tokio::select! { user = async { USER.get() } => assert_eq!(user.as_deref(), Some("ada")) }
        assert_eq!(async { USER.get() }.shared().await.as_deref(), Some("ada"));
    }));
}

#[test]
fn a_future_made_outside_and_polled_inside_sees_it() {
    let reader = async { USER.get() };
    assert_eq!(block_on(USER.scope("ada".into(), reader)).as_deref(), Some("ada"));
}

#[test]
fn a_scoped_future_that_moves_sees_the_other_variables_of_its_new_place() {
    let mut moved = Box::pin(USER.scope("ada".into(), async {
        let mut seen = Vec::new();
        for _ in 0..2 {
            seen.push((USER.get().unwrap(), DEPTH.get().unwrap()));
            yield_now().await;
        }
        seen
    }));
    assert!(poll(moved.as_mut()).is_pending());
    block_on(DEPTH.scope(1, async {
        assert!(poll(moved.as_mut()).is_pending());
    }));
    let Poll::Ready(seen) = poll(moved.as_mut()) else { panic!("it has read twice") };
    assert_eq!(seen, [("ada".to_owned(), 7), ("ada".to_owned(), 1)]);
}

#[test]
fn a_panic_puts_it_back() {
    let panics = std::panic::AssertUnwindSafe(USER.scope("ada".into(), async { panic!("on purpose") }));
    assert!(block_on(panics.catch_unwind()).is_err());
    assert_eq!(USER.get(), None);
}

#[test]
fn it_may_be_set_around_futures_that_borrow_and_that_are_not_send() {
    let text = String::from("borrowed");
    let count = std::rc::Rc::new(1);
    block_on(DEPTH.scope(1, async {
        assert_eq!((text.len(), *count), (8, 1));
    }));
}

#[test]
fn values_are_shared_by_reference() {
    static SHARED: ContextVar<Arc<u32>> = {
        context_var! { static INNER: Arc<u32>; }
        // A variable is known by where it stands: a copy is another variable.
        let _ = &INNER;
        ContextVar::__new(None, false)
    };
    let value = Arc::new(5);
    block_on(SHARED.scope(value.clone(), async {
        assert!(SHARED.with(|seen| Arc::ptr_eq(seen.unwrap(), &value)));
    }));
}

#[test]
fn ten_thousand_levels_are_freed_without_recursion() {
    fn deep(level: u32) -> Pin<Box<dyn Future<Output = anyio_context_vars::Snapshot> + Send>> {
        Box::pin(async move {
            if level == 0 { anyio_context_vars::Snapshot::take() } else { DEPTH.scope(level, deep(level - 1)).await }
        })
    }
    let roomy = std::thread::Builder::new().stack_size(256 << 20);
    let snapshot = roomy.spawn(|| block_on(deep(10_000))).unwrap().join().unwrap();
    let tight = std::thread::Builder::new().stack_size(64 << 10);
    tight.spawn(move || drop(snapshot)).unwrap().join().unwrap();
}

#[test]
fn scoped_futures_are_send_where_what_they_hold_is() {
    fn send<T: Send>(value: T) -> T {
        value
    }
    drop(send(USER.scope(String::new(), async {})));
    drop(send(SECRET.scope(1, async {})));
}
