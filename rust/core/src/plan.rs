//! What to read from a page: a plan comes as JSON once per endpoint and is compiled into two tries.

use std::collections::HashSet;

use serde::Deserialize;

use crate::error::PlanError;
use crate::trie::{Node, Trie};

/// PostgreSQL's limit for the columns of a table.
const MAX_COLUMNS: usize = 1600;

/// A compiled plan.
#[derive(Debug)]
pub struct Plan {
    pub(crate) envelope: Trie,
    pub(crate) records: Node,
    pub(crate) next_cursor: Option<Node>,
    pub(crate) has_more: Option<Node>,
    pub(crate) total: Option<Node>,
    pub(crate) record: Trie,
    pub(crate) columns: Vec<Column>,
    /// The number of columns as a tuple begins with it.
    pub(crate) field_count: [u8; 2],
    /// The first `timestamptz` column.
    pub(crate) timestamp: Option<usize>,
    pub(crate) max_depth: usize,
    pub(crate) max_key_bytes: usize,
}

#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) node: Node,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
    pub(crate) key: bool,
}

/// A type of PostgreSQL, and what of JSON may become it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Strings.
    Text,
    /// Strings and numbers; see `timestamp`.
    Timestamptz,
    /// Everything, as it is written.
    Jsonb,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanText {
    records: String,
    next_cursor: Option<String>,
    has_more: Option<String>,
    total: Option<String>,
    #[serde(default = "default_max_depth")]
    max_depth: usize,
    #[serde(default = "default_max_key_bytes")]
    max_key_bytes: usize,
    columns: Vec<ColumnText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ColumnText {
    name: String,
    path: String,
    kind: Kind,
    #[serde(default)]
    required: bool,
    #[serde(default)]
    key: bool,
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
        let mut paths = vec![keys("records", &text.records)?];
        for (name, path) in optional {
            if let Some(path) = path {
                paths.push(keys(name, path)?);
            }
        }
        if paths.iter().any(Vec::is_empty) {
            return Err(PlanError("the paths of the envelope can't be empty".to_owned()));
        }
        let (envelope, nodes) = Trie::new(&paths);
        let mut nodes = nodes.into_iter();
        let records = nodes.next().unwrap_or_default();
        let [next_cursor, has_more, total] = optional.map(|(_, path)| path.as_ref().and_then(|_| nodes.next()));

        let paths =
            text.columns.iter().map(|column| keys(&column.name, &column.path)).collect::<Result<Vec<_>, _>>()?;
        let (record, nodes) = Trie::new(&paths);
        let field_count = u16::try_from(text.columns.len()).unwrap_or(u16::MAX).to_be_bytes();
        let columns: Vec<Column> =
            text.columns.into_iter().zip(nodes).map(|(column, node)| column.compile(node)).collect();
        Ok(Self {
            envelope,
            records,
            next_cursor,
            has_more,
            total,
            record,
            field_count,
            timestamp: columns.iter().position(|column| column.kind == Kind::Timestamptz),
            columns,
            max_depth: text.max_depth,
            max_key_bytes: text.max_key_bytes,
        })
    }

    /// How many fields a row has.
    #[must_use]
    pub fn column_count(&self) -> usize {
        self.columns.len()
    }
}

impl ColumnText {
    fn compile(self, node: Node) -> Column {
        Column { name: self.name, node, kind: self.kind, required: self.required, key: self.key }
    }
}

fn check(text: &PlanText) -> Result<(), PlanError> {
    let refuse = |what: String| Err(PlanError(what));
    if !(1..=MAX_COLUMNS).contains(&text.columns.len()) {
        return refuse(format!("a plan has 1 to {MAX_COLUMNS} columns, not {}", text.columns.len()));
    }
    if text.max_depth == 0 || text.max_key_bytes == 0 {
        return refuse("max_depth and max_key_bytes are at least 1".to_owned());
    }
    let mut names = HashSet::new();
    for column in &text.columns {
        if !names.insert(&column.name) {
            return refuse(format!("there are two columns `{}`", column.name));
        }
        if column.key && column.kind != Kind::Text {
            return refuse(format!("the key column `{}` is not of kind `text`", column.name));
        }
    }
    if text.columns.iter().filter(|column| column.key).count() > 1 {
        return refuse("there is more than one key column".to_owned());
    }
    Ok(())
}

/// The keys of a dotted path, none for the empty path.
fn keys<'a>(name: &str, path: &'a str) -> Result<Vec<&'a str>, PlanError> {
    if path.is_empty() {
        return Ok(Vec::new());
    }
    let keys: Vec<&str> = path.split('.').collect();
    if keys.len() > 64 || keys.contains(&"") {
        return Err(PlanError(format!("the path of `{name}`, `{path}`, is not 1 to 64 keys joined by dots")));
    }
    Ok(keys)
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
        assert!(with(r#"{"name":"a","path":"a..b","kind":"text"}"#).contains("`a..b`"));
        assert!(with(r#"{"name":"a","path":"a","kind":"int"}"#).contains("int"));
        assert!(with(r#"{"name":"a","path":"a","kind":"text","nullable":true}"#).contains("nullable"));
        assert!(with(r#"{"name":"a","path":"a","kind":"jsonb","key":true}"#).contains("not of kind `text`"));
        let column = r#"{"name":"a","path":"a","kind":"text"}"#;
        assert!(with(&format!("{column},{column}")).contains("two columns `a`"));
        let key = |name| format!(r#"{{"name":"{name}","path":"a","kind":"text","key":true}}"#);
        assert!(with(&format!("{},{}", key("a"), key("b"))).contains("more than one key"));
        assert!(refused(&format!(r#"{{"records":"","columns":[{column}]}}"#)).contains("can't be empty"));
        assert!(refused(&format!(r#"{{"records":"a","max_depth":0,"columns":[{column}]}}"#)).contains("at least 1"));
        assert!(refused("[").contains("the plan"));
    }
}
