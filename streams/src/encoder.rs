//! From text to bytes.

use crate::{EncodeError, TextErrors};

/// The encoding in which text is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Encoder {
    Utf8,
    #[cfg(feature = "encoding_rs")]
    Other(&'static encoding_rs::Encoding),
}

/// The escape sequence that says how the bytes behind it are meant, in the only encoding with a state: ISO-2022-JP.
pub(crate) type Shift = [u8; 3];

/// How bytes are meant at the beginning, and should be at the end.
pub(crate) const ASCII: Shift = *b"\x1b(B";

/// Text as bytes: those of a string where it can be.
pub(crate) enum Encoded<'t> {
    Same(&'t str),
    #[cfg(feature = "encoding_rs")]
    Other {
        bytes: Vec<u8>,
        /// How many bytes there are up to the end of each character, and how much of the text.
        ends: Vec<(usize, usize)>,
        /// The escape sequences, and where they are.
        shifts: Vec<(usize, Shift)>,
    },
}

impl Encoded<'_> {
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Same(text) => text.as_bytes(),
            #[cfg(feature = "encoding_rs")]
            Self::Other { bytes, .. } => bytes,
        }
    }

    /// How the other side means the bytes that follow the first `sent`, if it was `before` that it met these.
    pub(crate) fn shift_after(&self, sent: usize, before: Shift) -> Shift {
        match self {
            Self::Same(_) => {
                let _ = sent;
                before
            }
            #[cfg(feature = "encoding_rs")]
            Self::Other { shifts, .. } => {
                shifts.iter().rev().find(|(at, _)| *at < sent).map_or(before, |(_, shift)| *shift)
            }
        }
    }

    /// Where a character ends that began within the first `sent` bytes: in bytes, and in the text.
    pub(crate) fn end_of_character(&self, sent: usize) -> (usize, usize) {
        match self {
            Self::Same(text) => {
                let end = (sent..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
                (end, end)
            }
            #[cfg(feature = "encoding_rs")]
            Self::Other { bytes, ends, .. } => {
                let end = ends.iter().find(|(end, _)| *end >= sent);
                end.copied().unwrap_or((bytes.len(), ends.last().map_or(0, |(_, text)| *text)))
            }
        }
    }
}

impl Encoder {
    /// `shift` is how the other side means the bytes that it gets next.
    pub(crate) fn encode<'t>(
        self,
        text: &'t str,
        errors: TextErrors,
        shift: Shift,
    ) -> Result<Encoded<'t>, EncodeError> {
        match self {
            Self::Utf8 => {
                let _ = (errors, shift);
                Ok(Encoded::Same(text))
            }
            #[cfg(feature = "encoding_rs")]
            Self::Other(encoding) => encode(encoding, text, errors, shift),
        }
    }
}

#[cfg(feature = "encoding_rs")]
fn encode(
    encoding: &'static encoding_rs::Encoding,
    text: &str,
    errors: TextErrors,
    mut shift: Shift,
) -> Result<Encoded<'static>, EncodeError> {
    use encoding_rs::{EncoderResult, ISO_2022_JP, UTF_8, UTF_16BE, UTF_16LE};
    let (mut bytes, mut ends, mut shifts) = (Vec::with_capacity(text.len()), Vec::new(), Vec::new());
    let mut encoder = encoding.new_encoder();
    let (mut unit, mut one) = ([0; 2], Vec::new());
    for (at, character) in text.char_indices() {
        let next = at + character.len_utf8();
        match encoding {
            // Which only decodes these.
            encoding if encoding == UTF_16LE || encoding == UTF_16BE => {
                let to_bytes = if encoding == UTF_16LE { u16::to_le_bytes } else { u16::to_be_bytes };
                bytes.extend(character.encode_utf16(&mut unit).iter().flat_map(|unit| to_bytes(*unit)));
            }
            encoding if encoding == UTF_8 => bytes.extend_from_slice(&text.as_bytes()[at..next]),
            // Two escape sequences in a row are a mistake, so one is written only before a character that needs it: not at the
            // end of the text, as nobody knows yet what follows.
            encoding if encoding == ISO_2022_JP => {
                one.clear();
                one.reserve(32);
                let mut encoder = encoding.new_encoder();
                let (result, _) = encoder.encode_from_utf8_to_vec_without_replacement(&text[at..next], &mut one, true);
                match (result, errors) {
                    (EncoderResult::Unmappable(character), TextErrors::Strict) => {
                        return Err(EncodeError::new(encoding.name(), character));
                    }
                    (EncoderResult::Unmappable(_), TextErrors::Replace) => one = b"?".to_vec(),
                    (EncoderResult::Unmappable(_), TextErrors::Ignore) => one.clear(),
                    (EncoderResult::InputEmpty | EncoderResult::OutputFull, _) => {}
                }
                let (needs, coded) = match one.split_first_chunk() {
                    Some((escape, rest)) if escape[0] == ASCII[0] => {
                        (*escape, rest.strip_suffix(&ASCII).unwrap_or(rest))
                    }
                    _ => (ASCII, &one[..]),
                };
                if needs != shift && !coded.is_empty() {
                    shifts.push((bytes.len(), needs));
                    bytes.extend_from_slice(&needs);
                    shift = needs;
                }
                bytes.extend_from_slice(coded);
            }
            _ => loop {
                let last = next == text.len();
                bytes.reserve(32);
                let (result, _) =
                    encoder.encode_from_utf8_to_vec_without_replacement(&text[at..next], &mut bytes, last);
                match result {
                    EncoderResult::InputEmpty => break,
                    EncoderResult::OutputFull => {}
                    EncoderResult::Unmappable(character) => match errors {
                        TextErrors::Strict => return Err(EncodeError::new(encoding.name(), character)),
                        TextErrors::Replace => {
                            bytes.push(b'?');
                            break;
                        }
                        TextErrors::Ignore => break,
                    },
                }
            },
        }
        ends.push((bytes.len(), next));
    }
    Ok(Encoded::Other { bytes, ends, shifts })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_is_moved_to_the_end_of_its_character() {
        let encoded = Encoder::Utf8.encode("aß€", TextErrors::Strict, ASCII).unwrap();
        let ends: Vec<_> = (0..=6).map(|sent| encoded.end_of_character(sent)).collect();
        assert_eq!(ends, [0, 1, 3, 3, 6, 6, 6].map(|end| (end, end)));
    }

    #[cfg(feature = "encoding_rs")]
    #[test]
    fn other_encodings_know_where_their_characters_end() {
        let encode = |encoding, text| match Encoder::Other(encoding).encode(text, TextErrors::Strict, ASCII).unwrap() {
            encoded @ Encoded::Other { .. } => encoded,
            Encoded::Same(_) => panic!("it is another encoding"),
        };
        let encoded = encode(encoding_rs::UTF_16LE, "a😀");
        assert_eq!(encoded.bytes(), [0x61, 0, 0x3d, 0xd8, 0x00, 0xde]);
        assert_eq!((encoded.end_of_character(1), encoded.end_of_character(3)), ((2, 1), (6, 5)));
        // With a state.
        let encoded = encode(encoding_rs::ISO_2022_JP, "aあ");
        assert_eq!(encoding_rs::ISO_2022_JP.decode(encoded.bytes()).0, "aあ");
    }
}
