//! How wide the kernels may compute. Owns the question to the processor; knows no kernel.

/// Which processor features the loops may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Width {
    /// Any processor of the target.
    Portable,
    /// AVX2, FMA and the bit counting that came with them.
    Avx2,
    /// AVX-512 F, VL, DQ and BW beside these.
    Avx512,
}

impl Width {
    /// The widest this processor has; the standard library remembers the answer.
    #[inline]
    pub(crate) fn widest() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            let avx512 = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512bw");
            let avx2 = is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("fma")
                && is_x86_feature_detected!("popcnt")
                && is_x86_feature_detected!("bmi1");
            if avx512 && avx2 {
                return Self::Avx512;
            }
            if avx2 {
                return Self::Avx2;
            }
        }
        Self::Portable
    }
}
