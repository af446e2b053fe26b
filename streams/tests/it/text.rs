//! Text over bytes.

use std::{io, sync::atomic::Ordering};

use anyio_cancel_scope::{CancelError, CancelScope};
use anyio_future_contract::Polled;
use anyio_streams::{
    AsyncResource, ClosingErrors, CutCharacter, DecodeError, ObjectStream, ReceiveError, Text, TextErrors,
    UnreliableObjectReceiveStream, UnreliableObjectSendStream,
};
use anyio_typed_attrs::TypedAttributeExt;
use futures_lite::future::block_on;

use crate::{
    script::{Name, Script, Step},
    support::cancelled_scope,
};

fn text(chunks: &[&[u8]]) -> Text<Script> {
    Text::new(Script::of(chunks))
}

/// All that is received, and the mistake at the end if there is one.
fn all(stream: &Text<Script>) -> (String, Option<DecodeError>) {
    let mut all = String::new();
    loop {
        match block_on(stream.receive()) {
            Ok(text) => {
                assert!(!text.is_empty());
                all += &text;
            }
            Err(ReceiveError::EndOfStream) => return (all, None),
            Err(ReceiveError::Broken(error)) => return (all, Some(*error.downcast().unwrap())),
            Err(error) => panic!("{error}"),
        }
    }
}

// anyio: tests/streams/test_text.py::test_receive
#[test]
fn half_a_character_waits_for_its_other_half() {
    let stream = text(&[b"\xc3\xa5\xc3\xa4\xc3", b"\xb6"]);
    assert_eq!(block_on(stream.receive()).unwrap(), "åä");
    assert_eq!(block_on(stream.receive()).unwrap(), "ö");
    // It never gives an empty text.
    let stream = text(&[b"\xe2", b"\x82", b"\xac"]);
    assert_eq!(block_on(stream.receive()).unwrap(), "€");
}

// anyio: tests/streams/test_text.py::test_receive_encoding_error
#[test]
fn mistakes_are_replaced_or_left_out_where_that_is_wanted() {
    let replaced = Text::with_errors(Script::of(&[b"\xe5\xe4"]), TextErrors::Replace);
    assert_eq!(all(&replaced), ("\u{fffd}\u{fffd}".into(), None));
    let ignored = Text::with_errors(Script::of(&[b"a\xe5", b"b", b"\xff"]), TextErrors::Ignore);
    assert_eq!(all(&ignored), ("ab".into(), None));
}

#[test]
fn a_mistake_comes_after_the_text_before_it_and_stays() {
    let stream = text(&[b"ab\xffcd", b"ef"]);
    let (before, error) = all(&stream);
    let error = error.unwrap();
    assert_eq!((before.as_str(), error.position(), error.encoding(), error.is_cut()), ("ab", 2, "UTF-8", false));
    assert_eq!(error.to_string(), "no UTF-8 text at byte 2 of the stream");
    assert_eq!(all(&stream), (String::new(), Some(error)));
}

#[test]
fn half_a_character_at_the_end_is_a_mistake() {
    let stream = text(&[b"ab\xe2\x82"]);
    let (before, error) = all(&stream);
    let error = error.unwrap();
    assert_eq!((before.as_str(), error.position(), error.is_cut()), ("ab", 2, true));
    assert_eq!(error.to_string(), "the stream ended within the UTF-8 character at byte 2");
    assert!(block_on(stream.receive()).unwrap_err().is_broken());
    let replaced = Text::with_errors(Script::of(&[b"ab\xe2\x82"]), TextErrors::Replace);
    assert_eq!(all(&replaced), ("ab\u{fffd}".into(), None));
    assert!(block_on(replaced.receive()).unwrap_err().is_end_of_stream());
}

// anyio: tests/streams/test_text.py::test_send
#[test]
fn text_is_sent_as_its_bytes() {
    let stream = text(&[]);
    block_on(async {
        stream.send("åäö".into()).await.unwrap();
        stream.send_str("!").await.unwrap();
    });
    assert_eq!(stream.get_ref().sent(), b"\xc3\xa5\xc3\xa4\xc3\xb6!");
}

// anyio: tests/streams/test_text.py::test_bidirectional_stream
#[test]
fn both_directions_are_those_of_the_stream_inside() {
    let stream = text(&["grüße".as_bytes()]);
    block_on(async {
        assert_eq!(stream.receive().await.unwrap(), "grüße");
        stream.send("zurück".into()).await.unwrap();
        stream.send_eof().await.unwrap();
        assert!(stream.send("x".into()).await.unwrap_err().is_closed());
        // Once, where AnyIO closes twice.
        stream.aclose().await.unwrap();
        assert!(stream.receive().await.unwrap_err().is_closed());
    });
    assert_eq!((stream.get_ref().sent(), stream.get_ref().counts()), ("zurück".as_bytes().to_vec(), [1, 0, 1]));
    assert_eq!(stream.extra::<Name>().unwrap(), "script");
    assert!(format!("{:?}", Text::new(7)).contains("inner: 7"));
}

