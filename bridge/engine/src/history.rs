//! What went to one receiver under which number, so that what it missed can be made again.

use crate::cache::KEPT_NS;
use crate::prefetch::prefetch;
use crate::rtp::Patch;

const LEAST: usize = 32;
const MOST: usize = 1024;
/// Parts of the ring that it is seen whether to grow for.
const PARTS: u64 = 8;

/// One packet sent, as much of it as is needed to send it again: one line of the processor's cache.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
pub struct Departed {
    /// The index it went out with.
    pub index: u64,
    /// Its index in the source's session.
    pub source: u64,
    /// When it was sent first; 0 = never.
    pub sent_ns: u64,
    /// When it was sent again; 0 = never.
    pub resent_ns: u64,
    /// The encoding's own SSRC.
    pub ssrc: u32,
    pub epoch: u32,
    pub timestamp: u32,
    pub abs_send_time: u32,
    pub transport_cc: u16,
    pub patch: Patch,
}

/// The last second of one downtrack; grows with its rate, to a bound.
///
/// Nothing of the ring is read for a new packet: what was written a second ago isn't in the
/// processor's cache any more, and waiting for it would cost more than all else here.
#[derive(Default)]
pub struct History {
    /// A power of two long.
    ring: Vec<Departed>,
    /// When each part of the ring was last begun; 0 = never.
    begun_ns: [u64; PARTS as usize],
    /// The newest part begun, counted on from lap to lap.
    newest: u64,
}

impl History {
    /// Remember a packet.
    #[inline]
    pub fn push(&mut self, departed: Departed) {
        let index = departed.index;
        if self.ring.is_empty() {
            self.ring = vec![Departed::default(); LEAST];
            self.newest = self.part(index).saturating_sub(1);
        }
        while self.part(index) > self.newest {
            self.begin_part(index, departed.sent_ns);
        }
        let last = self.ring.len() - 1;
        self.ring[index as usize & last] = departed;
        prefetch(&self.ring[(index + 1) as usize & last]);
    }

    fn part(&self, index: u64) -> u64 {
        index / (self.ring.len() as u64 / PARTS)
    }

    // What the next part holds was sent before the one after it was begun, a lap ago.
    #[cold]
    fn begin_part(&mut self, index: u64, now_ns: u64) {
        let part = (self.newest + 1).max(self.part(index).saturating_sub(PARTS));
        let ended_ns = self.begun_ns[((part + 1) % PARTS) as usize];
        if ended_ns != 0 && now_ns < ended_ns + KEPT_NS && self.ring.len() < MOST {
            self.grow();
            // All that is there may be needed for a second yet.
            self.begun_ns = [now_ns; PARTS as usize];
            self.newest = self.part(index);
            return;
        }
        self.begun_ns[(part % PARTS) as usize] = now_ns;
        self.newest = part;
    }

    fn grow(&mut self) {
        let old = std::mem::take(&mut self.ring);
        self.ring = vec![Departed::default(); 2 * old.len()];
        for departed in old.into_iter().filter(|departed| departed.sent_ns != 0) {
            let at = departed.index as usize % self.ring.len();
            self.ring[at] = departed;
        }
    }

    /// The packet with this index, if it is remembered.
    pub fn get_mut(&mut self, index: u64) -> Option<&mut Departed> {
        let len = self.ring.len().max(1);
        let held = self.ring.get_mut(index as usize % len)?;
        (held.sent_ns != 0 && held.index == index).then_some(held)
    }

    /// Forget everything: the indexes start over.
    pub fn clear(&mut self) {
        *self = Self { ring: std::mem::take(&mut self.ring), ..Self::default() };
        self.ring.fill(Departed::default());
    }

    /// Memory held.
    pub fn memory(&self) -> usize {
        self.ring.capacity() * size_of::<Departed>()
    }
}

#[cfg(test)]
mod tests {
    use super::{Departed, History, MOST};

    #[test]
    fn a_second_is_remembered_up_to_a_bound() {
        let mut history = History::default();
        for index in 1..=5_000u64 {
            history.push(Departed {
                index,
                source: index + 7,
                sent_ns: index,
                ..Departed::default()
            });
        }
        assert!(history.get_mut(5_000).is_some_and(|departed| departed.source == 5_007));
        assert!(history.get_mut(5_001 - MOST as u64).is_some());
        assert!(history.get_mut(5_000 - MOST as u64).is_none());
        history.clear();
        assert!(history.get_mut(5_000).is_none());
    }

    #[test]
    fn a_burst_after_a_slow_beginning_is_remembered() {
        let mut history = History::default();
        let slow = |index| index * 60_000_000;
        for index in 1..=100u64 {
            history.push(Departed { index, sent_ns: slow(index), ..Departed::default() });
        }
        for index in 101..=400 {
            history.push(Departed { index, sent_ns: slow(100) + index, ..Departed::default() });
        }
        // All of the burst, and the second before.
        assert!((85..=400).all(|index| history.get_mut(index).is_some()));
    }

    #[test]
    fn what_comes_late_or_after_a_jump_finds_its_place() {
        let mut history = History::default();
        for index in [1_000, 5_000, 4_990, 90_000, 89_999] {
            history.push(Departed { index, sent_ns: 7, ..Departed::default() });
            assert!(history.get_mut(index).is_some());
        }
        history.clear();
        history.push(Departed { index: 3, sent_ns: 8, ..Departed::default() });
        assert!(history.get_mut(3).is_some());
    }

    #[test]
    fn a_slow_stream_takes_little_room() {
        let mut history = History::default();
        for index in 1..=500u64 {
            history.push(Departed { index, sent_ns: index * 66_000_000, ..Departed::default() });
        }
        assert!(history.memory() <= 32 * size_of::<Departed>());
    }
}
