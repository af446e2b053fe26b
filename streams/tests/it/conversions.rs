//! Into `io::Error`, and back out of it.

use std::io::{self, ErrorKind};

use anyio_streams::{ByteSendError, ReceiveError, SendError, SendReason, TryReceiveError, TrySendError, TrySendReason};

use crate::support::cancelled;

fn reset() -> Box<io::Error> {
    Box::new(ErrorKind::ConnectionReset.into())
}

#[test]
fn each_word_has_its_kind() {
    fn kind(error: impl Into<io::Error>) -> ErrorKind {
        error.into().kind()
    }
    assert_eq!(kind(ReceiveError::from(cancelled())), ErrorKind::Other);
    assert_eq!(kind(ReceiveError::Closed), ErrorKind::Other);
    assert_eq!(kind(ReceiveError::EndOfStream), ErrorKind::UnexpectedEof);
    assert_eq!(kind(ReceiveError::Busy), ErrorKind::ResourceBusy);
    assert_eq!(kind(ReceiveError::Broken("gone".into())), ErrorKind::BrokenPipe);
    assert_eq!(kind(ReceiveError::Broken(reset())), ErrorKind::ConnectionReset);

    type Make = fn(SendReason) -> ErrorKind;
    let forms: [Make; 3] =
        [kind, |reason| kind(SendError::new(1, reason)), |reason| kind(ByteSendError::new(1, reason))];
    for of in forms {
        assert_eq!(of(SendReason::from(cancelled())), ErrorKind::Other);
        assert_eq!(of(SendReason::Closed), ErrorKind::Other);
        assert_eq!(of(SendReason::Busy), ErrorKind::ResourceBusy);
        assert_eq!(of(SendReason::Broken("gone".into())), ErrorKind::BrokenPipe);
        assert_eq!(of(SendReason::Broken(reset())), ErrorKind::ConnectionReset);
        assert_eq!(of(SendReason::Refused("too long".into())), ErrorKind::InvalidInput);
    }

    assert_eq!(kind(TryReceiveError::WouldBlock), ErrorKind::WouldBlock);
    assert_eq!(kind(TryReceiveError::Closed), ErrorKind::Other);
    assert_eq!(kind(TryReceiveError::EndOfStream), ErrorKind::UnexpectedEof);
    assert_eq!(kind(TryReceiveError::Busy), ErrorKind::ResourceBusy);
    assert_eq!(kind(TryReceiveError::Broken(reset())), ErrorKind::ConnectionReset);
    for of in [kind as fn(TrySendReason) -> ErrorKind, |reason| kind(TrySendError::new(1, reason))] {
        assert_eq!(of(TrySendReason::WouldBlock), ErrorKind::WouldBlock);
        assert_eq!(of(TrySendReason::Closed), ErrorKind::Other);
        assert_eq!(of(TrySendReason::Busy), ErrorKind::ResourceBusy);
        assert_eq!(of(TrySendReason::Broken("gone".into())), ErrorKind::BrokenPipe);
    }
}

#[test]
fn no_cancellation_is_of_the_kind_that_std_retries() {
    for error in [io::Error::from(ReceiveError::from(cancelled())), SendError::new(1, cancelled()).into()] {
        assert_ne!(error.kind(), ErrorKind::Interrupted);
    }
}

#[test]
fn the_error_itself_is_inside() {
    let error = io::Error::from(ByteSendError::new(17, SendReason::Closed));
    assert_eq!(error.get_ref().unwrap().downcast_ref::<ByteSendError>().unwrap().sent, 17);
    let error = io::Error::from(ReceiveError::EndOfStream);
    assert!(error.get_ref().unwrap().downcast_ref::<ReceiveError>().unwrap().is_end_of_stream());
    let error = io::Error::from(SendError::new(1, SendReason::Busy));
    assert!(error.get_ref().unwrap().downcast_ref::<SendReason>().unwrap().is_busy());
}

#[test]
fn a_transports_error_is_a_cancellation_or_a_broken_stream() {
    assert!(ReceiveError::from(io::Error::from(cancelled())).is_cancelled());
    assert!(SendReason::from(io::Error::from(cancelled())).is_cancelled());
    // Also from below another stream.
    assert!(ReceiveError::from(io::Error::from(ReceiveError::from(cancelled()))).is_cancelled());
    let broken = ReceiveError::from(io::Error::from(ErrorKind::ConnectionReset));
    assert!(broken.is_broken());
    assert_eq!(io::Error::from(broken).kind(), ErrorKind::ConnectionReset);
    assert!(SendReason::from(io::Error::from(ErrorKind::NotFound)).is_broken());
    assert!(SendError::new(1, io::Error::from(cancelled())).is_cancelled());
}

#[test]
fn a_reason_comes_out_of_its_error_by_question_mark() {
    fn send() -> Result<(), SendReason> {
        Err(SendError::new("item", SendReason::Closed))?;
        Ok(())
    }
    assert!(send().unwrap_err().is_closed());
}
