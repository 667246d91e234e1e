//! Guarantees of the content encodings: all of the body, or the reason why not.

use std::io::Write;

use datasync_core::{PageCode, inflate};
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

fn code(body: &[u8], encoding: &str, max_bytes: usize) -> Option<PageCode> {
    inflate(body, encoding, max_bytes).err().map(|error| error.code)
}

#[test]
fn what_was_compressed_comes_back() {
    for text in [&b""[..], b"x", &text(), &vec![b'a'; 300_000]] {
        let max = text.len();
        assert!(inflate(&gzip(text), "gzip", max).expect("gzip") == text);
        assert!(inflate(&zlib(text), "deflate", max).expect("zlib") == text);
        assert!(inflate(&bare(text), "deflate", max).expect("bare") == text);
    }
}

#[test]
fn several_gzip_members_are_one_body() {
    let body = [gzip(b"one "), gzip(b""), gzip(b"two")].concat();
    assert_eq!(inflate(&body, "gzip", 7).expect("gzip"), b"one two");
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
