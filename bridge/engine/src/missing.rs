//! What a source's sender is asked to send again.

use crate::rtcp::Nack;

/// A jump beyond this isn't mended: a keyframe is.
const MOST_JUMP: u64 = 100;
const MOST: usize = 256;
const MOST_TRIES: u8 = 10;
/// Room for reordering before the first ask.
const FIRST_WAIT_NS: u64 = 5_000_000;
/// Between asks for the same packet, or a little more than a round trip, where that is longer.
const NEXT_WAIT_NS: u64 = 150_000_000;

#[derive(Clone, Copy, Debug)]
struct Gap {
    index: u64,
    due_ns: u64,
    tries: u8,
}

/// Missing packets of one source.
#[derive(Debug, Default)]
pub struct Missing {
    gaps: Vec<Gap>,
    highest: Option<u64>,
    /// When the last packet came.
    last_ns: u64,
    /// More was lost than can be mended.
    broken: bool,
    /// Whether the source stands in its transport's list of those with something to ask.
    pub listed: bool,
}

impl Missing {
    /// Take in an authentic packet's index.
    ///
    /// `dropped_ns`: when packets were last dropped here, of whatever source.
    #[inline]
    pub fn arrived(&mut self, index: u64, now_ns: u64, dropped_ns: u64) {
        let last_ns = std::mem::replace(&mut self.last_ns, now_ns);
        match self.highest {
            Some(highest) if index == highest + 1 => self.highest = Some(index),
            Some(highest) if index > highest => {
                self.highest = Some(index);
                if dropped_ns > last_ns {
                    self.give_up();
                } else {
                    self.note(highest + 1, index, now_ns);
                }
            }
            Some(_) if self.gaps.is_empty() => {}
            Some(_) => self.gaps.retain(|gap| gap.index != index),
            None => self.highest = Some(index),
        }
    }

    fn note(&mut self, from: u64, to: u64, now_ns: u64) {
        if to - from >= MOST_JUMP || self.gaps.len() + (to - from) as usize > MOST {
            return self.give_up();
        }
        let due_ns = now_ns + FIRST_WAIT_NS;
        self.gaps.extend((from..to).map(|index| Gap { index, due_ns, tries: 0 }));
    }

    // What was too late for us would come later still, and be more work for a bridge that has too
    // much already.
    fn give_up(&mut self) {
        self.gaps.clear();
        self.broken = true;
    }

    /// The newest index that came.
    pub fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// Whether there is something to ask for, now or later.
    #[inline]
    pub fn is_wanting(&self) -> bool {
        self.broken || !self.gaps.is_empty()
    }

    /// Whether a keyframe is needed; asked once.
    pub fn take_broken(&mut self) -> bool {
        std::mem::take(&mut self.broken)
    }

    /// Fill `entries` with what to ask for now.
    pub fn take_due(&mut self, rtt_ns: u64, now_ns: u64, entries: &mut Vec<Nack>) {
        entries.clear();
        self.gaps.retain(|gap| gap.tries < MOST_TRIES || gap.due_ns > now_ns);
        let wait_ns = NEXT_WAIT_NS.max(rtt_ns + rtt_ns / 4);
        for gap in self.gaps.iter_mut().filter(|gap| gap.due_ns <= now_ns) {
            if gap.tries < MOST_TRIES {
                gap.due_ns = now_ns + wait_ns;
                gap.tries += 1;
                Nack::append(entries, gap.index as u16);
            }
        }
    }

    /// Indexes start over.
    pub fn rekeyed(&mut self) {
        self.gaps.clear();
        self.highest = None;
    }

    /// Memory held.
    pub fn memory(&self) -> usize {
        self.gaps.capacity() * size_of::<Gap>()
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST_TRIES, Missing};

    const MS: u64 = 1_000_000;

    fn asked(missing: &mut Missing, now_ns: u64) -> Vec<u16> {
        let mut entries = Vec::new();
        missing.take_due(0, now_ns, &mut entries);
        entries.iter().flat_map(|entry| entry.sequences()).collect()
    }

    #[test]
    fn gaps_are_asked_for_until_filled_and_not_for_ever() {
        let mut missing = Missing::default();
        missing.arrived(65_534, 0, 0);
        missing.arrived(65_538, 0, 0);
        assert_eq!(asked(&mut missing, 0), [] as [u16; 0]);
        assert_eq!(asked(&mut missing, 5 * MS), [65_535, 0, 1]);
        missing.arrived(65_536, 6 * MS, 0);
        assert_eq!(asked(&mut missing, 100 * MS), [] as [u16; 0]);
        for round in 1..u64::from(MOST_TRIES) {
            assert_eq!(asked(&mut missing, 5 * MS + round * 150 * MS), [65_535, 1]);
        }
        assert_eq!(asked(&mut missing, 9_000 * MS), [] as [u16; 0]);
        assert!(!missing.is_wanting());
    }

    #[test]
    fn a_long_way_is_waited_for() {
        let mut missing = Missing::default();
        missing.arrived(1, 0, 0);
        missing.arrived(3, 0, 0);
        let mut entries = Vec::new();
        missing.take_due(400 * MS, 5 * MS, &mut entries);
        assert_eq!(entries.len(), 1);
        missing.take_due(400 * MS, 504 * MS, &mut entries);
        assert!(entries.is_empty());
        missing.take_due(400 * MS, 505 * MS, &mut entries);
        assert_eq!(entries.len(), 1);
    }

    #[test]
    fn a_jump_needs_a_keyframe_instead() {
        let mut missing = Missing::default();
        missing.arrived(1, 0, 0);
        missing.arrived(200, 0, 0);
        assert!(missing.take_broken() && !missing.take_broken());
        assert_eq!(asked(&mut missing, 50 * MS), [] as [u16; 0]);
    }

    #[test]
    fn what_was_dropped_here_is_not_asked_for_again() {
        let mut missing = Missing::default();
        missing.arrived(1, 10 * MS, 0);
        missing.arrived(3, 20 * MS, 0);
        missing.arrived(40, 2_000 * MS, 1_990 * MS);
        assert!(missing.take_broken());
        assert_eq!(asked(&mut missing, 2_100 * MS), [] as [u16; 0]);
        missing.arrived(42, 2_010 * MS, 1_990 * MS);
        assert_eq!(asked(&mut missing, 2_100 * MS), [41], "what is lost after that is");
    }

    #[test]
    fn a_source_of_which_nothing_was_dropped_needs_nothing() {
        let mut missing = Missing::default();
        missing.arrived(1, 10 * MS, 0);
        missing.arrived(2, 2_000 * MS, 1_990 * MS);
        assert!(!missing.is_wanting());
    }
}
