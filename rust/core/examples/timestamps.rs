//! How fast timestamps are read. Prints, with a tab between: the form, and the median time of a value in nanoseconds.
//!
//! `cargo run --release -p datasync-core --example timestamps`

use std::hint::black_box;
use std::time::Instant;

use datasync_core::timestamp::{Policy, Value};

const NOW_US: i64 = 1_769_600_000_000_000;
const VALUES: u32 = 10_000;
const RUNS: usize = 301;

#[expect(clippy::print_stdout, reason = "the figures are the point")]
fn main() {
    let policy = Policy::default();
    let make = |write: fn(u32) -> String| (0..VALUES).map(write).collect::<Vec<_>>();
    let forms: [(&str, Vec<String>, bool); 7] = [
        ("2026-01-27T19:20:12Z", make(|i| format!("{}Z", clock_text(i))), false),
        ("2026-01-27T19:20:12.369Z", make(|i| format!("{}.{:03}Z", clock_text(i), i % 1000)), false),
        ("2026-01-27T19:20:12.369123+05:30", make(|i| format!("{}.{:06}+05:30", clock_text(i), i * 97)), false),
        ("20260127T192012Z", make(|i| format!("{}Z", clock_text(i).replace(['-', ':'], ""))), false),
        ("Tue, 27 Jan 2026 19:20:12 GMT", make(|i| format!("{:02} Jan 2026 19:20:12 GMT", i % 28 + 1)), false),
        ("1769541612369", make(|i| format!("{}", 1_769_541_612_369_u64 - u64::from(i) * 864)), true),
        ("1769541612.369", make(|i| format!("{}.{:03}", 1_769_541_612 - i, i % 1000)), true),
    ];
    for (name, values, number) in &forms {
        let mut times = Vec::with_capacity(RUNS);
        for _ in 0..RUNS {
            let start = Instant::now();
            for value in black_box(values) {
                let value = if *number { Value::Number(value.as_bytes()) } else { Value::Text(value.as_bytes()) };
                assert!(black_box(policy.read(value, NOW_US)).is_ok());
            }
            times.push(start.elapsed().as_secs_f64() * 1e9 / f64::from(VALUES));
        }
        times.sort_by(f64::total_cmp);
        println!("{name}\t{:.1}", times[RUNS / 2]);
    }
}

fn clock_text(i: u32) -> String {
    format!("2026-01-{:02}T{:02}:{:02}:{:02}", i % 28 + 1, i % 24, i % 60, i * 7 % 60)
}
