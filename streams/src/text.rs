//! Text over byte streams.
//!
//! # Invariants
//! 1. Who receives holds the decoder, and who sends the tail, across its waits; who finds it taken is `Busy`.
//! 2. The tail is what is left of a character of which the other side has the beginning. It goes out before anything else, and with
//!    the closing at the latest.
//! 3. `shift` is how the other side means bytes after the tail; it is what it was at the beginning before the stream ends.
//! 4. `cut` is what is missing of a character that was given back when its beginning was out: nothing can follow that.

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
    AsyncResource, ByteReceiveStream, ByteSendError, ByteSendStream, ByteStream, ClosingErrors, CutCharacter,
    ObjectReceiveStream, ObjectSendStream, ObjectStream, ReceiveError, SendError, SendReason, TextErrors,
    UnreliableObjectReceiveStream, UnreliableObjectSendStream,
    closing::{SendOn, send_on},
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
/// Characters go out whole: once the beginning of one is out, a cancelled send leaves its rest with this object, which sends it before
/// anything else. Closing gracefully sends it too, and fails with [`CutCharacter`] where it cannot.
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
    outgoing: SpinMutex<Outgoing<S>>,
    closed: AtomicBool,
}

struct Outgoing<S> {
    tail: Vec<u8>,
    shift: Shift,
    cut: Option<CutCharacter>,
    /// Since the first send.
    send_on: Option<SendOn<S>>,
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
        let outgoing = SpinMutex::new(Outgoing { tail: Vec::new(), shift: ASCII, cut: None, send_on: None });
        Self { inner, errors, encoder, reader, outgoing, closed: AtomicBool::new(false) }
    }

    /// The stream inside.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The stream inside. The beginning of a character, if one was received, and the rest of one of which the beginning was sent, are
    /// lost.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S: ByteSendStream> Text<S> {
    /// Sends `text`, as the `send` of the trait does that takes a `String`.
    ///
    /// # Errors
    /// [`SendError`] with what was not sent. [`Refused`](SendReason::Refused) for a character that the encoding does not have; then
    /// nothing was sent. When the stream breaks within a character, that one is given back as well, and nothing more can be sent: it is
    /// [`Broken`](SendReason::Broken) by a [`CutCharacter`].
    ///
    /// # Cancel safety
    /// Cancelled, it gives back what was not sent. A character of which the beginning went out counts as sent: the rest of it goes out
    /// before what is sent next, or with the closing. Dropped while it waits, nobody knows how much went out.
    #[track_caller]
    pub fn send_str<'t>(&self, text: &'t str) -> impl Future<Output = Result<(), SendError<&'t str>>> + Send {
        let place = Location::caller();
        async move { self.send_text(text, place).await.map_err(|(sent, reason)| SendError::new(&text[sent..], reason)) }
    }

    /// How much of the text was sent, if not all.
    async fn send_text(&self, text: &str, place: Place) -> Result<(), (usize, SendReason)> {
        enter(&"send", place).await.map_err(|cancelled| (0, cancelled.into()))?;
        let Some(mut outgoing) = self.outgoing.try_lock() else { return Err((0, SendReason::Busy)) };
        outgoing.send_on = Some(send_on::<S>);
        outgoing.send_tail(&self.inner, place).await.map_err(|reason| (0, reason))?;
        let Outgoing { tail, shift, cut, .. } = &mut *outgoing;
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
        let rest = &bytes[error.sent..end];
        if !error.is_cancelled() && !rest.is_empty() {
            *cut = Some(CutCharacter::new(rest.len())).filter(|_| !error.is_closed());
            let begun = text[..sent].char_indices().next_back();
            return Err((begun.map_or(0, |(begun, _)| begun), error.reason));
        }
        tail.extend_from_slice(rest);
        *shift = encoded.shift_after(end, *shift);
        Err((sent, error.reason))
    }
}

impl<S> Outgoing<S> {
    /// By invariant 2, and 4.
    async fn send_tail(&mut self, stream: &S, place: Place) -> Result<(), SendReason> {
        if let Some(cut) = &self.cut {
            return Err(SendReason::Broken(cut.clone().into()));
        }
        let Self { tail, send_on: Some(send_on), .. } = self else { return Ok(()) };
        if tail.is_empty() {
            return Ok(());
        }
        let sent = noted(&"send", place, send_on(stream, tail)).await;
        tail.drain(..sent.as_ref().map_or_else(|error| error.sent, |()| tail.len()));
        sent.map_err(ByteSendError::into_reason)
    }

    /// The tail, and by invariant 3 what is to be said before the stream ends.
    async fn finish(&mut self, stream: &S, place: Place) -> Result<(), SendReason> {
        self.send_tail(stream, place).await?;
        let Self { tail, shift, send_on: Some(send_on), .. } = self else { return Ok(()) };
        if *shift == ASCII {
            return Ok(());
        }
        let sent = noted(&"send", place, send_on(stream, &ASCII)).await;
        let count = sent.as_ref().map_or_else(|error| error.sent, |()| ASCII.len());
        if count > 0 {
            *shift = ASCII;
            tail.extend_from_slice(&ASCII[count..]);
        }
        sent.map_err(ByteSendError::into_reason)
    }
}

impl<S: AsyncResource> AsyncResource for Text<S> {
    #[track_caller]
    fn aclose(&self) -> impl Future<Output = io::Result<()>> + Send {
        let place = Location::caller();
        async move {
            self.closed.store(true, Ordering::Relaxed);
            // Who sends meanwhile is told by its own error.
            let Some(mut outgoing) = self.outgoing.try_lock() else { return self.inner.aclose().await };
            let finished = outgoing.finish(&self.inner, place).await;
            let left = match finished {
                Err(SendReason::Cancelled(_)) => 0,
                _ => std::mem::take(&mut outgoing.tail).len(),
            };
            drop(outgoing);
            let closed = self.inner.aclose().await;
            match finished {
                // The tail stays, to be told by another call.
                Err(SendReason::Cancelled(cancelled)) => Err(cancelled.into()),
                _ if left == 0 => closed,
                Err(SendReason::Closed) | Ok(()) => ClosingErrors::join([Err(CutCharacter::new(left).into()), closed]),
                Err(reason) => ClosingErrors::join([Err(reason.into()), Err(CutCharacter::new(left).into()), closed]),
            }
        }
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
    #[track_caller]
    fn send_eof(&self) -> impl Future<Output = io::Result<()>> + Send {
        let place = Location::caller();
        async move {
            enter(&"send_eof", place).await?;
            let Some(mut outgoing) = self.outgoing.try_lock() else { return Err(SendReason::Busy.into()) };
            outgoing.finish(&self.inner, place).await?;
            noted(&"send_eof", place, self.inner.send_eof()).await?;
            Ok(())
        }
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
