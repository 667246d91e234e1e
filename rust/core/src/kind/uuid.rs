//! UUIDs as text.

use crate::reject::RejectCode::{self, UuidInvalid};

/// Where the hyphens are, if there are any.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];
const LENGTH: usize = 36;

/// 32 hexadecimal digits of any case, with hyphens at the usual places or with none, in braces or not.
pub(crate) fn uuid(text: &[u8]) -> Result<[u8; 16], RejectCode> {
    let text = match text {
        [b'{', inner @ .., b'}'] => inner,
        _ => text,
    };
    let hyphens = text.len() == LENGTH && HYPHENS.iter().all(|at| text[*at] == b'-');
    if !hyphens && text.len() != 32 {
        return Err(UuidInvalid);
    }
    let mut bytes = [0; 16];
    let mut at = 0;
    for byte in &mut bytes {
        if hyphens && text[at] == b'-' {
            at += 1;
        }
        *byte = digit(text[at])? << 4 | digit(text[at + 1])?;
        at += 2;
    }
    Ok(bytes)
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
    let mut text = String::with_capacity(LENGTH);
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

    #[test]
    fn every_usual_form_is_the_same_uuid() {
        let expected = uuid(TEXT.as_bytes()).expect("a UUID");
        assert_eq!((expected[0], expected[15]), (0x01, 0xab));
        for text in [TEXT.to_uppercase(), TEXT.replace('-', ""), format!("{{{TEXT}}}")] {
            assert_eq!(uuid(text.as_bytes()), Ok(expected), "{text}");
        }
        for text in [
            "",
            "{}",
            "018d0e2a-7c40-7abc-8def-0123456789a",
            "018d0e2a-7c40-7abc-8def-0123456789abc",
            "018d0e2a7c40-7abc-8def-0123456789ab",
            "018d0e2a-7c40-7abc-8def-0123456789ag",
            "{018d0e2a-7c40-7abc-8def-0123456789ab",
            "urn:uuid:018d0e2a-7c40-7abc-8def-0123456789ab",
            "018d-0e2a7c407abc8def-01234567-89ab-",
            "0-8d0e2a7c407abc8def0123456789ab",
        ] {
            assert_eq!(uuid(text.as_bytes()), Err(UuidInvalid), "{text}");
        }
    }

    proptest! {
        #[test]
        fn survives_its_text(bytes in any::<[u8; 16]>()) {
            prop_assert_eq!(uuid(uuid_text(&bytes).as_bytes()), Ok(bytes));
        }
    }
}
