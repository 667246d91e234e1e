//! Any bytes as a compressed body, and any bytes compressed: all of it comes back, or a reason, and never more than
//! allowed.

#![no_main]

use std::io::{Read, Write};

use datasync_core::{OneMember, PageCode, SMALL, inflate};
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use libfuzzer_sys::fuzz_target;

const MAX: usize = 3 << 20;

fuzz_target!(|data: &[u8]| {
    same_in_one_go(data);
    for encoding in ["gzip", "deflate"] {
        match inflate(data, encoding, MAX, 100) {
            Ok(out) => {
                assert!(out.len() <= SMALL.max(data.len() * 100).min(MAX));
                if encoding == "gzip" {
                    let mut other = Vec::new();
                    MultiGzDecoder::new(data).read_to_end(&mut other).expect("gzip");
                    assert_eq!(out, other);
                }
            }
            Err(error) => assert!(error.offset <= data.len()),
        }
    }
    let (level, text) = data.split_first().map_or((0, data), |(level, text)| (u32::from(level % 10), text));
    let level = Compression::new(level);
    let mut gzip = GzEncoder::new(Vec::new(), level);
    gzip.write_all(text).expect("memory");
    let gzip = gzip.finish().expect("memory");
    let mut zlib = ZlibEncoder::new(Vec::new(), level);
    zlib.write_all(text).expect("memory");
    let mut bare = DeflateEncoder::new(Vec::new(), level);
    bare.write_all(text).expect("memory");
    let cases = [
        ("gzip", gzip.clone(), text.to_vec()),
        ("gzip", [&gzip[..], &gzip].concat(), [text, text].concat()),
        ("deflate", zlib.finish().expect("memory"), text.to_vec()),
    ];
    for (encoding, body, text) in cases {
        same_in_one_go(&body);
        assert!(inflate(&body, encoding, text.len(), usize::MAX).expect("whole") == text);
        if !text.is_empty() {
            let less = inflate(&body, encoding, text.len() - 1, usize::MAX).map_err(|error| error.code);
            assert_eq!(less, Err(PageCode::InflateLimit));
        }
        assert!(inflate(&body[..body.len() - 1], encoding, MAX, usize::MAX).is_err());
    }
    // A bare stream may begin as a zlib stream does: then it is read as one. Nothing else may come of it.
    let bare = bare.finish().expect("memory");
    if let Ok(out) = inflate(&bare, "deflate", MAX, usize::MAX) {
        assert!(out == text);
    }
});

/// What is read in one go is what is read step by step.
fn same_in_one_go(body: &[u8]) {
    if let Some(member) = OneMember::find(body, MAX, 100) {
        let mut out = vec![0; member.size];
        if member.read(&mut out) {
            assert_eq!(inflate(body, "gzip", MAX, 100).as_ref(), Ok(&out));
        }
    }
}
