//! Pages of newline-delimited JSON: each line is a record, and a broken one spoils no other.

use crate::error::{PageCode, PageError};
use crate::lone::Lone;
use crate::page::{BOM, Envelope, Found, Sink};
use crate::plan::Plan;
use crate::trie::Trie;

/// Walk the lines of `body` and hand them, with spans for `columns`, to `sink`.
///
/// A last line that breaks off and has no newline is the sign of a page that was cut: the page is refused.
pub(crate) fn walk<'a>(
    plan: &Plan,
    columns: &Trie,
    body: &'a [u8],
    sink: &mut impl Sink<'a>,
) -> Result<Envelope, PageError> {
    let valid_utf8 = simdutf8::basic::from_utf8(body).is_ok();
    let mut lone = Lone::new(columns, plan.max_depth).noting(sink.takes_members());
    let mut at = if body.starts_with(BOM) { BOM.len() } else { 0 };
    let mut blank = true;
    while at < body.len() {
        let newline = memchr::memchr(b'\n', &body[at..]).map(|length| at + length);
        let (start, end) = trimmed(body, at, newline.unwrap_or(body.len()));
        if start < end {
            blank = false;
            let verdict = lone.record(&body[..end], start, valid_utf8);
            if verdict.early && newline.is_none() {
                return Err(PageError::new(PageCode::Syntax, body.len(), "the text ends early"));
            }
            let found = Found { offset: start, raw: &body[start..end], flaw: verdict.flaw };
            sink.record(&found, &lone.spans, lone.members());
        }
        at = newline.unwrap_or(body.len()) + 1;
    }
    if blank {
        Err(PageError::new(PageCode::EmptyBody, body.len(), "the page is empty"))
    } else {
        Ok(Envelope::default())
    }
}

/// The borders of what stands between `start` and `end`, without JSON's whitespace around it.
fn trimmed(body: &[u8], start: usize, end: usize) -> (usize, usize) {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let line = &body[start..end];
    let Some(first) = line.iter().position(|byte| !blank(byte)) else { return (end, end) };
    let last = line.iter().rposition(|byte| !blank(byte)).unwrap_or(first);
    (start + first, start + last + 1)
}
