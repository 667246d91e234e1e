//! The order of rows, against sorting of plain values.

use std::collections::{BTreeMap, HashSet};

use datasync_core::{Plan, Rows, Sorted, encode};
use proptest::prelude::*;

const PLAN: &str = r#"{"records":"","columns":[
    {"name":"id","path":"id","kind":"text","key":true},{"name":"n","path":"n","kind":"bigint"}]}"#;

/// Pages of records that have these keys and a running number.
fn pages(keys: &[Vec<String>]) -> Vec<Rows> {
    let plan = Plan::parse(PLAN.as_bytes()).expect("a right plan");
    let mut number = 0;
    let mut record = |key: &String| {
        number += 1;
        format!(r#"{{"id":{},"n":{number}}}"#, serde_json::to_string(key).expect("a string"))
    };
    let bodies = keys.iter().map(|keys| keys.iter().map(&mut record).collect::<Vec<_>>().join(","));
    bodies.map(|body| encode(&plan, format!("[{body}]").as_bytes(), 0).expect("a page").tuples).collect()
}

/// The numbers of the rows.
fn numbers(tuples: &[u8]) -> Vec<i64> {
    let mut rest = tuples;
    let mut found = Vec::new();
    while !rest.is_empty() {
        let length = usize::try_from(i32::from_be_bytes(rest[2..6].try_into().expect("4 bytes"))).expect("a length");
        let (number, next) = rest[6 + length + 4..].split_at(8);
        found.push(i64::from_be_bytes(number.try_into().expect("8 bytes")));
        rest = next;
    }
    found
}

fn keys() -> impl Strategy<Value = Vec<Vec<String>>> {
    prop::collection::vec(prop::collection::vec("[ab]{1,2}|prefix[ab]{1,9}", 0..12), 0..4)
}

proptest! {
    #[test]
    fn of_equal_keys_one_is_left_and_pieces_make_the_whole(keys in keys(), cut in 0.0..1.0_f64, last in any::<bool>()) {
        let pages = pages(&keys);
        let pages: Vec<&Rows> = pages.iter().collect();
        let sorted = Sorted::new(&pages);
        let flat: Vec<&String> = keys.iter().flatten().collect();
        let mut by_key: BTreeMap<&String, Vec<i64>> = BTreeMap::new();
        for (key, number) in flat.iter().zip(1..) {
            by_key.entry(key).or_default().push(number);
        }
        prop_assert_eq!(sorted.repeated(), flat.len() - by_key.len());
        let unique = sorted.unique(&pages, last);
        let expected: Vec<i64> = by_key.values().map(|all| if last { all[all.len() - 1] } else { all[0] }).collect();
        prop_assert_eq!(numbers(&unique.tuples(&pages, 0..unique.len())), expected);

        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place in a short list")]
        let middle = (cut * sorted.len() as f64) as usize;
        let (first, second) = (sorted.tuples(&pages, 0..middle), sorted.tuples(&pages, middle..sorted.len()));
        let whole = numbers(&sorted.tuples(&pages, 0..sorted.len()));
        prop_assert_eq!([numbers(&first), numbers(&second)].concat(), whole.clone());
        let found: Vec<&[u8]> = sorted.keys(&pages).collect();
        prop_assert_eq!(found, by_key.iter().flat_map(|(key, all)| vec![key.as_bytes(); all.len()]).collect::<Vec<_>>());
        // Every record is accepted, so that its number tells which one it is.
        for (row, number) in whole.into_iter().enumerate() {
            let (origin, _) = sorted.row(&pages, row).expect("a row");
            let before: usize = keys[..origin.page].iter().map(Vec::len).sum();
            prop_assert_eq!(i64::try_from(before + origin.index + 1).expect("small"), number);
        }
    }

    #[test]
    fn what_is_wanted_is_left_and_what_meets_is_seen(keys in keys(), others in keys()) {
        let (mine, theirs) = (pages(&keys), pages(&others));
        let (mine, theirs): (Vec<&Rows>, Vec<&Rows>) = (mine.iter().collect(), theirs.iter().collect());
        let (sorted, other) = (Sorted::new(&mine), Sorted::new(&theirs));
        let wanted: HashSet<&[u8]> = others.iter().flatten().map(String::as_bytes).collect();
        let rest = sorted.only(&mine, &wanted);
        let left: Vec<&[u8]> = sorted.keys(&mine).filter(|key| wanted.contains(key)).collect();
        prop_assert_eq!(rest.keys(&mine).collect::<Vec<_>>(), left.clone());
        prop_assert_eq!(rest.repeated(), left.len() - left.iter().collect::<HashSet<_>>().len());
        prop_assert_eq!(sorted.meets(&mine, &other, &theirs), !left.is_empty());
    }
}
