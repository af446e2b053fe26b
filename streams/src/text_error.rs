//! What is no text.

use std::{error::Error, fmt, io};

/// What becomes of bytes that are no text, and of characters that an encoding does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TextErrors {
    /// They are an error.
    #[default]
    Strict,
    /// They are replaced: by U+FFFD in what is received, by a question mark in what is sent.
    Replace,
    /// They are left out.
    Ignore,
}

/// Bytes that are no text in the encoding of the stream. It is the source of a `Broken`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError {
    encoding: &'static str,
    position: u64,
    cut: bool,
}

impl DecodeError {
    pub(crate) fn new(encoding: &'static str, position: u64, cut: bool) -> Self {
        Self { encoding, position, cut }
    }

    /// The name of the encoding.
    pub fn encoding(&self) -> &'static str {
        self.encoding
    }

    /// How many bytes of the stream are before the mistake.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Whether it is the beginning of a character, and then the stream ended.
    pub fn is_cut(&self) -> bool {
        self.cut
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { encoding, position, .. } = self;
        match self.cut {
            true => write!(f, "the stream ended within the {encoding} character at byte {position}"),
            false => write!(f, "no {encoding} text at byte {position} of the stream"),
        }
    }
}

impl Error for DecodeError {}

/// A character that the encoding of the stream does not have. It is the source of a `Refused`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodeError {
    encoding: &'static str,
    character: char,
}

impl EncodeError {
    #[cfg(feature = "encoding_rs")]
    pub(crate) fn new(encoding: &'static str, character: char) -> Self {
        Self { encoding, character }
    }

    /// The name of the encoding.
    pub fn encoding(&self) -> &'static str {
        self.encoding
    }

    /// The character.
    pub fn character(&self) -> char {
        self.character
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} has no {:?}", self.encoding, self.character)
    }
}

impl Error for EncodeError {}

/// A character of which only the beginning was sent.
///
/// It stands inside the [`io::Error`] of a closing that could not send the rest, alone or among
/// [`ClosingErrors`](crate::ClosingErrors), and is the source of a `Broken` where something was to be sent after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutCharacter {
    left: usize,
}

impl CutCharacter {
    pub(crate) fn new(left: usize) -> Self {
        Self { left }
    }

    /// How many of its bytes were not sent.
    pub fn left(&self) -> usize {
        self.left
    }
}

impl fmt::Display for CutCharacter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the last {} bytes of a character were not sent", self.left)
    }
}

impl Error for CutCharacter {}

impl From<CutCharacter> for io::Error {
    fn from(cut: CutCharacter) -> Self {
        Self::other(cut)
    }
}
