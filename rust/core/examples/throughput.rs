//! Time to encode the usual page: `cargo run --release -p datasync-core --example throughput`.

use std::fmt::Write;
use std::hint::black_box;
use std::time::Instant;

use datasync_core::{Plan, encode, split};

const PLAN: &[u8] = br#"{"records":"data","next_cursor":"pagination.nextCursor","has_more":"pagination.hasMore",
"total":"meta.total","columns":[{"name":"id","path":"id","kind":"text","required":true,"key":true},
{"name":"event_type","path":"type","kind":"text"},{"name":"timestamp","path":"timestamp","kind":"timestamptz"},
{"name":"data","path":"","kind":"jsonb"}]}"#;
const NOW_US: i64 = 1_769_600_000_000_000;
const RUNS: usize = 301;

#[expect(clippy::print_stdout, reason = "the figures are the point")]
fn main() {
    let plan = Plan::parse(PLAN).expect("a right plan");
    let page = page(5000);
    let time = |name: &str, run: &dyn Fn()| {
        let mut times: Vec<f64> = (0..RUNS)
            .map(|_| {
                let start = Instant::now();
                run();
                start.elapsed().as_secs_f64()
            })
            .collect();
        times.sort_by(f64::total_cmp);
        let (best, median) = (times[0], times[RUNS / 2]);
        let rate = |seconds: f64| f64::from(u32::try_from(page.len()).unwrap_or(u32::MAX)) / seconds / 1e9;
        println!(
            "{name}: best {:.3} ms ({:.2} GB/s), median {:.3} ms ({:.2} GB/s)",
            best * 1e3,
            rate(best),
            median * 1e3,
            rate(median)
        );
    };
    println!("{} bytes, {} rows", page.len(), encode(&plan, &page, NOW_US).expect("a right page").stats.rows);
    time("encode", &|| drop(black_box(encode(&plan, black_box(&page), NOW_US))));
    time("split", &|| drop(black_box(split(&plan, black_box(&page)))));
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
