//! The last second of one received encoding, for all who miss packets of it.
//!
//! One copy a packet, into a ring of bytes; a table of slots finds it by its index. Both grow with
//! the stream until they hold a second of it, and no further than their bounds.

/// How long a packet is of use.
pub const KEPT_NS: u64 = 1_000_000_000;
const LEAST_BYTES: usize = 16 * 1024;
const MOST_BYTES: usize = 1024 * 1024;
const LEAST_SLOTS: usize = 32;
const MOST_SLOTS: usize = 512;

#[derive(Clone, Copy, Default)]
struct Slot {
    index: u64,
    /// Absolute position in the stream of bytes ever stored; 0 = empty.
    position: u64,
    stored_ns: u64,
    len: u16,
}

/// Packets of one encoding, plain.
#[derive(Default)]
pub struct Cache {
    bytes: Vec<u8>,
    /// Where the next packet goes, absolute; never 0, which is no position.
    head: u64,
    /// What lies before was overwritten when the ring was smaller.
    floor: u64,
    /// When the ring was last begun anew.
    lap_ns: u64,
    slots: Vec<Slot>,
}

impl Cache {
    /// Keep a copy of `packet`.
    pub fn store(&mut self, index: u64, packet: &[u8], now_ns: u64) {
        if packet.is_empty() || packet.len() > LEAST_BYTES {
            return;
        }
        if self.bytes.is_empty() {
            self.bytes = vec![0; LEAST_BYTES];
            self.slots = vec![Slot::default(); LEAST_SLOTS];
            self.head = LEAST_BYTES as u64;
            self.lap_ns = now_ns;
        }
        self.make_slot(index, now_ns);
        let at = self.place(packet.len(), now_ns);
        self.bytes[at..at + packet.len()].copy_from_slice(packet);
        let slot = index as usize % self.slots.len();
        self.slots[slot] =
            Slot { index, position: self.head, stored_ns: now_ns, len: packet.len() as u16 };
        self.head += packet.len() as u64;
    }

    /// The packet with this index, if it is still there.
    pub fn get(&self, index: u64, now_ns: u64) -> Option<&[u8]> {
        let slot = self.slots.get(index as usize % self.slots.len().max(1))?;
        let len = usize::from(slot.len);
        let there = slot.position != 0
            && slot.position >= self.floor
            && slot.index == index
            && self.head - slot.position <= self.bytes.len() as u64
            && now_ns < slot.stored_ns + KEPT_NS;
        let at = (slot.position % self.bytes.len() as u64) as usize;
        there.then(|| &self.bytes[at..at + len])
    }

    /// Forget everything: indexes start over.
    pub fn clear(&mut self) {
        self.slots.fill(Slot::default());
    }

    /// Memory held.
    pub fn memory(&self) -> usize {
        self.bytes.capacity() + self.slots.capacity() * size_of::<Slot>()
    }

    // The offset of `len` contiguous bytes at `head`, which moves past the ring's end for them.
    fn place(&mut self, len: usize, now_ns: u64) -> usize {
        let at = (self.head % self.bytes.len() as u64) as usize;
        if at + len <= self.bytes.len() {
            return at;
        }
        self.head = self.head.next_multiple_of(self.bytes.len() as u64);
        let quick = now_ns < self.lap_ns + KEPT_NS;
        self.lap_ns = now_ns;
        if quick && self.bytes.len() < MOST_BYTES {
            self.grow();
        }
        (self.head % self.bytes.len() as u64) as usize
    }

    // `head` is a multiple of the old length, so the whole old ring is one half of the new.
    fn grow(&mut self) {
        let old = self.bytes.len();
        let mut grown = vec![0; 2 * old];
        let start = ((self.head - old as u64) % grown.len() as u64) as usize;
        grown[start..start + old].copy_from_slice(&self.bytes);
        self.bytes = grown;
        self.floor = self.head - old as u64;
    }

    fn make_slot(&mut self, index: u64, now_ns: u64) {
        let held = self.slots[index as usize % self.slots.len()];
        let needed = held.position != 0 && held.index < index && now_ns < held.stored_ns + KEPT_NS;
        if !needed || self.slots.len() >= MOST_SLOTS {
            return;
        }
        let old = std::mem::take(&mut self.slots);
        self.slots = vec![Slot::default(); 2 * old.len()];
        for slot in old.into_iter().filter(|slot| slot.position != 0) {
            let at = slot.index as usize % self.slots.len();
            self.slots[at] = slot;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Cache, KEPT_NS, MOST_BYTES, MOST_SLOTS, Slot};
    use proptest::prelude::*;

    fn packet(index: u64, len: usize) -> Vec<u8> {
        (0..len).map(|at| (index as usize * 31 + at) as u8).collect()
    }

    #[test]
    fn a_second_of_a_fast_stream_is_there() {
        let mut cache = Cache::default();
        let every = KEPT_NS / 400;
        for index in 0..4_000 {
            cache.store(index, &packet(index, 1_100), index * every);
        }
        let now = 3_999 * every;
        for index in 3_650..4_000 {
            assert!(cache.get(index, now) == Some(&packet(index, 1_100)[..]));
        }
        assert_eq!(cache.get(3_500, now), None);
        assert_eq!(cache.get(3_999, now + 2 * KEPT_NS), None);
        assert!(cache.memory() <= MOST_BYTES + MOST_SLOTS * size_of::<Slot>());
    }

    #[test]
    fn a_slow_stream_takes_little_room() {
        let mut cache = Cache::default();
        for index in 0..1_000 {
            cache.store(index, &packet(index, 200), index * KEPT_NS / 15);
        }
        assert!(cache.memory() < 20_000);
    }

    #[test]
    fn what_was_cleared_is_gone() {
        let mut cache = Cache::default();
        cache.store(7, &packet(7, 10), 0);
        cache.clear();
        assert_eq!(cache.get(7, 0), None);
        assert_eq!(Cache::default().get(7, 0), None);
    }

    proptest! {
        #[test]
        fn what_is_found_is_what_was_stored(
            packets in proptest::collection::vec((0u64..600, 1usize..1_500, 0u64..20_000_000), 1..250),
        ) {
            let (mut cache, mut now) = (Cache::default(), 0);
            let mut stored = std::collections::HashMap::new();
            for (index, len, step) in packets {
                now += step;
                cache.store(index, &packet(index, len), now);
                stored.insert(index, len);
                for (&index, &len) in stored.iter().take(8) {
                    if let Some(found) = cache.get(index, now) {
                        prop_assert!(found == packet(index, len));
                    }
                }
                prop_assert!(cache.get(index, now) == Some(&packet(index, len)[..]));
            }
        }
    }
}
