//! How fast the usual page of 1.73 MB is encoded, beside the bounds of any walk.
//!
//! `cargo run --release -p datasync-core --example throughput` prints, with tabs between: what, best and median time in
//! milliseconds, and GB/s at the median.

use std::fmt::Write;
use std::hint::black_box;
use std::time::Instant;

use datasync_core::{Plan, Rows, Sorted, encode, split};

const PLAN: &[u8] =
    br#"{"records":"data","jsonb_order":true,"next_cursor":"pagination.nextCursor","has_more":"pagination.hasMore",
"total":"meta.total","columns":[{"name":"id","path":"id","kind":"text","required":true,"key":true},
{"name":"event_type","path":"type","kind":"text"},{"name":"timestamp","path":"timestamp","kind":"timestamptz"},
{"name":"data","path":"","kind":"jsonb"}]}"#;
const NOW_US: i64 = 1_769_600_000_000_000;
const RUNS: usize = 301;

/// What is done, and its name.
type Run<'a> = (&'static str, Box<dyn FnMut() + 'a>);

#[expect(clippy::print_stdout, reason = "the figures are the point")]
fn main() {
    let plan = Plan::parse(PLAN).expect("a right plan");
    let page = page(5000);
    let mut room = Vec::with_capacity(2 * page.len());
    let mut runs: Vec<Run<'_>> = vec![
        // What no walk can do without, or does faster than any walk.
        ("copy the bytes (memcpy)", {
            let page = &page;
            Box::new(move || {
                room.clear();
                room.extend_from_slice(black_box(page));
                black_box(&room);
            })
        }),
        ("check that it is UTF-8 (simdutf8)", {
            Box::new(|| {
                black_box(simdutf8::basic::from_utf8(black_box(&page)).is_ok());
            })
        }),
        ("find quotes and backslashes (memchr, SIMD)", {
            Box::new(|| {
                black_box(memchr::memchr2_iter(b'"', b'\\', black_box(&page)).count());
            })
        }),
        ("skip through it (serde_json::IgnoredAny)", {
            Box::new(|| {
                black_box(serde_json::from_slice::<serde::de::IgnoredAny>(black_box(&page)).is_ok());
            })
        }),
        // What we do.
        ("walk: split into records", Box::new(|| drop(black_box(split(&plan, black_box(&page)))))),
        ("encode: page to COPY rows", Box::new(|| drop(black_box(encode(&plan, black_box(&page), NOW_US))))),
        ("encode and sort: page to COPY stream", {
            Box::new(|| {
                let rows = encode(&plan, black_box(&page), NOW_US).expect("a right page").tuples;
                drop(black_box(tuples(&[&rows])));
            })
        }),
    ];
    // They take turns, so that a change of the machine's pace meets them all.
    let mut times = vec![Vec::with_capacity(RUNS); runs.len()];
    for _ in 0..RUNS {
        for ((_, run), times) in runs.iter_mut().zip(&mut times) {
            let start = Instant::now();
            run();
            times.push(start.elapsed().as_secs_f64());
        }
    }
    for ((name, _), times) in runs.iter().zip(&mut times) {
        times.sort_by(f64::total_cmp);
        let rate = |seconds: f64| f64::from(u32::try_from(page.len()).unwrap_or(u32::MAX)) / seconds / 1e9;
        let (best, median) = (times[0], times[RUNS / 2]);
        println!("{name}\t{:.3}\t{:.3}\t{:.2}", best * 1e3, median * 1e3, rate(median));
    }
}

/// A page as the `DataSync` API serves it: every third timestamp is a number.
fn page(records: u64) -> Vec<u8> {
    let mut text = String::from(r#"{"data":["#);
    for index in 0..records {
        let uuid = |salt: u64| {
            let bits = (index + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(salt * 0x1234_5678_9abc);
            format!(
                "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
                bits >> 32,
                bits >> 16 & 0xffff,
                bits & 0xfff,
                bits >> 12 & 0xfff,
                bits >> 16
            )
        };
        let timestamp = if index % 3 == 0 {
            format!("{}", 1_769_541_612_369 - index * 864)
        } else {
            format!("\"2026-01-27T19:{:02}:{:02}.{:03}Z\"", index / 60 % 60, index % 60, index % 1000)
        };
        let comma = if index == 0 { "" } else { "," };
        let kind = ["page_view", "click", "api_call", "form_submit"][usize::try_from(index % 4).unwrap_or(0)];
        let device = ["mobile", "tablet", "desktop"][usize::try_from(index % 3).unwrap_or(0)];
        let _ = write!(
            text,
            r#"{comma}{{"id":"{}","sessionId":"{}","userId":"{}","type":"{kind}","name":"event_{:06x}","properties":{{"page":"/home"}},"timestamp":{timestamp},"session":{{"id":"{}","deviceType":"{device}","browser":"Chrome"}}}}"#,
            uuid(1),
            uuid(2),
            uuid(3),
            index,
            uuid(2)
        );
    }
    text.push_str(r#"],"pagination":{"limit":5000,"hasMore":true,"nextCursor":"eyJpZCI6IjEyMyJ9","cursorExpiresIn":118},"meta":{"total":3000000,"returned":5000,"requestId":"x"}}"#);
    text.into_bytes()
}

fn tuples(pages: &[&Rows]) -> Vec<u8> {
    let sorted = Sorted::new(pages);
    sorted.tuples(pages, 0..sorted.len())
}
