//! Any bytes as a page: both lanes say the same, and what they accept is JSON that says what they say.

#![no_main]

use std::sync::LazyLock;

use datasync_core::{Envelope, Plan, Rows, Sorted, Value, encode, extract, peek, split};
use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;

const NOW_US: i64 = 1_769_600_000_000_000;

/// Every kind of column; then a page of lines.
static PLANS: LazyLock<[Plan; 2]> = LazyLock::new(|| {
    [
        r#"{"records":"data","next_cursor":"p.next","has_more":"p.more","total":"total","max_depth":8,
        "jsonb_order":true,"columns":[
        {"name":"id","path":"id","kind":"text","key":true,"required":true},{"name":"b","path":"b[1].x","kind":"bigint"},
        {"name":"n","path":"n","kind":"numeric"},{"name":"f","path":"f","kind":"double precision"},
        {"name":"t","path":"t","kind":"timestamptz"},{"name":"d","path":"d","kind":"date","mismatch":"null"},
        {"name":"u","path":"u","kind":"uuid"},{"name":"y","path":"y","kind":"bytea"},
        {"name":"a","path":"a","kind":"text[]","mismatch":"text"},{"name":"o","path":"o","kind":"boolean"},
        {"name":"rest","path":"","kind":"jsonb","source":"rest"},{"name":"data","path":"","kind":"jsonb"}]}"#,
        r#"{"records":"","format":"ndjson","jsonb_order":true,"columns":[{"name":"id","path":"id","kind":"integer","key":true},
        {"name":"data","path":"","kind":"jsonb"}]}"#,
    ]
    .map(|plan| Plan::parse(plan.as_bytes()).expect("a right plan"))
});

fuzz_target!(|body: &[u8]| {
    for plan in PLANS.iter() {
        let (page, parts) = match (encode(plan, body, NOW_US), split(plan, body)) {
            (Ok(page), Ok(parts)) => (page, parts),
            (Err(page), Err(parts)) => {
                assert_eq!((page.code, page.offset), (parts.code, parts.offset));
                assert!(page.offset <= body.len());
                continue;
            }
            (page, parts) => panic!("one reads it, one does not: {page:?} {parts:?}"),
        };
        assert_eq!(page.envelope, parts.envelope);
        assert_eq!(peek(plan, body).as_ref(), Ok(&page.envelope));
        assert_eq!(page.records, parts.records.len());
        assert_eq!(page.records, page.stats.rows + page.rejects.len());
        for reject in &page.rejects {
            assert_eq!(&body[reject.offset..reject.offset + reject.raw.len()], reject.raw);
            assert_eq!(parts.records[reject.index], reject.raw);
        }
        let rows = extract(plan, &parts.records, NOW_US);
        assert_eq!(rows.stats, page.stats);
        assert_eq!(tuples(&[&page.tuples]).len(), page.tuples.bytes().len());
        let pages = [&page.tuples];
        let sorted = Sorted::new(&pages);
        for row in 0..sorted.len() {
            let (origin, tuple) = sorted.row(&pages, row).expect("a row");
            assert!(tuple.ends_with(parts.records[origin.index].trim_ascii()), "the record as it came");
        }
        let width = rows.values.len().checked_div(rows.indexes.len()).unwrap_or(0);
        for (row, &index) in rows.indexes.iter().enumerate() {
            let Value::Text(data) = &rows.values[(row + 1) * width - 1] else { panic!("no data") };
            assert_eq!(data.as_bytes(), parts.records[index].trim_ascii());
            let json: serde_json::Value = parsed(data);
            let id = match &rows.values[row * width] {
                Value::Text(id) => Some(id.clone()),
                Value::Whole(id) => Some(id.to_string()),
                _ => None,
            };
            match json.get("id") {
                Some(serde_json::Value::String(text)) if width > 2 => assert_eq!(id.as_deref(), Some(text.as_str())),
                _ => assert!(width == 2, "a key that is not there"),
            }
        }
        if !matches!(page.envelope, Envelope { next_cursor: None, has_more: None, total: None }) {
            // Flaws are left to the records that they stand in.
            let text = std::str::from_utf8(body).unwrap_or("").trim_start_matches('\u{feff}');
            if let Ok(json) = serde_json::from_str::<serde_json::Value>(text) {
                assert_eq!(json["total"].as_u64(), page.envelope.total);
            }
        }
    }
});

/// What `serde_json` reads; it must read all that we accept.
fn parsed(text: &str) -> serde_json::Value {
    let raw: &RawValue = serde_json::from_str(text).expect("JSON");
    serde_json::from_str(raw.get()).expect("JSON")
}

fn tuples(pages: &[&Rows]) -> Vec<u8> {
    let sorted = Sorted::new(pages);
    sorted.tuples(pages, 0..sorted.len())
}
