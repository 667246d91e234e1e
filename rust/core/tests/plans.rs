//! Guarantees of what a plan can say: paths, formats, sources and what becomes of values that don't fit.

use datasync_core::{Extracted, PageCode, Plan, RejectCode, Rows, Sorted, Value, encode, extract, split};
use proptest::prelude::*;

const NOW_US: i64 = 1_769_600_000_000_000;

fn plan(text: &str) -> Plan {
    Plan::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A plan of records in a root array.
fn columns(columns: &str) -> Plan {
    plan(&format!(r#"{{"records":"","columns":[{columns}]}}"#))
}

fn extracted<'a>(plan: &Plan, record: &'a str) -> Extracted<'a> {
    extract(plan, &[record.as_bytes()], NOW_US)
}

/// The only value of the only column, or the code.
fn value(column: &str, record: &str) -> Result<Value, RejectCode> {
    let found = extracted(&columns(column), record);
    found.rejects.first().map_or_else(|| Ok(found.values[0].clone()), |reject| Err(reject.code))
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

#[test]
fn a_path_leads_through_objects_and_arrays() {
    for (path, record, expected) in [
        ("a.b[0]", r#"{"a":{"b":[{"x":1},2]}}"#, Some(r#"{"x":1}"#)),
        ("a.b[1]", r#"{"a":{"b":[{"x":1}, 2 ]}}"#, Some("2")),
        ("a.b[2]", r#"{"a":{"b":[1,2]}}"#, None),
        ("a.b[0].x", r#"{"a":{"b":[{"x":1},{"x":2}]}}"#, Some("1")),
        ("a.b[1].x", r#"{"a":{"b":[{"x":1},{"x":2}]}}"#, Some("2")),
        ("a[0][1]", r#"{"a":[[1,2],[3,4]]}"#, Some("2")),
        ("a[1][0]", r#"{"a":[[1,2],[3,4]]}"#, Some("3")),
        ("a[0]", r#"{"a":{"0":1}}"#, None),
        ("a", r#"{"a":[]}"#, Some("[]")),
        ("a[0]", r#"{"a":[]}"#, None),
        ("a[1]", r#"{"a":[{"a":[9,8]},7],"b":[1,2]}"#, Some("7")),
        // Of equal keys the last counts, with all below it.
        ("a[0]", r#"{"a":[1],"a":[]}"#, None),
        ("a[0]", r#"{"a":[1],"a":5,"\u0061":[[2]]}"#, Some("[2]")),
    ] {
        let quoted = path.replace('"', "\\\"");
        let found = value(&format!(r#"{{"name":"c","path":"{quoted}","kind":"jsonb"}}"#), record);
        assert_eq!(found, Ok(expected.map_or(Value::Null, text)), "{path} in {record}");
    }
    let odd = r#"{"name":"c","path":"[\"a.b\"][\"\\\"\"]","kind":"jsonb"}"#;
    assert_eq!(value(odd, r#"{"a":{"b":1},"a.b":{"\u0022":2}}"#), Ok(text("2")));
}

#[test]
fn records_may_stand_in_a_root_array_or_inside_of_arrays() {
    let column = r#"{"name":"data","path":"","kind":"json"}"#;
    let whole = |records: &str, more: &str| plan(&format!(r#"{{"records":"{records}","columns":[{column}]{more}}}"#));
    let count = |plan: &Plan, body: &str| split(plan, body.as_bytes()).map(|page| page.records.len());
    let root = whole("", "");
    assert_eq!(count(&root, "\u{feff} [{} , {\"a\":[]}]\n"), Ok(2));
    assert_eq!(count(&root, "[]"), Ok(0));
    assert_eq!(count(&root, "{}").expect_err("no array").code, PageCode::RecordsMissing);
    assert_eq!(count(&root, "[{}").expect_err("cut").code, PageCode::Syntax);
    assert_eq!(count(&root, "").expect_err("nothing").code, PageCode::EmptyBody);
    let inner = whole("a.b[1].c", r#","total":"a.b[0]","next_cursor":"a.next[1]""#);
    let body = r#"{"a":{"next":["no","yes"],"b":[7,{"c":[{},{},{}]},[1]]}}"#;
    let page = split(&inner, body.as_bytes()).expect("a right page");
    assert_eq!(
        (page.records.len(), page.envelope.total, page.envelope.next_cursor.as_deref()),
        (3, Some(7), Some("yes"))
    );
    assert_eq!(count(&inner, r#"{"a":{"b":[{"c":[]}]}}"#).expect_err("missing").code, PageCode::RecordsMissing);
    assert_eq!(count(&inner, "[]").expect_err("an array").code, PageCode::NotAnObject);
    let element = whole("[0].rows", "");
    assert_eq!(count(&element, r#"[{"rows":[1]}]"#), Ok(1));
    assert_eq!(count(&element, r#"{"rows":[1]}"#).expect_err("an object").code, PageCode::NotAnObject);
}

#[test]
fn in_ndjson_a_broken_line_spoils_no_other() {
    let plan =
        plan(r#"{"records":"","format":"ndjson","columns":[{"name":"id","path":"id","kind":"text","required":true}]}"#);
    let body =
        b"\xef\xbb\xbf{\"id\":\"a\"}\r\n\n{\"id\":\n {\"id\":\"b\"} \n[1]\n{\"id\":\"\xff\"}\n{} {}\n{\"id\":\"c\"}";
    let page = encode(&plan, body, NOW_US).expect("a page");
    let rejects: Vec<_> = page.rejects.iter().map(|r| (r.index, r.offset, r.code, r.raw)).collect();
    assert_eq!(
        rejects,
        [
            (1, 16, RejectCode::Syntax, &b"{\"id\":"[..]),
            (3, 36, RejectCode::NotAnObject, b"[1]"),
            (4, 40, RejectCode::InvalidUtf8, b"{\"id\":\"\xff\"}"),
            (5, 51, RejectCode::Syntax, b"{} {}"),
        ]
    );
    assert_eq!((page.records, page.stats.rows), (7, 3));
    for cut in ["{\"id\":\"a\"}\n{\"id\":\"b", "{\"id\":\"a\"}\n{", "{\"id\":\"a\"}\n{\"id\":\"b\""] {
        let error = encode(&plan, cut.as_bytes(), NOW_US).expect_err("a page that was cut");
        assert_eq!((error.code, error.offset), (PageCode::Syntax, cut.len()));
    }
    assert_eq!(encode(&plan, b" \n\r\n", NOW_US).expect_err("nothing").code, PageCode::EmptyBody);
}

#[test]
fn the_rest_is_what_no_other_column_takes() {
    let taken = r#"{"name":"id","path":"id","kind":"bigint","mismatch":"null"},{"name":"kind","path":"kind","kind":"text"},
        {"name":"page","path":"p.page","kind":"text"},{"name":"first","path":"list[0]","kind":"jsonb"},
        {"name":"at","source":"ingest_time","kind":"timestamptz"},{"name":"rest","source":"rest","kind":"jsonb"}"#;
    let plan = columns(taken);
    for (record, rest) in [
        ("{}", "{}"),
        (r#"{"kind":"k"}"#, "{}"),
        (r#"{ "kind" : "k" , "x" : 1 }"#, r#"{"x" : 1}"#),
        (r#"{"x":1,"kind":"k","y":[1, 2],"k\u0069nd":"l"}"#, r#"{"x":1,"y":[1, 2]}"#),
        // What may become NULL, and elements of arrays, stay.
        (r#"{"id":"x","list":[1,2]}"#, r#"{"id":"x","list":[1,2]}"#),
        (r#"{"p":{"page":"a"},"z":0}"#, r#"{"p":{},"z":0}"#),
        (r#"{"p":{"a":{"page":1},"page":"a","b":"}"},"z":0}"#, r#"{"p":{"a":{"page":1},"b":"}"},"z":0}"#),
        (r#"{"p":5,"z":{"p":{"page":1}}}"#, r#"{"p":5,"z":{"p":{"page":1}}}"#),
        (r#"{"p":{"page":"a"},"p":[{"page":1}]}"#, r#"{"p":{},"p":[{"page":1}]}"#),
        (r#"{"p":{ },"kind":null}"#, r#"{"p":{}}"#),
    ] {
        let found = extracted(&plan, record);
        assert_eq!(found.rejects, [], "{record}");
        assert_eq!(found.values[5], text(rest), "{record}");
        assert_eq!(found.values[4], Value::Timestamptz(NOW_US));
    }
}

#[test]
fn a_value_that_does_not_fit_is_refused_or_null_or_text() {
    for (policy, expected) in [
        ("quarantine", Err(RejectCode::TypeMismatch)),
        ("null", Ok(Value::Null)),
        ("text", Ok(text("[1, {\"a\":\"\\u00e9\"}]"))),
    ] {
        let column = format!(r#"{{"name":"c","path":"c","kind":"text","mismatch":"{policy}"}}"#);
        assert_eq!(value(&column, r#"{"c":[1, {"a":"\u00e9"}]}"#), expected, "{policy}");
    }
    let null = r#"{"name":"c","path":"c","kind":"timestamptz","mismatch":"null""#;
    assert_eq!(value(&format!("{null}}}"), r#"{"c":"soon"}"#), Ok(Value::Null));
    assert_eq!(value(&format!(r#"{null},"required":true}}"#), r#"{"c":"soon"}"#), Err(RejectCode::RequiredMissing));
    let key = r#"{"name":"c","path":"c","kind":"text","mismatch":"null","key":true}"#;
    assert_eq!(value(key, r#"{"c":""}"#), Err(RejectCode::EmptyKey));
    assert_eq!(value(key, r#"{"c":5}"#), Err(RejectCode::RequiredMissing));
    let array = |policy: &str, items: &str| {
        let column = format!(r#"{{"name":"c","path":"c","kind":"text[]","mismatch":"{policy}"}}"#);
        value(&column, &format!(r#"{{"c":{items}}}"#))
    };
    let texts = |texts: &[Option<&str>]| Value::TextArray(texts.iter().map(|text| text.map(str::to_owned)).collect());
    assert_eq!(array("quarantine", r#"[ "a" , null,"\u00e9"]"#), Ok(texts(&[Some("a"), None, Some("é")])));
    assert_eq!(array("quarantine", "[ ]"), Ok(texts(&[])));
    assert_eq!(array("quarantine", r#"["a",1]"#), Err(RejectCode::TypeMismatch));
    assert_eq!(array("quarantine", r#""a""#), Err(RejectCode::TypeMismatch));
    assert_eq!(array("null", "[[]]"), Ok(Value::Null));
    assert_eq!(array("text", r#"["a",1.50,{"b":[2,"]"]},[],true]"#), {
        Ok(texts(&[Some("a"), Some("1.50"), Some(r#"{"b":[2,"]"]}"#), Some("[]"), Some("true")]))
    });
}

#[test]
fn a_constant_is_in_every_row() {
    let column =
        |kind: &str, json: &str| format!(r#"{{"name":"c","kind":"{kind}","source":"constant","constant":"{json}"}}"#);
    assert_eq!(value(&column("text", r#" \"a\\u00e9\" "#), "{}"), Ok(text("aé")));
    assert_eq!(value(&column("boolean", "true"), r#"{"c":false}"#), Ok(Value::Boolean(true)));
    assert_eq!(
        value(&column("timestamptz", r#"\"2024-01-15T10:30:00Z\""#), "{}"),
        Ok(Value::Timestamptz(1_705_314_600_000_000))
    );
    assert_eq!(value(&column("text", "null"), "{}"), Ok(Value::Null));
}

#[test]
fn the_last_key_is_told_for_every_kind_of_key() {
    let last = |kind: &str, id: &str| {
        let plan =
            columns(&format!(r#"{{"name":"id","path":"id","kind":"{kind}","key":true,"mismatch":"quarantine"}}"#));
        extracted(&plan, &format!(r#"{{"id":{id}}}"#)).stats.last_key
    };
    assert_eq!(last("text", r#""\u00e9\"""#).as_deref(), Some("é\""));
    assert_eq!(last("bigint", "-12.0").as_deref(), Some("-12"));
    assert_eq!(last("integer", r#""7""#).as_deref(), Some("7"));
    let uuid = "0123ABCD-4567-89ab-cdef-0123456789ab";
    assert_eq!(last("uuid", &format!(r#""{{{uuid}}}""#)), Some(uuid.to_lowercase()));
    let plan = columns(r#"{"name":"id","path":"id","kind":"text","key":true,"mismatch":"text"}"#);
    assert_eq!(extracted(&plan, r#"{"id": 12 }"#).stats.last_key.as_deref(), Some("12"));
}

/// Keys and numbers of the rows of a COPY stream with the columns key and number.
fn rows(tuples: &[u8]) -> Vec<(Vec<u8>, i64)> {
    let mut rest = tuples;
    let mut rows = Vec::new();
    let field = |rest: &mut &[u8]| {
        let (length, after) = rest.split_first_chunk::<4>().expect("a length");
        let (field, after) = after.split_at(usize::try_from(i32::from_be_bytes(*length)).expect("no null"));
        *rest = after;
        field.to_vec()
    };
    while !rest.is_empty() {
        assert_eq!(rest[..2], [0, 2]);
        rest = &rest[2..];
        let key = field(&mut rest);
        let number = field(&mut rest);
        rows.push((key, i64::from_be_bytes(*number.first_chunk().expect("eight bytes"))));
    }
    rows
}

proptest! {
    #[test]
    fn a_stream_has_all_rows_of_its_pages_in_the_order_of_their_keys(
        pages in prop::collection::vec(prop::collection::vec("[a-c]{1,12}|\\PC{1,3}", 0..20), 0..4)
    ) {
        let plan = columns(r#"{"name":"id","path":"id","kind":"text","key":true},{"name":"n","path":"n","kind":"bigint"}"#);
        let mut number = 0;
        let mut expected = Vec::new();
        let bodies: Vec<String> = pages.iter().map(|keys| {
            let records: Vec<String> = keys.iter().map(|key| {
                number += 1;
                expected.push((key.as_bytes().to_vec(), number));
                format!(r#"{{"id":{},"n":{number}}}"#, serde_json::to_string(key).expect("a string"))
            }).collect();
            format!("[{}]", records.join(","))
        }).collect();
        expected.sort_by(|a, b| a.0.cmp(&b.0)); // stable: equal keys keep their order
        let encoded: Vec<_> = bodies.iter().map(|body| encode(&plan, body.as_bytes(), NOW_US).expect("a page").tuples).collect();
        let found = tuples(&encoded.iter().collect::<Vec<_>>());
        prop_assert_eq!(rows(&found), expected);
    }

    #[test]
    fn whole_numbers_are_sorted_as_numbers(keys in prop::collection::vec(any::<i64>(), 0..30), small in any::<bool>()) {
        let kind = if small { "integer" } else { "bigint" };
        let keys: Vec<i64> = keys.iter().map(|key| if small { key >> 32 } else { *key }).collect();
        let plan = columns(&format!(r#"{{"name":"id","path":"id","kind":"{kind}","key":true}},{{"name":"n","path":"id","kind":"bigint"}}"#));
        let records: Vec<String> = keys.iter().map(|key| format!(r#"{{"id":{key}}}"#)).collect();
        let page = encode(&plan, format!("[{}]", records.join(",")).as_bytes(), NOW_US).map(|page| tuples(&[&page.tuples]));
        let mut expected = keys;
        expected.sort_unstable();
        prop_assert_eq!(rows(&page.expect("a page")).into_iter().map(|row| row.1).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn without_a_key_rows_stay_as_they_came() {
    let plan = columns(r#"{"name":"id","path":"id","kind":"text"},{"name":"n","path":"n","kind":"bigint"}"#);
    let body = br#"[{"id":"b","n":1},{"id":"a","n":2}]"#;
    let page = encode(&plan, body, NOW_US).expect("a page").tuples;
    let found: Vec<_> = rows(&tuples(&[&page, &page])).into_iter().map(|row| row.1).collect();
    assert_eq!(found, [1, 2, 1, 2]);
}

fn tuples(pages: &[&Rows]) -> Vec<u8> {
    let sorted = Sorted::new(pages);
    sorted.tuples(pages, 0..sorted.len())
}
