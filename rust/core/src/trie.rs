//! The paths of a plan as one small tree, so that one walk over the text serves all of them.

use crate::path::Step;

/// The place of a node among the nodes, or of its span among the spans.
pub(crate) type Node = usize;

/// The whole value.
pub(crate) const ROOT: Node = 0;

/// A value that no path leads to or through.
pub(crate) const NONE: Node = usize::MAX;

/// Nodes in preorder: what is below a node follows it directly.
#[derive(Debug)]
pub(crate) struct Trie {
    nodes: Vec<Below>,
}

/// What is directly below a node.
#[derive(Debug)]
struct Below {
    keys: Vec<(Box<[u8]>, Node)>,
    items: Vec<(usize, Node)>,
    /// One past the last node below.
    end: Node,
}

impl Trie {
    /// Give the trie of `paths`, and the node of each.
    pub(crate) fn new(paths: &[Vec<Step>]) -> (Self, Vec<Node>) {
        let mut trie = Self { nodes: Vec::new() };
        let mut ends = vec![ROOT; paths.len()];
        let all: Vec<usize> = (0..paths.len()).collect();
        trie.grow(paths, &all, 0, &mut ends);
        (trie, ends)
    }

    /// Add the node that the paths numbered `members`, alike in their first `depth` steps, lead to or through.
    fn grow(&mut self, paths: &[Vec<Step>], members: &[usize], depth: usize, ends: &mut [Node]) -> Node {
        let node = self.nodes.len();
        self.nodes.push(Below { keys: Vec::new(), items: Vec::new(), end: node + 1 });
        let mut groups: Vec<(&Step, Vec<usize>)> = Vec::new();
        for &member in members {
            match paths[member].get(depth) {
                None => ends[member] = node,
                Some(step) => match groups.iter_mut().find(|(known, _)| *known == step) {
                    Some((_, group)) => group.push(member),
                    None => groups.push((step, vec![member])),
                },
            }
        }
        for (step, group) in groups {
            let child = self.grow(paths, &group, depth + 1, ends);
            match step {
                Step::Key(key) => self.nodes[node].keys.push((key.as_bytes().into(), child)),
                Step::Item(item) => self.nodes[node].items.push((*item, child)),
            }
        }
        self.nodes[node].end = self.nodes.len();
        node
    }

    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn has_keys(&self, node: Node) -> bool {
        !self.nodes[node].keys.is_empty()
    }

    pub(crate) fn has_items(&self, node: Node) -> bool {
        !self.nodes[node].items.is_empty()
    }

    /// The node of the member `key` of `node`, or NONE.
    #[inline]
    pub(crate) fn child(&self, node: Node, key: &[u8]) -> Node {
        let keys = &self.nodes[node].keys;
        keys.iter().find(|(known, _)| **known == *key).map_or(NONE, |&(_, child)| child)
    }

    /// The node of the element `item` of `node`, or NONE.
    pub(crate) fn item(&self, node: Node, item: usize) -> Node {
        let items = &self.nodes[node].items;
        items.iter().find(|(known, _)| *known == item).map_or(NONE, |&(_, child)| child)
    }

    /// One past the last node below `node`.
    pub(crate) fn end(&self, node: Node) -> Node {
        self.nodes[node].end
    }
}

#[cfg(test)]
mod tests {
    use super::{NONE, ROOT, Trie};
    use crate::path;

    #[test]
    fn paths_share_their_beginnings_and_may_be_equal_or_empty() {
        let paths = ["a.b", "", "c", "a", "c", "a.d", "c[2]"].map(|path| path::parse("x", path).expect("a right path"));
        let (trie, ends) = Trie::new(&paths);
        assert_eq!(trie.len(), 6);
        let a = trie.child(ROOT, b"a");
        let c = trie.child(ROOT, b"c");
        assert_eq!(ends, [trie.child(a, b"b"), ROOT, c, a, c, trie.child(a, b"d"), trie.item(c, 2)]);
        assert_eq!((trie.end(a), trie.end(c), trie.end(ROOT)), (a + 3, c + 2, 6));
        assert!(trie.has_keys(a) && !trie.has_keys(c));
        assert!(trie.has_items(c) && !trie.has_items(a));
        assert_eq!(trie.child(ROOT, b"b"), NONE);
        assert_eq!(trie.child(c, b""), NONE);
        assert_eq!(trie.item(c, 0), NONE);
    }
}
