//! The keys of the last record, in their order: those of the next one are mostly the same, and need not be read again.

use crate::trie::Node;

/// Bytes of a key that are compared in one step, its quotes and colon included.
const WIDTH: usize = 16;

/// Keys that are remembered of a record.
const MOST: usize = 256;

/// A key as it stood in the last record.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    /// Its bytes, zeros behind them.
    bytes: u128,
    /// Ones where its bytes are.
    mask: u128,
    /// How many they are; 0 if it can't be compared.
    length: usize,
    /// The node that it is a key of, and the one that it leads to.
    parent: Node,
    node: Node,
}

/// Remembers keys. Whatever it says is by comparison with the text, never by guess.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    seen: Vec<Seen>,
    next: usize,
}

impl Shape {
    /// A record begins.
    pub(crate) fn rewind(&mut self) {
        self.next = 0;
    }

    /// The node that the key at `at` of `body`, below `parent`, leads to, and where its colon ends; if it is the one
    /// that stood at this place of the last record. Go to the next place.
    #[inline]
    pub(crate) fn same(&mut self, body: &[u8], at: usize, parent: Node) -> Option<(Node, usize)> {
        let seen = self.seen.get(self.next)?;
        let text = u128::from_le_bytes(*body.get(at..)?.first_chunk::<WIDTH>()?);
        if seen.length == 0 || text & seen.mask != seen.bytes || seen.parent != parent {
            return None;
        }
        self.next += 1;
        Some((seen.node, at + seen.length))
    }

    /// Remember the key at this place: `text` has its quotes and its colon, `None` is one to be read each time. Go to
    /// the next place.
    #[cold]
    pub(crate) fn learn(&mut self, text: Option<&[u8]>, parent: Node, node: Node) {
        let mut seen = Seen { parent, node, ..Seen::default() };
        if let Some(text) = text.filter(|text| text.len() <= WIDTH) {
            let mut bytes = [0; WIDTH];
            bytes[..text.len()].copy_from_slice(text);
            seen.bytes = u128::from_le_bytes(bytes);
            seen.mask = u128::MAX.checked_shr(8 * u32::try_from(WIDTH - text.len()).unwrap_or(0)).unwrap_or(0);
            seen.length = text.len();
        }
        if self.next < self.seen.len() {
            self.seen[self.next] = seen;
        } else if self.next < MOST {
            self.seen.push(seen);
        }
        self.next += 1;
    }
}
