//! Any text as a timestamp, under any policy: what jiff reads too is the same instant, and nothing depends on more than
//! the value and the policy.

#![no_main]

use std::sync::LazyLock;

use datasync_core::timestamp::{Policy, PolicyText, Value};
use libfuzzer_sys::fuzz_target;

const NOW_US: i64 = 1_769_600_000_000_000;

static DEFAULT: LazyLock<Policy> = LazyLock::new(Policy::default);
static POLICIES: LazyLock<Vec<Policy>> = LazyLock::new(|| {
    [
        r#"{}"#,
        r#"{"unit":"ns","fraction":"round"}"#,
        r#"{"assume_tz":"Europe/Paris","ambiguous":"later","date_only":"midnight","lenient":true,"trim":true}"#,
        r#"{"form":"http"}"#,
        r#"{"form":"oracle","assume_tz":"+05:30"}"#,
        r#"{"form":"jackson","assume_tz":"UTC"}"#,
        r#"{"form":"excel","assume_tz":"America/New_York","ambiguous":"earlier"}"#,
        r#"{"form":"julian"}"#,
        r#"{"form":"filetime"}"#,
        r#"{"form":"gps"}"#,
        r#"{"form":"ulid"}"#,
        r#"{"form":"uuidv7"}"#,
        r#"{"form":"snowflake"}"#,
        r#"{"leap_second":"roll","sentinels":{"empty":"null","null_text":"null","zero_date":"quarantine","year_one":"null"}}"#,
    ]
    .iter()
    .map(|text| PolicyText::parse(text.as_bytes()).expect("a right policy"))
    .collect()
});

fuzz_target!(|data: &[u8]| {
    let json: Option<serde_json::Value> = serde_json::from_slice(data).ok();
    let mut values = vec![Value::Text(data)];
    match json {
        Some(serde_json::Value::Number(_)) => values.push(Value::Number(data.trim_ascii())),
        Some(serde_json::Value::Object(_)) => values.push(Value::Object(data.trim_ascii())),
        Some(serde_json::Value::Array(_)) => values.push(Value::Array(data.trim_ascii())),
        _ => {}
    }
    for value in values {
        for policy in POLICIES.iter() {
            let read = policy.read(value, NOW_US);
            assert_eq!(read, policy.read(value, NOW_US));
            if let Ok(Some(reading)) = read {
                assert!((-62_135_596_800_000_000..=253_402_300_799_999_999).contains(&reading.micros));
            }
        }
    }
    // RFC 3339 and RFC 9557, as another reads them. It clamps a second 60, which we refuse or count on.
    if let Ok(Some(reading)) = DEFAULT.read(Value::Text(data), NOW_US)
        && let Ok(text) = std::str::from_utf8(data)
        && !text.contains(":60")
        && let Ok(instant) = text.parse::<jiff::Timestamp>()
    {
        assert_eq!(reading.micros, instant.as_nanosecond().div_euclid(1000) as i64, "{text}");
    }
});
