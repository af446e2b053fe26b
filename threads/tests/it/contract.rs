//! The claims that every waiting future passes.

use anyio_threads::to_thread;

use crate::support::{Gate, ends, finish, polled};

// R12
#[test]
fn entry_is_a_checkpoint_that_gives_way_now_and_then() {
    ends(|| {
        let gate = Gate::default();
        gate.open();
        let mut yielded = 0;
        for _ in 0..300 {
            let theirs = gate.clone();
            let mut call = anyio_future_contract::Polled::new(to_thread::run_sync(move || theirs.pass()));
            let before = gate.arrived();
            match call.poll() {
                // The closure may have been faster than this poll.
                std::task::Poll::Ready(passed) => passed.unwrap(),
                std::task::Poll::Pending => {
                    if call.is_woken() && gate.arrived() == before {
                        yielded += 1;
                    }
                    finish(&mut call).unwrap();
                }
            }
        }
        assert!(yielded >= 1);
    });
}

#[test]
fn the_last_waker_is_the_one_that_is_woken() {
    ends(|| {
        let gate = Gate::default();
        let theirs = gate.clone();
        let mut call = polled(to_thread::run_sync(move || theirs.pass()));
        call.assert_pending();
        gate.wait_for(1);
        let (first, last) = (anyio_future_contract::Counts::new(), anyio_future_contract::Counts::new());
        for counts in [&first, &last] {
            assert!(call.poll_with(&counts.waker()).is_pending());
        }
        gate.open();
        crate::support::until(|| last.wakes() == 1);
        assert_eq!(first.wakes(), 0);
        finish(&mut call).unwrap();
    });
}
