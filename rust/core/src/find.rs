//! The first byte of a string that needs a look: a quote, a backslash or a control character.

/// Bytes looked at in one step.
const STEP: usize = size_of::<u64>();
const ONES: u64 = u64::from_ne_bytes([0x01; STEP]);
const HIGHS: u64 = u64::from_ne_bytes([0x80; STEP]);
const QUOTES: u64 = u64::from_ne_bytes([b'"'; STEP]);
const BACKSLASHES: u64 = u64::from_ne_bytes([b'\\'; STEP]);
const SPACES: u64 = u64::from_ne_bytes([0x20; STEP]);

/// Its position at or after `from`, or the end of `body`.
#[inline]
pub(crate) fn special(body: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(step) = body.get(at..).and_then(<[u8]>::first_chunk) {
        let hits = specials(u64::from_le_bytes(*step));
        if hits != 0 {
            return at + hits.trailing_zeros() as usize / 8;
        }
        at += STEP;
    }
    while at < body.len() && !is_special(body[at]) {
        at += 1;
    }
    at
}

/// The high bit of each special byte. Only the lowest hit is exact: a borrow may mark bytes above it.
const fn specials(word: u64) -> u64 {
    let quotes = word ^ QUOTES;
    let backslashes = word ^ BACKSLASHES;
    (quotes.wrapping_sub(ONES) & !quotes
        | backslashes.wrapping_sub(ONES) & !backslashes
        | word.wrapping_sub(SPACES) & !word)
        & HIGHS
}

const fn is_special(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..0x20)
}

#[cfg(test)]
mod tests {
    use super::{is_special, special};

    #[test]
    fn finds_every_special_byte_at_every_place() {
        for byte in 0..=u8::MAX {
            for before in 0..40 {
                for fill in [b'a', b'!', b'#', 0x7f, 0x80, 0xff] {
                    let mut body = vec![fill; before];
                    body.push(byte);
                    body.extend_from_slice(&[b'"'; 20]);
                    let expected = if is_special(byte) { before } else { before + 1 };
                    assert_eq!(special(&body, 0), expected);
                    assert_eq!(special(&body, before), expected);
                }
            }
        }
    }

    #[test]
    fn ends_at_the_end() {
        assert_eq!(special(b"abcdefghijk", 0), 11);
        assert_eq!(special(b"", 0), 0);
    }
}
