//! The usual compressed page: one gzip member that says how long it is. Read in one go, straight to where it belongs.

use libdeflater::Decompressor;
use memchr::memmem;

use crate::failpoints;
use crate::inflate::{Allowed, BELIEVED_RATIO};

/// Magic bytes, method, flags, time and two more (RFC 1952, 2.3).
const HEADER: usize = 10;
/// FHCRC: a checksum of the header follows it, which the decoder doesn't look at.
const HEADER_CHECKSUM: u8 = 2;

/// A gzip body that holds one member and nothing else, and says how long that is.
#[derive(Debug)]
pub struct OneMember<'a> {
    body: &'a [u8],
    /// Bytes that it says it inflates to.
    pub size: usize,
}

impl<'a> OneMember<'a> {
    /// Look at `body`; `None` if it is something else, or if it says more than is allowed or likely (see `inflate`).
    #[must_use]
    pub fn find(body: &'a [u8], max_bytes: usize, max_ratio: usize) -> Option<Self> {
        let (header, inside) = body.split_first_chunk::<HEADER>()?;
        let &[0x1f, 0x8b, 8, flags, ..] = header else { return None };
        let end = inside.last_chunk::<4>()?;
        let size = usize::try_from(u32::from_le_bytes(*end)).ok()?;
        let believed = body.len().saturating_mul(BELIEVED_RATIO);
        let fits = size <= Allowed::new(body.len(), max_bytes, max_ratio).bytes.min(believed);
        // The decoder doesn't say where the member ended, but it ends in its size. Where that stands nowhere else, it
        // ended here.
        let alone = fits && flags & HEADER_CHECKSUM == 0 && memmem::find(inside, end) == Some(inside.len() - 4);
        alone.then_some(Self { body, size })
    }

    /// Inflate it into `out`, of its size. False if it isn't as it says: then `inflate` knows why, or reads it.
    ///
    /// The decoder holds `out` against the size and the checksum behind the member.
    #[must_use]
    pub fn read(&self, out: &mut [u8]) -> bool {
        failpoints::pass("mid_inflate");
        Decompressor::new().gzip_decompress(self.body, out) == Ok(self.size)
    }
}
