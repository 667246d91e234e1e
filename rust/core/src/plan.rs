//! What to read from a page: a plan comes as JSON once per endpoint and is compiled into tries.

use std::collections::HashSet;

use serde::Deserialize;

use crate::column::{Column, ColumnText, Kind, Source};
use crate::error::PlanError;
use crate::path::{self, Step};
use crate::record::Reader;
use crate::trie::{Node, Trie};

/// PostgreSQL's limit for the columns of a table.
const MAX_COLUMNS: usize = 1600;

/// A compiled plan.
#[derive(Debug)]
pub struct Plan {
    pub(crate) ndjson: bool,
    pub(crate) envelope: Trie,
    /// The bracket that the page opens with.
    pub(crate) opening: u8,
    pub(crate) records: Node,
    pub(crate) next_cursor: Option<Node>,
    pub(crate) has_more: Option<Node>,
    pub(crate) total: Option<Node>,
    pub(crate) record: Trie,
    pub(crate) columns: Vec<Column>,
    /// The fields that are left out of the rest; the ends of its paths, by node.
    pub(crate) taken: (Trie, Vec<bool>),
    /// The number of columns as a tuple begins with it.
    pub(crate) field_count: [u8; 2],
    /// The first `timestamptz` column from the record.
    pub(crate) timestamp: Option<usize>,
    pub(crate) max_depth: usize,
    pub(crate) max_key_bytes: usize,
    /// A `jsonb` column that is the whole record gets its members in the order of `jsonb`.
    pub(crate) jsonb_order: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Json,
    Ndjson,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanText {
    records: String,
    next_cursor: Option<String>,
    has_more: Option<String>,
    total: Option<String>,
    #[serde(default)]
    format: Format,
    #[serde(default = "default_max_depth")]
    max_depth: usize,
    #[serde(default = "default_max_key_bytes")]
    max_key_bytes: usize,
    #[serde(default)]
    jsonb_order: bool,
    columns: Vec<ColumnText>,
}

const fn default_max_depth() -> usize {
    256
}

const fn default_max_key_bytes() -> usize {
    1024
}

impl Plan {
    /// Compile the plan that `json` writes.
    pub fn parse(json: &[u8]) -> Result<Self, PlanError> {
        let text: PlanText = serde_json::from_slice(json).map_err(|error| PlanError(format!("the plan: {error}")))?;
        check(&text)?;
        let optional = [("next_cursor", &text.next_cursor), ("has_more", &text.has_more), ("total", &text.total)];
        let mut paths = vec![path::parse("records", &text.records)?];
        for (name, path) in optional {
            if let Some(path) = path {
                paths.push(path::parse(name, path)?);
            }
        }
        let opening = if matches!(paths[0].first(), Some(Step::Key(_))) { b'{' } else { b'[' };
        let (envelope, nodes) = Trie::new(&paths);
        let mut nodes = nodes.into_iter();
        let records = nodes.next().unwrap_or_default();
        let [next_cursor, has_more, total] = optional.map(|(_, path)| path.as_ref().and_then(|_| nodes.next()));
        if envelope.end(records) > records + 1 || [next_cursor, has_more, total].contains(&Some(records)) {
            return Err(PlanError("a path of the envelope leads into the records".to_owned()));
        }

        let paths = text.columns.iter().map(ColumnText::steps).collect::<Result<Vec<_>, _>>()?;
        let (record, nodes) = Trie::new(&paths);
        let taken = text.columns.iter().zip(&paths).filter(|(column, steps)| column.takes(steps));
        let taken: Vec<_> = taken.map(|(_, steps)| steps.clone()).collect();
        let field_count = u16::try_from(text.columns.len()).unwrap_or(u16::MAX).to_be_bytes();
        let columns = text.columns.into_iter().zip(nodes).map(|(column, node)| column.compile(node));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let from_record = |column: &Column| matches!(column.source, Source::Record(_));
        let plan = Self {
            ndjson: text.format == Format::Ndjson,
            envelope,
            opening,
            records,
            next_cursor,
            has_more,
            total,
            record,
            taken: ends(&taken),
            field_count,
            timestamp: columns.iter().position(|column| column.kind == Kind::Timestamptz && from_record(column)),
            columns,
            max_depth: text.max_depth,
            max_key_bytes: text.max_key_bytes,
            jsonb_order: text.jsonb_order,
        };
        plan.check_constants()?;
        Ok(plan)
    }

    /// How many fields a row has.
    #[must_use]
    pub fn column_count(&self) -> usize {
        self.columns.len()
    }