// H6
#[test]
fn a_cancelled_send_gives_back_what_was_not_sent_from_a_character_on() {
    for (room, back, first) in [(0, "aß€z", ""), (1, "ß€z", "a"), (2, "€z", "aß"), (3, "€z", "aß"), (4, "z", "aß€")]
    {
        let stream = Text::new(Script::with_room(room));
        let scope = CancelScope::new();
        let mut send = Polled::new(scope.enter(stream.send("aß€z".into())));
        send.assert_pending();
        scope.cancel();
        let error = send.assert_ready().unwrap_err();
        assert!(error.is_cancelled());
        assert_eq!(error.into_item(), back);
        // What is left of the character goes out before what is sent next.
        stream.get_ref().room.store(100, Ordering::SeqCst);
        block_on(stream.send_str("+")).unwrap();
        assert_eq!(String::from_utf8(stream.get_ref().sent()).unwrap(), format!("{first}+"));
    }
}

#[test]
fn the_end_of_a_character_goes_out_before_the_end_of_the_stream() {
    let stream = Text::new(Script::with_room(1));
    let scope = CancelScope::new();
    let mut send = Polled::new(scope.enter(stream.send_str("€uro")));
    send.assert_pending();
    scope.cancel();
    assert_eq!(send.assert_ready().unwrap_err().into_item(), "uro");
    // Cancelled again, after another byte.
    stream.get_ref().room.store(1, Ordering::SeqCst);
    let scope = CancelScope::new();
    let mut send = Polled::new(scope.enter(stream.send_str("uro")));
    send.assert_pending();
    scope.cancel();
    assert_eq!(send.assert_ready().unwrap_err().into_item(), "uro");
    stream.get_ref().room.store(100, Ordering::SeqCst);
    block_on(stream.send_eof()).unwrap();
    assert_eq!(stream.get_ref().sent(), "€".as_bytes());
}

/// A stream whose send of a `€` was cancelled after one byte.
fn half_sent() -> Text<Script> {
    let stream = Text::new(Script::with_room(1));
    let scope = CancelScope::new();
    let mut send = Polled::new(scope.enter(stream.send_str("€")));
    send.assert_pending();
    scope.cancel();
    assert_eq!(send.assert_ready().unwrap_err().into_item(), "");
    drop(send);
    stream
}

fn cut(error: &io::Error) -> Option<usize> {
    error.get_ref()?.downcast_ref::<CutCharacter>().map(CutCharacter::left)
}

// H5, H6
#[test]
fn the_end_of_a_character_goes_out_with_the_closing() {
    let stream = half_sent();
    stream.get_ref().room.store(100, Ordering::SeqCst);
    block_on(stream.aclose()).unwrap();
    assert_eq!((stream.get_ref().sent(), stream.get_ref().counts()), ("€".as_bytes().to_vec(), [1, 0, 0]));
    // It is under the scope of whoever closes, and closes all the same.
    let stream = half_sent();
    let scope = CancelScope::new();
    let mut close = Polled::new(scope.enter(stream.aclose()));
    close.assert_pending();
    assert_eq!(stream.get_ref().counts(), [0, 0, 0]);
    scope.cancel();
    assert!(close.assert_ready().unwrap_err().is_cancelled());
    assert_eq!(stream.get_ref().counts(), [1, 0, 0]);
    // What was left is told by another call, and once.
    assert_eq!(cut(&block_on(stream.aclose()).unwrap_err()), Some(2));
    block_on(stream.aclose()).unwrap();
}

// H6
#[test]
fn closing_tells_of_the_end_of_a_character_that_cannot_go_out() {
    let stream = half_sent();
    stream.get_ref().breaks.store(true, Ordering::SeqCst);
    stream.get_ref().room.store(1, Ordering::SeqCst);
    let error = block_on(stream.aclose()).unwrap_err();
    let told: Vec<_> = error.get_ref().unwrap().downcast_ref::<ClosingErrors>().unwrap().iter().collect();
    assert_eq!((error.kind(), told.len(), cut(told[1])), (io::ErrorKind::ConnectionReset, 2, Some(1)));
    assert!(error.to_string().ends_with("; the last 1 bytes of a character were not sent"), "{error}");
    assert_eq!(stream.get_ref().counts(), [1, 0, 0]);
    block_on(stream.aclose()).unwrap();
    // Closed at once, it is too late for it.
    let stream = half_sent();
    stream.close();
    assert_eq!(cut(&block_on(stream.aclose()).unwrap_err()), Some(2));
}

