//! The scalings. Every function returns a finite number for every input, so that one broken record cannot poison a model.

/// Largest value that is still told apart; ln(1 + 1e18) ≈ 41.
const VALUE_MAX: f64 = 1e18;

/// ln(1 + value); negative values and NaN count as 0.
pub(crate) fn log(value: f64) -> f32 {
    if value.is_nan() { 0.0 } else { value.clamp(0.0, VALUE_MAX).ln_1p() as f32 }
}

/// `part / whole` within 0 and 1; 0 when the whole is 0.
pub(crate) fn ratio(part: f64, whole: f64) -> f32 {
    let share = part / whole;
    if whole > 0.0 && !share.is_nan() { share.clamp(0.0, 1.0) as f32 } else { 0.0 }
}

/// A quotient that may exceed 1, before `log`; 0 when the divisor is 0.
pub(crate) fn quotient(dividend: f64, divisor: f64) -> f64 {
    if divisor > 0.0 { dividend / divisor } else { 0.0 }
}

/// 1 for true.
pub(crate) fn flag(value: bool) -> f32 {
    if value { 1.0 } else { 0.0 }
}
