//! Text over byte streams.
//!
//! # Invariants
//! 1. Who receives holds the decoder, and who sends the tail, across its waits; who finds it taken is `Busy`.
//! 2. The tail is what is left of a character of which the other side has the beginning. It goes out before anything else.
//! 3. `shift` is how the other side means bytes after the tail; it is what it was at the beginning before the stream ends.

use std::{
    fmt,
    future::Future,
    io,
    panic::Location,
    sync::atomic::{AtomicBool, Ordering},
};

use anyio_typed_attrs::{AttributeRequest, TypedAttributeProvider};
use spin::mutex::SpinMutex;

use crate::{
    AsyncResource, ByteReceiveStream, ByteSendError, ByteSendStream, ByteStream, ObjectReceiveStream, ObjectSendStream,
    ObjectStream, ReceiveError, SendError, SendReason, TextErrors, UnreliableObjectReceiveStream,
    UnreliableObjectSendStream,
    decoder::Decoder,
    encoder::{ASCII, Encoder, Shift},
    noted::{Place, enter, noted},
};

/// As much as is received at once.
const CHUNK: usize = 8 * 1024;

/// Text over a byte stream: an object stream of strings, cut anywhere between two characters.
///
/// What is received is never empty. Strings are not messages: two sends may be received as one, or in other pieces;
/// [`LineDelimited`](crate::LineDelimited) keeps them apart.
///
/// It is UTF-8, and by the feature `encoding_rs` any encoding that crate knows. Bytes that are no text, half a character at the end
/// included, are an error, are replaced, or are left out, as [`TextErrors`] says; an error comes after the text before it, and stays.
///
/// Mirrors AnyIO's [`TextStream`](https://anyio.readthedocs.io/en/stable/streams.html#text-streams), `TextReceiveStream` and
/// `TextSendStream`; there half a character at the end is dropped silently.
///
/// # Examples
/// ```
/// use anyio_streams::{FuturesIo, Text, UnreliableObjectReceiveStream};
///
/// # futures_lite::future::block_on(async {
/// let text = Text::new(FuturesIo::reader("grüße".as_bytes()));
/// assert_eq!(text.receive().await.unwrap(), "grüße");
/// assert!(text.receive().await.unwrap_err().is_end_of_stream());
/// # });
/// ```
pub struct Text<S> {
    inner: S,
    errors: TextErrors,
    encoder: Encoder,
    reader: SpinMutex<Reader>,
    outgoing: SpinMutex<Outgoing>,
    closed: AtomicBool,
}

struct Outgoing {
    tail: Vec<u8>,
    shift: Shift,
}

struct Reader {
    decoder: Decoder,
    chunk: Vec<u8>,
}

impl<S> Text<S> {
    /// UTF-8, in which mistakes are errors.
    pub fn new(inner: S) -> Self {
        Self::with_errors(inner, TextErrors::Strict)
    }

    /// UTF-8, with a say in what becomes of mistakes.
    pub fn with_errors(inner: S, errors: TextErrors) -> Self {
        Self::make(inner, errors, Encoder::Utf8, Decoder::utf8(errors))
    }

    /// Another encoding. A byte order mark is a character like others.
    #[cfg(feature = "encoding_rs")]
    pub fn with_encoding(inner: S, encoding: &'static encoding_rs::Encoding, errors: TextErrors) -> Self {
        Self::make(inner, errors, Encoder::Other(encoding), Decoder::other(encoding, errors))
    }

    fn make(inner: S, errors: TextErrors, encoder: Encoder, decoder: Decoder) -> Self {
        let reader = SpinMutex::new(Reader { decoder, chunk: Vec::new() });
        let outgoing = SpinMutex::new(Outgoing { tail: Vec::new(), shift: ASCII });
        Self { inner, errors, encoder, reader, outgoing, closed: AtomicBool::new(false) }
    }

