//! The scalings. Every function returns a finite number for every input, so that one broken record cannot poison a model.

/// Largest value that is still told apart; ln(1 + 1e18) ≈ 41.
const VALUE_MAX: f64 = 1e18;

/// ln(1 + value), to the precision of the answer; negative values and NaN count as 0. Half of a flow's columns ask for it:
/// exponent and mantissa apart, then the series of the inverse hyperbolic tangent, costs a third of the library's call.
#[inline]
pub(crate) fn log(value: f64) -> f32 {
    let value = if value.is_nan() { 1.0 } else { 1.0 + value.clamp(0.0, VALUE_MAX) };
    // Moving the split to √½ keeps the mantissa within √½ and √2, so that the series is short.
    let bits = value.to_bits().wrapping_sub(SQRT_HALF);
    let exponent = (bits >> 52) as f64;
    let mantissa = f64::from_bits((bits & 0x000f_ffff_ffff_ffff).wrapping_add(SQRT_HALF));
    let t = (mantissa - 1.0) / (mantissa + 1.0);
    let square = t * t;
    let fourth = square * square;
    let (low, high) = (2.0 / 3.0 + square * (2.0 / 5.0), 2.0 / 7.0 + square * (2.0 / 9.0));
    let series = 2.0 + square * (low + fourth * (high + fourth * (2.0 / 11.0 + square * (2.0 / 13.0))));
    (exponent * std::f64::consts::LN_2 + t * series) as f32
}

/// The bits of √½.
const SQRT_HALF: u64 = 0x3fe6_a09e_667f_3bcd;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logarithm_is_the_librarys_to_the_last_bit_of_the_answer() {
        assert_eq!([0.0, -1.0, f64::NAN, f64::NEG_INFINITY].map(log), [0.0; 4]);
        assert_eq!(log(f64::INFINITY), VALUE_MAX.ln_1p() as f32);
        for step in -4_000..11_800 {
            let value = 1.0035_f64.powi(step);
            let exact = value.ln_1p();
            assert!((f64::from(log(value)) - exact).abs() <= 1e-7 * exact, "{value}: {} {exact}", log(value));
        }
    }
}
