//! The elements of an array of strings.

use crate::scan::Scan;
use crate::walk::Span;

/// Set `items` to the places of the strings, without their quotes, in the array at `place` of `body`; `None` stands for
/// null. Other elements are taken as they are written if `any`; otherwise, and if there is no array, the answer is
/// false.
pub(crate) fn read(body: &[u8], place: Span, any: bool, items: &mut Vec<Option<Span>>) -> bool {
    items.clear();
    let mut scan = Scan::new(&body[..place.end], place.start);
    if scan.peek() != b'[' {
        return false;
    }
    // The grammar of the record is known to be right: the array ends at its own bracket.
    loop {
        scan.pos += 1;
        scan.whitespace();
        if scan.peek() == b']' || scan.pos >= place.end {
            return true;
        }
        let start = scan.pos;
        let item = match scan.peek() {
            b'"' => {
                let Ok(escaped) = scan.string() else { return false };
                Some(Span { start: start + 1, end: scan.pos - 1, escaped })
            }
            b'n' => {
                scan.pos += b"null".len();
                None
            }
            _ if !any => return false,
            _ => {
                scan.skip();
                Some(Span { start, end: scan.pos, escaped: false })
            }
        };
        items.push(item);
        scan.whitespace();
    }
}