    /// The names of the columns.
    pub fn column_names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    /// Convert each constant once, so that no page can be the first to find it wrong.
    fn check_constants(&self) -> Result<(), PlanError> {
        for column in &self.columns {
            let Source::Constant(json) = &column.source else { continue };
            if let Err(code) = Reader::new(self, i64::MAX).try_constant(column, json) {
                let why = code.describe();
                return Err(PlanError(format!("the column `{}`: its constant: {why}", column.name)));
            }
        }
        Ok(())
    }
}

/// The trie of `paths`, and which of its nodes are their ends.
fn ends(paths: &[Vec<Step>]) -> (Trie, Vec<bool>) {
    let (trie, nodes) = Trie::new(paths);
    let mut ends = vec![false; trie.len()];
    for node in nodes {
        ends[node] = true;
    }
    (trie, ends)
}

fn check(text: &PlanText) -> Result<(), PlanError> {
    let refuse = |what: String| Err(PlanError(what));
    if !(1..=MAX_COLUMNS).contains(&text.columns.len()) {
        return refuse(format!("a plan has 1 to {MAX_COLUMNS} columns, not {}", text.columns.len()));
    }
    if text.max_depth == 0 || text.max_key_bytes == 0 {
        return refuse("max_depth and max_key_bytes are at least 1".to_owned());
    }
    let envelope = [&text.next_cursor, &text.has_more, &text.total].into_iter().any(Option::is_some);
    if text.format == Format::Ndjson && (envelope || !text.records.is_empty()) {
        return refuse("in ndjson each line is a record: there is no envelope".to_owned());
    }
    let mut names = HashSet::new();
    for column in &text.columns {
        if !names.insert(&column.name) {
            return refuse(format!("there are two columns `{}`", column.name));
        }
        column.check()?;
    }
    if text.columns.iter().filter(|column| column.key).count() > 1 {
        return refuse("there is more than one key column".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Plan;

    fn refused(json: &str) -> String {
        Plan::parse(json.as_bytes()).expect_err("a wrong plan").to_string()
    }

    #[test]
    fn a_plan_needs_only_records_and_a_column() {
        let plan = br#"{"records":"a.data","columns":[{"name":"data","path":"","kind":"jsonb"}]}"#;
        let plan = Plan::parse(plan).expect("a right plan");
        assert_eq!((plan.max_depth, plan.max_key_bytes, plan.next_cursor), (256, 1024, None));
    }

    #[test]
    fn a_wrong_plan_is_refused_with_the_reason() {
        let with = |columns: &str| refused(&format!(r#"{{"records":"data","columns":[{columns}]}}"#));
        assert!(with("").contains("1 to 1600 columns"));
        let column = r#"{"name":"a","path":"a","kind":"text"}"#;
        assert!(with(&format!("{column},{column}")).contains("two columns `a`"));
        let key = |name| format!(r#"{{"name":"{name}","path":"a","kind":"text","key":true}}"#);
        assert!(with(&format!("{},{}", key("a"), key("b"))).contains("more than one key"));
        for (column, why) in [
            (r#""path":"a..b","kind":"text""#, "`a..b`"),
            (r#""path":"a","kind":"int""#, "int"),
            (r#""path":"a","kind":"text","nullable":true"#, "nullable"),
            (r#""path":"a","kind":"jsonb","key":true"#, "a key is of kind"),
            (r#""kind":"text","source":"constant","constant":"\"x\"","key":true"#, "a key comes from the record"),
            (r#""path":"a","kind":"uuid","mismatch":"text""#, "as text"),
            (r#""path":"a","kind":"text","timestamp":{}"#, "timestamp policy"),
            (r#""path":"a","kind":"timestamptz","timestamp":{"unit":"h"}"#, "unknown variant"),
            (r#""kind":"text","source":"rest""#, "the rest is"),
            (r#""kind":"text","source":"ingest_time""#, "ingest time is"),
            (r#""path":"a","kind":"jsonb","source":"rest""#, "has a path"),
            (r#""path":"a","kind":"text","constant":"1""#, "go together"),
            (r#""kind":"text","source":"constant""#, "go together"),
            (r#""kind":"bigint","source":"constant","constant":"1.5""#, "fraction"),
            (r#""kind":"bigint","source":"constant","constant":"[1""#, "broken grammar"),
            (r#""kind":"text","source":"constant","constant":"null","required":true"#, "required"),
        ] {
            let said = with(&format!(r#"{{"name":"c",{column}}}"#));
            assert!(said.contains(why), "{column}: {said}");
        }
        let whole = |more: &str| refused(&format!(r#"{{"columns":[{column}],{more}}}"#));
        assert!(whole(r#""records":"a","max_depth":0"#).contains("at least 1"));
        assert!(whole(r#""records":"a","format":"ndjson""#).contains("each line"));
        assert!(whole(r#""records":"","format":"ndjson","total":"t""#).contains("each line"));
        assert!(whole(r#""records":"a","total":"a[0]""#).contains("into the records"));
        assert!(whole(r#""records":"","total":"""#).contains("into the records"));
        assert!(refused("[").contains("the plan"));
    }
}
