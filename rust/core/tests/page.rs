//! Guarantees of the page walk.

use datasync_core::{Encoded, PageCode, Plan, RejectCode, Value, encode, extract, split};

const PLAN: &str = r#"{"records":"data","next_cursor":"p.next","has_more":"p.more","total":"meta.total","max_depth":4,
"max_key_bytes":8,"columns":[{"name":"id","path":"id","kind":"text","required":true,"key":true},
{"name":"kind","path":"a.kind","kind":"text"},{"name":"at","path":"at","kind":"timestamptz"},
{"name":"data","path":"","kind":"jsonb"}]}"#;
const NOW_US: i64 = 1_769_600_000_000_000;

fn plan() -> Plan {
    Plan::parse(PLAN.as_bytes()).expect("a right plan")
}

fn encoded<'a>(plan: &Plan, body: &'a [u8]) -> Encoded<'a> {
    encode(plan, body, NOW_US).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(body)))
}

fn refused(body: &[u8]) -> (PageCode, usize) {
    let error = encode(&plan(), body, NOW_US).expect_err("a damaged page");
    assert_eq!(split(&plan(), body).expect_err("a damaged page"), error);
    (error.code, error.offset)
}

/// The code for a lone record, which must be the same on both lanes.
fn code(record: &[u8]) -> Option<RejectCode> {
    let plan = plan();
    let body = [br#"{"data":[{"id":"x"},"#, record, br#",{"id":"y"}]}"#].concat();
    let page = encoded(&plan, &body);
    assert_eq!(page.records, 3);
    let code = page.rejects.first().map(|reject| {
        assert_eq!((reject.index, reject.offset, reject.raw), (1, 20, record));
        reject.code
    });
    let lone = extract(&plan, &[record], NOW_US);
    assert_eq!(lone.rejects.first().map(|reject| reject.code), code);
    code
}

#[test]
fn a_row_is_the_columns_in_copy_binary() {
    let plan = plan();
    let record = br#"{"id":"a\u0062","a":{"kind":"k"},"at":"2000-01-01T00:00:01Z"}"#;
    let body = [br#"{"data":["#, &record[..], br"]}"].concat();
    let page = encoded(&plan, &body);
    let mut expected = b"\0\x04\0\0\0\x02ab\0\0\0\x01k\0\0\0\x08\0\0\0\0\0\x0f\x42\x40".to_vec();
    expected.extend_from_slice(&u32::try_from(record.len() + 1).expect("small").to_be_bytes());
    expected.push(1);
    expected.extend_from_slice(record);
    assert_eq!(page.tuples.bytes(), expected);
    assert_eq!(page.stats.last_key.as_deref(), Some("ab"));
    assert_eq!(page.stats.last_timestamp_us, Some(946_684_801_000_000));
}

#[test]
fn the_last_of_equal_keys_counts_everywhere() {
    let plan = plan();
    let body = br#"{"data":[{"id":"no"},NaN],"p":{"next":"no","more":true},
        "d\u0061ta":[{"id":"no","a":{"kind":"no"},"\u0069d":"yes","a":{}}],"p":{"next":"yes"}}"#;
    let page = encoded(&plan, body);
    assert_eq!((page.records, page.stats.rows, page.rejects.len()), (1, 1, 0));
    assert_eq!(page.stats.last_key.as_deref(), Some("yes"));
    assert!(page.tuples.bytes().starts_with(b"\0\x04\0\0\0\x03yes\xff\xff\xff\xff\xff\xff\xff\xff"));
    assert_eq!((page.envelope.next_cursor.as_deref(), page.envelope.has_more), (Some("yes"), None));
    assert_eq!(refused(br#"{"data":[],"data":null}"#), (PageCode::RecordsMissing, 18));
}

#[test]
fn a_page_that_cannot_be_trusted_is_refused_at_its_byte() {
    assert_eq!(refused(b""), (PageCode::EmptyBody, 0));
    assert_eq!(refused(b"\xef\xbb\xbf \n"), (PageCode::EmptyBody, 5));
    assert_eq!(refused(b"null"), (PageCode::NotAnObject, 0));
    assert_eq!(refused(b"<html>"), (PageCode::NotAnObject, 0));
    assert_eq!(refused(b" {}"), (PageCode::RecordsMissing, 1));
    assert_eq!(refused(br#"{"data":{}}"#), (PageCode::RecordsMissing, 8));
    assert_eq!(refused(br#"{"data":[]} x"#), (PageCode::Syntax, 12));
    assert_eq!(refused(br#"{"data":[],"p":{"next":true}}"#), (PageCode::EnvelopeType, 23));
    assert_eq!(refused(br#"{"data":[],"p":{"next":"\ud800"}}"#), (PageCode::EnvelopeType, 23));
    assert_eq!(refused(br#"{"data":[],"p":{"more":"true"}}"#), (PageCode::EnvelopeType, 23));
    for total in ["-1", "1.0", "1e3", "\"1\"", "9223372036854775808", "99999999999999999999"] {
        let body = format!(r#"{{"data":[],"meta":{{"total":{total}}}}}"#);
        assert_eq!(refused(body.as_bytes()), (PageCode::EnvelopeType, 27));
    }
    let most = encoded(&plan(), br#"{"data":[],"meta":{"total":9223372036854775807}}"#).envelope.total;
    assert_eq!(most, u64::try_from(i64::MAX).ok());
    for broken in [
        r#"{"data":[1,]}"#,
        r#"{"data":[,1]}"#,
        r#"{"data":[{"a":1,}]}"#,
        r#"{"data":[{"a" 1}]}"#,
        r#"{"data":[{a:1}]}"#,
        r#"{"data":[{"a":}]}"#,
        r#"{"data":[{"a":1 2}]}"#,
        r#"{"data":[[1}]]}"#,
        r#"{"data":[],"x":NaN}"#,
        r#"{"data":[],"x":"\q"}"#,
        r#"{"data":[1 2]}"#,
    ] {
        assert_eq!(refused(broken.as_bytes()).0, PageCode::Syntax, "{broken}");
    }
    assert_eq!(refused(b"{\"data\":[],\"x\":\"\xff\"}"), (PageCode::Syntax, 16));
}

#[test]
fn every_truncation_is_seen() {
    let body = br#"{"data":[{"id":"a","n":[1,2.5e3,true,"\ud83d\ude00"]},{"id":"b"}],"p":{"next":"c","more":true}}"#;
    assert_eq!(encoded(&plan(), body).stats.rows, 2);
    for end in 1..body.len() {
        assert_eq!(refused(&body[..end]).0, PageCode::Syntax, "{end}");
    }
}

#[test]
fn a_flawed_record_is_refused_and_its_neighbours_stay() {
    use RejectCode::{
        BadEscape, BadNumber, ControlCharacter, EmptyKey, InvalidUtf8, KeyTooLong, LoneSurrogate, NotAnObject,
        NulCharacter, NumberOutOfRange, RequiredMissing, TimestampInvalid, TimestampNoZone, TimestampUnitUnclear,
        TooDeep, TypeMismatch,
    };
    let cases: &[(&[u8], Option<RejectCode>)] = &[
        (br#"{"id":"a"}"#, None),
        (b"[]", Some(NotAnObject)),
        (b"null", Some(NotAnObject)),
        (b"NaN", Some(NotAnObject)),
        (br#"{"id":"a","x":"\u0000"}"#, Some(NulCharacter)),
        (br#"{"id":"a","\u0000":1}"#, Some(NulCharacter)),
        (br#"{"id":"a","x":"\udc00"}"#, Some(LoneSurrogate)),
        (b"{\"id\":\"a\",\"x\":\"\xed\xa0\x80\"}", Some(InvalidUtf8)),
        (b"{\"id\":\"a\",\"x\":\"\t\"}", Some(ControlCharacter)),
        (br#"{"id":"a","x":"\x"}"#, Some(BadEscape)),
        (br#"{"id":"a","x":01}"#, Some(BadNumber)),
        (br#"{"id":"a","x":nul}"#, Some(BadNumber)),
        (br#"{"id":"a","x":1e131072}"#, Some(NumberOutOfRange)),
        (br#"{"id":"a","x":[[[1]]]}"#, None),
        (br#"{"id":"a","x":[[[[1]]]]}"#, Some(TooDeep)),
        (br#"{"id":null}"#, Some(RequiredMissing)),
        (b"{}", Some(RequiredMissing)),
        (br#"{"id":""}"#, Some(EmptyKey)),
        (r#"{"id":"ääää"}"#.as_bytes(), None),
        (r#"{"id":"ääääx"}"#.as_bytes(), Some(KeyTooLong)),
        (br#"{"id":"\u00e4\u00e4\u00e4\u00e4"}"#, None),
        (br#"{"id":1}"#, Some(TypeMismatch)),
        (br#"{"id":"a","a":5}"#, None),
        (br#"{"id":"a","a":{"kind":5}}"#, Some(TypeMismatch)),
        (br#"{"id":"a","at":true}"#, Some(TypeMismatch)),
        (br#"{"id":"a","at":[1]}"#, Some(TypeMismatch)),
        (br#"{"id":"a","at":"soon"}"#, Some(TimestampInvalid)),
        (br#"{"id":"a","at":"2024-01-15T10:30:00"}"#, Some(TimestampNoZone)),
        (br#"{"id":"a","at":12345}"#, Some(TimestampUnitUnclear)),
        (br#"{"id":"a","at":"2024-01-15T10:30:00\u005a"}"#, None),
        // The first in the order of bytes, before all that is wrong with columns, and those in the order of the plan.
        (b"{\"x\":\"\\q\xff\t\\u0000\"}", Some(BadEscape)),
        (b"{\"x\":\"\xff\\q\"}", Some(InvalidUtf8)),
        (br#"{"at":"soon","x":01}"#, Some(BadNumber)),
        (br#"{"at":"soon","id":5}"#, Some(TypeMismatch)),
    ];
    for (record, expected) in cases {
        assert_eq!(code(record), *expected, "{}", String::from_utf8_lossy(record));
    }
}

#[test]
fn a_lone_record_is_exactly_one_value() {
    let plan = plan();
    let records: &[&[u8]] = &[b" {\"id\":\"a\"}\n", b"{\"id\":\"a\"} x", b"", b" ", b"{\"id\":\"a\"", b"\0"];
    let rows = extract(&plan, records, NOW_US);
    assert_eq!(rows.indexes, [0]);
    assert_eq!(rows.values[3], Value::Text(r#"{"id":"a"}"#.to_owned()));
    let codes: Vec<_> = rows.rejects.iter().map(|reject| reject.code).collect();
    let syntax = RejectCode::Syntax;
    assert_eq!(codes, [syntax, syntax, syntax, syntax, RejectCode::NotAnObject]);
}

#[test]
fn nesting_without_end_exhausts_nothing() {
    let deep = "[".repeat(1_000_000);
    let body =
        format!(r#"{{"x":{deep}{},"data":[{{"id":"a","x":{deep}{}}}]}}"#, "]".repeat(1_000_000), "]".repeat(1_000_000));
    let plan = plan();
    let page = encoded(&plan, body.as_bytes());
    assert_eq!(page.rejects[0].code, RejectCode::TooDeep);
    assert_eq!(refused(deep.as_bytes()).0, PageCode::NotAnObject);
    assert_eq!(refused(format!(r#"{{"data":{deep}"#).as_bytes()).0, PageCode::Syntax);
}
