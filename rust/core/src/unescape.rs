//! Strings as they are meant, from strings as they are written.

/// Append the characters that `raw`, the inside of a JSON string, stands for.
///
/// False, with only a part appended, if `raw` holds an escape that stands for no character. Scanned strings without a
/// flaw hold none.
pub(crate) fn unescape(raw: &[u8], out: &mut Vec<u8>) -> bool {
    let mut rest = raw;
    while let Some(at) = rest.iter().position(|&byte| byte == b'\\') {
        out.extend_from_slice(&rest[..at]);
        let simple = match rest.get(at + 1) {
            Some(&byte @ (b'"' | b'\\' | b'/')) => byte,
            Some(b'b') => 0x08,
            Some(b'f') => 0x0c,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => {
                let Some((character, length)) = unicode(&rest[at..]) else { return false };
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                rest = &rest[at + length..];
                continue;
            }
            _ => return false,
        };
        out.push(simple);
        rest = &rest[at + 2..];
    }
    out.extend_from_slice(rest);
    true
}

/// The character of the `\u` escape, or pair of them, at the start of `text`, and the escape's length.
fn unicode(text: &[u8]) -> Option<(char, usize)> {
    let unit = hex4(text, 2)?;
    if !(0xd800..0xdc00).contains(&unit) {
        return Some((char::from_u32(unit)?, 6));
    }
    let low = low_surrogate(text, 6)?;
    Some((char::from_u32(0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00))?, 12))
}

/// The low surrogate whose `\u` escape starts at `at`.
pub(crate) fn low_surrogate(text: &[u8], at: usize) -> Option<u32> {
    if text.get(at..at + 2)? != b"\\u" {
        return None;
    }
    hex4(text, at + 2).filter(|unit| (0xdc00..0xe000).contains(unit))
}

/// The number that the four hexadecimal digits at `at` write.
pub(crate) fn hex4(text: &[u8], at: usize) -> Option<u32> {
    let digits: &[u8; 4] = text.get(at..)?.first_chunk()?;
    digits.iter().try_fold(0, |number, &digit| Some(number << 4 | char::from(digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::unescape;

    fn unescaped(raw: &str) -> Option<String> {
        let mut out = Vec::new();
        unescape(raw.as_bytes(), &mut out).then(|| String::from_utf8(out).expect("UTF-8 in, UTF-8 out"))
    }

    #[test]
    fn gives_the_characters_meant() {
        assert_eq!(unescaped(r#"a\"\\\/\b\f\n\r\tz"#).as_deref(), Some("a\"\\/\u{8}\u{c}\n\r\tz"));
        assert_eq!(unescaped(r"\u0069\u00e9\u20AC\uD83D\ude00é").as_deref(), Some("ié€😀é"));
    }

    #[test]
    fn refuses_what_is_no_character() {
        for bad in [r"\x", r"\", r"\u12", r"\ud800", r"\udc00", r"\ud800\u0041", r"\ud800\ud800", r"\u+123"] {
            assert_eq!(unescaped(bad), None, "{bad}");
        }
    }
}
