//! The scanner against `serde_json`: they must agree on what is JSON, and on what it says.

use datasync_core::{Plan, RejectCode, encode, extract, peek, split};
use proptest::prelude::*;
use serde_json::Value;

const NOW_US: i64 = 1_769_600_000_000_000;

fn plan(path: &str) -> Plan {
    let columns = format!(
        r#"{{"name":"v","path":"{path}","kind":"jsonb"}},{{"name":"id","path":"id","kind":"text"}},
        {{"name":"data","path":"","kind":"jsonb"}}"#
    );
    Plan::parse(format!(r#"{{"records":"data","total":"total","columns":[{columns}]}}"#).as_bytes())
        .expect("a right plan")
}

/// A JSON value as text, with whitespace, escapes and equal keys here and there.
fn json() -> impl Strategy<Value = String> {
    let space = prop_oneof![5 => Just(""), 1 => Just(" "), 1 => Just("\n\t\r ")];
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        "-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,9})?([eE][+-]?[0-9]{1,2})?",
        string(),
    ];
    let key =
        prop_oneof![Just("\"a\"".to_owned()), Just("\"\\u0062\"".to_owned()), Just("\"id\"".to_owned()), string()];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        let members = prop::collection::vec((space.clone(), key.clone(), inner.clone()), 0..5);
        let items = prop::collection::vec((space.clone(), inner), 0..5);
        prop_oneof![
            members.prop_map(|members| {
                let members: Vec<_> = members
                    .into_iter()
                    .map(|(space, key, value)| format!("{space}{key}{space}:{space}{value}{space}"))
                    .collect();
                format!("{{{}}}", members.join(","))
            }),
            items.prop_map(|items| {
                let items: Vec<_> = items.into_iter().map(|(space, value)| format!("{space}{value}{space}")).collect();
                format!("[{}]", items.join(","))
            }),
        ]
    })
}

fn string() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "[ -!#-\\[\\]-~]{0,20}",
        "[äß€😀]{1,3}",
        Just("\\n".to_owned()),
        Just("\\\"".to_owned()),
        Just("\\\\".to_owned()),
        Just("\\u00e9".to_owned()),
        Just("\\ud83d\\ude00".to_owned())
    ];
    prop::collection::vec(part, 0..4).prop_map(|parts| format!("\"{}\"", parts.concat()))
}

