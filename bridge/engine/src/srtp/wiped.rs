//! A box whose memory is overwritten when it goes: key schedules of crates that don't wipe theirs.

use std::mem::{MaybeUninit, size_of};
use std::ops::Deref;
use zeroize::Zeroize;

/// Owns a `T` on the heap and wipes its bytes on drop.
pub struct Wiped<T>(Box<MaybeUninit<T>>);

impl<T> Wiped<T> {
    /// Move `value` behind the wiping box.
    pub fn new(value: T) -> Self {
        Self(Box::new(MaybeUninit::new(value)))
    }
}

impl<T> Deref for Wiped<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: `new` initialised it and only `drop` takes the value away.
        unsafe { self.0.assume_init_ref() }
    }
}

impl<T> Drop for Wiped<T> {
    fn drop(&mut self) {
        // SAFETY: the value is initialised and never used again; afterwards its bytes are ours,
        // and any bit pattern is a valid MaybeUninit<u8>.
        let bytes = unsafe {
            self.0.assume_init_drop();
            std::slice::from_raw_parts_mut(
                self.0.as_mut_ptr().cast::<MaybeUninit<u8>>(),
                size_of::<T>(),
            )
        };
        bytes.zeroize();
    }
}
