//! A cursor over JSON text: whitespace, strings and bare words.
//!
//! It tells two kinds of trouble apart. Broken grammar is an error: nothing after it can be trusted. A flaw spoils only
//! the record that it stands in: it is noted, and the scan goes on behind it.

use crate::error::Broken;
use crate::find;
use crate::number;
use crate::reject::{Flaw, RejectCode};
use crate::unescape::{hex4, low_surrogate};

/// Bytes that end a bare word.
const DELIMITER: [bool; 256] = {
    let mut table = [false; 256];
    let bytes = b"\t\n\r ,:[]{}\"";
    let mut at = 0;
    while at < bytes.len() {
        table[bytes[at] as usize] = true;
        at += 1;
    }
    table
};

pub(crate) struct Scan<'a> {
    pub(crate) body: &'a [u8],
    pub(crate) pos: usize,
    /// The first flaw since it was last taken.
    pub(crate) flaw: Option<Flaw>,
    /// Whether the cursor is within a record. Outside, only flaws in the grammar count.
    pub(crate) in_record: bool,
}

impl<'a> Scan<'a> {
    pub(crate) const fn new(body: &'a [u8], pos: usize) -> Self {
        Self { body, pos, flaw: None, in_record: false }
    }

    /// The byte under the cursor; 0, which is never right outside of a string, at the end.
    #[inline]
    pub(crate) fn peek(&self) -> u8 {
        self.body.get(self.pos).copied().unwrap_or(0)
    }

    #[inline]
    pub(crate) fn whitespace(&mut self) {
        while matches!(self.peek(), b' ' | b'\n' | b'\r' | b'\t') {
            self.pos += 1;
        }
    }

    /// Note a flaw. The one nearest to the start stays, and of several at one place the first noted.
    #[cold]
    pub(crate) fn note(&mut self, offset: usize, code: RejectCode) {
        let counts = self.in_record || code.breaks_grammar();
        if counts && self.flaw.is_none_or(|flaw| offset < flaw.offset) {
            self.flaw = Some(Flaw { offset, code });
        }
    }

    #[cold]
    pub(crate) fn broken(&self, what: &'static str) -> Broken {
        let early = self.pos >= self.body.len();
        Broken { offset: self.pos.min(self.body.len()), what: if early { "the text ends early" } else { what }, early }
    }

    /// Step over the string whose opening quote is under the cursor. True if it holds an escape.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<bool, Broken> {
        let end = find::special(self.body, self.pos + 1);
        if self.body.get(end) == Some(&b'"') {
            self.pos = end + 1;
            return Ok(false);
        }
        self.string_with_specials(end)
    }

    #[inline(never)]
    fn string_with_specials(&mut self, mut at: usize) -> Result<bool, Broken> {
        let mut escaped = false;
        loop {
            match self.body.get(at) {
                Some(b'"') => {
                    self.pos = at + 1;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    escaped = true;
                    at = self.escape(at);
                }
                Some(_) => {
                    self.note(at, RejectCode::ControlCharacter);
                    at += 1;
                }
                None => return Err(Broken { offset: self.pos, what: "a string that never ends starts", early: true }),
            }
            at = find::special(self.body, at);
        }
    }

    /// Where the escape at `at` ends.
    fn escape(&mut self, at: usize) -> usize {
        match self.body.get(at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => at + 2,
            Some(b'u') => match hex4(self.body, at + 2) {
                Some(0) => self.flawed_escape(at, 6, RejectCode::NulCharacter),
                Some(0xd800..0xdc00) if low_surrogate(self.body, at + 6).is_some() => at + 12,
                Some(0xd800..0xe000) => self.flawed_escape(at, 6, RejectCode::LoneSurrogate),
                Some(_) => at + 6,
                None => self.flawed_escape(at, 2, RejectCode::BadEscape),
            },
            _ => self.flawed_escape(at, 2, RejectCode::BadEscape),
        }
    }

    #[cold]
    fn flawed_escape(&mut self, at: usize, length: usize, code: RejectCode) -> usize {
        self.note(at, code);
        at + length
    }

    /// Step over the value under the cursor, whose grammar is known to be right.
    pub(crate) fn skip(&mut self) {
        let mut open = 0_usize;
        loop {
            let stepped = match self.peek() {
                b'"' => self.string().is_ok(),
                b'{' | b'[' => {
                    open += 1;
                    self.pos += 1;
                    continue;
                }
                b'}' | b']' => {
                    open = open.saturating_sub(1);
                    self.pos += 1;
                    true
                }
                b',' | b':' | b' ' | b'\n' | b'\r' | b'\t' => {
                    self.pos += 1;
                    true
                }
                _ => self.bare().is_ok(),
            };
            if open == 0 || !stepped {
                return;
            }
        }
    }

    /// Step over the bare word under the cursor.
    #[inline]
    pub(crate) fn bare(&mut self) -> Result<(), Broken> {
        let start = self.pos;
        let rest = &self.body[start.min(self.body.len())..];
        let length = rest.iter().position(|&byte| DELIMITER[usize::from(byte)]).unwrap_or(rest.len());
        if length == 0 {
            return Err(self.broken("a value is missing"));
        }
        self.pos = start + length;
        let word = &rest[..length];
        if !matches!(word, b"true" | b"false" | b"null")
            && let Some(code) = number::check(word)
        {
            self.note(start, code);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Scan;
    use crate::reject::RejectCode::{self, BadEscape, ControlCharacter, LoneSurrogate, NulCharacter};

    fn scanned(text: &[u8]) -> (usize, bool, Option<(usize, RejectCode)>) {
        let mut scan = Scan::new(text, 0);
        scan.in_record = true;
        let escaped = scan.string().expect("a whole string");
        (scan.pos, escaped, scan.flaw.map(|flaw| (flaw.offset, flaw.code)))
    }

    #[test]
    fn a_string_ends_at_its_own_quote() {
        assert_eq!(scanned(br#""ab"c"#), (4, false, None));
        assert_eq!(scanned(br#""a\"b\\""#), (8, true, None));
        assert_eq!(scanned(br#""\ud83d\ude00""#), (14, true, None));
        assert!(Scan::new(br#""ab\""#, 0).string().is_err());
        assert!(Scan::new(br#""ab\"#, 0).string().is_err());
    }

    #[test]
    fn a_known_value_is_stepped_over_whole() {
        for value in ["1", "\"]\\\"\"", "{}", "[ ]", r#"{"a":[1,{"b":"]}"},null],"c":{}}"#, "true"] {
            for rest in ["", ",1", "]", " }"] {
                let text = format!("{value}{rest}");
                let mut scan = Scan::new(text.as_bytes(), 0);
                scan.skip();
                assert_eq!(scan.pos, value.len(), "{text}");
            }
        }
    }

    #[test]
    fn the_first_flaw_of_a_string_is_noted_and_its_end_is_still_found() {
        assert_eq!(scanned(b"\"a\tb\\x\""), (7, true, Some((2, ControlCharacter))));
        assert_eq!(scanned(br#""\x\u0000""#), (10, true, Some((1, BadEscape))));
        assert_eq!(scanned(br#""\u0000""#), (8, true, Some((1, NulCharacter))));
        assert_eq!(scanned(br#""\ud800\ud800""#), (14, true, Some((1, LoneSurrogate))));
        assert_eq!(scanned(br#""\ud800\ud83d\ude00""#), (20, true, Some((1, LoneSurrogate))));
        assert_eq!(scanned(br#""\u12""#), (6, true, Some((1, BadEscape))));
    }
}
