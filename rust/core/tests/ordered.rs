//! Records in `jsonb` columns, in the order of PostgreSQL: they say the same, and PostgreSQL finds nothing to sort.

use datasync_core::{Plan, Sorted, encode};
use proptest::prelude::*;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

const NOW_US: i64 = 1_769_600_000_000_000;

/// JSON with all members of its objects, equal ones too, as they stand.
#[derive(Debug, Clone, PartialEq)]
enum Json {
    Object(Vec<(String, Json)>),
    Array(Vec<Json>),
    Other(serde_json::Value),
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Json;

            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("JSON")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Json::Object(members))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Json::Array(items))
            }

            fn visit_str<E>(self, text: &str) -> Result<Json, E> {
                Ok(Json::Other(text.into()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
                Ok(Json::Other(number.into()))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
                Ok(Json::Other(value.into()))
            }

            fn visit_unit<E>(self) -> Result<Json, E> {
                Ok(Json::Other(serde_json::Value::Null))
            }
        }
        from.deserialize_any(Any)
    }
}

impl Json {
    /// What the text says to `jsonb`: members by length of the key, then its bytes, of equal keys the last one.
    fn meant(&self) -> Self {
        match self {
            Self::Object(members) => {
                let mut kept: Vec<(String, Self)> = Vec::new();
                for (key, value) in members {
                    kept.retain(|(other, _)| other != key);
                    kept.push((key.clone(), value.meant()));
                }
                kept.sort_by(|(a, _), (b, _)| (a.len(), a).cmp(&(b.len(), b)));
                Self::Object(kept)
            }
            Self::Array(items) => Self::Array(items.iter().map(Self::meant).collect()),
            Self::Other(value) => Self::Other(value.clone()),
        }
    }

    /// Whether PostgreSQL would find each object sorted, down to the seventh that stands in another.
    fn sorted(&self, levels: usize) -> bool {
        match self {
            Self::Object(members) if levels > 0 => {
                members.is_sorted_by(|(a, _), (b, _)| (a.len(), a) <= (b.len(), b))
                    && members.iter().all(|(_, value)| value.sorted(levels - 1))
            }
            _ => true,
        }
    }
}

/// An object as text, with equal keys; with whitespace between members, and with escapes in keys, if told.
fn object(spaces: bool, escapes: bool) -> impl Strategy<Value = String> {
    let some = u32::from(spaces);
    let space = prop_oneof![20 => Just(""), some => Just(" "), some => Just("\n\t\r ")];
    let key = prop_oneof![
        4 => "[a-c]{0,3}".prop_map(|key| format!("\"{key}\"")),
        // Alike in length and in the bytes that are compared first.
        2 => "alike_[a-c]".prop_map(|key| format!("\"{key}\"")),
        1 => "[ä€]{1,2}".prop_map(|key| format!("\"{key}\"")),
        u32::from(escapes) => "[a-c]{0,2}".prop_map(|key| format!("\"{key}\\u0061\"")),
    ];
    let leaf =
        prop_oneof![Just("null"), Just("true"), Just("17"), Just("\"},{\""), Just("{}"), Just("[ ]"), Just("{ }")];
    let members = |space: BoxedStrategy<&'static str>, key: BoxedStrategy<String>, inner: BoxedStrategy<String>| {
        prop::collection::vec((space, key, inner), 0..6).prop_map(|members| {
            let members: Vec<_> = members.into_iter().map(|(s, key, value)| format!("{s}{key}:{value}{s}")).collect();
            format!("{{{}}}", members.join(","))
        })
    };
    let (space, key) = (space.boxed(), key.boxed());
    let (inner_space, inner_key) = (space.clone(), key.clone());
    let value = leaf.prop_map(str::to_owned).prop_recursive(12, 60, 5, move |inner| {
        let object = members(inner_space.clone(), inner_key.clone(), inner.clone().boxed());
        let array = prop::collection::vec(inner, 0..4).prop_map(|items| format!("[ {} ]", items.join(" , ")));
        prop_oneof![4 => object, 1 => array]
    });
    members(space, key, value.boxed())
}

/// The records of a page as they are sent to a `jsonb` column, which stands between two others.
fn sent(body: &str, more: &str) -> Vec<String> {
    let columns = r#"[{"name":"before","path":"zz","kind":"text"},{"name":"data","path":"","kind":"jsonb"},
        {"name":"again","path":"","kind":"jsonb"}]"#;
    let plan = format!(r#"{{{more},"jsonb_order":true,"columns":{columns}}}"#);
    let plan = Plan::parse(plan.as_bytes()).expect("a right plan");
    let page = encode(&plan, body.as_bytes(), NOW_US).expect("a right page");
    assert!(page.rejects.is_empty(), "{:?}", page.rejects);
    let sorted = Sorted::new(&[&page.tuples]);
    let tuples = sorted.tuples(&[&page.tuples], 0..sorted.len());
    let mut bytes = &tuples[..];
    let mut records = Vec::new();
    for row in 0..sorted.len() {
        let [data, again] = documents(&mut bytes);
        let (_, tuple) = sorted.row(&[&page.tuples], row).expect("a row");
        assert_eq!(documents(&mut &tuple[..]), [again.clone(), again], "the record as it came");
        records.push(data);
    }
    assert!(bytes.is_empty());
    records
}

