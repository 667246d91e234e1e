//! Guarantee of the hot path: memory is taken per page, never per record.

use allocation_counter::measure;
use datasync_core::{Plan, Rows, Sorted, encode, inflate};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

const NOW_US: i64 = 1_769_600_000_000_000;
const EVENTS: &str = r#"{"records":"data","jsonb_order":true,"next_cursor":"next","columns":[
{"name":"id","path":"id","kind":"text","required":true,"key":true},{"name":"event_type","path":"type","kind":"text"},
{"name":"timestamp","path":"timestamp","kind":"timestamptz"},{"name":"data","path":"","kind":"jsonb"}]}"#;
/// Every kind of column, and every source.
const KINDS: &str = r#"{"records":"data","jsonb_order":true,"columns":[
{"name":"id","path":"id","kind":"text","required":true,"key":true},{"name":"a","path":"text","kind":"text"},
{"name":"b","path":"nested.list[1]","kind":"bigint"},{"name":"c","path":"integer","kind":"integer"},
{"name":"d","path":"numeric","kind":"numeric"},{"name":"e","path":"double","kind":"double precision"},
{"name":"f","path":"flag","kind":"boolean"},{"name":"g","path":"uuid","kind":"uuid"},
{"name":"h","path":"bytes","kind":"bytea"},{"name":"i","path":"texts","kind":"text[]"},
{"name":"j","path":"day","kind":"date"},{"name":"k","path":"iso","kind":"timestamptz"},
{"name":"l","path":"mail","kind":"timestamptz"},{"name":"m","path":"nanos","kind":"timestamptz"},
{"name":"n","path":"zoned","kind":"timestamptz"},{"name":"o","path":"object","kind":"timestamptz"},
{"name":"p","path":"","kind":"json","source":"rest"},{"name":"q","path":"","kind":"jsonb"},
{"name":"r","path":"","kind":"text","source":"constant","constant":"\"x\""},
{"name":"s","path":"","kind":"timestamptz","source":"ingest_time"},
{"name":"t","path":"wrong","kind":"bigint","mismatch":"null"},{"name":"u","path":"any","kind":"text","mismatch":"text"}]}"#;

fn event(number: usize) -> String {
    format!(
        r#"{{"id":"{number:08x}-b9dd-4fd8-9d7a-c934d6731fce","sessionId":"5a1cbe1d-0f8e-4a55-8b0e-3f1f0f6f7a11","type":"click","name":"event_{number:06x}","properties":{{"page":"/home"}},"timestamp":{},"session":{{"id":"5a1cbe1d-0f8e-4a55-8b0e-3f1f0f6f7a11","deviceType":"mobile","browser":"Chrome"}}}}"#,
        if number.is_multiple_of(3) { "1769541612369" } else { "\"2026-01-27T19:20:12.369Z\"" }
    )
}

fn every_kind(number: usize) -> String {
    format!(
        r#"{{"id":"k\u0065y {number:08}","text":"a \"quoted\" \ud83d\ude00 text","nested":{{"list":[1,2,{{"deep":[[]]}}]}},"integer":"5e0","numeric":-12345678901234567890.123456789,"double":1.5e-300,"flag":true,"uuid":"{{B9DD0000-B9DD-4FD8-9D7A-C934D6731FCE}}","bytes":"aGVsbG8gd29ybGQ","texts":["a",null,"b\n"],"day":"2026-01-27","iso":"2026-01-27T19:20:12.369123+05:30","mail":"Tue, 27 Jan 2026 19:20:12 GMT","nanos":1769541612369000000,"zoned":"2026-01-27T20:20:12+01:00[Europe/Paris]","object":{{"seconds":"1769541612","nanos":5}},"wrong":"text","any":{{"k":[1]}},"r\u0065st":0}}"#
    )
}

/// Of one of several shapes, among them keys that are alike in their first bytes.
fn any_shape(number: usize) -> String {
    let more = ["", r#","a":{"c":{"e":1},"b":2}"#, r#","address_2":1,"address_1":{"y":1}"#][number % 3];
    format!(r#"{{"type":"click"{more},"id":"{number:08}"}}"#)
}

fn page(records: usize, record: fn(usize) -> String) -> Vec<u8> {
    let records: Vec<_> = (0..records).map(record).collect();
    format!(r#"{{"data":[{}],"next":"c"}}"#, records.join(",")).into_bytes()
}

/// Allocations for encoding a page and sorting its rows.
fn allocations(plan: &Plan, body: &[u8], rows: usize) -> u64 {
    measure(|| {
        let page = encode(plan, body, NOW_US).expect("a right page");
        assert_eq!(page.stats.rows, rows, "{:?}", page.rejects.first());
        drop(tuples(&[&page.tuples]));
    })
    .count_total
}

#[test]
fn no_record_allocates() {
    for (plan, record) in [(EVENTS, event as fn(usize) -> String), (EVENTS, any_shape), (KINDS, every_kind)] {
        let plan = Plan::parse(plan.as_bytes()).expect("a right plan");
        allocations(&plan, &page(1, record), 1); // the rules of a zone are read once in a process
        let few = allocations(&plan, &page(100, record), 100);
        let many = allocations(&plan, &page(10_000, record), 10_000);
        assert!(few < 50, "{few}");
        assert!(many <= few + 2, "{few} {many}"); // 9,900 records more; a buffer may double
    }
}

#[test]
fn records_smaller_than_expected_only_double_the_buffers() {
    let plan = Plan::parse(EVENTS.as_bytes()).expect("a right plan");
    let tiny = |number| format!(r#"{{"id":"{number}"}}"#);
    let few = allocations(&plan, &page(100, tiny), 100);
    let many = allocations(&plan, &page(100_000, tiny), 100_000);
    assert!(many <= few + 2 * 10, "{few} {many}"); // 1,000 times as many: ten doublings of two buffers
}

#[test]
fn a_bomb_costs_no_more_memory_than_its_limit() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let piece = vec![b'a'; 1 << 20];
    for _ in 0..512 {
        encoder.write_all(&piece).expect("memory");
    }
    let bomb = encoder.finish().expect("memory");
    let limit = 16 << 20;
    let used = measure(|| assert!(inflate(&bomb, "gzip", limit, usize::MAX).is_err()));
    // A buffer that grows is there twice while it moves.
    assert!(used.bytes_max < 2 * limit as u64 + (1 << 20), "{}", used.bytes_max);
}

fn tuples(pages: &[&Rows]) -> Vec<u8> {
    let sorted = Sorted::new(pages);
    sorted.tuples(pages, 0..sorted.len())
}
