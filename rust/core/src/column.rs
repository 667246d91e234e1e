//! The columns of a plan: what each takes from a record, and as which type of PostgreSQL.

use serde::Deserialize;

use crate::error::PlanError;
use crate::path::{self, Step};
use crate::timestamp::{Policy, PolicyText};
use crate::trie::Node;

/// A type of PostgreSQL. What of JSON may become it is said in `record`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Text,
    Json,
    Jsonb,
    Timestamptz,
    Date,
    Bigint,
    Integer,
    #[serde(rename = "double precision")]
    Double,
    Numeric,
    Boolean,
    Uuid,
    Bytea,
    #[serde(rename = "text[]")]
    TextArray,
}

/// What becomes of a value that the column can't hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Mismatch {
    /// Its record is refused.
    #[default]
    Quarantine,
    /// NULL.
    Null,
    /// Its JSON as text.
    Text,
}

/// Where the value comes from.
#[derive(Debug)]
pub(crate) enum Source {
    /// The value at this node of the record's trie.
    Record(Node),
    /// The record without what other columns take.
    Rest,
    /// This JSON.
    Constant(Box<[u8]>),
    /// When the page came.
    IngestTime,
}

#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) source: Source,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
    pub(crate) key: bool,
    pub(crate) mismatch: Mismatch,
    pub(crate) policy: Policy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SourceText {
    #[default]
    Record,
    Rest,
    Constant,
    IngestTime,
}

/// A column as a plan writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ColumnText {
    pub(crate) name: String,
    #[serde(default)]
    path: String,
    kind: Kind,
    #[serde(default)]
    required: bool,
    #[serde(default)]
    pub(crate) key: bool,
    #[serde(default)]
    source: SourceText,
    #[serde(default)]
    mismatch: Mismatch,
    constant: Option<String>,
    timestamp: Option<PolicyText>,
}

impl ColumnText {
    /// The steps to the value in a record, none for a column that takes none.
    pub(crate) fn steps(&self) -> Result<Vec<Step>, PlanError> {
        path::parse(&self.name, &self.path)
    }

    /// Whether `steps`, those of this column, lead to a field that isn't part of the rest.
    ///
    /// Elements of arrays stay, as taking one out would move the others. What may become NULL stays, so that nothing
    /// is lost.
    pub(crate) fn takes(&self, steps: &[Step]) -> bool {
        let keys = steps.iter().all(|step| matches!(step, Step::Key(_)));
        self.source == SourceText::Record && self.mismatch != Mismatch::Null && keys && !steps.is_empty()
    }

    /// Refuse what makes no sense together.
    pub(crate) fn check(&self) -> Result<(), PlanError> {
        let json = matches!(self.kind, Kind::Json | Kind::Jsonb);
        let wrong = [
            (
                self.key && !matches!(self.kind, Kind::Text | Kind::Bigint | Kind::Integer | Kind::Uuid),
                "a key is of kind `text`, `bigint`, `integer` or `uuid`",
            ),
            (self.key && self.source != SourceText::Record, "a key comes from the record"),
            (
                self.mismatch == Mismatch::Text && !matches!(self.kind, Kind::Text | Kind::TextArray),
                "only `text` and `text[]` can hold any JSON as text",
            ),
            (self.timestamp.is_some() && self.kind != Kind::Timestamptz, "only `timestamptz` has a timestamp policy"),
            (self.source == SourceText::Rest && !json, "the rest is of kind `json` or `jsonb`"),
            (self.source == SourceText::IngestTime && self.kind != Kind::Timestamptz, "ingest time is `timestamptz`"),
            (self.source != SourceText::Record && !self.path.is_empty(), "only what comes from the record has a path"),
            (
                (self.source == SourceText::Constant) != self.constant.is_some(),
                "`constant` and `source = constant` go together",
            ),
        ];
        match wrong.iter().find(|(wrong, _)| *wrong) {
            Some((_, what)) => Err(PlanError(format!("the column `{}`: {what}", self.name))),
            None => Ok(()),
        }
    }

    /// `node` is that of its steps.
    pub(crate) fn compile(self, node: Node) -> Result<Column, PlanError> {
        let policy = self.timestamp.unwrap_or_default().compile();
        let policy = policy.map_err(|PlanError(why)| PlanError(format!("the column `{}`: {why}", self.name)))?;
        let source = match self.source {
            SourceText::Record => Source::Record(node),
            SourceText::Rest => Source::Rest,
            SourceText::Constant => Source::Constant(self.constant.unwrap_or_default().trim().as_bytes().into()),
            SourceText::IngestTime => Source::IngestTime,
        };
        let Self { name, kind, required, key, mismatch, .. } = self;
        // A key that is NULL is none.
        Ok(Column { name, source, kind, required: required || key, key, mismatch, policy })
    }
}
