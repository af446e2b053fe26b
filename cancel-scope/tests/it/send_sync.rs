//! One table of what may cross threads, what may be moved, what shows itself, and what must not be thrown away.

use std::{cell::Cell, fmt::Debug, future::Ready, marker::PhantomPinned};

use anyio_cancel_scope::{
    CancelScope, Cancellable, Cancelled, Cause, Checkpoint, CheckpointOnly, Enter, InScope, OrCancelled, RunRecord,
    Shield, Sleep, Stopping, TaskRecord, TimedOut, UnlessStopping, VirtualClock, WaitAtMost, WithClock, YieldNow,
};

/// Sees whether a type has a trait: the inherent constant is found first where its bound holds.
macro_rules! has {
    ($type:ty: $($bound:tt)+) => {{
        #[allow(dead_code)]
        struct Asked<T>(std::marker::PhantomData<T>);
        #[allow(dead_code)]
        trait Otherwise {
            const HOLDS: bool = false;
        }
        impl<T> Otherwise for Asked<T> {}
        #[allow(dead_code)]
        impl<T: $($bound)+> Asked<T> {
            const HOLDS: bool = true;
        }
        Asked::<$type>::HOLDS
    }};
}

macro_rules! table {
    ($($type:ty => $traits:literal;)*) => {$(
        let mut traits = String::new();
        for (holds, name) in
            [(has!($type: Send), "Send "), (has!($type: Sync), "Sync "), (has!($type: Unpin), "Unpin "), (has!($type: Debug), "Debug")]
        {
            traits.push_str(if holds { name } else { "" });
        }
        assert_eq!(traits.trim_end(), $traits, "{}", stringify!($type));
    )*};
}

type Plain = Ready<Result<(), Cancelled>>;
/// Neither `Send` nor `Sync` nor `Unpin`.
type Local = (std::rc::Rc<Cell<()>>, PhantomPinned);

#[test]
fn the_table() {
    table! {
        CancelScope => "Send Sync Unpin Debug";
        Cancelled => "Send Sync Unpin Debug";
        Cause => "Send Sync Unpin Debug";
        TimedOut => "Send Sync Unpin Debug";
        VirtualClock => "Send Sync Unpin Debug";
        RunRecord => "Send Sync Unpin Debug";
        TaskRecord => "Send Sync Unpin Debug";
        Checkpoint => "Send Sync Unpin Debug";
        CheckpointOnly => "Send Sync Unpin Debug";
        YieldNow => "Send Sync Unpin Debug";
        Sleep => "Send Sync Unpin Debug";
        Stopping => "Send Sync Unpin Debug";
        Enter<Plain> => "Send Sync Unpin Debug";
        Shield<Plain> => "Send Sync Unpin Debug";
        WaitAtMost<Plain> => "Send Sync Unpin Debug";
        WithClock<Plain> => "Send Sync Unpin Debug";
        Cancellable<Plain> => "Send Sync Unpin Debug";
        OrCancelled<Plain> => "Send Sync Unpin Debug";
        UnlessStopping<Plain> => "Send Sync Unpin Debug";
        InScope<Plain> => "Send Sync Unpin Debug";
        Enter<Local> => "Debug";
        Shield<Local> => "Debug";
        WaitAtMost<Local> => "Debug";
        WithClock<Local> => "Debug";
        Cancellable<Local> => "Debug";
        OrCancelled<Local> => "Debug";
        UnlessStopping<Local> => "Debug";
        InScope<Local> => "Debug";
    }
}

// What has no public name is as `Send`, `Sync` and `Unpin` as what it runs.
#[test]
fn the_futures_without_a_name_follow_what_they_run() {
    fn everywhere<T: Send + Sync + Unpin>(_: T) {}
    let work = || std::future::ready(Ok::<(), std::io::Error>(()));
    everywhere(CancelScope::new().run(work()));
    everywhere(anyio_cancel_scope::move_on_after(std::time::Duration::ZERO, work()));
    everywhere(anyio_cancel_scope::move_on_at(std::time::Instant::now(), work()));
    everywhere(anyio_cancel_scope::fail_after(std::time::Duration::ZERO, work()));
    everywhere(anyio_cancel_scope::fail_at(std::time::Instant::now(), work()));
}

#[test]
fn every_public_future_and_handle_is_must_use() {
    let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(source).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for line in text.lines() {
            let Some((_, rest)) = line.split_once("Future for ") else { continue };
            if !line.starts_with("impl") {
                continue;
            }
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric()).collect();
            // What has no public name is given out as `impl Future`, which the language itself marks.
            let declared = text.lines().position(|line| line.trim_start().starts_with(&format!("pub struct {name}")));
            let Some(declared) = declared else { continue };
            let before: Vec<_> = text.lines().take(declared).collect();
            let attributes = before.iter().rev().take_while(|line| line.trim_start().starts_with(['#', '/']));
            assert!(attributes.into_iter().any(|line| line.contains("#[must_use")), "{name}");
            found.push(name);
        }
        if text.contains("pub struct CancelScope") {
            let (before, _) = text.split_once("pub struct CancelScope").unwrap();
            assert!(before.lines().rev().take(3).any(|line| line.contains("#[must_use")), "CancelScope");
        }
    }
    found.sort();
    let futures = [
        "Cancellable",
        "CheckpointOnly",
        "Enter",
        "InScope",
        "OrCancelled",
        "Shield",
        "Sleep",
        "Stopping",
        "UnlessStopping",
        "WaitAtMost",
        "WithClock",
        "YieldNow",
    ];
    assert_eq!(found, futures);
}

// surface/src/scope.rs
#[test]
fn what_the_surface_promises_of_plain_functions_holds() {
    fn everywhere<T: Send + Sync + 'static>(_: T) {}
    everywhere(anyio_cancel_scope::checkpoint());
    everywhere(anyio_cancel_scope::yield_now());
    everywhere(anyio_cancel_scope::sleep(std::time::Duration::ZERO));
    everywhere(anyio_cancel_scope::sleep_until(std::time::Instant::now()));
    everywhere(anyio_cancel_scope::sleep_forever());
    everywhere(anyio_cancel_scope::stopping());
}

/// `run` and `enter` do not borrow the scope.
#[test]
fn the_futures_of_a_scope_outlive_its_handle() {
    fn made() -> (impl Future<Output = Result<Option<()>, Cancelled>>, Enter<Plain>) {
        let (one, other) = (CancelScope::new(), CancelScope::new());
        (one.run(std::future::ready(Ok(()))), other.enter(std::future::ready(Ok(()))))
    }
    let (run, enter) = made();
    assert_eq!(crate::support::Probe::new(run).ready(), Ok(Some(())));
    assert_eq!(crate::support::Probe::new(enter).ready(), Ok(()));
}
