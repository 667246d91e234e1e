//! The paths of a plan as one small tree of keys, so that one walk over the text serves all of them.

/// The place of a node among the nodes, or of its span among the spans.
pub(crate) type Node = usize;

/// The whole value.
pub(crate) const ROOT: Node = 0;

/// A value that no path leads to or through.
pub(crate) const NONE: Node = usize::MAX;

/// Nodes in preorder: what is below a node follows it directly.
#[derive(Debug)]
pub(crate) struct Trie {
    nodes: Vec<Keys>,
}

#[derive(Debug)]
struct Keys {
    below: Vec<(Box<[u8]>, Node)>,
    /// One past the last node below.
    end: Node,
}

impl Trie {
    /// Give the trie of `paths`, and the node of each.
    pub(crate) fn new(paths: &[Vec<&str>]) -> (Self, Vec<Node>) {
        let mut trie = Self { nodes: Vec::new() };
        let mut ends = vec![ROOT; paths.len()];
        let all: Vec<usize> = (0..paths.len()).collect();
        trie.grow(paths, &all, 0, &mut ends);
        (trie, ends)
    }

    /// Add the node that the paths numbered `members`, alike in their first `depth` keys, lead to or through.
    fn grow(&mut self, paths: &[Vec<&str>], members: &[usize], depth: usize, ends: &mut [Node]) -> Node {
        let node = self.nodes.len();
        self.nodes.push(Keys { below: Vec::new(), end: node + 1 });
        let mut groups: Vec<(&str, Vec<usize>)> = Vec::new();
        for &member in members {
            match paths[member].get(depth) {
                None => ends[member] = node,
                Some(&key) => match groups.iter_mut().find(|(known, _)| *known == key) {
                    Some((_, group)) => group.push(member),
                    None => groups.push((key, vec![member])),
                },
            }
        }
        for (key, group) in groups {
            let child = self.grow(paths, &group, depth + 1, ends);
            self.nodes[node].below.push((key.as_bytes().into(), child));
        }
        self.nodes[node].end = self.nodes.len();
        node
    }

    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn has_keys(&self, node: Node) -> bool {
        !self.nodes[node].below.is_empty()
    }

    /// The node below `node` by `key`, or NONE.
    #[inline]
    pub(crate) fn child(&self, node: Node, key: &[u8]) -> Node {
        let below = &self.nodes[node].below;
        below.iter().find(|(known, _)| **known == *key).map_or(NONE, |&(_, child)| child)
    }

    /// One past the last node below `node`.
    pub(crate) fn end(&self, node: Node) -> Node {
        self.nodes[node].end
    }
}

#[cfg(test)]
mod tests {
    use super::{NONE, ROOT, Trie};

    #[test]
    fn paths_share_their_beginnings_and_may_be_equal_or_empty() {
        let paths = vec![vec!["a", "b"], vec![], vec!["c"], vec!["a"], vec!["c"], vec!["a", "d"]];
        let (trie, ends) = Trie::new(&paths);
        assert_eq!(trie.len(), 5);
        let a = trie.child(ROOT, b"a");
        let c = trie.child(ROOT, b"c");
        assert_eq!(ends, [trie.child(a, b"b"), ROOT, c, a, c, trie.child(a, b"d")]);
        assert_eq!((trie.end(a), trie.end(c), trie.end(ROOT)), (a + 3, c + 1, 5));
        assert!(trie.has_keys(a) && !trie.has_keys(c));
        assert_eq!(trie.child(ROOT, b"b"), NONE);
        assert_eq!(trie.child(c, b""), NONE);
    }
}
