//! Which errors are cancellations, alone and inside of others.

use std::{error::Error, io, sync::Arc};

use anyio_cancel_scope::{BoxError, CancelError, CancelScope, Cancelled, TimedOut, fail_after, is_cancellation};
use anyio_streams::{ByteSendError, ReceiveError, SendError, SendReason, TryReceiveError, TrySendError, TrySendReason};
use futures_lite::future::block_on;

use crate::support::{Queue, cancelled, cancelled_scope};
use anyio_streams::{UnreliableObjectReceiveStream, UnreliableObjectSendStream};

/// Sources of a broken stream that are, or contain, the cancellation of something else.
fn others_cancelled() -> Vec<BoxError> {
    vec![
        cancelled().into(),
        io::Error::from(cancelled()).into(),
        ReceiveError::from(cancelled()).into(),
        SendReason::from(cancelled()).into(),
        io::Error::other(ReceiveError::from(cancelled())).into(),
        Box::new(UserError::Receive(cancelled().into())),
        anyhow::Error::from(cancelled()).context("the other task").into(),
    ]
}

/// An enum as users write them.
#[derive(Debug, thiserror::Error, CancelError)]
enum UserError {
    #[error("receiving")]
    Receive(#[from] ReceiveError),
    #[error("sending")]
    Send(#[from] SendReason),
    #[error("cancelled")]
    Cancelled(#[from] Cancelled),
    #[error("disk")]
    Disk(#[source] io::Error),
}

#[test]
fn a_cancelled_operation_is_a_cancellation() {
    assert!(CancelError::is_cancelled(&ReceiveError::from(cancelled())));
    assert!(CancelError::is_cancelled(&SendReason::from(cancelled())));
    assert!(is_cancellation(&ReceiveError::Cancelled(cancelled())));
    assert!(is_cancellation(&SendReason::Cancelled(cancelled())));
    assert!(is_cancellation(&SendError::new(1, cancelled())));
    assert!(is_cancellation(&ByteSendError::new(7, cancelled())));
}

#[test]
fn it_is_seen_inside_a_users_enum() {
    assert!(UserError::from(ReceiveError::from(cancelled())).is_cancelled());
    assert!(UserError::from(SendReason::from(cancelled())).is_cancelled());
    assert!(UserError::from(cancelled()).is_cancelled());
    assert!(UserError::Disk(ReceiveError::from(cancelled()).into()).is_cancelled());
    assert!(!UserError::from(ReceiveError::EndOfStream).is_cancelled());
    assert!(!UserError::from(SendReason::Closed).is_cancelled());
    assert!(!UserError::Disk(io::ErrorKind::NotFound.into()).is_cancelled());
}

#[test]
fn it_is_seen_inside_anyhow() {
    let error = anyhow::Error::from(ReceiveError::from(cancelled())).context("reading").context("serving");
    assert!(error.is_cancelled());
    assert!(anyhow::Error::from(SendError::new(1, cancelled())).is_cancelled());
    assert!(anyhow::Error::from(ByteSendError::new(1, cancelled())).is_cancelled());
    assert!(!anyhow::Error::from(ReceiveError::Closed).is_cancelled());
}

#[test]
fn it_is_seen_inside_io_errors_and_boxes() {
    let errors: [io::Error; 4] = [
        ReceiveError::from(cancelled()).into(),
        SendReason::from(cancelled()).into(),
        SendError::new("item", cancelled()).into(),
        ByteSendError::new(3, cancelled()).into(),
    ];
    for error in errors {
        assert!(error.is_cancelled(), "{error}");
        let boxed: BoxError = error.into();
        assert!(boxed.is_cancelled());
        assert!(io::Error::other(boxed).is_cancelled());
    }
    assert!(BoxError::from(ReceiveError::from(cancelled())).is_cancelled());
    assert!(BoxError::from(SendError::new(1, cancelled())).is_cancelled());
}

#[test]
fn a_broken_stream_is_none_also_when_something_else_was_cancelled() {
    for source in others_cancelled() {
        assert!(is_cancellation(&*source));
        let shared: Arc<dyn Error + Send + Sync> = source.into();
        let broken = || -> BoxError { Box::new(Told(shared.clone())) };
        let errors: Vec<BoxError> = vec![
            ReceiveError::Broken(broken()).into(),
            SendReason::Broken(broken()).into(),
            SendError::new(1, SendReason::Broken(broken())).into(),
            ByteSendError::new(1, SendReason::Broken(broken())).into(),
            TryReceiveError::Broken(broken()).into(),
            TrySendReason::Broken(broken()).into(),
            TrySendError::new(1, TrySendReason::Broken(broken())).into(),
        ];
        for error in errors {
            assert!(!error.is_cancelled(), "{error:?}");
            assert!(error.source().is_none(), "{error:?}");
            assert!(!io::Error::other(error).is_cancelled());
        }
        let io: [io::Error; 5] = [
            ReceiveError::Broken(broken()).into(),
            SendReason::Broken(broken()).into(),
            ByteSendError::new(1, SendReason::Broken(broken())).into(),
            TryReceiveError::Broken(broken()).into(),
            TrySendError::new(1, TrySendReason::Broken(broken())).into(),
        ];
        assert!(io.iter().all(|error| !error.is_cancelled()));
        assert!(!UserError::from(ReceiveError::Broken(broken())).is_cancelled());
        // What it was can still be read.
        assert!(ReceiveError::Broken(broken()).to_string().starts_with("the stream is broken: "));
    }
}

/// Shows another error as its own.
#[derive(Debug)]
struct Told(Arc<dyn Error + Send + Sync>);

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Told {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

#[test]
fn a_broken_stream_shows_any_other_source() {
    let error = ReceiveError::Broken(io::Error::from(io::ErrorKind::ConnectionReset).into());
    assert_eq!(error.source().unwrap().downcast_ref::<io::Error>().unwrap().kind(), io::ErrorKind::ConnectionReset);
    let error = SendError::new(1, SendReason::Broken("no disk".into()));
    assert_eq!(error.source().unwrap().to_string(), "no disk");
}

#[test]
fn no_other_word_is_a_cancellation() {
    let errors: [BoxError; 8] = [
        ReceiveError::Closed.into(),
        ReceiveError::EndOfStream.into(),
        ReceiveError::Busy.into(),
        SendReason::Closed.into(),
        SendReason::Busy.into(),
        TryReceiveError::WouldBlock.into(),
        TrySendReason::WouldBlock.into(),
        SendError::new(1, SendReason::Busy).into(),
    ];
    for error in errors {
        assert!(!error.is_cancelled() && error.source().is_none(), "{error}");
    }
}

#[test]
fn a_scope_absorbs_the_errors_that_carry_nothing() {
    let queue = Queue::<u32>::new();
    block_on(async {
        assert!(cancelled_scope().run(queue.receive()).await.unwrap().is_none());
        let sent = cancelled_scope().run(async { queue.send(1).await.map_err(SendError::into_reason) }).await;
        assert!(sent.unwrap().is_none());
        let sent: io::Result<Option<()>> = cancelled_scope().run(async { Ok(queue.send(1).await?) }).await;
        assert!(sent.unwrap().is_none());
        // What carries something comes out of `enter`, with it.
        assert_eq!(cancelled_scope().enter(queue.send(2)).await.unwrap_err().into_item(), 2);
        // A scope that was not cancelled absorbs nothing.
        assert!(CancelScope::new().run(queue.receive()).await.unwrap_err().is_end_of_stream());
    });
}

#[test]
fn a_timeout_is_told_as_one() {
    #[derive(Debug, thiserror::Error, CancelError)]
    enum Late {
        #[error(transparent)]
        Receive(#[from] ReceiveError),
        #[error(transparent)]
        #[cancel(never)]
        TimedOut(#[from] TimedOut),
        #[error("cancelled")]
        Cancelled(#[from] Cancelled),
    }
    let queue = Queue::<u32>::new();
    let late = block_on(fail_after(std::time::Duration::ZERO, async { Ok::<_, Late>(queue.receive().await?) }));
    assert!(matches!(late, Err(Late::TimedOut(_))));
}