    /// The stream inside.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The stream inside. The beginning of a character, if one was received, is lost.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S: ByteSendStream> Text<S> {
    /// Sends `text`, as the `send` of the trait does that takes a `String`.
    ///
    /// # Errors
    /// [`SendError`] with what was not sent. A character of which the beginning went out counts as sent: the rest of it goes out
    /// before what is sent next. [`Refused`](SendReason::Refused) for a character that the encoding does not have; then nothing was
    /// sent.
    ///
    /// # Cancel safety
    /// Cancelled, it gives back what was not sent. Dropped while it waits, nobody knows how much went out.
    #[track_caller]
    pub fn send_str<'t>(&self, text: &'t str) -> impl Future<Output = Result<(), SendError<&'t str>>> + Send {
        let place = Location::caller();
        async move { self.send_text(text, place).await.map_err(|(sent, reason)| SendError::new(&text[sent..], reason)) }
    }

    /// How much of the text was sent, if not all.
    async fn send_text(&self, text: &str, place: Place) -> Result<(), (usize, SendReason)> {
        let Some(mut outgoing) = self.outgoing.try_lock() else { return Err((0, SendReason::Busy)) };
        let Outgoing { tail, shift } = &mut *outgoing;
        self.send_tail(tail, place).await.map_err(|reason| (0, reason))?;
        let encoded = match self.encoder.encode(text, self.errors, *shift) {
            Ok(encoded) => encoded,
            Err(error) => return Err((0, SendReason::Refused(error.into()))),
        };
        let bytes = encoded.bytes();
        let Err(error) = noted(&"send", place, self.inner.send(bytes)).await else {
            *shift = encoded.shift_after(bytes.len(), *shift);
            return Ok(());
        };
        if error.sent == 0 {
            return Err((0, error.reason));
        }
        let (end, sent) = encoded.end_of_character(error.sent);
        tail.extend_from_slice(&bytes[error.sent..end]);
        *shift = encoded.shift_after(end, *shift);
        Err((sent, error.reason))
    }

    /// By invariant 2.
    async fn send_tail(&self, tail: &mut Vec<u8>, place: Place) -> Result<(), SendReason> {
        if tail.is_empty() {
            return Ok(());
        }
        let sent = noted(&"send", place, self.inner.send(tail)).await;
        tail.drain(..sent.as_ref().map_or_else(|error| error.sent, |()| tail.len()));
        sent.map_err(ByteSendError::into_reason)
    }
}

impl<S: AsyncResource> AsyncResource for Text<S> {
    async fn aclose(&self) -> io::Result<()> {
        self.closed.store(true, Ordering::Relaxed);
        self.inner.aclose().await
    }

    fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.inner.close();
    }
}

impl<S: ByteReceiveStream> UnreliableObjectReceiveStream for Text<S> {
    type Item = String;

    #[track_caller]
    fn receive(&self) -> impl Future<Output = Result<String, ReceiveError>> + Send {
        let place = Location::caller();
        async move {
            enter(&"receive", place).await?;
            let mut reader = self.reader.try_lock().ok_or(ReceiveError::Busy)?;
            let Reader { decoder, chunk } = &mut *reader;
            loop {
                if self.closed.load(Ordering::Relaxed) {
                    return Err(ReceiveError::Closed);
                }
                if let Some(error) = decoder.failed() {
                    return Err(ReceiveError::Broken(error.clone().into()));
                }
                chunk.resize(CHUNK, 0);
                let text = match noted(&"receive", place, self.inner.receive(chunk)).await {
                    Ok(count) => decoder.decode(&chunk[..count]),
                    Err(ReceiveError::EndOfStream) => match decoder.finish() {
                        Ok(Some(text)) => text,
                        Ok(None) => return Err(ReceiveError::EndOfStream),
                        Err(error) => return Err(ReceiveError::Broken(error.into())),
                    },
                    Err(error) => return Err(error),
                };
                if !text.is_empty() {
                    return Ok(text);
                }
            }
        }
    }
}

impl<S: ByteReceiveStream> ObjectReceiveStream for Text<S> {}

impl<S: ByteSendStream> UnreliableObjectSendStream for Text<S> {
    type SendItem = String;

    #[track_caller]
    fn send(&self, item: String) -> impl Future<Output = Result<(), SendError<String>>> + Send {
        let place = Location::caller();
        async move {
            let mut item = item;
            let sent = self.send_text(&item, place).await;
            sent.map_err(|(sent, reason)| SendError::new(item.split_off(sent), reason))
        }
    }
}

impl<S: ByteSendStream> ObjectSendStream for Text<S> {}

impl<S: ByteStream> ObjectStream for Text<S> {
    async fn send_eof(&self) -> io::Result<()> {
        let Some(mut outgoing) = self.outgoing.try_lock() else { return Err(SendReason::Busy.into()) };
        let Outgoing { tail, shift } = &mut *outgoing;
        self.send_tail(tail, Location::caller()).await?;
        if *shift != ASCII {
            let sent = self.inner.send(&ASCII).await;
            let count = sent.as_ref().map_or_else(|error| error.sent, |()| ASCII.len());
            if count > 0 {
                *shift = ASCII;
                tail.extend_from_slice(&ASCII[count..]);
            }
            sent?;
        }
        self.inner.send_eof().await?;
        Ok(())
    }
}

impl<S: TypedAttributeProvider> TypedAttributeProvider for Text<S> {
    fn provide_attributes(&self, request: &mut AttributeRequest<'_>) {
        self.inner.provide_attributes(request);
    }
}

impl<S: fmt::Debug> fmt::Debug for Text<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Text").field("inner", &self.inner).field("errors", &self.errors).finish_non_exhaustive()
    }
}