// H3
#[test]
fn a_character_within_which_the_stream_broke_is_given_back_and_nothing_follows() {
    for (room, back, left) in [(0, "aß€z", 0), (1, "ß€z", 0), (2, "ß€z", 1), (3, "€z", 0), (5, "€z", 1)] {
        let stream = Text::new(Script::with_room(room));
        stream.get_ref().breaks.store(true, Ordering::SeqCst);
        let error = block_on(stream.send("aß€z".into())).unwrap_err();
        assert!(error.is_broken());
        assert_eq!(error.into_item(), back);
        // Should the stream come to life again.
        stream.get_ref().room.store(100, Ordering::SeqCst);
        let again = block_on(stream.send(back.into()));
        if left == 0 {
            again.unwrap();
            assert_eq!(stream.get_ref().sent(), "aß€z".as_bytes());
        } else {
            let error = again.unwrap_err();
            assert!(error.is_broken() && error.to_string().contains("the last 1 bytes of a character"), "{error}");
            assert_eq!(error.into_item(), back);
            assert!(block_on(stream.send_eof()).is_err());
            assert_eq!(stream.get_ref().sent().len(), room);
        }
        block_on(stream.aclose()).unwrap();
    }
}

// R4
#[test]
fn in_a_cancelled_scope_nothing_happens() {
    let stream = text(&[b"abc"]);
    block_on(async {
        assert!(cancelled_scope().enter(stream.receive()).await.unwrap_err().is_cancelled());
        assert_eq!(cancelled_scope().enter(stream.send("x".into())).await.unwrap_err().into_item(), "x");
        assert_eq!(stream.receive().await.unwrap(), "abc");
    });
    assert!(stream.get_ref().sent().is_empty());
    // Though it would find another one.
    let stream = Text::new(Script::with_room(0));
    let mut first = Polled::new(stream.send_str("x"));
    first.assert_pending();
    assert!(block_on(cancelled_scope().enter(stream.send_str("y"))).unwrap_err().is_cancelled());
    assert!(block_on(cancelled_scope().enter(stream.send_eof())).unwrap_err().is_cancelled());
}

// H4
#[test]
fn one_task_receives_and_one_sends() {
    let stream = Text::new(Script::new([Step::Wait]));
    stream.get_ref().room.store(0, Ordering::SeqCst);
    let (mut receive, mut send) = (Polled::new(stream.receive()), Polled::new(stream.send("x".into())));
    receive.assert_pending();
    send.assert_pending();
    assert!(block_on(stream.receive()).unwrap_err().is_busy());
    assert!(block_on(stream.send_str("y")).unwrap_err().is_busy());
    let busy = block_on(stream.send_eof()).unwrap_err();
    assert_eq!(busy.kind(), io::ErrorKind::ResourceBusy);
    drop((receive, send));
    assert!(block_on(stream.receive()).unwrap_err().is_end_of_stream());
}

