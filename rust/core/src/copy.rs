//! Rows as tuples of PostgreSQL's binary COPY format.

use crate::column::{Column, Kind, Source};
use crate::field::{Field, Row, Text, Texts};
use crate::members::Member;
use crate::ordered::Ordered;
use crate::plan::Plan;
use crate::rows::{Order, Place, Rows};
use crate::timestamp::UNIX_TO_POSTGRES_US;
use crate::trie::ROOT;

/// Signature, flags and length of the header extension: what comes before the first tuple.
pub const HEADER: &[u8; 19] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// What comes after the last tuple.
pub const TRAILER: &[u8; 2] = b"\xff\xff";

const NULL: [u8; 4] = (-1_i32).to_be_bytes();
const JSONB_VERSION: u8 = 1;
/// From 1970-01-01 to PostgreSQL's epoch, 2000-01-01.
const UNIX_TO_POSTGRES_DAYS: i32 = 10_957;
/// PostgreSQL's number for the type `text`.
const TEXT_OID: i32 = 25;

/// Writes tuples, one after the other.
#[derive(Debug)]
pub(crate) struct Tuples {
    rows: Rows,
    field_count: [u8; 2],
    /// The place of the key among the fields, or one that no field has.
    key_column: usize,
    /// The same of the `jsonb` field that is the whole record, where it is to be in the order of `jsonb`.
    data_column: usize,
    ordered: Ordered,
    /// A record in that order.
    scratch: Vec<u8>,
    /// The place of the field to come.
    next: usize,
    place: Place,
}

impl Tuples {
    pub(crate) fn new(capacity: usize, row_capacity: usize, plan: &Plan) -> Self {
        let columns = &plan.columns;
        let key = columns.iter().position(|column| column.key);
        let order = match key.map(|key| columns[key].kind) {
            None => Order::None,
            Some(Kind::Bigint | Kind::Integer) => Order::Whole,
            Some(_) => Order::Bytes,
        };
        let whole = |column: &Column| column.kind == Kind::Jsonb && matches!(column.source, Source::Record(ROOT));
        let data = columns.iter().position(whole).filter(|_| plan.jsonb_order);
        let bytes = Vec::with_capacity(capacity);
        let numbers = Vec::with_capacity(data.map_or(0, |_| capacity / 32));
        Self {
            rows: Rows { bytes, places: Vec::with_capacity(row_capacity), order, numbers },
            field_count: plan.field_count,
            key_column: key.unwrap_or(usize::MAX),
            data_column: data.unwrap_or(usize::MAX),
            ordered: Ordered::default(),
            scratch: Vec::new(),
            next: 0,
            place: Place::default(),
        }
    }

    pub(crate) fn clear(&mut self) {
        self.rows.bytes.clear();
        self.rows.places.clear();
        self.rows.numbers.clear();
    }

    #[inline]
    pub(crate) fn begin(&mut self, index: usize, offset: usize) {
        let numbers = self.rows.numbers.len();
        self.place = Place { start: self.rows.bytes.len(), key: 0, data: 0, offset, index, numbers };
        self.next = 0;
        self.rows.bytes.extend_from_slice(&self.field_count);
    }

    /// Whether a field is the record, to be put into order by its members.
    pub(crate) const fn takes_members(&self) -> bool {
        self.data_column != usize::MAX
    }

    /// Keep the last tuple, whose record has these `members`.
    #[inline]
    pub(crate) fn keep(&mut self, members: &[Member]) {
        if !members.is_empty() {
            self.order(members);
        }
        self.rows.places.push(self.place);
    }

    /// Put the members of the last record into the order of `jsonb`. One with whitespace between them stays as it is:
    /// what it was could not be told any more.
    fn order(&mut self, members: &[Member]) {
        let Some(record) = self.rows.record_mut(&self.place) else { return };
        // Most that writes whitespace there writes it before keys, and need not be tried.
        if members.iter().any(|member| !matches!(record[member.start() - 1], b',' | b'{')) {
            return;
        }
        self.scratch.clear();
        self.ordered.write(record, members, &mut self.scratch);
        if self.scratch.len() == record.len() {
            record.copy_from_slice(&self.scratch);
            self.rows.numbers.extend(self.ordered.numbers());
        }
    }

