//! Decimal numbers times a scale, exactly.

use std::cmp::Ordering;
use std::iter::{repeat, repeat_n};

use crate::number::Number;

/// A limb of a fraction: nine decimal places.
const LIMB: u64 = 1_000_000_000;
const LIMB_PLACES: usize = 9;
/// A token has at most this many digits, so that a fraction fits.
const LIMBS: usize = super::MAX_BYTES.div_ceil(LIMB_PLACES);
/// Whole parts of more digits are far beyond every range.
const MAX_WHOLE: usize = 18;

/// What a number is multiplied with: `factor` times ten to the `shift`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    pub(super) shift: i64,
    pub(super) factor: u32,
}

/// A number whose value isn't whole lies between `floor` and the next number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scaled {
    pub(super) floor: i64,
    pub(super) exact: bool,
    /// Whether it is at least half-way to the next number.
    pub(super) upper_half: bool,
}

/// `number` times `scale`; `None` if that is far beyond every range. The token has at most `MAX_BYTES` bytes.
pub(super) fn scale(number: &Number<'_>, scale: Scale) -> Option<Scaled> {
    let Some(zeros) = number.leading_zeros() else {
        return Some(Scaled { floor: 0, exact: true, upper_half: false });
    };
    let digits = || number.int.iter().chain(number.frac).skip(zeros).map(|digit| u64::from(digit - b'0'));
    // Digits before the point, without leading zeros; negative if zeros follow the point.
    let before = i64::try_from(number.int.len()).ok()? - i64::try_from(zeros).ok()? + number.exponent + scale.shift;
    let count = usize::try_from(before).unwrap_or(0);
    if count > MAX_WHOLE {
        return None;
    }
    let whole = digits().chain(repeat(0)).take(count).fold(0, |value, digit| value * 10 + digit);
    // Zeros after the point come before the digits.
    let gap = usize::try_from(-before).unwrap_or(0);
    let fraction = Fraction::new(repeat_n(0, gap.min(LIMBS * LIMB_PLACES)).chain(digits().skip(count)));
    let (carry, rest) = fraction.times(scale.factor);
    // Digits so far behind the point that they don't fit in the fraction: less than anything, but not nothing.
    let below = gap >= LIMBS * LIMB_PLACES;
    let magnitude = whole.checked_mul(u64::from(scale.factor))?.checked_add(carry)?;
    Some(signed(i64::try_from(magnitude).ok()?, rest, below, number.negative))
}

fn signed(magnitude: i64, rest: Rest, below: bool, negative: bool) -> Scaled {
    let exact = rest.zero && !below;
    if negative {
        // Seen from below, the rest is what is missing to one.
        Scaled { floor: -magnitude - i64::from(!exact), exact, upper_half: !exact && (rest.half != Ordering::Greater) }
    } else {
        Scaled { floor: magnitude, exact, upper_half: rest.half != Ordering::Less }
    }
}

/// What is left behind the point.
#[derive(Debug, Clone, Copy)]
struct Rest {
    zero: bool,
    /// Compared to one half.
    half: Ordering,
}

/// A number below one.
struct Fraction([u64; LIMBS]);

impl Fraction {
    /// Of its decimal places. More than fit are zeros, as there are no more digits in a token.
    fn new(mut places: impl Iterator<Item = u64>) -> Self {
        let mut limbs = [0; LIMBS];
        for limb in &mut limbs {
            *limb = (0..LIMB_PLACES).fold(0, |value, _| value * 10 + places.next().unwrap_or(0));
        }
        Self(limbs)
    }

    /// The whole part of the product, and what is behind its point.
    fn times(mut self, factor: u32) -> (u64, Rest) {
        let mut carry = 0;
        for limb in self.0.iter_mut().rev() {
            let product = *limb * u64::from(factor) + carry;
            *limb = product % LIMB;
            carry = product / LIMB;
        }
        let rest_is_zero = self.0[1..].iter().all(|limb| *limb == 0);
        let half = self.0[0].cmp(&(LIMB / 2));
        let half = if half == Ordering::Equal && !rest_is_zero { Ordering::Greater } else { half };
        (carry, Rest { zero: rest_is_zero && self.0[0] == 0, half })
    }
}
