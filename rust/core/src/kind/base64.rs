//! Bytes as base64 (RFC 4648).

use ::base64::Engine;
use ::base64::alphabet::{STANDARD, URL_SAFE};
use ::base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::reject::RejectCode;

/// Padding is complete or left out; unused bits are zero.
const CONFIG: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const USUAL: GeneralPurpose = GeneralPurpose::new(&STANDARD, CONFIG);
const FOR_URLS: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, CONFIG);

/// Append what `text` encodes, in the standard alphabet or that for URLs. Nothing is appended if it is refused.
pub(crate) fn base64(text: &[u8], out: &mut Vec<u8>) -> Result<(), RejectCode> {
    let start = out.len();
    let engine = if text.iter().any(|byte| b"-_".contains(byte)) { &FOR_URLS } else { &USUAL };
    // "Indifferent" takes one sign of padding where two belong.
    let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
    let whole = padding == 0 || text.len().is_multiple_of(4);
    if whole && engine.decode_vec(text, out).is_ok() {
        return Ok(());
    }
    out.truncate(start);
    Err(RejectCode::Base64Invalid)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{FOR_URLS, USUAL, base64};
    use crate::reject::RejectCode::Base64Invalid;
    use ::base64::Engine;

    fn read(text: &str) -> Result<Vec<u8>, crate::reject::RejectCode> {
        let mut out = b"before".to_vec();
        let read = base64(text.as_bytes(), &mut out);
        assert!(out.starts_with(b"before") && (read.is_ok() || out.len() == 6), "{text}");
        read.map(|()| out.split_off(6))
    }

    #[test]
    fn both_alphabets_and_both_paddings_are_read_and_nothing_else() {
        for (text, bytes) in [
            ("", &b""[..]),
            ("Zg==", b"f"),
            ("Zg", b"f"),
            ("Zm8=", b"fo"),
            ("Zm8", b"fo"),
            ("Zm9v", b"foo"),
            ("+/+/", b"\xfb\xff\xbf"),
            ("-_-_", b"\xfb\xff\xbf"),
            ("AAAA", b"\0\0\0"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(bytes), "{text}");
        }
        for text in [
            "Z",
            "Zg=",
            "Zg===",
            "=",
            "====",
            "Zh==",
            "Zm9",
            "+_+_",
            "Zm9v\n",
            " Zm9v",
            "Zm=v",
            "Zm9vZg=",
            "\u{00e9}AAA",
        ] {
            assert_eq!(read(text), Err(Base64Invalid), "{text}");
        }
    }

    proptest! {
        #[test]
        fn survives_its_text(bytes in any::<Vec<u8>>()) {
            prop_assert_eq!(read(&USUAL.encode(&bytes)), Ok(bytes.clone()));
            prop_assert_eq!(read(FOR_URLS.encode(&bytes).trim_end_matches('=')), Ok(bytes));
        }
    }
}
