//! One pass over one JSON value that checks its grammar and marks where the values of a trie's paths stand.

use crate::error::Broken;
use crate::members::{Member, Members};
use crate::nesting::Nesting;
use crate::reject::RejectCode;
use crate::scan::Scan;
use crate::shape::Shape;
use crate::trie::{NONE, Node, ROOT, Trie};
use crate::unescape::unescape;

/// Where a value stands in the text. Empty if there is none.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Whether it is a string with an escape in it.
    pub(crate) escaped: bool,
}

impl Span {
    /// The value as it is written, or nothing.
    pub(crate) fn of<'a>(&self, body: &'a [u8]) -> &'a [u8] {
        &body[self.start..self.end]
    }
}

/// What may step in at the values that paths lead to or through.
pub(crate) trait Visit<'a> {
    /// True if it has stepped over the value under the cursor itself.
    fn value(&mut self, scan: &mut Scan<'a>, node: Node) -> Result<bool, Broken>;
}

/// Steps in nowhere.
pub(crate) struct Pass;

impl<'a> Visit<'a> for Pass {
    #[inline]
    fn value(&mut self, _scan: &mut Scan<'a>, _node: Node) -> Result<bool, Broken> {
        Ok(false)
    }
}

/// The state of a walk, kept from one value to the next so that no walk allocates.
#[derive(Debug, Default)]
pub(crate) struct Walker {
    max_depth: usize,
    nesting: Nesting,
    /// The open containers that paths lead to or through.
    tracked: Vec<Tracked>,
    /// An unescaped key.
    key: Vec<u8>,
    shape: Shape,
    /// Of the last value, if they are wanted.
    pub(crate) members: Members,
}

#[derive(Debug, Clone, Copy)]
struct Tracked {
    node: Node,
    start: usize,
    depth: usize,
    /// The node below which paths go on in here, or NONE.
    below: Node,
    /// In an array: the element that the cursor is at.
    item: usize,
}

/// The members of `record`, an object whose grammar is known to be right.
pub(crate) fn members_of(record: &[u8]) -> Vec<Member> {
    let (nothing, _) = Trie::new(&[]);
    let mut walker = Walker::new(usize::MAX).noting(true);
    let done = walker.value(&mut Scan::new(record, 0), &nothing, &mut vec![Span::default(); nothing.len()], &mut Pass);
    if done.is_ok() { walker.members.all().to_vec() } else { Vec::new() }
}

impl Walker {
    pub(crate) fn new(max_depth: usize) -> Self {
        Self { max_depth, ..Self::default() }
    }

    /// Say whether the members of objects are `wanted`.
    pub(crate) fn noting(self, wanted: bool) -> Self {
        Self { members: Members::new(wanted), ..self }
    }

