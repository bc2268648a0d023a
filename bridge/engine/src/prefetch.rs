//! Asking for memory before it's needed, so that the work before it hides the wait.
//!
//! Each packet of a burst goes to somebody else, whose state isn't in the processor's cache any
//! more. While one receiver's copy is made, the next one's state is fetched.

const LINE: usize = 64;

/// Fetch the line of the processor's cache that begins `value`.
#[inline(always)]
pub fn prefetch<T>(value: &T) {
    line(std::ptr::from_ref(value).cast());
}

/// Fetch all lines of `value`.
#[inline(always)]
pub fn prefetch_all<T>(value: &T) {
    let start = std::ptr::from_ref(value).cast::<u8>();
    for at in (0..size_of::<T>()).step_by(LINE) {
        line(start.wrapping_add(at));
    }
}

#[inline(always)]
fn line(address: *const u8) {
    // SAFETY: a prefetch of any address has no effect but on the cache; SSE is part of x86-64.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(address.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}
