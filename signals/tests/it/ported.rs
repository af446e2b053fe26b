//! AnyIO's own tests.

use anyio_cancel_scope::{CancelError, CompletedExt, fail_after, ok};
use anyio_signals::Signal;
use anyio_task_group::task_group;
use futures::StreamExt;
use futures_lite::future::block_on;
use std::{io, time::Duration};

use crate::support::{alone, open, raise};

// anyio: tests/test_signals.py::test_receive_signals
#[test]
fn two_signals_arrive_in_order() {
    alone!(|| {
        block_on(async {
            let signals = open(&[Signal::USR1, Signal::USR2]);
            std::thread::spawn(|| {
                raise(Signal::USR1);
                raise(Signal::USR2);
            })
            .join()
            .unwrap();
            fail_after(Duration::from_secs(60), async {
                assert_eq!(signals.next().await?, Signal::USR1);
                assert_eq!(signals.next().await?, Signal::USR2);
                io::Result::Ok(())
            })
            .await
            .unwrap();
        });
    });
}

// anyio: tests/test_signals.py::test_task_group_cancellation_open
#[test]
fn a_task_of_a_cancelled_group_opens_and_is_cancelled_in_the_wait() {
    alone!(|| {
        let ended = block_on(task_group(async |tg| -> anyio_cancel_scope::Result<_> {
            tg.start_soon(async {
                let receiver = open(&[Signal::USR1]);
                let mut signals = receiver.stream();
                while let Some(signal) = signals.next().await {
                    assert_ne!(signal?, Signal::USR1, "it should not be sent");
                }
                panic!("it should have been cancelled");
                #[allow(unreachable_code, reason = "it tells the type")]
                ok(())
            });
            tg.cancel();
            ok(())
        }));
        ended.completed().unwrap();
    });
}

// anyio: tests/test_signals.py::test_task_group_cancellation_consume
#[test]
fn a_task_of_a_cancelled_group_is_cancelled_while_it_consumes() {
    alone!(|| {
        let receiver = open(&[Signal::USR1]);
        let mut consumed = None;
        let ended = block_on(task_group(async |tg| -> io::Result<_> {
            tg.start_soon(async {
                let end = receiver.next().await;
                consumed = Some(end.clone());
                end?;
                io::Result::Ok(())
            });
            tg.cancel();
            Ok(())
        }));
        assert_eq!(ended.unwrap(), Some(()));
        assert!(consumed.unwrap().unwrap_err().is_cancelled());
    });
}
