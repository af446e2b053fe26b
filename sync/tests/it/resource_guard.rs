use std::{io, thread};

use anyio_sync::ResourceGuard;

#[test]
fn a_second_entry_is_refused_with_a_sentence_that_names_the_action() {
    let guard = ResourceGuard::new("reading from");
    let entered = guard.enter().unwrap();
    let busy = guard.enter().unwrap_err();
    assert_eq!(busy.action(), "reading from");
    assert_eq!(busy.to_string(), "another task is already reading from this resource");
    assert_eq!(io::Error::from(busy).kind(), io::ErrorKind::ResourceBusy);
    drop(entered);
    assert!(guard.enter().is_ok());
}

#[test]
fn one_refused_leaves_the_other_alone() {
    let guard = ResourceGuard::new("using");
    let _entered = guard.enter().unwrap();
    for _ in 0..3 {
        assert!(guard.enter().is_err());
    }
    assert!(guard.statistics().entered);
}

#[test]
fn one_in_a_static_serves_all_threads() {
    static GUARD: ResourceGuard = ResourceGuard::new("using");
    let entered = GUARD.enter().unwrap();
    assert!(thread::spawn(|| GUARD.enter().is_err()).join().unwrap());
    thread::spawn(move || drop(entered)).join().unwrap();
    assert!(!GUARD.statistics().entered);
}

#[test]
fn a_panic_leaves_it_free() {
    let guard = ResourceGuard::new("using");
    let panicked = std::panic::catch_unwind(|| {
        let _entered = guard.enter().unwrap();
        panic!("on purpose");
    });
    assert!(panicked.is_err() && guard.enter().is_ok());
}

#[test]
fn it_shows_itself() {
    let guard = ResourceGuard::new("using");
    assert_eq!(format!("{guard:?}"), "ResourceGuard { action: \"using\", entered: false }");
    let entered = guard.enter().unwrap();
    assert!(format!("{entered:?}").contains("entered: true"));
}