    /// Step over the value under the cursor and set the span of each node of `trie`.
    ///
    /// Of equal keys the last counts, with all below it, as in `jsonb`.
    pub(crate) fn value<'a>(
        &mut self,
        scan: &mut Scan<'a>,
        trie: &Trie,
        spans: &mut [Span],
        visit: &mut impl Visit<'a>,
    ) -> Result<(), Broken> {
        self.nesting.clear();
        self.tracked.clear();
        self.shape.rewind();
        self.members.begin(scan.pos);
        spans.fill(Span::default());
        let mut node = ROOT; // of the value under the cursor
        let mut below = NONE; // the node below which paths go on in the innermost open container
        loop {
            let start = scan.pos;
            if node != NONE && visit.value(scan, node)? {
                spans[node] = Span { start, end: scan.pos, escaped: false };
            } else {
                match scan.peek() {
                    b'"' => {
                        let escaped = scan.string()?;
                        if node != NONE {
                            spans[node] = Span { start, end: scan.pos, escaped };
                        }
                    }
                    opening @ (b'{' | b'[') => {
                        let object = opening == b'{';
                        below = self.open(scan, trie, node, object);
                        scan.whitespace();
                        // ASCII has the closing brackets two after the opening ones.
                        if scan.peek() != opening + 2 {
                            node = if object {
                                self.key(scan, trie, spans, below)?
                            } else if below == NONE {
                                NONE
                            } else {
                                trie.item(below, 0)
                            };
                            continue;
                        }
                    }
                    _ => {
                        scan.bare()?;
                        if node != NONE {
                            spans[node] = Span { start, end: scan.pos, escaped: false };
                        }
                    }
                }
            }
            // Behind a value, or before the end of an empty container.
            loop {
                if self.nesting.depth() == 0 {
                    return Ok(());
                }
                scan.whitespace();
                let object = self.nesting.in_object();
                match scan.peek() {
                    b',' => {
                        scan.pos += 1;
                        scan.whitespace();
                        node = if object {
                            self.key(scan, trie, spans, below)?
                        } else if below == NONE {
                            NONE
                        } else {
                            self.next_item(trie, below)
                        };
                        break;
                    }
                    closing if closing == if object { b'}' } else { b']' } => {
                        scan.pos += 1;
                        below = self.close(scan, spans);
                    }
                    _ if object => return Err(scan.broken("`,` or `}` is missing")),
                    _ => return Err(scan.broken("`,` or `]` is missing")),
                }
            }
        }
    }

    /// Open the container under the cursor. Give the node below which paths go on in it.
    #[inline]
    fn open(&mut self, scan: &mut Scan<'_>, trie: &Trie, node: Node, object: bool) -> Node {
        let start = scan.pos;
        scan.pos += 1;
        self.nesting.push(object);
        let depth = self.nesting.depth();
        if depth > self.max_depth {
            scan.note(start, RejectCode::TooDeep);
        }
        self.members.opened(depth, object);
        if node == NONE {
            return NONE;
        }
        let goes_on = if object { trie.has_keys(node) } else { trie.has_items(node) };
        let below = if goes_on { node } else { NONE };
        self.tracked.push(Tracked { node, start, depth, below, item: 0 });
        below
    }

    /// Close the innermost container, behind its bracket. Give the node below which paths go on in the next one
    /// out.
    #[inline]
    fn close(&mut self, scan: &Scan<'_>, spans: &mut [Span]) -> Node {
        let depth = self.nesting.depth();
        self.nesting.pop();
        self.members.closed(depth);
        if let Some(&Tracked { node, start, depth: opened, .. }) = self.tracked.last()
            && opened == depth
        {
            spans[node] = Span { start, end: scan.pos, escaped: false };
            self.tracked.pop();
        }
        match self.tracked.last() {
            Some(outer) if outer.depth == depth - 1 => outer.below,
            _ => NONE,
        }
    }

    /// Go to the next element of the innermost open container, an array. Give its node.
    #[cold]
    fn next_item(&mut self, trie: &Trie, below: Node) -> Node {
        let Some(array) = self.tracked.last_mut() else { return NONE };
        array.item += 1;
        trie.item(below, array.item)
    }

    /// Step over a key and its colon to the value. Give the value's node.
    #[inline]
    fn key(&mut self, scan: &mut Scan<'_>, trie: &Trie, spans: &mut [Span], below: Node) -> Result<Node, Broken> {
        let quote = scan.pos;
        let (node, length) = match self.shape.same(scan.body, quote, below) {
            Some((node, behind)) => {
                scan.pos = behind;
                (node, Some(behind - quote - 3)) // without quotes and colon
            }
            None => self.new_key(scan, trie, below)?,
        };
        self.members.key(quote, length, self.nesting.depth());
        if node != NONE {
            spans[node..trie.end(node)].fill(Span::default());
        }
        scan.whitespace();
        Ok(node)
    }

    #[inline(never)]
    fn new_key(&mut self, scan: &mut Scan<'_>, trie: &Trie, below: Node) -> Result<(Node, Option<usize>), Broken> {
        let quote = scan.pos;
        if scan.peek() != b'"' {
            return Err(scan.broken("a key is missing"));
        }
        let escaped = scan.string()?;
        let raw = &scan.body[quote + 1..scan.pos - 1];
        let node = match (below, escaped) {
            (NONE, _) => NONE,
            (_, true) => self.escaped_child(trie, below, raw),
            (_, false) => trie.child(below, raw),
        };
        let end = scan.pos;
        scan.whitespace();
        if scan.peek() != b':' {
            return Err(scan.broken("`:` is missing"));
        }
        scan.pos += 1;
        // A flaw in a key has to be noted each time.
        let plain = scan.pos == end + 1 && !escaped && scan.flaw.is_none();
        self.shape.learn(plain.then(|| &scan.body[quote..scan.pos]), below, node);
        Ok((node, (!escaped).then_some(raw.len())))
    }

    #[cold]
    fn escaped_child(&mut self, trie: &Trie, below: Node, raw: &[u8]) -> Node {
        self.key.clear();
        if unescape(raw, &mut self.key) { trie.child(below, &self.key) } else { NONE }
    }
}