#[cfg(feature = "encoding_rs")]
mod encodings {
    use encoding_rs::{ISO_2022_JP, ISO_8859_2, SHIFT_JIS, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

    use super::*;

    #[test]
    fn other_encodings_go_both_ways_in_any_chunks() {
        for (encoding, words) in
            [(UTF_16LE, "aß€😀"), (UTF_16BE, "aß€😀"), (UTF_8, "aß€😀"), (SHIFT_JIS, "日本語ab"), (ISO_8859_2, "ąłü")]
        {
            let sender = Text::with_encoding(Script::of(&[]), encoding, TextErrors::Strict);
            block_on(sender.send_str(words)).unwrap();
            let bytes = sender.get_ref().sent();
            for size in 1..5 {
                let stream = Text::with_encoding(Script::cut(&bytes, &[size]), encoding, TextErrors::Strict);
                assert_eq!(all(&stream), (words.into(), None), "{}", encoding.name());
            }
            let cut = Text::with_encoding(Script::of(&[&bytes[..bytes.len() - 1]]), encoding, TextErrors::Strict);
            let single = encoding.is_single_byte() || encoding == SHIFT_JIS;
            assert_eq!(all(&cut).1.is_some_and(|error| error.is_cut()), !single, "{}", encoding.name());
        }
    }

    #[test]
    fn the_end_of_the_stream_stays_in_other_encodings() {
        for (bytes, words) in [(&b"a\0"[..], "a"), (b"a\0b", "a\u{fffd}"), (b"b", "\u{fffd}")] {
            let stream = Text::with_encoding(Script::of(&[bytes]), UTF_16LE, TextErrors::Replace);
            assert_eq!(all(&stream), (words.into(), None));
            assert_eq!(all(&stream), (String::new(), None));
        }
    }

    #[test]
    fn sends_follow_each_other_in_an_encoding_with_a_state() {
        for pieces in [&["日", "本", "a", "語"][..], &["日本", "", "\n", "a日"], &["¥", "\\", "日", "¥"]] {
            let sender = Text::with_encoding(Script::of(&[]), ISO_2022_JP, TextErrors::Strict);
            for piece in pieces {
                block_on(sender.send_str(piece)).unwrap();
            }
            block_on(sender.send_eof()).unwrap();
            block_on(sender.send_eof()).unwrap();
            let bytes = sender.get_ref().sent();
            for size in 1..5 {
                let stream = Text::with_encoding(Script::cut(&bytes, &[size]), ISO_2022_JP, TextErrors::Strict);
                assert_eq!(all(&stream), (pieces.concat(), None));
            }
        }
        let sender = Text::with_encoding(Script::of(&[]), ISO_2022_JP, TextErrors::Ignore);
        block_on(sender.send_str("日😀本")).unwrap();
        let stream = Text::with_encoding(Script::of(&[&sender.get_ref().sent()]), ISO_2022_JP, TextErrors::Strict);
        assert_eq!(all(&stream), ("日本".into(), None));
    }

    #[test]
    fn closing_leaves_the_other_side_in_the_state_of_the_beginning() {
        for room in [0, 1, 2, 3, 4, 100] {
            let sender = Text::with_encoding(Script::with_room(100), ISO_2022_JP, TextErrors::Strict);
            block_on(sender.send_str("日")).unwrap();
            let before = sender.get_ref().sent().len();
            sender.get_ref().room.store(room, Ordering::SeqCst);
            sender.get_ref().breaks.store(true, Ordering::SeqCst);
            let closed = block_on(sender.aclose());
            let out = room.min(3);
            assert_eq!(sender.get_ref().sent()[before..], b"\x1b(B"[..out]);
            assert_eq!(closed.is_ok(), out == 0 || out == 3, "only half an escape sequence is half a character");
        }
    }

    #[test]
    fn a_cancelled_send_knows_the_state_in_which_it_left_the_other_side() {
        for room in 0..20 {
            let sender = Text::with_encoding(Script::with_room(room), ISO_2022_JP, TextErrors::Strict);
            let scope = CancelScope::new();
            let mut send = Polled::new(scope.enter(sender.send_str("日a本¥b")));
            send.assert_pending();
            scope.cancel();
            let rest = send.assert_ready().unwrap_err().into_item();
            sender.get_ref().room.store(100, Ordering::SeqCst);
            block_on(sender.send_str(rest)).unwrap();
            block_on(sender.send_eof()).unwrap();
            let bytes = sender.get_ref().sent();
            let stream = Text::with_encoding(Script::of(&[&bytes]), ISO_2022_JP, TextErrors::Strict);
            assert_eq!(all(&stream), ("日a本¥b".into(), None), "with room for {room}");
        }
    }

    // anyio: tests/streams/test_text.py::test_send_encoding_error
    #[test]
    fn a_character_that_the_encoding_lacks_is_refused_replaced_or_left_out() {
        let strict = Text::with_encoding(Script::of(&[]), WINDOWS_1252, TextErrors::Strict);
        let error = block_on(strict.send("aβ".into())).unwrap_err();
        assert!(error.is_refused());
        assert_eq!(error.to_string(), "it cannot be sent over this stream: windows-1252 has no 'β'");
        assert!(strict.get_ref().sent().is_empty());
        let replaced = Text::with_encoding(Script::of(&[]), WINDOWS_1252, TextErrors::Replace);
        block_on(replaced.send_str("aβü")).unwrap();
        assert_eq!(replaced.get_ref().sent(), b"a?\xfc");
        let ignored = Text::with_encoding(Script::of(&[]), WINDOWS_1252, TextErrors::Ignore);
        block_on(ignored.send_str("aβü")).unwrap();
        assert_eq!(ignored.get_ref().sent(), b"a\xfc");
    }

    #[test]
    fn mistakes_have_their_place_in_other_encodings_too() {
        let stream = Text::with_encoding(Script::of(&[b"ab\x81", b"\xffcd"]), SHIFT_JIS, TextErrors::Strict);
        let (before, error) = all(&stream);
        assert_eq!((before.as_str(), error.unwrap().position()), ("ab", 2));
    }
}
