//! Asking for memory before it's needed, so that the work before it hides the wait.

/// Fetch the line of the processor's cache that begins `value`.
#[inline(always)]
pub fn prefetch<T>(value: &T) {
    // SAFETY: a prefetch of any address has no effect but on the cache; SSE is part of x86-64.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(value).cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = value;
}
