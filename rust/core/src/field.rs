//! Values on their way from a record to a row.

use crate::unescape::unescape;
use crate::walk::Span;

/// Text as it stands in JSON.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text<'a> {
    pub(crate) raw: &'a [u8],
    /// Whether `raw` is the inside of a string with escapes in it.
    pub(crate) escaped: bool,
}

impl Text<'_> {
    /// Append the characters meant.
    #[inline]
    pub(crate) fn write(self, out: &mut Vec<u8>) {
        if self.escaped {
            unescape(self.raw, out);
        } else {
            out.extend_from_slice(self.raw);
        }
    }

    /// The scan has made sure that it is UTF-8 and holds no half of a pair, so nothing is ever replaced here.
    pub(crate) fn to_text(self) -> String {
        if !self.escaped {
            return String::from_utf8_lossy(self.raw).into_owned();
        }
        let mut text = Vec::with_capacity(self.raw.len());
        self.write(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    }
}

/// The strings of an array, and NULLs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Texts<'a> {
    pub(crate) body: &'a [u8],
    /// Places in `body`, without quotes.
    pub(crate) items: &'a [Option<Span>],
}

impl<'a> Texts<'a> {
    pub(crate) fn iter(self) -> impl Iterator<Item = Option<Text<'a>>> {
        let Self { body, items } = self;
        items.iter().map(move |item| item.map(|span| Text { raw: span.of(body), escaped: span.escaped }))
    }
}

/// A checked value of a column. What it borrows is gone with the next one.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Field<'a> {
    Null,
    Text(Text<'a>),
    /// JSON as it is written.
    Json(&'a [u8]),
    Jsonb(&'a [u8]),
    /// Microseconds since 1970-01-01 UTC.
    Timestamptz(i64),
    /// Days since 1970-01-01.
    Date(i32),
    Bigint(i64),
    Integer(i32),
    Double(f64),
    Numeric {
        /// The number as it is written.
        token: &'a [u8],
        /// The number in PostgreSQL's binary format.
        binary: &'a [u8],
    },
    Boolean(bool),
    Uuid([u8; 16]),
    Bytea(&'a [u8]),
    TextArray(Texts<'a>),
}

/// Takes the fields of a row, in order.
pub(crate) trait Row {
    fn field(&mut self, field: Field<'_>);
}
