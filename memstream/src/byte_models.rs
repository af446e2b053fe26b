//! Models of a memory byte stream for loom. A lost wake-up shows as a deadlock.

use anyio_cancel_scope::CancelScope;
use anyio_streams::ReceiveError;
use loom::{future::block_on, model::Builder, thread};

use crate::memory_byte_stream;

fn explore(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(3);
    builder.max_branches = 20_000;
    builder.check(model);
}

#[test]
fn who_waits_for_bytes_and_who_waits_for_room_are_woken() {
    explore(|| {
        let (here, there) = memory_byte_stream(1);
        let sender = thread::spawn(move || block_on(here.send(b"ab")).unwrap());
        let mut seen = Vec::new();
        let mut buf = [0; 2];
        while seen.len() < 2 {
            let count = block_on(there.receive(&mut buf)).unwrap();
            seen.extend_from_slice(&buf[..count]);
        }
        sender.join().unwrap();
        assert_eq!(seen, b"ab");
    });
}

// H4, H5
#[test]
fn a_close_against_a_receive_ends_it() {
    explore(|| {
        let (here, there) = memory_byte_stream(2);
        let closer = thread::spawn(move || {
            block_on(here.send(b"a")).unwrap();
            drop(here);
        });
        let mut buf = [0; 2];
        assert_eq!(block_on(there.receive(&mut buf)).unwrap(), 1);
        assert!(matches!(block_on(there.receive(&mut buf)), Err(ReceiveError::EndOfStream)));
        closer.join().unwrap();
    });
}

// R3
#[test]
fn a_send_against_a_cancelled_receive_loses_no_byte() {
    explore(|| {
        let (here, there) = memory_byte_stream(1);
        let scope = CancelScope::new();
        let canceller = thread::spawn({
            let scope = scope.clone();
            move || scope.cancel()
        });
        let sender = thread::spawn(move || block_on(here.send(b"a")).unwrap());
        let mut buf = [0];
        let received = block_on(scope.enter(there.receive(&mut buf)));
        canceller.join().unwrap();
        sender.join().unwrap();
        match received {
            Ok(count) => assert_eq!(count, 1),
            Err(ReceiveError::Cancelled(_)) => assert_eq!(block_on(there.receive(&mut buf)).unwrap(), 1),
            Err(error) => panic!("{error}"),
        }
        assert_eq!(&buf, b"a");
    });
}
