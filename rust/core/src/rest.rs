//! A record without the fields that have columns of their own.

use crate::scan::Scan;
use crate::trie::{NONE, Node, ROOT, Trie};
use crate::unescape::unescape;
use crate::walk::Span;

/// Writes rests. Its buffers are kept, so that no record allocates.
#[derive(Debug, Default)]
pub(crate) struct Rest {
    /// The objects on the way in: their nodes.
    open: Vec<Node>,
    /// An unescaped key.
    key: Vec<u8>,
}

impl Rest {
    /// Set `out` to the object at `place` of `body`, whose grammar is known to be right, without the members that
    /// `taken` leads to. The others stay as they are written, whitespace around them apart.
    pub(crate) fn write(&mut self, body: &[u8], place: Span, taken: &(Trie, Vec<bool>), out: &mut Vec<u8>) {
        let (trie, ends) = taken;
        out.clear();
        self.open.clear();
        let mut scan = Scan::new(&body[..place.end], place.start);
        let mut node = ROOT;
        let mut first = true;
        scan.pos += 1;
        out.push(b'{');
        loop {
            scan.whitespace();
            match scan.peek() {
                b'"' => {}
                b',' => {
                    scan.pos += 1;
                    continue;
                }
                _ => {
                    // The end of the object.
                    scan.pos += 1;
                    out.push(b'}');
                    first = false;
                    let Some(outer) = self.open.pop() else { return };
                    node = outer;
                    continue;
                }
            }
            let start = scan.pos;
            let child = self.member(&mut scan, trie, node);
            let value = scan.pos;
            if child != NONE && ends[child] {
                scan.skip();
                continue;
            }
            if !first {
                out.push(b',');
            }
            first = false;
            if child != NONE && scan.peek() == b'{' {
                scan.pos += 1;
                out.extend_from_slice(&body[start..=value]);
                self.open.push(node);
                node = child;
                first = true;
                continue;
            }
            scan.skip();
            out.extend_from_slice(&body[start..scan.pos]);
        }
    }

    /// Step over the key under the cursor to its value. Give the value's node.
    fn member(&mut self, scan: &mut Scan<'_>, trie: &Trie, node: Node) -> Node {
        let start = scan.pos + 1;
        let escaped = scan.string().unwrap_or_default();
        let raw = &scan.body[start..scan.pos - 1];
        let child = if escaped {
            self.key.clear();
            unescape(raw, &mut self.key);
            trie.child(node, &self.key)
        } else {
            trie.child(node, raw)
        };
        scan.whitespace();
        scan.pos += 1; // the colon
        scan.whitespace();
        child
    }
}
