//! Synthetic RTP streams: when which packet is due, and its bytes, the same again when asked.

mod frames;
pub mod plan;

use crate::egress::Stamped;
use crate::mark;
use crate::remote::RemoteView;
use crate::rtp::vp8::{self, Place};
use frames::Frames;
pub use plan::{LONGEST_PACKET, Plan};
use std::collections::VecDeque;

#[cfg(test)]
mod tests;

const HISTORY_NS: u64 = 1_000_000_000;
const MOST_HISTORY: usize = 4096;
/// Synthetic people take turns of this length.
const TURN_NS: u64 = 2_000_000_000;
const TURNS: u64 = 5;
const VOICE: u8 = 0x80;
const LOUD: u8 = 30;
/// Never 127: digital silence isn't forwarded.
const QUIET: u8 = 90;
const RESEND_WAIT_NS: u64 = 5_000_000;
/// The shortest payload: descriptor, a keyframe's header, trailer.
pub const MIN_PAYLOAD: usize = vp8::WRITTEN + vp8::KEY_HEADER + mark::LEN;

/// What a stream looks like.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub video: bool,
    pub payload_type: u8,
    /// Length of every audio payload, the most of a video payload.
    pub payload_bytes: usize,
    /// Between packets (audio) or frames (video).
    pub interval_ns: u64,
    /// Payload bytes of an average frame; of audio, one payload.
    pub frame_bytes: u64,
    /// Temporal layers of video, 1..3.
    pub temporal_layers: u8,
    /// Size of the pictures, as keyframes tell it.
    pub size: (u16, u16),
    /// Where lost packets are repaired; 0 = they are sent again as they were.
    pub rtx_ssrc: u32,
    pub rtx_payload_type: u8,
}

/// A paced stream.
pub struct Stream {
    pub ssrc: u32,
    pub shape: Shape,
    pub packets: u64,
    pub bytes: u64,
    pub remote: RemoteView,
    frames: Frames,
    next_index: u64,
    next_repair: u64,
    timestamp: u32,
    due_ns: u64,
    now_ns: u64,
    history: VecDeque<Plan>,
}

impl Stream {
    /// A stream whose first packet, with `first_index`, is due now; `first_repair` is the index
    /// of its first repair.
    pub fn new(ssrc: u32, shape: Shape, first_index: u64, first_repair: u64, now_ns: u64) -> Self {
        Self {
            ssrc,
            shape,
            packets: 0,
            bytes: 0,
            remote: RemoteView::default(),
            frames: Frames::default(),
            next_index: first_index,
            next_repair: first_repair,
            timestamp: ssrc.rotate_left(13),
            due_ns: now_ns,
            now_ns,
            history: VecDeque::new(),
        }
    }

    /// Keyframes made so far.
    pub fn keyframes(&self) -> u64 {
        self.frames.keyframes
    }

    /// Append the packets due by `now_ns` to `plans`; return how many frames were skipped.
    pub fn advance(&mut self, now_ns: u64, plans: &mut Vec<Plan>) -> u64 {
        self.now_ns = now_ns;
        let mut skipped = 0;
        while self.due_ns <= now_ns {
            let late = now_ns - self.due_ns;
            // After a stall of more than a second, a burst of old media helps nobody.
            if late > HISTORY_NS {
                skipped = late / self.shape.interval_ns;
                self.due_ns += skipped * self.shape.interval_ns;
                self.timestamp =
                    self.timestamp.wrapping_add(self.ticks().wrapping_mul(skipped as u32));
            }
            let first = plans.len();
            if self.shape.video {
                self.frame(plans);
            } else {
                self.push(plans, self.shape.payload_bytes, false, 0, Place::default());
            }
            self.remember(&plans[first..]);
            self.timestamp = self.timestamp.wrapping_add(self.ticks());
            self.due_ns += self.shape.interval_ns;
        }
        skipped
    }

    fn ticks(&self) -> u32 {
        let rate = if self.shape.video { 90_000 } else { 48_000 };
        (self.shape.interval_ns * rate / 1_000_000_000) as u32
    }

