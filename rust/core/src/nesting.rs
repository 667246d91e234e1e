//! Which containers are open, one bit a level: true for an object, false for an array.

/// A stack of bits without a limit of its own, so that no depth of nesting can exhaust anything.
#[derive(Debug, Default)]
pub(crate) struct Nesting {
    /// The innermost levels, the last one in the lowest bit.
    word: u64,
    depth: usize,
    /// The levels outside of `word`, 64 in each.
    outer: Vec<u64>,
}

impl Nesting {
    pub(crate) fn clear(&mut self) {
        self.depth = 0;
        self.outer.clear();
    }

    pub(crate) const fn depth(&self) -> usize {
        self.depth
    }

    /// Whether the innermost open container is an object.
    pub(crate) const fn in_object(&self) -> bool {
        self.word & 1 == 1
    }

    #[inline]
    pub(crate) fn push(&mut self, object: bool) {
        if self.depth.is_multiple_of(64) && self.depth > 0 {
            self.outer.push(self.word);
        }
        self.word = self.word << 1 | u64::from(object);
        self.depth += 1;
    }

    #[inline]
    pub(crate) fn pop(&mut self) {
        self.depth -= 1;
        self.word >>= 1;
        if self.depth.is_multiple_of(64)
            && self.depth > 0
            && let Some(word) = self.outer.pop()
        {
            self.word = word;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Nesting;

    #[test]
    fn remembers_every_level_across_words() {
        let pattern = |level: usize| level.is_multiple_of(3) || level.is_multiple_of(7);
        let mut nesting = Nesting::default();
        for _ in 0..2 {
            for level in 0..300 {
                nesting.push(pattern(level));
                assert_eq!(nesting.in_object(), pattern(level));
            }
            for level in (0..300).rev() {
                assert_eq!(nesting.depth(), level + 1);
                assert_eq!(nesting.in_object(), pattern(level));
                nesting.pop();
            }
            assert_eq!(nesting.depth(), 0);
        }
    }
}
