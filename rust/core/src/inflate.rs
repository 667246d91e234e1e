//! Content encodings undone, within a limit and to a proven end.

use flate2::{Decompress, FlushDecompress, Status};

use crate::error::{PageCode, PageError};
use crate::failpoints;

/// Bytes asked for first, as a multiple of the compressed ones, where nothing tells more: JSON shrinks about that much.
const USUAL_RATIO: usize = 8;
/// A body that claims more has to show it.
pub(crate) const BELIEVED_RATIO: usize = 32;
const STEP: usize = 64 * 1024;
/// The largest window, which every server may use.
const WINDOW_BITS: u8 = 15;

/// Bytes that any body may inflate to, whatever the ratio: little that is all alike is no bomb.
pub const SMALL: usize = 1 << 20;

/// Undo `encoding`, which is `gzip` or `deflate`. More than `max_bytes`, or than `max_ratio` times the compressed ones,
/// are refused as soon as they appear; the ratio doesn't count for the first [`SMALL`] bytes.
pub fn inflate(body: &[u8], encoding: &str, max_bytes: usize, max_ratio: usize) -> Result<Vec<u8>, PageError> {
    let allowed = Allowed::new(body.len(), max_bytes, max_ratio);
    match encoding {
        "gzip" => gzip(body, &allowed),
        "deflate" => deflate(body, &allowed),
        _ => {
            let what = format!("the content encoding `{}` is unknown", encoding.escape_default());
            Err(PageError::new(PageCode::InflateUnknownEncoding, 0, what))
        }
    }
}

/// How large a body may become.
pub(crate) struct Allowed {
    pub(crate) bytes: usize,
    /// Whether that is because of the ratio.
    by_ratio: bool,
}

impl Allowed {
    pub(crate) fn new(compressed: usize, max_bytes: usize, max_ratio: usize) -> Self {
        let usual = compressed.saturating_mul(max_ratio).max(SMALL);
        Self { bytes: usual.min(max_bytes), by_ratio: usual < max_bytes }
    }

    fn exceeded(&self, offset: usize) -> PageError {
        let (code, why) = if self.by_ratio {
            (PageCode::InflateRatio, "more than a page is ever compressed")
        } else {
            (PageCode::InflateLimit, "the limit")
        };
        PageError::new(code, offset, format!("the body inflates to more than {} bytes, {why}", self.bytes))
    }
}

/// One member after the other, with nothing between or after them.
fn gzip(body: &[u8], allowed: &Allowed) -> Result<Vec<u8>, PageError> {
    // The end of the last member says how long it is (RFC 1952, ISIZE): if it is true, nothing is moved while reading.
    let claimed = body.last_chunk().map_or(0, |size| usize::try_from(u32::from_le_bytes(*size)).unwrap_or(0));
    let believed = claimed.min(body.len().saturating_mul(BELIEVED_RATIO));
    let mut out = Vec::with_capacity(believed.min(allowed.bytes).saturating_add(1));
    let mut rest = body;
    loop {
        let offset = body.len() - rest.len();
        if !rest.starts_with(b"\x1f\x8b") && !matches!(rest, [] | [0x1f]) {
            return Err(corrupt(offset));
        }
        let used = member(Decompress::new_gzip(WINDOW_BITS), body, offset, allowed, &mut out)?;
        rest = &body[used..];
        if rest.is_empty() {
            return Ok(out);
        }
    }
}

/// A zlib stream, as the standard says, or a bare one, as some servers send.
fn deflate(body: &[u8], allowed: &Allowed) -> Result<Vec<u8>, PageError> {
    let zlib = matches!(body, [first, second, ..]
        if first & 0x0f == 8 && u16::from_be_bytes([*first, *second]).is_multiple_of(31));
    let usual = body.len().saturating_mul(USUAL_RATIO);
    let mut out = Vec::with_capacity(usual.min(allowed.bytes).saturating_add(1));
    let used = member(Decompress::new(zlib), body, 0, allowed, &mut out)?;
    if used < body.len() { Err(corrupt(used)) } else { Ok(out) }
}

/// Append what `stream` makes of `body` from `start` on. Give the place behind its end.
///
/// It may make one byte more than allowed, which tells too much from just enough. It takes no room for more.
fn member(
    mut stream: Decompress,
    body: &[u8],
    start: usize,
    allowed: &Allowed,
    out: &mut Vec<u8>,
) -> Result<usize, PageError> {
    loop {
        let at = place(&stream, body, start);
        if out.len() == out.capacity() {
            out.reserve_exact(out.len().max(STEP).min((allowed.bytes - out.len()).saturating_add(1)));
        }
        let before = out.len();
        let status = stream.decompress_vec(&body[at..], out, FlushDecompress::None);
        failpoints::pass("mid_inflate");
        let now = place(&stream, body, start);
        if out.len() > allowed.bytes {
            return Err(allowed.exceeded(now));
        }
        match status {
            Ok(Status::StreamEnd) => return Ok(now),
            Ok(_) if out.len() > before || now > at => {}
            Ok(_) => return Err(truncated(body)),
            Err(_) => return Err(corrupt(now)),
        }
    }
}

/// Up to where `stream`, which began at `start`, has read `body`.
fn place(stream: &Decompress, body: &[u8], start: usize) -> usize {
    start.saturating_add(usize::try_from(stream.total_in()).unwrap_or(usize::MAX)).min(body.len())
}

fn corrupt(offset: usize) -> PageError {
    PageError::new(PageCode::InflateCorrupt, offset, "the compressed body is damaged")
}

fn truncated(body: &[u8]) -> PageError {
    PageError::new(PageCode::InflateTruncated, body.len(), "the compressed body ends early")
}
