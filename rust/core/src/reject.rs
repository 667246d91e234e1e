//! Why a record is refused, while its page goes on.

/// The reasons. The names are stable: they are stored in the quarantine table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectCode {
    /// The record is not an object.
    NotAnObject,
    /// The grammar is broken. Only of records given one by one: in a page this is the end of the page.
    Syntax,
    /// `\u0000` in a string or key: PostgreSQL has no such character.
    NulCharacter,
    /// Half of a surrogate pair: not a character.
    LoneSurrogate,
    /// Bytes that are not UTF-8.
    InvalidUtf8,
    /// A raw byte below 0x20 in a string or key.
    ControlCharacter,
    /// A backslash followed by something that JSON doesn't know.
    BadEscape,
    /// A bare word that is no number and not `true`, `false` or `null`.
    BadNumber,
    /// A number beyond PostgreSQL's `numeric`: over 131,072 digits before the point or 16,383 after it.
    NumberOutOfRange,
    /// More levels of nesting than the plan allows.
    TooDeep,
    /// Larger than the 256 MiB that a `jsonb` value can take.
    TooLarge,
    /// A required column is absent or null.
    RequiredMissing,
    /// The key column is the empty string.
    EmptyKey,
    /// The key column is longer than the plan allows.
    KeyTooLong,
    /// A value of a type that the column can't hold.
    TypeMismatch,
    /// A number with a fraction, in a column of whole numbers.
    NumberNotWhole,
    /// Not a date `YYYY-MM-DD` of the years 1 to 9999.
    DateInvalid,
    /// Not a UUID.
    UuidInvalid,
    /// Not base64.
    Base64Invalid,
    /// Not a timestamp in a form that is read.
    TimestampInvalid,
    /// A timestamp without a zone: several instants, so none.
    TimestampNoZone,
    /// Text longer than any timestamp: refused unread.
    TimestampTooLong,
    /// A date without a time: a day, not an instant.
    TimestampDateOnly,
    /// A date or time that no calendar or clock has.
    TimestampNotInCalendar,
    /// An offset from UTC that is malformed or that no zone has.
    TimestampBadOffset,
    /// The weekday and the date disagree.
    TimestampWeekday,
    /// A second 60 that the policy refuses.
    TimestampLeapSecond,
    /// An hour 24 that the policy refuses, or with more than zeros behind it.
    TimestampEndOfDay,
    /// A named zone that isn't known, or whose name several zones share.
    TimestampUnknownZone,
    /// The offset and the named zone disagree.
    TimestampZoneMismatch,
    /// A local time that the zone's clocks skip.
    TimestampGap,
    /// A local time that the zone's clocks show twice.
    TimestampAmbiguous,
    /// More digits of a second than the policy takes.
    TimestampFraction,
    /// A number that is a plausible instant in none of s, ms, us and ns, with no unit declared.
    TimestampUnitUnclear,
    /// A float so large that it stands for many instants.
    TimestampInexact,
    /// A value that the policy says stands for no instant.
    TimestampSentinel,
    /// An instant outside the policy's range.
    TimestampOutOfRange,
}

