//! Numbers that leave no gap where something is left out on purpose, but room for what may come late.

use crate::prefetch::prefetch;

/// Runs of left-out numbers remembered, for what comes late.
const RUNS: usize = 32;

/// Numbers `start..end` were left out; `total` counts all left out up to `end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Run {
    start: u64,
    end: u64,
    total: u64,
}

/// Maps growing source numbers (packet indexes, picture ids) to outgoing ones.
///
/// Two numbers placed never map to the same one, and greater ones map to greater ones.
#[derive(Clone, Debug)]
pub struct Numbering {
    first: u64,
    out: i64,
    highest: u64,
    total: u64,
    runs: [Run; RUNS],
    /// Runs ever begun; the newest stands at `begun - 1` modulo `RUNS`.
    begun: usize,
    /// The newest run forgotten: nothing before its end can be placed any more.
    forgotten: Run,
}

impl Numbering {
    /// `first` maps to `out`; nothing before it can be placed.
    pub fn new(first: u64, out: u64) -> Self {
        Self {
            first,
            out: out as i64,
            highest: first,
            total: 0,
            runs: [Run::default(); RUNS],
            begun: 0,
            forgotten: Run { start: 0, end: first, total: 0 },
        }
    }

    /// Give up to `room` numbers before the first a place, too: nothing went out before.
    pub fn with_room(mut self, room: u64) -> Self {
        self.forgotten.end = self.first.saturating_sub(room);
        self
    }

    /// Fetch what placing a number that is the newest needs.
    #[inline]
    pub fn prefetch(&self) {
        prefetch(&self.first);
        prefetch(&self.highest);
    }

    /// The newest source number seen.
    #[inline]
    pub fn highest(&self) -> u64 {
        self.highest
    }

    /// What the number after the newest would map to: nothing seen maps to it or beyond.
    pub fn next(&self) -> u64 {
        let next = self.out + (self.highest + 1 - self.first) as i64 - self.total as i64;
        u64::try_from(next).unwrap_or_default()
    }

    /// The outgoing number; `None` for what was left out or is too old.
    #[inline]
    pub fn place(&mut self, number: u64) -> Option<u64> {
        let total = if number > self.highest {
            self.highest = number;
            self.total
        } else {
            self.total_at(number)?
        };
        u64::try_from(self.out + (number as i64 - self.first as i64) - total as i64).ok()
    }

    // How many were left out before `number`, which is not newer than the newest.
    #[inline]
    fn total_at(&self, number: u64) -> Option<u64> {
        for back in 1..=self.begun.min(RUNS) {
            let run = &self.runs[(self.begun - back) % RUNS];
            if number >= run.end {
                return Some(run.total);
            }
            if number >= run.start {
                return None;
            }
        }
        (number >= self.forgotten.end).then_some(self.forgotten.total)
    }

    /// Leave `number` out. What is older than the newest keeps its room: others may count on it.
    pub fn leave_out(&mut self, number: u64) {
        if number > self.highest {
            self.leave_out_before(number + 1, 1);
            self.highest = number;
        }
    }

    /// Leave out the `count` numbers before `next`, which is new; those already seen aside.
    pub fn leave_out_before(&mut self, next: u64, count: u64) {
        let unseen = next.saturating_sub(self.highest + 1);
        let count = count.min(unseen);
        if count == 0 {
            return;
        }
        self.total += count;
        let run = Run { start: next - count, end: next, total: self.total };
        let newest = (self.begun + RUNS - 1) % RUNS;
        if self.begun > 0 && self.runs[newest].end == run.start {
            self.runs[newest] = Run { start: self.runs[newest].start, ..run };
            return;
        }
        let place = self.begun % RUNS;
        if self.begun >= RUNS {
            self.forgotten = self.runs[place];
        }
        self.runs[place] = run;
        self.begun += 1;
    }

    /// Lower all outgoing numbers by `by`.
    pub fn lower(&mut self, by: u64) {
        self.out -= by as i64;
    }
}

#[cfg(test)]
mod tests {
    use super::Numbering;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[test]
    fn what_is_left_out_leaves_no_gap_and_what_is_missing_does() {
        let mut numbering = Numbering::new(100, 7);
        assert_eq!(numbering.place(100), Some(7));
        numbering.leave_out(101);
        numbering.leave_out(102);
        assert_eq!(numbering.place(103), Some(8));
        assert_eq!(numbering.place(106), Some(11));
        numbering.leave_out(107);
        assert_eq!(numbering.place(108), Some(12));
        assert_eq!(numbering.place(104), Some(9));
        assert_eq!(numbering.place(101), None);
        assert_eq!(numbering.place(99), None);
        let mut numbering = Numbering::new(100, 7).with_room(7);
        assert_eq!((numbering.place(93), numbering.place(92)), (Some(0), None));
    }

    #[test]
    fn unseen_numbers_in_front_can_be_left_out_at_once() {
        let mut numbering = Numbering::new(10, 10);
        numbering.leave_out_before(20, 5);
        assert_eq!(numbering.place(20), Some(15));
        // More than there are can't be.
        numbering.leave_out_before(22, 50);
        assert_eq!(numbering.place(22), Some(16));
        assert_eq!(numbering.place(14), Some(14));
    }

    proptest! {
        #[test]
        fn order_is_kept_and_no_number_is_given_twice(
            steps in proptest::collection::vec((-40i64..50, 0u8..4), 1..400),
        ) {
            let mut numbering = Numbering::new(1000, 50);
            let mut placed = BTreeMap::from([(1000u64, 50u64)]);
            let (mut seen, mut at) = (std::collections::HashSet::from([1000u64]), 1000u64);
            for (step, action) in steps {
                at = at.saturating_add_signed(step);
                if !seen.insert(at) {
                    continue;
                }
                match action {
                    0 => numbering.leave_out(at),
                    1 => {
                        let newest = numbering.highest();
                        numbering.leave_out_before(at, 3);
                        seen.extend((at.saturating_sub(3)..at).filter(|&left| left > newest));
                        placed.extend(numbering.place(at).map(|out| (at, out)));
                    }
                    _ => placed.extend(numbering.place(at).map(|out| (at, out))),
                }
            }
            let outs: Vec<_> = placed.values().collect();
            prop_assert!(outs.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }
}
