//! The first byte of a string that needs a look: a quote, a backslash or a control character.

use wide::u8x16;

/// Bytes looked at in one step.
const STEP: usize = 16;

/// Its position at or after `from`, or the end of `body`.
#[inline]
pub(crate) fn special(body: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(step) = body.get(at..).and_then(<[u8]>::first_chunk::<STEP>) {
        let hits = specials(u8x16::new(*step));
        if hits != 0 {
            return at + hits.trailing_zeros() as usize;
        }
        at += STEP;
    }
    while at < body.len() && !is_special(body[at]) {
        at += 1;
    }
    at
}

/// A bit for each special byte.
#[inline]
fn specials(step: u8x16) -> u32 {
    let quotes = step.simd_eq(u8x16::splat(b'"'));
    let backslashes = step.simd_eq(u8x16::splat(b'\\'));
    let controls = step.min(u8x16::splat(0x1f)).simd_eq(step);
    (quotes | backslashes | controls).to_bitmask()
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