impl RejectCode {
    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotAnObject => "not_an_object",
            Self::Syntax => "syntax",
            Self::NulCharacter => "nul_character",
            Self::LoneSurrogate => "lone_surrogate",
            Self::InvalidUtf8 => "invalid_utf8",
            Self::ControlCharacter => "control_character",
            Self::BadEscape => "bad_escape",
            Self::BadNumber => "bad_number",
            Self::NumberOutOfRange => "number_out_of_range",
            Self::TooDeep => "too_deep",
            Self::TooLarge => "too_large",
            Self::RequiredMissing => "required_missing",
            Self::EmptyKey => "empty_key",
            Self::KeyTooLong => "key_too_long",
            Self::TypeMismatch => "type_mismatch",
            Self::NumberNotWhole => "number_not_whole",
            Self::DateInvalid => "date_invalid",
            Self::UuidInvalid => "uuid_invalid",
            Self::Base64Invalid => "base64_invalid",
            Self::TimestampInvalid => "timestamp_invalid",
            Self::TimestampNoZone => "timestamp_no_zone",
            Self::TimestampTooLong => "timestamp_too_long",
            Self::TimestampDateOnly => "timestamp_date_only",
            Self::TimestampNotInCalendar => "timestamp_not_in_calendar",
            Self::TimestampBadOffset => "timestamp_bad_offset",
            Self::TimestampWeekday => "timestamp_weekday",
            Self::TimestampLeapSecond => "timestamp_leap_second",
            Self::TimestampEndOfDay => "timestamp_end_of_day",
            Self::TimestampUnknownZone => "timestamp_unknown_zone",
            Self::TimestampZoneMismatch => "timestamp_zone_mismatch",
            Self::TimestampGap => "timestamp_gap",
            Self::TimestampAmbiguous => "timestamp_ambiguous",
            Self::TimestampFraction => "timestamp_fraction",
            Self::TimestampUnitUnclear => "timestamp_unit_unclear",
            Self::TimestampInexact => "timestamp_inexact",
            Self::TimestampSentinel => "timestamp_sentinel",
            Self::TimestampOutOfRange => "timestamp_out_of_range",
        }
    }

    /// What was found, for a sentence that says where.
    pub(crate) const fn describe(self) -> &'static str {
        match self {
            Self::NotAnObject => "not an object",
            Self::Syntax => "broken grammar",
            Self::NulCharacter => "the character \\u0000",
            Self::LoneSurrogate => "half of a surrogate pair",
            Self::InvalidUtf8 => "bytes that are not UTF-8",
            Self::ControlCharacter => "a raw control character in a string",
            Self::BadEscape => "an escape that JSON doesn't know",
            Self::BadNumber => "a bare word that is no JSON number",
            Self::NumberOutOfRange => "a number beyond the range of its column, or of PostgreSQL's numeric",
            Self::TooDeep => "nesting beyond the limit",
            Self::TooLarge => "more than PostgreSQL's jsonb can take",
            Self::RequiredMissing => "required, but absent or null",
            Self::EmptyKey => "the key is empty",
            Self::KeyTooLong => "the key is longer than the limit",
            Self::TypeMismatch => "a value of another type",
            Self::NumberNotWhole => "a number with a fraction where a whole one belongs",
            Self::DateInvalid => "not a date in the form YYYY-MM-DD",
            Self::UuidInvalid => "not a UUID",
            Self::Base64Invalid => "not base64",
            Self::TimestampInvalid => "not a timestamp in a form that is read",
            Self::TimestampNoZone => "a timestamp without a zone",
            Self::TimestampTooLong => "longer than any timestamp",
            Self::TimestampDateOnly => "a date without a time",
            Self::TimestampNotInCalendar => "a date or time that doesn't exist",
            Self::TimestampBadOffset => "an offset that no zone has",
            Self::TimestampWeekday => "a weekday that is not that of the date",
            Self::TimestampLeapSecond => "a second 60 where the policy has none",
            Self::TimestampEndOfDay => "an hour 24 where the policy has none",
            Self::TimestampUnknownZone => "a time zone that is not known",
            Self::TimestampZoneMismatch => "an offset that is not that of the zone",
            Self::TimestampGap => "a local time that clocks skip",
            Self::TimestampAmbiguous => "a local time that clocks show twice",
            Self::TimestampFraction => "more digits of a second than the policy takes",
            Self::TimestampUnitUnclear => "a number that is plausible in no unit",
            Self::TimestampInexact => "a float too large to be exact",
            Self::TimestampSentinel => "a value that stands for no instant",
            Self::TimestampOutOfRange => "a timestamp out of range",
        }
    }

    /// Whether the text isn't JSON at all. Outside of records nothing else matters, as no column comes from there.
    pub(crate) const fn breaks_grammar(self) -> bool {
        matches!(self, Self::InvalidUtf8 | Self::ControlCharacter | Self::BadEscape | Self::BadNumber)
    }
}

/// A refused record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject<'a> {
    /// Its place among the records, from 0.
    pub index: usize,
    /// Byte of the page at which it starts; 0 for records given one by one.
    pub offset: usize,
    pub code: RejectCode,
    /// What and where, for a person.
    pub detail: String,
    pub raw: &'a [u8],
}

/// Something found while scanning that spoils the record but not the borders between records.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flaw {
    pub(crate) offset: usize,
    pub(crate) code: RejectCode,
}

impl Flaw {
    /// The detail of a reject whose record starts at byte `base`.
    #[cold]
    pub(crate) fn detail(self, base: usize) -> String {
        format!("{} at byte {} of the record", self.code.describe(), self.offset.saturating_sub(base))
    }
}