/// The two records in the tuple that `bytes` begins with. Step behind it.
fn documents(bytes: &mut &[u8]) -> [String; 2] {
    *bytes = bytes.strip_prefix(&[0, 3]).expect("a tuple");
    let [_, data, again] = [(), (), ()].map(|()| {
        let (length, rest) = bytes.split_first_chunk::<4>().expect("a length");
        let (value, rest) = rest.split_at(usize::try_from(i32::from_be_bytes(*length)).unwrap_or(0));
        *bytes = rest;
        String::from_utf8(value.to_vec()).expect("UTF-8")
    });
    [data, again].map(|value| value[1..].to_owned())
}

fn read(text: &str) -> Json {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_is_sent_says_what_the_page_says(records in prop::collection::vec(prop_oneof![object(false, true), object(true, true)], 1..4)) {
        // Each comes twice: the second time it is like the one before.
        let records: Vec<_> = records.iter().flat_map(|record| [record.as_str(), record]).collect();
        let page = format!(r#"{{"data":[{}]}}"#, records.join(","));
        // NDJSON has a record in a line.
        let lines: Vec<_> = records.iter().map(|record| record.replace(['\n', '\r'], " ")).collect();
        for rows in [sent(&page, r#""records":"data""#), sent(&lines.join("\n"), r#""records":"","format":"ndjson""#)] {
            let said: Vec<_> = rows.iter().map(|row| read(row).meant()).collect();
            prop_assert_eq!(said, records.iter().map(|record| read(record).meant()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn postgresql_finds_nothing_to_sort(one in object(false, false), other in object(false, false)) {
        for row in sent(&format!(r#"{{"data":[{one},{other},{one},{one}]}}"#), r#""records":"data""#) {
            prop_assert!(read(&row).sorted(7), "{}", row);
        }
    }
}

#[test]
fn members_keep_their_text_and_objects_in_arrays_their_order() {
    let record = r#"{"session":{"os" : "\u0061","id": 1.50},"list":[ {"bb":1,"a":2}],"id":"x"}"#;
    let expected = r#"{"id":"x","list":[ {"bb":1,"a":2}],"session":{"id": 1.50,"os" : "\u0061"}}"#;
    assert_eq!(sent(&format!("[{record}]"), r#""records":"""#), [expected]);
}

#[test]
fn a_record_with_whitespace_between_members_stays_as_it_is() {
    for record in [r#"{"bb":1, "a":2}"#, r#"{"bb":1,"a":2 }"#, r#"{ "bb":1,"a":2}"#, r#"{"bb": {"c":1},"a":2}"#] {
        assert_eq!(sent(&format!("[{record}]"), r#""records":"""#), [record]);
    }
}

#[test]
fn a_record_with_more_members_than_are_noted_stays_as_it_is() {
    let many: Vec<_> = (0..257).rev().map(|number| format!("\"k{number}\":0")).collect();
    let long = format!("\"bb\":\"{}\"", "x".repeat(3 << 20));
    for members in [many.join(","), format!("{long},\"a\":1")] {
        let rows = sent(&format!("[{{{members}}},{{\"bb\":1,\"c\":2}}]"), r#""records":"""#);
        assert_eq!(rows, [format!("{{{members}}}").as_str(), r#"{"c":2,"bb":1}"#]);
    }
}

#[test]
fn a_record_that_looks_like_the_last_one_is_looked_at_itself() {
    let pairs = [
        // Alike in their lengths and first bytes.
        (r#"{"alike_a":1,"alike_b":2}"#, r#"{"alike_b":2,"alike_a":1}"#, r#"{"alike_a":1,"alike_b":2}"#),
        (r#"{"alike_a":1,"alike_b":2}"#, r#"{"alike_b":2,"alike_b":1}"#, r#"{"alike_b":2,"alike_b":1}"#),
        // On another level.
        (r#"{"a":{"b":1},"c":2}"#, r#"{"a":{"b":1,"c":2}}"#, r#"{"a":{"b":1,"c":2}}"#),
        (r#"{"bb":{"a":1},"c":2}"#, r#"{"bb":{"a":1,"c":2}}"#, r#"{"bb":{"a":1,"c":2}}"#),
        (r#"{"bb":1,"a":2}"#, r#"{"bb":1,"a":2,"c":3}"#, r#"{"a":2,"c":3,"bb":1}"#),
        (r#"{"bb":1,"a":2}"#, r#"{"bb":1,"\u0061":2}"#, r#"{"bb":1,"\u0061":2}"#),
    ];
    for (before, record, expected) in pairs {
        assert_eq!(sent(&format!("[{before},{record}]"), r#""records":"""#)[1], expected, "after {before}");
    }
}
