//! Sigmoid and hyperbolic tangent without a branch or a call, so that the compiler computes many at once.
// Inlined always, so that they are compiled for the caller's processor features.

/// 1 / (1 + e^−x), relative error below 1e-5.
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    /// 1.5 · 2^23: adding this rounds to a whole number and leaves it in the lowest bits, taking it away gives it as a float.
    const ROUND: f32 = 12_582_912.0;
    let power = (-x * std::f32::consts::LOG2_E).clamp(-126.0, 126.0);
    let shifted = power + ROUND;
    let rounded = shifted - ROUND;
    let rest = (power - rounded) * std::f32::consts::LN_2;
    // Taylor to the fifth power on |rest| ≤ 0.35, in pairs, so that no step waits for all before it.
    let square = rest * rest;
    let (low, high) = (0.5 + rest * (1.0 / 6.0), 1.0 / 24.0 + rest * (1.0 / 120.0));
    let series = (1.0 + rest) + square * (low + square * high);
    // A cast of the float would ask for NaN lane by lane.
    let whole = f32::from_bits(shifted.to_bits().wrapping_add(127) << 23);
    1.0 / (1.0 + whole * series)
}

/// Absolute error below 1e-5.
pub(crate) fn tanh(x: f32) -> f32 {
    2.0 * sigmoid(2.0 * x) - 1.0
}

/// ln(1 + x) for x ≥ 0, absolute error below 2e-6 and exactly 0 for 0; negative numbers and NaN count as 0.
#[inline(always)]
pub(crate) fn ln_1p(x: f32) -> f32 {
    let value = 1.0 + x.clamp(0.0, 1e37);
    ln(if value.is_nan() { 1.0 } else { value })
}

/// Natural logarithm of a finite number ≥ 1, relative error below 1e-6: exponent and mantissa apart, then the series of
/// the inverse hyperbolic tangent.
#[inline(always)]
pub(crate) fn ln(x: f32) -> f32 {
    // Moving the split to √½ keeps the mantissa within √½ and √2, so that the series is short.
    let bits = x.to_bits().wrapping_sub(0x3f35_04f3);
    let exponent = (bits as i32 >> 23) as f32;
    let mantissa = f32::from_bits((bits & 0x007f_ffff).wrapping_add(0x3f35_04f3));
    let t = (mantissa - 1.0) / (mantissa + 1.0);
    let square = t * t;
    let series = 2.0 + square * (0.666_666_7 + square * (0.4 + square * (0.285_714_3 + square * 0.222_222_2)));
    exponent * std::f32::consts::LN_2 + t * series
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_are_what_they_say() {
        for step in -4000..=4000 {
            let x = step as f32 * 0.02;
            let exact = 1.0 / (1.0 + (-f64::from(x)).exp());
            let found = f64::from(sigmoid(x));
            assert!((found - exact).abs() <= 1e-5 * exact + 1e-37, "{x}: {found} {exact}");
            assert!((f64::from(tanh(x)) - f64::from(x).tanh()).abs() < 1e-5, "{x}");
        }
        for x in [f32::MAX, f32::MIN, f32::INFINITY, f32::NEG_INFINITY] {
            assert!(sigmoid(x).is_finite() && tanh(x).is_finite());
        }
    }

    #[test]
    fn the_logarithm_is_what_it_says() {
        assert_eq!((ln_1p(0.0), ln_1p(-3.0), ln_1p(f32::NAN)), (0.0, 0.0, 0.0));
        for step in 0..60_000 {
            let x = (1.001_f64.powi(step) - 1.0).min(1e25) as f32;
            let (found, exact) = (f64::from(ln_1p(x)), f64::from(x).ln_1p());
            assert!((found - exact).abs() < 2e-6 + 2e-7 * exact, "{x}: {found} {exact}");
        }
        assert!(ln_1p(f32::MAX).is_finite());
    }
}
