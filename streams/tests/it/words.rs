//! The words, and the questions that can be asked.

use anyio_streams::{ByteSendError, ReceiveError, SendError, SendReason, TryReceiveError, TrySendError, TrySendReason};

use crate::support::cancelled;

#[test]
fn the_words_are_the_same_everywhere() {
    let broken = || "no disk".into();
    let receive = [
        (ReceiveError::from(cancelled()), "cancelled"),
        (ReceiveError::Closed, "this end of the stream is closed"),
        (ReceiveError::EndOfStream, "end of stream"),
        (ReceiveError::Busy, "another task is receiving on this stream"),
        (ReceiveError::Broken(broken()), "the stream is broken: no disk"),
    ];
    for (error, text) in receive {
        assert_eq!(error.to_string(), text);
    }
    let send = || {
        [
            (SendReason::from(cancelled()), "cancelled"),
            (SendReason::Closed, "this end of the stream is closed"),
            (SendReason::Busy, "another task is sending on this stream"),
            (SendReason::Broken(broken()), "the stream is broken: no disk"),
            (SendReason::Refused(broken()), "it cannot be sent over this stream: no disk"),
        ]
    };
    for (reason, text) in send() {
        assert_eq!(reason.to_string(), text);
        assert_eq!(SendError::new(1, reason).to_string(), text);
    }
    for (reason, text) in send() {
        assert_eq!(ByteSendError::new(9, reason).to_string(), format!("{text} (after 9 bytes)"));
    }
    assert_eq!(TryReceiveError::WouldBlock.to_string(), "the operation would have to wait");
    assert_eq!(TryReceiveError::Closed.to_string(), ReceiveError::Closed.to_string());
    assert_eq!(TryReceiveError::EndOfStream.to_string(), ReceiveError::EndOfStream.to_string());
    assert_eq!(TryReceiveError::Busy.to_string(), ReceiveError::Busy.to_string());
    assert_eq!(TryReceiveError::Broken(broken()).to_string(), "the stream is broken: no disk");
    assert_eq!(TrySendReason::WouldBlock.to_string(), "the operation would have to wait");
    assert_eq!(TrySendError::new(1, TrySendReason::Closed).to_string(), SendReason::Closed.to_string());
    assert_eq!(TrySendReason::Busy.to_string(), SendReason::Busy.to_string());
    assert_eq!(TrySendReason::Broken(broken()).to_string(), "the stream is broken: no disk");
}

/// One `true` at the place of its number.
fn only(place: usize) -> [bool; 5] {
    std::array::from_fn(|at| at == place)
}

#[test]
fn each_question_is_true_of_one_word() {
    let errors = [
        ReceiveError::from(cancelled()),
        ReceiveError::Closed,
        ReceiveError::Busy,
        ReceiveError::Broken("".into()),
        ReceiveError::EndOfStream,
    ];
    for (place, error) in errors.iter().enumerate() {
        let answers =
            [error.is_cancelled(), error.is_closed(), error.is_busy(), error.is_broken(), error.is_end_of_stream()];
        assert_eq!(answers, only(place));
    }
    let reasons = || {
        [
            SendReason::from(cancelled()),
            SendReason::Closed,
            SendReason::Busy,
            SendReason::Broken("".into()),
            SendReason::Refused("".into()),
        ]
    };
    for (place, reason) in reasons().into_iter().enumerate() {
        let answers =
            [reason.is_cancelled(), reason.is_closed(), reason.is_busy(), reason.is_broken(), reason.is_refused()];
        assert_eq!(answers, only(place));
        let error = SendError::new(1, reason);
        let answers = [error.is_cancelled(), error.is_closed(), error.is_busy(), error.is_broken(), error.is_refused()];
        assert_eq!(answers, only(place));
    }
    for (place, reason) in reasons().into_iter().enumerate() {
        let error = ByteSendError::new(1, reason);
        let answers = [error.is_cancelled(), error.is_closed(), error.is_busy(), error.is_broken(), error.is_refused()];
        assert_eq!(answers, only(place));
    }
    let errors = [
        TryReceiveError::WouldBlock,
        TryReceiveError::Closed,
        TryReceiveError::Busy,
        TryReceiveError::Broken("".into()),
        TryReceiveError::EndOfStream,
    ];
    for (place, error) in errors.iter().enumerate() {
        let answers =
            [error.would_block(), error.is_closed(), error.is_busy(), error.is_broken(), error.is_end_of_stream()];
        assert_eq!(answers, only(place));
    }
    let reasons =
        [TrySendReason::WouldBlock, TrySendReason::Closed, TrySendReason::Busy, TrySendReason::Broken("".into())];
    for (place, reason) in reasons.into_iter().enumerate() {
        let error = TrySendError::new(1, reason);
        assert_eq!([error.would_block(), error.is_closed(), error.is_busy(), error.is_broken(), false], only(place));
    }
}
