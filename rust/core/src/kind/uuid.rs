//! UUIDs as text.

use crate::reject::RejectCode::{self, UuidInvalid};

/// Where the hyphens are, if there are any.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];
/// Where the bytes start between them.
const BYTES: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/// 32 hexadecimal digits of any case, with hyphens at the usual places or with none, in braces or not.
pub(crate) fn uuid(text: &[u8]) -> Result<[u8; 16], RejectCode> {
    let text = match text {
        [b'{', inner @ .., b'}'] => inner,
        _ => text,
    };
    let mut bytes = [0; 16];
    if let Ok(text) = <&[u8; 36]>::try_from(text) {
        if HYPHENS.iter().any(|at| text[*at] != b'-') {
            return Err(UuidInvalid);
        }
        for (byte, at) in bytes.iter_mut().zip(BYTES) {
            *byte = pair(text[at], text[at + 1])?;
        }
    } else {
        let text = <&[u8; 32]>::try_from(text).map_err(|_| UuidInvalid)?;
        for (byte, [high, low]) in bytes.iter_mut().zip(text.as_chunks().0) {
            *byte = pair(*high, *low)?;
        }
    }
    Ok(bytes)
}

fn pair(high: u8, low: u8) -> Result<u8, RejectCode> {
    Ok(digit(high)? << 4 | digit(low)?)
}

fn digit(byte: u8) -> Result<u8, RejectCode> {
    match byte {
        b'0'..=b'9' => Ok(byte - b'0'),
        b'a'..=b'f' => Ok(byte - b'a' + 10),
        b'A'..=b'F' => Ok(byte - b'A' + 10),
        _ => Err(UuidInvalid),
    }
}

/// The usual text: lower case, with hyphens.
#[must_use]
pub fn uuid_text(uuid: &[u8; 16]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(36);
    for byte in uuid {
        if HYPHENS.contains(&text.len()) {
            text.push('-');
        }
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{uuid, uuid_text};
    use crate::reject::RejectCode::UuidInvalid;

    const TEXT: &str = "018d0e2a-7c40-7abc-8def-0123456789ab";
    const BYTES: [u8; 16] = [1, 0x8d, 0x0e, 0x2a, 0x7c, 0x40, 0x7a, 0xbc, 0x8d, 0xef, 1, 0x23, 0x45, 0x67, 0x89, 0xab];

    #[test]
    fn every_usual_form_is_the_same_uuid() {
        let plain = TEXT.replace('-', "");
        for text in [TEXT.to_owned(), TEXT.to_uppercase(), plain.clone(), format!("{{{TEXT}}}"), format!("{{{plain}}}")]
        {
            assert_eq!(uuid(text.as_bytes()), Ok(BYTES), "{text}");
        }
        assert_eq!(uuid_text(&BYTES), TEXT);
        assert_eq!(uuid_text(&[0; 16]), "00000000-0000-0000-0000-000000000000");
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "",
            "{}",
            "{",
            "018d0e2a-7c40-7abc-8def-0123456789a",
            "018d0e2a-7c40-7abc-8def-0123456789abc",
            "018d0e2a7c40-7abc-8def-0123456789ab",
            "018d0e2a-7c40-7abc-8def-0123456789ag",
            "018d0e2a-7c40-7abc-8def-0123456789a ",
            "018d0e2a_7c40_7abc_8def_0123456789ab",
            "{018d0e2a-7c40-7abc-8def-0123456789ab",
            "018d0e2a-7c40-7abc-8def-0123456789ab}",
            "{{018d0e2a-7c40-7abc-8def-0123456789ab}}",
            "urn:uuid:018d0e2a-7c40-7abc-8def-0123456789ab",
            "018d-0e2a7c407abc8def-01234567-89ab-",
            "-18d0e2a-7c40-7abc-8def-0123456789ab",
            "018d0e2a--c40-7abc-8def-0123456789ab",
            "0-8d0e2a7c407abc8def0123456789ab",
            "018d0e2a7c407abc8def0123456789\u{00e9}",
        ] {
            assert_eq!(uuid(text.as_bytes()), Err(UuidInvalid), "{text}");
        }
    }

    proptest! {
        #[test]
        fn survives_its_text(bytes: [u8; 16]) {
            let text = uuid_text(&bytes);
            for text in [text.clone(), text.to_uppercase(), text.replace('-', ""), format!("{{{text}}}")] {
                prop_assert_eq!(uuid(text.as_bytes()), Ok(bytes), "{}", text);
            }
        }

        #[test]
        fn one_wrong_byte_spoils_it(at in 0..36_usize, byte: u8) {
            let mut text = *b"018d0e2a-7c40-7abc-8def-0123456789ab";
            let fits = if text[at] == b'-' { byte == b'-' } else { byte.is_ascii_hexdigit() };
            text[at] = byte;
            prop_assert_eq!(uuid(&text).is_ok(), fits);
        }
    }
}
