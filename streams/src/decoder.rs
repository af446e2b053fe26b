//! From bytes to text, chunk by chunk, as plain data.
//!
//! # Invariants
//! 1. What comes out is the same however the bytes are cut: text up to the first mistake, then that, for good.
//! 2. `carry` is the beginning of one character, so shorter than that.

use crate::{DecodeError, TextErrors};

/// What the end of the bytes means for a decoder.
pub(crate) type Finished = Result<Option<String>, DecodeError>;

pub(crate) struct Decoder {
    errors: TextErrors,
    kind: Kind,
    /// How many bytes were decoded, for the error.
    position: u64,
    failed: Option<DecodeError>,
    /// After which nothing is left, and a decoder of another encoding must not be asked again.
    finished: bool,
}

enum Kind {
    Utf8 {
        carry: Vec<u8>,
    },
    #[cfg(feature = "encoding_rs")]
    Other(Box<encoding_rs::Decoder>),
}

impl Decoder {
    pub(crate) fn utf8(errors: TextErrors) -> Self {
        Self { errors, kind: Kind::Utf8 { carry: Vec::new() }, position: 0, failed: None, finished: false }
    }

    #[cfg(feature = "encoding_rs")]
    pub(crate) fn other(encoding: &'static encoding_rs::Encoding, errors: TextErrors) -> Self {
        if encoding == encoding_rs::UTF_8 {
            return Self::utf8(errors);
        }
        let kind = Kind::Other(Box::new(encoding.new_decoder_without_bom_handling()));
        Self { errors, kind, position: 0, failed: None, finished: false }
    }

    /// The mistake that was found, after the text before it was given.
    pub(crate) fn failed(&self) -> Option<&DecodeError> {
        self.failed.as_ref()
    }

    /// The text that is complete now, perhaps none. What is wrong stands in [`failed`](Self::failed) afterwards.
    pub(crate) fn decode(&mut self, bytes: &[u8]) -> String {
        if self.finished || self.failed.is_some() {
            return String::new();
        }
        self.run(bytes, false)
    }

    /// What is left at the end of the bytes: half a character is a mistake.
    pub(crate) fn finish(&mut self) -> Finished {
        let over = self.finished || self.failed.is_some();
        self.finished = true;
        let text = if over { String::new() } else { self.run(&[], true) };
        match &self.failed {
            Some(error) if text.is_empty() => Err(error.clone()),
            _ => Ok(Some(text).filter(|text| !text.is_empty())),
        }
    }

    fn run(&mut self, bytes: &[u8], last: bool) -> String {
        match &mut self.kind {
            Kind::Utf8 { carry } => {
                let carry = std::mem::take(carry);
                if carry.is_empty() {
                    self.run_utf8(bytes, last)
                } else {
                    self.run_utf8(&[&carry, bytes].concat(), last)
                }
            }
            #[cfg(feature = "encoding_rs")]
            Kind::Other(_) => self.run_other(bytes, last),
        }
    }

    fn run_utf8(&mut self, bytes: &[u8], last: bool) -> String {
        // The common case at the price of one look and one copy.
        if let Ok(text) = std::str::from_utf8(bytes) {
            self.position += bytes.len() as u64;
            return text.to_owned();
        }
        let mut text = String::with_capacity(bytes.len());
        let mut at = 0;
        for chunk in bytes.utf8_chunks() {
            text.push_str(chunk.valid());
            at += chunk.valid().len();
            let invalid = chunk.invalid();
            if invalid.is_empty() {
                continue;
            }
            if !last && at + invalid.len() == bytes.len() && is_beginning(invalid) {
                self.kind = Kind::Utf8 { carry: invalid.to_vec() };
                break;
            }
            match self.errors {
                TextErrors::Strict => {
                    self.failed = Some(DecodeError::new("UTF-8", self.position + at as u64, last));
                    break;
                }
                TextErrors::Replace => text.push(char::REPLACEMENT_CHARACTER),
                TextErrors::Ignore => {}
            }
            at += invalid.len();
        }
        self.position += at as u64;
        text
    }

    #[cfg(feature = "encoding_rs")]
    fn run_other(&mut self, mut bytes: &[u8], last: bool) -> String {
        use encoding_rs::DecoderResult;
        let Kind::Other(decoder) = &mut self.kind else { return String::new() };
        let mut text = String::new();
        loop {
            let room = decoder.max_utf8_buffer_length_without_replacement(bytes.len()).unwrap_or(bytes.len()) + 4;
            text.reserve(room);
            let (result, read) = decoder.decode_to_string_without_replacement(bytes, &mut text, last);
            self.position += read as u64;
            bytes = &bytes[read..];
            match result {
                DecoderResult::InputEmpty => return text,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(wrong, beyond) => match self.errors {
                    TextErrors::Strict => {
                        let at = self.position.saturating_sub(u64::from(wrong) + u64::from(beyond));
                        let cut = last && bytes.is_empty();
                        self.failed = Some(DecodeError::new(decoder.encoding().name(), at, cut));
                        return text;
                    }
                    TextErrors::Replace => text.push(char::REPLACEMENT_CHARACTER),
                    TextErrors::Ignore => {}
                },
            }
        }
    }
}

/// Whether these invalid bytes may be the beginning of a character.
fn is_beginning(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text and how it ended, decoded in chunks of `size`.
    fn decoded(bytes: &[u8], errors: TextErrors, size: usize) -> (String, Option<u64>) {
        let mut decoder = Decoder::utf8(errors);
        let mut text = String::new();
        for chunk in bytes.chunks(size) {
            text += &decoder.decode(chunk);
        }
        match decoder.finish() {
            Ok(rest) => text += &rest.unwrap_or_default(),
            Err(error) => return (text, Some(error.position())),
        }
        (text, decoder.failed().map(DecodeError::position))
    }

    #[test]
    fn characters_are_put_together_again() {
        for size in 1..12 {
            assert_eq!(decoded("aßlüd€😀z".as_bytes(), TextErrors::Strict, size), ("aßlüd€😀z".into(), None));
        }
    }

    #[test]
    fn a_mistake_is_found_where_it_is() {
        for size in 1..8 {
            assert_eq!(decoded(b"ab\xffcd", TextErrors::Strict, size), ("ab".into(), Some(2)));
            assert_eq!(decoded(b"ab\xe2\x82", TextErrors::Strict, size), ("ab".into(), Some(2)));
            assert_eq!(decoded(b"ab\xe2\x28cd", TextErrors::Replace, size), ("ab\u{fffd}(cd".into(), None));
            assert_eq!(decoded(b"ab\xff\xfecd\xe2\x82", TextErrors::Ignore, size), ("abcd".into(), None));
            assert_eq!(decoded(b"ab\xf0\x9f", TextErrors::Replace, size), ("ab\u{fffd}".into(), None));
        }
    }
}
