//! Takes ASCII text apart from the left.

/// The text that is still to be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

impl<'a> Cursor<'a> {
    /// Take `byte`, if it is next.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        self.take_any(&[byte]).is_some()
    }

    /// Take one of `bytes`, if it is next.
    pub(super) fn take_any(&mut self, bytes: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first().filter(|(first, _)| bytes.contains(first))?;
        self.0 = rest;
        Some(*first)
    }

    /// How many digits are next.
    pub(super) fn count_digits(&self) -> usize {
        self.0.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(self.0.len())
    }

    /// Take all digits that are next.
    pub(super) fn digits(&mut self) -> &'a [u8] {
        let (digits, rest) = self.0.split_at(self.count_digits());
        self.0 = rest;
        digits
    }

    /// Take a number of `count` digits, if so many are next.
    pub(super) fn number(&mut self, count: usize) -> Option<i64> {
        let (digits, rest) = self.0.split_at_checked(count)?;
        let number = value(digits)?;
        self.0 = rest;
        Some(number)
    }

    /// Take a number of `count` digits with no further digit behind it.
    pub(super) fn exactly(&mut self, count: usize) -> Option<i64> {
        if self.count_digits() == count { self.number(count) } else { None }
    }

    /// Take all letters that are next.
    pub(super) fn letters(&mut self) -> &'a [u8] {
        let end = self.0.iter().position(|byte| !byte.is_ascii_alphabetic()).unwrap_or(self.0.len());
        let (letters, rest) = self.0.split_at(end);
        self.0 = rest;
        letters
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The value of digits; `None` if something else is among them, or if it is beyond 64 bits.
pub(crate) fn value(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0_i64, |value, digit| {
        let unit = digit.is_ascii_digit().then(|| i64::from(digit - b'0'))?;
        value.checked_mul(10)?.checked_add(unit)
    })
}
