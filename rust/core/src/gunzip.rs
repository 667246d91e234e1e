//! The usual compressed page: one gzip member that says how long it is. Read in one go, straight to where it belongs.

use libdeflater::{Decompressor, crc32};
use memchr::memmem;

use crate::inflate::Allowed;

/// What every member of gzip begins with: two magic bytes and the only method (RFC 1952, 2.3.1).
const MAGIC: &[u8; 3] = b"\x1f\x8b\x08";

/// A gzip body that holds one member and nothing else, and says how long that is.
#[derive(Debug)]
pub struct OneMember<'a> {
    body: &'a [u8],
    crc: u32,
    /// Bytes that it says it inflates to.
    pub size: usize,
}

impl<'a> OneMember<'a> {
    /// Look at `body`; `None` if it is something else, or if it says more than is allowed (see `inflate`).
    #[must_use]
    pub fn find(body: &'a [u8], max_bytes: usize, max_ratio: usize) -> Option<Self> {
        let inside = body.strip_prefix(MAGIC)?;
        let [a, b, c, d, size @ ..] = body.last_chunk::<8>()?;
        let size = usize::try_from(u32::from_le_bytes(*size)).ok()?;
        // Of nothing the checksum is zero, too: zeros behind it would look the same.
        let fits = size > 0 && size <= Allowed::new(body.len(), max_bytes, max_ratio).bytes;
        // The decoder doesn't say where the member ended. Where no other begins, all of it is the first one's.
        let alone = fits && memmem::find(inside, MAGIC).is_none();
        alone.then(|| Self { body, crc: u32::from_le_bytes([*a, *b, *c, *d]), size })
    }

    /// Inflate it into `out`, of its size. False if it isn't as it says: then `inflate` knows why, or reads it.
    #[must_use]
    pub fn read(&self, out: &mut [u8]) -> bool {
        // The decoder has held `out` against the checksum behind the member; that at the end of the body is the same
        // one only if nothing follows the member.
        Decompressor::new().gzip_decompress(self.body, out) == Ok(self.size) && crc32(out) == self.crc
    }
}
