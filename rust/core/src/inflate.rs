//! Content encodings undone, within a limit and to a proven end.

use std::io::{self, Read};

use flate2::bufread::GzDecoder;
use flate2::{Decompress, FlushDecompress, Status};

use crate::error::{PageCode, PageError};

/// Bytes asked for first, as a multiple of the compressed ones: JSON shrinks about that much.
const USUAL_RATIO: usize = 8;
const STEP: usize = 64 * 1024;

/// Undo `encoding`, which is `gzip` or `deflate`. More than `max_bytes` are refused as soon as they appear.
pub fn inflate(body: &[u8], encoding: &str, max_bytes: usize) -> Result<Vec<u8>, PageError> {
    let room = body.len().saturating_mul(USUAL_RATIO).min(max_bytes);
    match encoding {
        "gzip" => gzip(body, max_bytes, Vec::with_capacity(room)),
        "deflate" => deflate(body, max_bytes, Vec::with_capacity(room)),
        _ => {
            let what = format!("the content encoding `{}` is unknown", encoding.escape_default());
            Err(PageError::new(PageCode::InflateUnknownEncoding, 0, what))
        }
    }
}

/// One member after the other, with nothing between or after them.
fn gzip(body: &[u8], max_bytes: usize, mut out: Vec<u8>) -> Result<Vec<u8>, PageError> {
    let mut rest = body;
    loop {
        let offset = body.len() - rest.len();
        if !rest.starts_with(b"\x1f\x8b") && !matches!(rest, [] | [0x1f]) {
            return Err(corrupt(offset));
        }
        let mut member = GzDecoder::new(rest);
        // One byte more than allowed tells too much from just enough.
        let allowed = u64::try_from(max_bytes - out.len()).unwrap_or(u64::MAX).saturating_add(1);
        if let Err(error) = member.by_ref().take(allowed).read_to_end(&mut out) {
            let at = body.len() - member.into_inner().len();
            return Err(if error.kind() == io::ErrorKind::UnexpectedEof { truncated(body) } else { corrupt(at) });
        }
        rest = member.into_inner();
        if out.len() > max_bytes {
            return Err(limit(body.len() - rest.len(), max_bytes));
        }
        if rest.is_empty() {
            return Ok(out);
        }
    }
}

/// A zlib stream, as the standard says, or a bare one, as some servers send.
fn deflate(body: &[u8], max_bytes: usize, mut out: Vec<u8>) -> Result<Vec<u8>, PageError> {
    let zlib = matches!(body, [first, second, ..]
        if first & 0x0f == 8 && u16::from_be_bytes([*first, *second]).is_multiple_of(31));
    let mut stream = Decompress::new(zlib);
    let used = |stream: &Decompress| usize::try_from(stream.total_in()).unwrap_or(body.len()).min(body.len());
    loop {
        let room = max_bytes - out.len();
        out.reserve(STEP.min(room).max(1));
        let (before, at) = (out.len(), used(&stream));
        let status = stream.decompress_vec(&body[at..], &mut out, FlushDecompress::None);
        if out.len() > max_bytes {
            return Err(limit(used(&stream), max_bytes));
        }
        match status {
            Ok(Status::StreamEnd) => break,
            Ok(_) if out.len() > before || used(&stream) > at => {}
            Ok(_) => return Err(truncated(body)),
            Err(_) => return Err(corrupt(used(&stream))),
        }
    }
    if used(&stream) < body.len() { Err(corrupt(used(&stream))) } else { Ok(out) }
}

fn limit(offset: usize, max_bytes: usize) -> PageError {
    PageError::new(PageCode::InflateLimit, offset, format!("the body inflates to more than {max_bytes} bytes"))
}

fn corrupt(offset: usize) -> PageError {
    PageError::new(PageCode::InflateCorrupt, offset, "the compressed body is damaged")
}

fn truncated(body: &[u8]) -> PageError {
    PageError::new(PageCode::InflateTruncated, body.len(), "the compressed body ends early")
}
