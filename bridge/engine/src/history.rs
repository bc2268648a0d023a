//! What went to one receiver under which number, so that what it missed can be made again.

use crate::cache::KEPT_NS;
use crate::rtp::vp8::Patch;

const LEAST: usize = 32;
const MOST: usize = 1024;

/// One packet sent, as much of it as is needed to send it again.
#[derive(Clone, Copy, Debug, Default)]
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
#[derive(Default)]
pub struct History {
    ring: Vec<Departed>,
}

impl History {
    /// Remember a packet.
    #[inline]
    pub fn push(&mut self, departed: Departed) {
        if self.ring.is_empty() {
            self.ring = vec![Departed::default(); LEAST];
        }
        let at = departed.index as usize % self.ring.len();
        let held = &self.ring[at];
        if held.sent_ns != 0
            && held.index < departed.index
            && departed.sent_ns < held.sent_ns + KEPT_NS
            && self.ring.len() < MOST
        {
            self.grow();
        }
        let at = departed.index as usize % self.ring.len();
        self.ring[at] = departed;
    }

    #[cold]
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
    fn a_slow_stream_takes_little_room() {
        let mut history = History::default();
        for index in 1..=500u64 {
            history.push(Departed { index, sent_ns: index * 66_000_000, ..Departed::default() });
        }
        assert!(history.memory() <= 32 * size_of::<Departed>());
    }
}
