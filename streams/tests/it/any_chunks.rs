//! Any chunking of any input gives the same result, and takes memory within its limit.

use std::sync::atomic::Ordering;

use anyio_streams::{
    Buffered, BufferedError, LengthDelimited, LineDelimited, ReceiveError, Text, TextErrors,
    UnreliableObjectReceiveStream, UnreliableObjectSendStream,
};
use futures_lite::future::block_on;
use proptest::prelude::*;

use crate::script::Script;

/// What one read of a buffered stream asks for.
#[derive(Debug, Clone)]
enum Read {
    Exactly(usize),
    Until(Vec<u8>, usize),
    Line(usize),
}

/// Bytes in which delimiters, and halves of them, are frequent.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![3 => Just(b'\n'), 2 => Just(b'\r'), 2 => Just(b'!'), 4 => b'a'..b'd', 1 => any::<u8>()];
    proptest::collection::vec(byte, 0..200)
}

fn sizes() -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(1..20usize, 1..6)
}

fn reads() -> impl Strategy<Value = Vec<Read>> {
    let read = prop_oneof![
        (0..30usize).prop_map(Read::Exactly),
        (prop_oneof![Just(b"\n".to_vec()), Just(b"\r\n".to_vec()), Just(b"!!a".to_vec())], 0..40usize)
            .prop_map(|(delimiter, max)| Read::Until(delimiter, max)),
        (0..40usize).prop_map(Read::Line),
    ];
    proptest::collection::vec(read, 1..20)
}

/// What a read does to bytes that are all there.
fn expected(rest: &mut &[u8], read: &Read) -> String {
    match read {
        Read::Exactly(count) => match rest.split_at_checked(*count) {
            Some((taken, after)) => {
                *rest = after;
                format!("{taken:?}")
            }
            None => format!("incomplete {}", rest.len()),
        },
        Read::Until(delimiter, max) => {
            let found = rest.windows(delimiter.len()).position(|window| window == delimiter);
            match found {
                Some(at) if at <= *max => {
                    let taken = &rest[..at];
                    *rest = &rest[at + delimiter.len()..];
                    format!("{taken:?}")
                }
                _ if rest.len() >= max + delimiter.len() => format!("not within {max}"),
                _ => format!("incomplete {}", rest.len()),
            }
        }
        Read::Line(max) => {
            let (line, after) = match rest.iter().position(|byte| *byte == b'\n') {
                Some(at) if at <= *max => (&rest[..at], &rest[at + 1..]),
                None if rest.is_empty() => return "None".into(),
                None if rest.len() <= *max => (*rest, &rest[rest.len()..]),
                _ => return format!("not within {max}"),
            };
            let fed = line.len() < rest.len();
            *rest = after;
            let line = if fed { line.strip_suffix(b"\r").unwrap_or(line) } else { line };
            match std::str::from_utf8(line) {
                Ok(line) => format!("{:?}", Some(line)),
                Err(_) => format!("no text {line:?}"),
            }
        }
    }
}

fn seen<T: std::fmt::Debug>(read: Result<T, BufferedError>) -> String {
    match read {
        Ok(value) => format!("{value:?}"),
        Err(BufferedError::IncompleteRead { buffered, .. }) => format!("incomplete {buffered}"),
        Err(BufferedError::DelimiterNotFound { max_bytes }) => format!("not within {max_bytes}"),
        Err(BufferedError::NotText(error)) => format!("no text {:?}", error.into_bytes()),
        Err(error) => format!("{error:?}"),
    }
}

proptest! {
    #[test]
    fn buffered_reads_see_bytes_and_no_chunks(
        bytes in bytes(), sizes in sizes(), capacity in 1..40usize, reads in reads(),
    ) {
        let stream = Buffered::with_capacity(capacity, Script::cut(&bytes, &sizes));
        let mut rest = &bytes[..];
        for read in &reads {
            let seen = block_on(async {
                match read {
                    Read::Exactly(count) => seen(stream.receive_exactly(*count).await),
                    Read::Until(delimiter, max) => seen(stream.receive_until(delimiter, *max).await),
                    Read::Line(max) => seen(stream.receive_line(*max).await),
                }
            });
            prop_assert_eq!(seen, expected(&mut rest, read));
        }
        // The longest read was of 40 bytes and a delimiter.
        prop_assert!(stream.get_ref().most_asked.load(Ordering::SeqCst) <= 4 * (43 + capacity));
    }

    #[test]
    fn text_is_the_same_in_any_chunks(
        words in "\\PC{0,40}", noise in proptest::collection::vec(any::<u8>(), 0..6), sizes in sizes(), at in 0..100usize,
    ) {
        let mut bytes = words.into_bytes();
        let at = at.min(bytes.len());
        bytes.splice(at..at, noise);
        for errors in [TextErrors::Strict, TextErrors::Replace, TextErrors::Ignore] {
            let stream = Text::with_errors(Script::cut(&bytes, &sizes), errors);
            let mut text = String::new();
            let end = loop {
                match block_on(stream.receive()) {
                    Ok(more) => text += &more,
                    Err(error) => break error,
                }
            };
            match errors {
                TextErrors::Replace => prop_assert_eq!(&text, &String::from_utf8_lossy(&bytes)),
                TextErrors::Ignore => {
                    let valid: String = bytes.utf8_chunks().map(|chunk| chunk.valid()).collect();
                    prop_assert_eq!(&text, &valid);
                }
                TextErrors::Strict => {
                    let valid = bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid());
                    prop_assert_eq!(&text, valid);
                    prop_assert_eq!(end.is_broken(), valid.len() < bytes.len());
                }
            }
            prop_assert!(end.is_broken() || matches!(end, ReceiveError::EndOfStream));
        }
    }

    #[test]
    fn frames_survive_any_chunks(
        frames in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..50), 0..8), sizes in sizes(),
    ) {
        let sender = LengthDelimited::new(Script::of(&[]));
        for frame in &frames {
            block_on(sender.send(frame.clone())).unwrap();
        }
        let receiver = LengthDelimited::new(Script::cut(&sender.get_ref().sent(), &sizes));
        for frame in &frames {
            prop_assert_eq!(&block_on(receiver.receive()).unwrap(), frame);
        }
        prop_assert!(block_on(receiver.receive()).unwrap_err().is_end_of_stream());
    }

    #[test]
    fn hostile_bytes_end_framed_streams_within_their_limits(bytes in bytes(), sizes in sizes(), max in 0..60usize) {
        fn drain<S: UnreliableObjectReceiveStream>(stream: &S, longest: impl Fn(&S::Item) -> usize, max: usize) -> bool {
            let mut errors = 0;
            while errors < 200 {
                match block_on(stream.receive()) {
                    Ok(item) => assert!(longest(&item) <= max),
                    Err(ReceiveError::EndOfStream) => return true,
                    Err(error) => {
                        assert!(error.is_broken());
                        errors += 1;
                    }
                }
            }
            false
        }
        let frames = LengthDelimited::with_max(Script::cut(&bytes, &sizes), max);
        drain(&frames, Vec::len, max);
        let lines = LineDelimited::with_max(Script::cut(&bytes, &sizes), max);
        let longest = bytes.split(|byte| *byte == b'\n').map(<[u8]>::len).max().unwrap_or(0);
        // Lines that are no text are skipped, so only one that is too long keeps it from its end.
        prop_assert_eq!(drain(&lines, String::len, max), longest <= max);
    }
}
