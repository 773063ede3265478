//! Sigmoid and hyperbolic tangent without a branch or a call, so that the compiler computes many at once.

/// 1 / (1 + e^−x), relative error below 1e-5.
pub(crate) fn sigmoid(x: f32) -> f32 {
    /// Adding and taking away this rounds to a whole number.
    const ROUND: f32 = 12_582_912.0;
    let power = (-x * std::f32::consts::LOG2_E).clamp(-126.0, 126.0);
    let rounded = (power + ROUND) - ROUND;
    let rest = (power - rounded) * std::f32::consts::LN_2;
    // Taylor to the fifth power on |rest| ≤ 0.35.
    let series = 1.0 + rest * (1.0 + rest * (0.5 + rest * (1.0 / 6.0 + rest * (1.0 / 24.0 + rest * (1.0 / 120.0)))));
    let whole = f32::from_bits(((rounded as i32 + 127) as u32) << 23);
    1.0 / (1.0 + whole * series)
}

/// Absolute error below 1e-5.
pub(crate) fn tanh(x: f32) -> f32 {
    2.0 * sigmoid(2.0 * x) - 1.0
}

/// ln(1 + x) for x ≥ 0, absolute error below 2e-6 and exactly 0 for 0; negative numbers and NaN count as 0.
pub(crate) fn ln_1p(x: f32) -> f32 {
    let value = 1.0 + x.clamp(0.0, 1e37);
    let value = if value.is_nan() { 1.0 } else { value };
    // Mantissa within √½ and √2, so that the series of the inverse hyperbolic tangent is short.
    let bits = value.to_bits();
    let whole = ((bits.wrapping_sub(0x3f35_04f3)) as i32) >> 23;
    let mantissa = f32::from_bits(bits.wrapping_sub((whole << 23) as u32));
    let z = (mantissa - 1.0) / (mantissa + 1.0);
    let square = z * z;
    let series = 2.0 + square * (2.0 / 3.0 + square * (2.0 / 5.0 + square * (2.0 / 7.0 + square * (2.0 / 9.0))));
    whole as f32 * std::f32::consts::LN_2 + z * series
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
