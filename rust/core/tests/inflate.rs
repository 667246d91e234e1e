//! Guarantees of the content encodings: all of the body, or the reason why not.

use std::io::Write;

use datasync_core::{OneMember, PageCode, PageError, SMALL, inflate};
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

fn text() -> Vec<u8> {
    (0..4_000_u32)
        .flat_map(|number| format!("{{\"n\":{}}},", number.wrapping_mul(2_654_435_761)).into_bytes())
        .collect()
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).expect("memory");
    encoder.finish().expect("memory")
}

fn zlib(text: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).expect("memory");
    encoder.finish().expect("memory")
}

fn bare(text: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).expect("memory");
    encoder.finish().expect("memory")
}

/// `inflate` without a limit on the ratio.
fn whole(body: &[u8], encoding: &str, max_bytes: usize) -> Result<Vec<u8>, PageError> {
    inflate(body, encoding, max_bytes, usize::MAX)
}

fn code(body: &[u8], encoding: &str, max_bytes: usize) -> Option<PageCode> {
    whole(body, encoding, max_bytes).err().map(|error| error.code)
}

#[test]
fn what_was_compressed_comes_back() {
    for text in [&b""[..], b"x", &text(), &vec![b'a'; 300_000]] {
        let max = text.len();
        assert!(whole(&gzip(text), "gzip", max).expect("gzip") == text);
        assert!(whole(&zlib(text), "deflate", max).expect("zlib") == text);
        assert!(whole(&bare(text), "deflate", max).expect("bare") == text);
    }
}

#[test]
fn several_gzip_members_are_one_body() {
    let body = [gzip(b"one "), gzip(b""), gzip(b"two")].concat();
    assert_eq!(whole(&body, "gzip", 7).expect("gzip"), b"one two");
    assert_eq!(code(&body, "gzip", 6), Some(PageCode::InflateLimit));
}

#[test]
fn a_byte_more_than_allowed_is_refused() {
    let text = vec![b'a'; 2_000_000];
    let bodies = [(gzip(&text), "gzip"), (zlib(&text), "deflate"), (bare(&text), "deflate")];
    for (body, encoding) in bodies {
        for max in [0, 1, 100_000, text.len() - 1] {
            assert_eq!(code(&body, encoding, max), Some(PageCode::InflateLimit), "{encoding} {max}");
        }
    }
}

#[test]
fn every_truncation_is_seen() {
    let text = text();
    for (body, encoding) in [(gzip(&text), "gzip"), (zlib(&text), "deflate"), (bare(&text), "deflate")] {
        let ends = (0..64).chain((64..body.len() - 64).step_by(1999)).chain(body.len() - 64..body.len());
        for end in ends {
            assert_eq!(code(&body[..end], encoding, 1 << 24), Some(PageCode::InflateTruncated), "{encoding} {end}");
        }
    }
}

#[test]
fn damage_and_trailing_bytes_are_refused() {
    let text = text();
    for (body, encoding) in [(gzip(&text), "gzip"), (zlib(&text), "deflate"), (bare(&text), "deflate")] {
        assert_eq!(code(&[&body[..], b"\0"].concat(), encoding, 1 << 24), Some(PageCode::InflateCorrupt), "{encoding}");
    }
    let mut body = gzip(&text);
    let at = body.len() - 6; // in the checksum
    body[at] ^= 1;
    assert_eq!(code(&body, "gzip", 1 << 24), Some(PageCode::InflateCorrupt));
    assert_eq!(code(b"plain text", "gzip", 100), Some(PageCode::InflateCorrupt));
    assert_eq!(code(b"plain", "br", 100), Some(PageCode::InflateUnknownEncoding));
}

#[test]
fn more_than_the_ratio_explains_is_refused_but_not_of_small_bodies() {
    for (compress, encoding) in [(gzip as fn(&[u8]) -> Vec<u8>, "gzip"), (zlib, "deflate"), (bare, "deflate")] {
        let small = compress(&vec![b'a'; SMALL]);
        assert_eq!(inflate(&small, encoding, usize::MAX, 1).map(|text| text.len()), Ok(SMALL));
        let large = compress(&vec![b'a'; 4 * SMALL]);
        let ratio = 4 * SMALL / large.len();
        assert!(ratio > 500);
        assert_eq!(inflate(&large, encoding, usize::MAX, ratio + 1).map(|text| text.len()), Ok(4 * SMALL));
        let refused = inflate(&large, encoding, usize::MAX, ratio - 1).map_err(|error| error.code);
        assert_eq!(refused, Err(PageCode::InflateRatio), "{encoding}");
        let refused = inflate(&large, encoding, 2 * SMALL, ratio - 1).map_err(|error| error.code);
        assert_eq!(refused, Err(PageCode::InflateLimit), "{encoding}");
    }
}

#[test]
fn one_member_in_one_go_is_the_same_or_left_to_the_other() {
    let read = |body: &[u8]| {
        let member = OneMember::find(body, usize::MAX, usize::MAX)?;
        let mut out = vec![0; member.size];
        member.read(&mut out).then_some(out)
    };
    let text = text();
    let one = gzip(&text);
    assert!(read(&one).as_ref() == Some(&text));
    assert_eq!(read(&[&gzip(b"")[..], b"\0"].concat()), None); // zeros in its trailer, and one more
    let end = &one[one.len() - 8..];
    // The same member twice ends as one does, and so does one with its own end behind it.
    for more in [&one, &gzip(b"")[..], b"\0", end, &end[4..], &[b"junk", end].concat()] {
        assert!(read(&[&one[..], more].concat()).is_none());
    }
    assert!(read(&zlib(&text)).is_none());
    let mut checked = one.clone();
    checked[3] |= 2; // says that its header has a checksum, which these two bytes are not
    checked.splice(10..10, *b"no");
    assert!(read(&checked).is_none());
    for at in (0..one.len()).step_by(97).chain(one.len() - 8..one.len()) {
        assert!(read(&one[..at]).is_none(), "{at}");
        assert!(at == one.len() - 8 || read(&[&one[..at], end].concat()).is_none(), "{at}");
        let mut damaged = one.clone();
        damaged[at] ^= 1;
        let same = whole(&damaged, "gzip", usize::MAX).ok();
        assert!(read(&damaged).is_none_or(|text| Some(text) == same), "{at}");
    }
    assert!(OneMember::find(&one, text.len() - 1, usize::MAX).is_none());
    assert!(OneMember::find(&gzip(&vec![b'a'; 4 * SMALL]), usize::MAX, 10).is_none());
}