fn text(value: &datasync_core::Value) -> Option<&str> {
    match value {
        datasync_core::Value::Text(text) => Some(text),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn columns_say_what_serde_reads(record in json(), path in prop_oneof![Just("a"), Just("b"), Just("a.b"), Just("a.a.b")]) {
        let read: Value = serde_json::from_str(&record).expect("JSON");
        let rows = extract(&plan(path), &[record.as_bytes()], NOW_US);
        let id_fits = matches!(read.get("id"), None | Some(Value::Null | Value::String(_)));
        if read.is_object() && id_fits {
            let expected = path.split('.').try_fold(&read, |value, key| value.get(key)).filter(|value| !value.is_null());
            let found = text(&rows.values[0]).map(|text| serde_json::from_str::<Value>(text).expect("JSON"));
            prop_assert_eq!(found.as_ref(), expected);
            prop_assert_eq!(text(&rows.values[1]), read.get("id").and_then(Value::as_str));
            prop_assert_eq!(text(&rows.values[2]), Some(record.trim()));
        } else {
            let code = if read.is_object() { RejectCode::TypeMismatch } else { RejectCode::NotAnObject };
            prop_assert_eq!(rows.rejects[0].code, code);
        }
    }

    #[test]
    fn a_page_is_split_where_serde_splits_it(records in prop::collection::vec(json(), 0..6), tail in json()) {
        let body = format!("{{ \"x\":{tail}, \"data\" : [{}] ,\"total\":{}}}", records.join(" , "), records.len());
        let plan = plan("a");
        let parts = split(&plan, body.as_bytes()).expect("a right page");
        let texts: Vec<_> = parts.records.iter().map(|raw| std::str::from_utf8(raw).expect("UTF-8")).collect();
        prop_assert_eq!(&texts, &records.iter().map(|record| record.trim()).collect::<Vec<_>>());
        prop_assert_eq!(parts.envelope.total, u64::try_from(records.len()).ok());
        let page = encode(&plan, body.as_bytes(), NOW_US).expect("a right page");
        let rows = extract(&plan, &parts.records, NOW_US);
        prop_assert_eq!(&page.stats, &rows.stats);
        prop_assert_eq!(peek(&plan, body.as_bytes()).expect("a right page"), page.envelope);
        let codes = |rejects: &[datasync_core::Reject]| rejects.iter().map(|reject| (reject.index, reject.code)).collect::<Vec<_>>();
        prop_assert_eq!(codes(&page.rejects), codes(&rows.rejects));
    }

    #[test]
    fn what_serde_refuses_is_refused(record in json(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let mut record = record.into_bytes();
        let at = at.index(record.len());
        if cut { record.truncate(at); } else { record[at] = byte; }
        let rows = extract(&plan("a"), &[&record], NOW_US);
        if serde_json::from_slice::<Value>(&record).is_err() {
            prop_assert_eq!(rows.indexes.len(), 0);
        } else if let Some(reject) = rows.rejects.first() {
            use RejectCode::{NotAnObject, NulCharacter, NumberOutOfRange, TypeMismatch};
            let allowed = [NotAnObject, TypeMismatch, NulCharacter, NumberOutOfRange];
            prop_assert!(allowed.contains(&reject.code), "{:?}", reject);
        }
    }

    #[test]
    fn a_record_is_read_the_same_whatever_came_before_it(records in prop::collection::vec(prop::collection::vec((0..12_usize, 0..8_usize), 0..5), 1..9)) {
        // Few keys and values, so that most of them come again, at the same place or at another.
        let key = |index| [r#""a":"#, r#""b":"#, r#""id":"#, r#""a" :"#, r#""\u0061":"#, "\"a\tb\":", r#""\u0000":"#,
            r#""abcdefghijklm":"#, r#""abcdefghijklmn":"#, r#""abcdefghijklmno":"#, r#""":"#, r#""aa":"#][index];
        let value = |index| ["1", r#""x""#, "null", r#"{"a":1,"b":{"a":2}}"#, r#"{"b":{"b":3},"a":1}"#, r#"[{"a":4}]"#, "{}", "01"][index];
        let records: Vec<_> = records.iter().map(|members| {
            let members: Vec<_> = members.iter().map(|&(at, of)| format!("{}{}", key(at), value(of))).collect();
            format!("{{{}}}", members.join(","))
        }).collect();
        let plan = plan("a.b");
        let body = format!(r#"{{"data":[{}]}}"#, records.join(","));
        let page = encode(&plan, body.as_bytes(), NOW_US).expect("a right page");
        let raws: Vec<_> = records.iter().map(String::as_bytes).collect();
        let together = extract(&plan, &raws, NOW_US);
        let mut values = Vec::new();
        let mut codes = Vec::new();
        for (index, raw) in raws.iter().enumerate() {
            let alone = extract(&plan, &[raw], NOW_US);
            values.extend(alone.values);
            codes.extend(alone.rejects.iter().map(|reject| (index, reject.code, reject.detail.clone())));
        }
        let told = |rejects: &[datasync_core::Reject<'_>]| rejects.iter().map(|reject| (reject.index, reject.code, reject.detail.clone())).collect::<Vec<_>>();
        prop_assert_eq!(&together.values, &values);
        prop_assert_eq!(told(&together.rejects), codes.clone());
        prop_assert_eq!(told(&page.rejects), codes);
        prop_assert_eq!(page.stats, together.stats);
    }

    #[test]
    fn no_bytes_whatever_make_it_panic(body in prop::collection::vec(prop_oneof![
        prop::sample::select(&b"{}[]:,\"\\ud8a01e-. \n\xff\xed"[..]), any::<u8>()], 0..60)) {
        let plan = plan("a");
        for body in [body.clone(), [b"{\"data\":[{\"a\":", &body[..]].concat()] {
            let _ = encode(&plan, &body, NOW_US);
            let _ = split(&plan, &body);
            let _ = extract(&plan, &[&body], NOW_US);
        }
    }
}