    /// Take back the last tuple.
    #[cold]
    pub(crate) fn abandon(&mut self) {
        self.rows.bytes.truncate(self.place.start);
    }

    pub(crate) fn into_rows(self) -> Rows {
        self.rows
    }

    #[inline]
    fn fixed(&mut self, value: &[u8]) {
        self.rows.bytes.extend_from_slice(&length(value.len()));
        self.rows.bytes.extend_from_slice(value);
    }

    #[inline]
    fn text(&mut self, text: Text<'_>) {
        if text.escaped {
            return self.counted(|bytes| text.write(bytes));
        }
        self.fixed(text.raw);
    }

    /// Append what `write` appends, behind its length.
    #[cold]
    fn counted(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let bytes = &mut self.rows.bytes;
        let at = bytes.len();
        bytes.extend_from_slice(&NULL);
        write(bytes);
        let written = length(bytes.len() - at - NULL.len());
        bytes[at..at + NULL.len()].copy_from_slice(&written);
    }
}

impl Row for Tuples {
    #[inline]
    fn field(&mut self, field: Field<'_>) {
        if self.next == self.key_column {
            self.place.key = self.rows.bytes.len();
        }
        if self.next == self.data_column {
            self.place.data = self.rows.bytes.len();
        }
        self.next += 1;
        match field {
            Field::Null => self.rows.bytes.extend_from_slice(&NULL),
            Field::Text(text) => self.text(text),
            Field::Json(raw) | Field::Bytea(raw) => self.fixed(raw),
            Field::Jsonb(raw) => {
                let [a, b, c, d] = length(raw.len() + 1);
                self.rows.bytes.extend_from_slice(&[a, b, c, d, JSONB_VERSION]);
                self.rows.bytes.extend_from_slice(raw);
            }
            Field::Timestamptz(micros) => self.fixed(&(micros - UNIX_TO_POSTGRES_US).to_be_bytes()),
            Field::Date(days) => self.fixed(&(days - UNIX_TO_POSTGRES_DAYS).to_be_bytes()),
            Field::Bigint(number) => self.fixed(&number.to_be_bytes()),
            Field::Integer(number) => self.fixed(&number.to_be_bytes()),
            Field::Double(number) => self.fixed(&number.to_be_bytes()),
            Field::Numeric { binary, .. } => self.fixed(binary),
            Field::Boolean(yes) => self.fixed(&[u8::from(yes)]),
            Field::Uuid(uuid) => self.fixed(&uuid),
            Field::TextArray(texts) => self.counted(|bytes| array(texts, bytes)),
        }
    }
}

/// An array of one dimension, or of none if it is empty, as PostgreSQL sends it.
fn array(texts: Texts<'_>, bytes: &mut Vec<u8>) {
    let nulls = texts.iter().any(|text| text.is_none());
    let count = i32::try_from(texts.items.len()).unwrap_or(i32::MAX);
    for number in [i32::from(count > 0), nulls.into(), TEXT_OID] {
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    if count == 0 {
        return;
    }
    bytes.extend_from_slice(&count.to_be_bytes());
    bytes.extend_from_slice(&1_i32.to_be_bytes()); // the first subscript
    for text in texts.iter() {
        let at = bytes.len();
        bytes.extend_from_slice(&NULL);
        if let Some(text) = text {
            text.write(bytes);
            let written = length(bytes.len() - at - NULL.len());
            bytes[at..at + NULL.len()].copy_from_slice(&written);
        }
    }
}

/// The length of a field as it stands before the field. Records that it can't hold are refused before.
#[inline]
fn length(bytes: usize) -> [u8; 4] {
    i32::try_from(bytes).unwrap_or(i32::MAX).to_be_bytes()
}