    fn frame(&mut self, plans: &mut Vec<Plan>) {
        let frame = self.frames.next(&self.shape, self.due_ns);
        let frame_len = (frame.len as usize).max(MIN_PAYLOAD);
        // Equal packets but for the last: one GSO run.
        let count = frame_len.div_ceil(self.shape.payload_bytes);
        let each = frame_len.div_ceil(count).max(MIN_PAYLOAD);
        let mut left = frame_len;
        for at in 0..count {
            let payload = each.min(left).max(MIN_PAYLOAD);
            left = left.saturating_sub(payload);
            let place = Place { start: at == 0, ..frame.place };
            self.push(plans, payload, at + 1 == count, frame_len, place);
        }
    }

    fn push(
        &mut self,
        plans: &mut Vec<Plan>,
        payload: usize,
        marker: bool,
        frame_len: usize,
        place: Place,
    ) {
        plans.push(Plan {
            index: self.next_index,
            timestamp: self.timestamp,
            sent_ns: self.now_ns,
            resent_ns: 0,
            payload,
            marker,
            frame_len,
            place,
            level: (!self.shape.video).then(|| self.level()),
            stamped: None,
        });
        self.next_index += 1;
        self.packets += 1;
        self.bytes += payload as u64;
    }

    fn remember(&mut self, plans: &[Plan]) {
        self.history.extend(plans);
        let too_old = |plan: &Plan| plan.sent_ns + HISTORY_NS < self.now_ns;
        while self.history.len() > MOST_HISTORY || self.history.front().is_some_and(too_old) {
            self.history.pop_front();
        }
    }

    /// The packet with this sequence number, if it is still there and wasn't sent again just now.
    pub fn resend(&mut self, sequence: u16, now_ns: u64) -> Option<Plan> {
        let newest = self.history.back()?.index;
        let index = newest.checked_sub(u64::from((newest as u16).wrapping_sub(sequence)))?;
        let at = index.checked_sub(self.history.front()?.index)?;
        let plan = self.history.get_mut(at as usize)?;
        if now_ns < plan.resent_ns + RESEND_WAIT_NS {
            return None;
        }
        plan.resent_ns = now_ns;
        Some(*plan)
    }

    // Who it is speaks two seconds in ten: `V` and the level, 0 loud, 127 silent (RFC 6464 §3).
    fn level(&self) -> u8 {
        let speaks = (self.due_ns / TURN_NS + u64::from(self.ssrc)) % TURNS == 0;
        let wobble = (self.next_index % 8) as u8;
        if speaks { VOICE | (LOUD + wobble) } else { QUIET + wobble }
    }

    /// Remember what a packet was stamped with, so that it can be sent again as it was.
    pub fn stamp(&mut self, index: u64, stamped: Stamped) {
        let front = self.history.front().map_or(0, |plan| plan.index);
        let place = index.checked_sub(front).map(|place| place as usize);
        if let Some(plan) = place.and_then(|place| self.history.get_mut(place)) {
            plan.stamped = Some(stamped);
        }
    }

    /// Make the next frame a keyframe, unless there was one just now.
    pub fn want_keyframe(&mut self, now_ns: u64) {
        self.frames.want_keyframe(now_ns);
    }

    /// The receiver has new keys: it counts roll-overs from zero, and can't read what was sent.
    pub fn rekeyed(&mut self) {
        self.next_index &= 0xffff;
        self.next_repair &= 0xffff;
        self.history.clear();
        self.frames.need_keyframe();
    }

    /// The index the next packet will have.
    pub fn next_index(&self) -> u64 {
        self.next_index
    }

    /// The index the next repair will have.
    pub fn next_repair(&self) -> u64 {
        self.next_repair
    }

    /// Take the index of a repair that leaves now.
    pub fn take_repair(&mut self) -> u64 {
        self.next_repair += 1;
        self.next_repair - 1
    }

    /// The RTP timestamp of this moment.
    pub fn timestamp_at(&self, now_ns: u64) -> u32 {
        let rate = if self.shape.video { 90_000i128 } else { 48_000 };
        let ahead = (i128::from(now_ns) - i128::from(self.due_ns)) * rate / 1_000_000_000;
        self.timestamp.wrapping_add(ahead as u32)
    }
}
