//! One receiver's copy of a source: its projection, and what is kept to repair it.

use crate::history::{Departed, History};
use crate::instruction::{Aim, Slot, TransportId};
use crate::pacing::Pacing;
use crate::projection::{LeftOff, Projection};
use crate::rate::Rate;
use crate::remote::RemoteView;
use crate::report::DowntrackReport;

/// State of one (receiver, source) pair.
pub struct Downtrack {
    /// Slot of the transport the source belongs to.
    pub sender: usize,
    /// The SSRC that names the source there.
    pub ssrc: u32,
    /// What the receiver sees.
    pub slot: Slot,
    pub projection: Projection,
    /// What policy wants, and what can be had of it.
    pub aim: Aim,
    pub goal: Aim,
    pub packets: u64,
    pub bytes: u64,
    pub rate: Rate,
    pub retransmitted: u64,
    pub keyframe_requests: u64,
    pub pacing: Pacing,
    pub remote: RemoteView,
    /// Of video: audio isn't sent again.
    pub history: Option<Box<History>>,
    /// The next index on the RTX SSRC.
    pub rtx_index: u64,
    /// How far back padding last repeated a packet.
    pub repeated: u64,
}

/// What a downtrack starts with.
pub struct Start {
    pub video: bool,
    pub rate: u32,
    /// The highest index its SSRC already used with the receiver's keys.
    pub highest: Option<u64>,
    pub rtx_highest: Option<u64>,
    pub left_off: LeftOff,
}

impl Downtrack {
    /// A downtrack that has sent nothing yet.
    pub fn new(sender: usize, ssrc: u32, slot: Slot, start: Start) -> Self {
        // Below half the range, so that a reordered start can't look like a roll-over.
        let fresh = u64::from(slot.rtx_ssrc.wrapping_mul(0x9e37_79b9) >> 17);
        Self {
            sender,
            ssrc,
            slot,
            projection: if slot.whole {
                Projection::whole(start.highest)
            } else {
                Projection::new(start.rate, start.highest, start.left_off)
            },
            aim: Aim::default(),
            goal: Aim::default(),
            packets: 0,
            bytes: 0,
            rate: Rate::default(),
            retransmitted: 0,
            keyframe_requests: 0,
            pacing: Pacing::default(),
            remote: RemoteView::default(),
            history: start.video.then(Box::default),
            rtx_index: start.rtx_highest.map_or(fresh, |highest| highest + 1),
            repeated: 0,
        }
    }

    /// The next index on the RTX SSRC, used up.
    pub fn take_rtx_index(&mut self) -> u64 {
        self.rtx_index += 1;
        self.rtx_index - 1
    }

    /// What went out with this sequence number, if it is remembered.
    pub fn departed(&mut self, sequence: u16) -> Option<&mut Departed> {
        let highest = self.projection.highest()?;
        let back = u64::from((highest as u16).wrapping_sub(sequence));
        self.history.as_mut()?.get_mut(highest.checked_sub(back)?)
    }

    /// The receiver has new keys: it counts roll-overs from zero, and can't read what was sent.
    pub fn rekeyed(&mut self) {
        self.projection.rekeyed();
        self.rtx_index &= 0xffff;
        self.forget();
    }

    /// Forget what was sent: none of it can be sent again.
    pub fn forget(&mut self) {
        if let Some(history) = &mut self.history {
            history.clear();
        }
    }

    /// Memory held for it.
    pub fn memory(&self) -> usize {
        let history = self.history.as_ref();
        size_of::<Self>()
            + self.projection.memory()
            + history.map_or(0, |history| size_of::<History>() + history.memory())
    }

    /// Its numbers; `id` is the receiver's, `sender` the sender's.
    pub fn report(&self, id: TransportId, sender: TransportId, now_ns: u64) -> DowntrackReport {
        DowntrackReport {
            id,
            out_ssrc: self.slot.ssrc,
            sender,
            ssrc: self.ssrc,
            aim: self.aim,
            encoding: self.projection.encoding(),
            spatial: self.projection.spatial(),
            temporal: self.projection.temporal(),
            packets: self.packets,
            bytes: self.bytes,
            bitrate_bps: self.rate.bits_per_second(now_ns),
            retransmitted: self.retransmitted,
            keyframe_requests: self.keyframe_requests,
            switches: self.projection.switches(),
        }
    }
}
