//! Variables carried elsewhere.

use anyio_context_vars::{Snapshot, context_var};
use futures_lite::future::block_on;

context_var! {
    static USER: String;
    static DEPTH: u32;
    #[local] static SECRET: u32 = 0;
}

#[test]
fn nothing_set_is_an_empty_snapshot() {
    assert!(Snapshot::take().is_empty());
}

#[test]
fn it_carries_the_variables_to_a_thread() {
    let snapshot = block_on(USER.scope("ada".into(), async { Snapshot::take() }));
    let seen = std::thread::spawn(move || snapshot.enter(|| USER.get())).join().unwrap();
    assert_eq!(seen.as_deref(), Some("ada"));
    assert_eq!(USER.get(), None);
}

#[test]
fn local_ones_stay_behind() {
    let nested = USER.scope("ada".into(), SECRET.scope(5, DEPTH.scope(2, async { (SECRET.get(), Snapshot::take()) })));
    let (here, snapshot) = block_on(nested);
    assert_eq!(here, Some(5));
    snapshot.enter(|| {
        assert_eq!((USER.get().as_deref(), DEPTH.get(), SECRET.get()), (Some("ada"), Some(2), Some(0)));
    });
}

#[test]
fn inside_of_a_snapshot_nothing_else_is_seen() {
    let empty = Snapshot::take();
    block_on(USER.scope("ada".into(), async {
        empty.enter(|| assert_eq!(USER.get(), None));
        empty.bind(async { assert_eq!(USER.get(), None) }).await;
        assert_eq!(USER.get().as_deref(), Some("ada"));
    }));
}

#[test]
fn a_task_of_a_foreign_executor_sees_them_by_bind() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let seen = runtime.block_on(USER.scope("ada".into(), async {
        let plain = tokio::spawn(async { USER.get() }).await.unwrap();
        let bound = tokio::spawn(Snapshot::take().bind(async {
            tokio::task::yield_now().await;
            USER.get()
        }));
        (plain, bound.await.unwrap())
    }));
    assert_eq!(seen, (None, Some("ada".to_owned())));
}

#[test]
fn a_panic_puts_the_others_back() {
    let snapshot = block_on(USER.scope("ada".into(), async { Snapshot::take() }));
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| snapshot.enter(|| panic!("on purpose"))));
    assert!(panicked.is_err());
    assert_eq!(USER.get(), None);
}
