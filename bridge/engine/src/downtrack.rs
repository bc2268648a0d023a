//! One receiver's copy of a source: how indexes and timestamps map from what came to what goes.

use crate::remote::RemoteView;

/// Mapping that holds as long as the source's indexes count in the same session.
#[derive(Clone, Copy)]
struct Anchor {
    epoch: u32,
    offset: i64,
    floor: u64,
}

/// Rewriting state of one (receiver, source) pair.
pub struct Downtrack {
    /// Slot of the transport the source belongs to.
    pub sender: usize,
    /// The source's own SSRC.
    pub ssrc: u32,
    /// The SSRC the receiver sees.
    pub out_ssrc: u32,
    pub timestamp_offset: u32,
    pub packets: u64,
    pub bytes: u64,
    pub remote: RemoteView,
    anchor: Option<Anchor>,
    highest: Option<u64>,
}

impl Downtrack {
    /// A downtrack; `resume` is the highest index this SSRC already used with the same keys.
    pub fn new(sender: usize, ssrc: u32, out_ssrc: u32, resume: Option<u64>) -> Self {
        Self {
            sender,
            ssrc,
            out_ssrc,
            timestamp_offset: 0,
            packets: 0,
            bytes: 0,
            remote: RemoteView::default(),
            anchor: None,
            highest: resume,
        }
    }

    /// The outgoing index of the source's packet `index` of session `epoch`.
    ///
    /// The first packet keeps its sequence number and starts the receiver's roll-over counter at
    /// zero; where the SSRC was used before, numbering goes on, since an index must never be used
    /// twice with one key. `None` for packets from before the start.
    #[inline]
    pub fn place(&mut self, index: u64, epoch: u32) -> Option<u64> {
        let anchor = match self.anchor {
            Some(anchor) if anchor.epoch == epoch => anchor,
            _ => self.start(index, epoch),
        };
        let out = u64::try_from(index as i64 + anchor.offset).ok()?;
        if out < anchor.floor {
            return None;
        }
        self.highest = Some(self.highest.map_or(out, |highest| highest.max(out)));
        Some(out)
    }

    fn start(&mut self, index: u64, epoch: u32) -> Anchor {
        let floor = self.highest.map_or(0, |highest| highest + 1);
        let offset = match self.highest {
            None => -((index >> 16 << 16) as i64),
            Some(_) => floor as i64 - index as i64,
        };
        let anchor = Anchor { epoch, offset, floor };
        self.anchor = Some(anchor);
        anchor
    }

    /// The source's sequence number of an outgoing one.
    pub fn source_sequence(&self, sequence: u16) -> u16 {
        sequence.wrapping_sub(self.anchor.map_or(0, |anchor| anchor.offset as u16))
    }

    /// The highest index used so far.
    pub fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// Forget the mapping and the indexes: the receiver has new keys.
    pub fn rekeyed(&mut self) {
        self.anchor = None;
        self.highest = None;
    }
}

#[cfg(test)]
mod tests {
    use super::Downtrack;
    use proptest::prelude::*;
    use std::collections::HashSet;

    #[test]
    fn sequence_numbers_are_kept_and_the_counter_starts_at_zero() {
        let mut downtrack = Downtrack::new(0, 1, 1, None);
        assert_eq!(downtrack.place(5 << 16 | 0xfffe, 0), Some(0xfffe));
        assert_eq!(downtrack.place(6 << 16 | 1, 0), Some(0x1_0001));
        assert_eq!(downtrack.place(4 << 16 | 0xffff, 0), None);
    }

    #[test]
    fn a_second_life_goes_on_where_the_first_ended() {
        let mut downtrack = Downtrack::new(0, 1, 1, Some(0x1_0005));
        assert_eq!(downtrack.place(900, 0), Some(0x1_0006));
        assert_eq!(downtrack.place(899, 0), None);
        assert_eq!(downtrack.place(902, 0), Some(0x1_0008));
        assert_eq!(downtrack.source_sequence(8), 902);
    }

    proptest! {
        #[test]
        fn no_index_goes_out_for_two_different_packets(
            packets in proptest::collection::vec((0u32..4, 0u64..200_000), 1..200),
        ) {
            // Sessions come one after the other; within one the replay window sees to uniqueness.
            let mut packets: Vec<_> = packets.into_iter().collect::<HashSet<_>>().into_iter().collect();
            packets.sort_by_key(|packet| packet.0);
            let mut downtrack = Downtrack::new(0, 1, 1, None);
            let mut used = HashSet::new();
            for (epoch, index) in packets {
                if let Some(out) = downtrack.place(index, epoch) {
                    prop_assert!(used.insert(out));
                }
            }
        }
    }
}
