//! Other crates that install handlers: tokio's, which stay for ever and call what was there before them.

use anyio_signals::Signal;
use tokio::signal::unix::{self, SignalKind};

use crate::support::{alone, open, raise, unread};

fn in_tokio(work: impl AsyncFnOnce()) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work());
}

fn tokios() -> unix::Signal {
    unix::signal(SignalKind::user_defined1()).unwrap()
}

#[test]
fn what_was_there_before_us_receives_too() {
    alone!(|| {
        in_tokio(async || {
            let mut theirs = tokios();
            for _ in 0..20 {
                let ours = open(&[Signal::USR1]);
                raise(Signal::USR1);
                theirs.recv().await.unwrap();
                assert_eq!(unread(&ours), [Signal::USR1]);
                drop(ours);
                raise(Signal::USR1);
                theirs.recv().await.unwrap();
            }
        });
    });
}

#[test]
fn what_came_after_us_calls_us_however_often_we_come_and_go() {
    alone!(|| {
        in_tokio(async || {
            let first = open(&[Signal::USR1]);
            let mut theirs = tokios();
            raise(Signal::USR1);
            theirs.recv().await.unwrap();
            assert_eq!(unread(&first), [Signal::USR1]);
            drop(first);
            for _ in 0..20 {
                let (one, other) = (open(&[Signal::USR1]), open(&[Signal::USR1]));
                raise(Signal::USR1);
                theirs.recv().await.unwrap();
                assert_eq!((unread(&one).len(), unread(&other).len()), (1, 1));
                drop((one, other));
                raise(Signal::USR1);
                theirs.recv().await.unwrap();
            }
        });
    });
}
