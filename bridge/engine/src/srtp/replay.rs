//! Replay window over packet indexes (RFC 3711 §3.3.2).

const BITS: u64 = 1024;
const WORDS: usize = (BITS / 64) as usize;

/// What the window says of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Fresh,
    Replayed,
    TooOld,
}

/// The last 1,024 indexes, as a ring of bits.
#[derive(Clone, Default)]
pub struct Window {
    highest: Option<u64>,
    seen: [u64; WORDS],
}

impl Window {
    /// The highest index committed so far.
    #[inline]
    pub fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// Judge `index` without changing anything: called before authentication.
    #[inline]
    pub fn check(&self, index: u64) -> Verdict {
        match self.highest {
            None => Verdict::Fresh,
            Some(highest) if index > highest => Verdict::Fresh,
            Some(highest) if highest - index >= BITS => Verdict::TooOld,
            Some(_) if self.bit(index) => Verdict::Replayed,
            Some(_) => Verdict::Fresh,
        }
    }

    /// Remember `index`: called after authentication, once `check` said `Fresh`.
    #[inline]
    pub fn commit(&mut self, index: u64) {
        match self.highest {
            Some(highest) if index > highest => {
                self.clear_between(highest, index);
                self.highest = Some(index);
            }
            None => self.highest = Some(index),
            Some(_) => {}
        }
        self.seen[word(index)] |= mask(index);
    }

    fn clear_between(&mut self, highest: u64, index: u64) {
        if index - highest >= BITS {
            self.seen = [0; WORDS];
            return;
        }
        for skipped in highest + 1..=index {
            self.seen[word(skipped)] &= !mask(skipped);
        }
    }

    fn bit(&self, index: u64) -> bool {
        self.seen[word(index)] & mask(index) != 0
    }
}

fn word(index: u64) -> usize {
    ((index % BITS) / 64) as usize
}

fn mask(index: u64) -> u64 {
    1 << (index % 64)
}

#[cfg(test)]
mod tests {
    use super::{Verdict, Window};
    use proptest::prelude::*;
    use std::collections::HashSet;

    proptest! {
        #[test]
        fn no_index_is_fresh_twice(steps in proptest::collection::vec(-1500i64..3000, 1..300)) {
            let (mut window, mut taken, mut at) = (Window::default(), HashSet::new(), 5000u64);
            for step in steps {
                at = at.saturating_add_signed(step);
                if window.check(at) == Verdict::Fresh {
                    prop_assert!(taken.insert(at));
                    window.commit(at);
                } else {
                    prop_assert!(taken.contains(&at) || window.highest().unwrap() - at >= 1024);
                }
            }
        }
    }

    #[test]
    fn reordering_within_the_window_passes() {
        let mut window = Window::default();
        window.commit(2000);
        assert_eq!(window.check(2000 - 1023), Verdict::Fresh);
        assert_eq!(window.check(2000 - 1024), Verdict::TooOld);
        assert_eq!(window.check(2000), Verdict::Replayed);
    }
}
