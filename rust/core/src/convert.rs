//! JSON values into values of PostgreSQL's types: exactly, or not at all.

use crate::column::{Column, Kind, Mismatch};
use crate::field::{Field, Text, Texts};
use crate::kind;
use crate::number::Number;
use crate::reject::RejectCode;
use crate::strings;
use crate::timestamp::{Reading, Value};
use crate::unescape::unescape;
use crate::walk::Span;

/// Converts one value at a time. Its buffers are kept, so that no value allocates.
#[derive(Debug, Default)]
pub(crate) struct Converter {
    /// A converted value.
    binary: Vec<u8>,
    /// An unescaped string.
    text: Vec<u8>,
    items: Vec<Option<Span>>,
}

impl Converter {
    /// The value at `span` of `body`, which is there and not null, as the type of `column`.
    pub(crate) fn convert<'a>(
        &'a mut self,
        column: &Column,
        body: &'a [u8],
        span: Span,
    ) -> Result<Field<'a>, RejectCode> {
        let raw = span.of(body);
        let string = match raw {
            [b'"', text @ .., b'"'] => Some(Text { raw: text, escaped: span.escaped }),
            _ => None,
        };
        let mismatch = RejectCode::TypeMismatch;
        match column.kind {
            Kind::Text => match string {
                Some(text) => Ok(Field::Text(text)),
                None if column.mismatch == Mismatch::Text => Ok(Field::Text(Text { raw, escaped: false })),
                None => Err(mismatch),
            },
            Kind::Json => Ok(Field::Json(raw)),
            Kind::Jsonb => Ok(Field::Jsonb(raw)),
            Kind::Bigint => whole(self.token(raw, string)?).map(Field::Bigint),
            Kind::Integer => {
                let number = whole(self.token(raw, string)?)?;
                i32::try_from(number).map(Field::Integer).map_err(|_| RejectCode::NumberOutOfRange)
            }
            Kind::Double => self.double(raw, string).map(Field::Double),
            Kind::Numeric => {
                self.binary.clear();
                let Self { binary, text, .. } = self;
                let token = token(text, raw, string)?;
                kind::numeric(&Number::parse(token).ok_or(mismatch)?, binary)?;
                Ok(Field::Numeric { token, binary })
            }
            Kind::Boolean => match raw {
                b"true" => Ok(Field::Boolean(true)),
                b"false" => Ok(Field::Boolean(false)),
                _ => Err(mismatch),
            },
            Kind::Date => kind::date(self.unescaped(string.ok_or(mismatch)?)).map(Field::Date),
            Kind::Uuid => kind::uuid(self.unescaped(string.ok_or(mismatch)?)).map(Field::Uuid),
            Kind::Bytea => {
                self.binary.clear();
                kind::base64(unescaped(&mut self.text, string.ok_or(mismatch)?), &mut self.binary)?;
                Ok(Field::Bytea(&self.binary))
            }
            Kind::TextArray => {
                if strings::read(body, span, column.mismatch == Mismatch::Text, &mut self.items) {
                    Ok(Field::TextArray(Texts { body, items: &self.items }))
                } else {
                    Err(mismatch)
                }
            }
            // Not converted here: it has a policy.
            Kind::Timestamptz => Err(mismatch),
        }
    }

    /// The instant at `span` of `body`; `None` if the policy says that it stands for none.
    #[inline]
    pub(crate) fn timestamp(
        &mut self,
        column: &Column,
        raw: &[u8],
        escaped: bool,
        now: i64,
    ) -> Result<Option<Reading>, RejectCode> {
        let value = match raw {
            [b'"', raw @ .., b'"'] => Value::Text(self.unescaped(Text { raw, escaped })),
            [b'{', ..] => Value::Object(raw),
            [b'[', ..] => Value::Array(raw),
            [b't' | b'f', ..] => Value::Boolean,
            _ => Value::Number(raw),
        };
        column.policy.read(value, now)
    }

    fn double(&mut self, raw: &[u8], string: Option<Text<'_>>) -> Result<f64, RejectCode> {
        if let Some(text) = string
            && let Some(special) = kind::special_double(self.unescaped(text))
        {
            return Ok(special);
        }
        kind::double(self.token(raw, string)?)
    }

    fn token<'a>(&'a mut self, raw: &'a [u8], string: Option<Text<'a>>) -> Result<&'a [u8], RejectCode> {
        token(&mut self.text, raw, string)
    }

    fn unescaped<'a>(&'a mut self, text: Text<'a>) -> &'a [u8] {
        unescaped(&mut self.text, text)
    }
}

fn whole(token: &[u8]) -> Result<i64, RejectCode> {
    kind::whole(&Number::parse(token).ok_or(RejectCode::TypeMismatch)?)
}

/// The number that `raw` is, or that `string` holds.
fn token<'a>(scratch: &'a mut Vec<u8>, raw: &'a [u8], string: Option<Text<'a>>) -> Result<&'a [u8], RejectCode> {
    let token = match (string, raw) {
        (Some(text), _) => unescaped(scratch, text),
        (None, [b'-' | b'0'..=b'9', ..]) => raw,
        (None, _) => return Err(RejectCode::TypeMismatch),
    };
    if Number::parse(token).is_some() { Ok(token) } else { Err(RejectCode::TypeMismatch) }
}

fn unescaped<'a>(scratch: &'a mut Vec<u8>, text: Text<'a>) -> &'a [u8] {
    if !text.escaped {
        return text.raw;
    }
    scratch.clear();
    unescape(text.raw, scratch);
    scratch
}
