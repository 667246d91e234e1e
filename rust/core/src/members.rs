//! Where the members of a record's objects stand, so that they can be put into another order without a second reading.

/// Levels of objects whose members are noted. What is nested deeper stays as it is written.
const DEEPEST: usize = 7;

/// Members that are noted of a record: a byte numbers them. One that has more stays as it is written.
const MOST: usize = 256;

/// Bytes of a record. A longer one stays as it is written.
const LONGEST: usize = 1 << 21;

/// A member of an object that only objects are around, the record being the outermost. Packed, so that two are compared
/// at once: 21 bits of the start, 3 of the depth, 8 of the length.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member(u32);

#[expect(clippy::cast_possible_truncation, reason = "parts of a number are taken out, and fit")]
impl Member {
    const fn new(start: usize, length: Option<usize>, depth: usize) -> Self {
        let length = match length {
            Some(length) if length < 0xff => length as u32,
            _ => 0xff,
        };
        Self((start as u32) << 11 | (depth as u32) << 8 | length)
    }

    /// Where the quote before its key stands in the record.
    pub(crate) const fn start(self) -> usize {
        (self.0 >> 11) as usize
    }

    /// How many objects are around it.
    pub(crate) const fn depth(self) -> usize {
        (self.0 >> 8 & 7) as usize
    }

    /// Bytes of its key, as it is written between the quotes; None if there is an escape in it, or if it is too long.
    pub(crate) const fn length(self) -> Option<usize> {
        let length = (self.0 & 0xff) as usize;
        if length == 0xff { None } else { Some(length) }
    }

    /// Its depth and its length, as a number.
    pub(crate) const fn form(self) -> u64 {
        (self.0 & 0x7ff) as u64
    }
}

/// The members of a record, in the order of the text. Its room is kept from one record to the next.
#[derive(Debug, Default)]
pub(crate) struct Members {
    wanted: bool,
    found: Vec<Member>,
    /// Where the record starts.
    base: usize,
    /// There are more than are noted.
    more: bool,
    /// How many levels, from the outermost, are objects; no more than are noted. 0 where nothing is wanted.
    objects: usize,
}

impl Members {
    pub(crate) fn new(wanted: bool) -> Self {
        Self { wanted, ..Self::default() }
    }

    /// All of the last record; none if there are too many, or if they aren't wanted.
    pub(crate) fn all(&self) -> &[Member] {
        if self.more { &[] } else { &self.found }
    }

    /// A record begins.
    pub(crate) fn begin(&mut self, start: usize) {
        self.found.clear();
        self.base = start;
        self.more = false;
        self.objects = 0;
    }

    /// A container opened, as the level `depth`, from 1.
    #[inline]
    pub(crate) const fn opened(&mut self, depth: usize, object: bool) {
        if self.wanted && object && self.objects + 1 == depth && depth <= DEEPEST {
            self.objects = depth;
        }
    }

    /// The container of the level `depth` closed.
    #[inline]
    pub(crate) const fn closed(&mut self, depth: usize) {
        if self.objects == depth {
            self.objects = depth - 1;
        }
    }

    /// A key with the quote at `start` stands in the object of the level `depth`, the innermost container.
    #[inline]
    pub(crate) fn key(&mut self, start: usize, length: Option<usize>, depth: usize) {
        if self.objects != depth {
            return;
        }
        let start = start - self.base;
        if self.found.len() < MOST && start < LONGEST {
            self.found.push(Member::new(start, length, depth));
        } else {
            self.more = true;
        }
    }
}
