//! Synthetic RTP streams: when which packet is due, and its bytes, the same again when asked.

use crate::mark::{self, Mark};
use crate::remote::RemoteView;
use crate::rtp::vp8::{self, Place};
use std::collections::VecDeque;

#[cfg(test)]
mod tests;

const HISTORY_NS: u64 = 1_000_000_000;
const MOST_HISTORY: usize = 4096;
const KEYFRAME_EVERY_NS: u64 = 10_000_000_000;
const KEYFRAME_ASKED_NS: u64 = 100_000_000;
const RESEND_WAIT_NS: u64 = 5_000_000;
/// A keyframe is this many times an ordinary frame; the next ones are smaller for it.
const KEYFRAME_WEIGHT: u64 = 4;
const HEADER: usize = 12;
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
}

/// One packet of a stream, as much of it as is needed to write it twice alike.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub index: u64,
    timestamp: u32,
    sent_ns: u64,
    resent_ns: u64,
    payload: usize,
    marker: bool,
    frame_len: usize,
    place: Place,
}

/// A paced stream.
pub struct Stream {
    pub ssrc: u32,
    pub shape: Shape,
    pub packets: u64,
    pub bytes: u64,
    pub keyframes: u64,
    pub remote: RemoteView,
    next_index: u64,
    timestamp: u32,
    due_ns: u64,
    now_ns: u64,
    debt: u64,
    picture_id: u16,
    tl0: u8,
    keyframe_wanted: bool,
    keyframe_ns: Option<u64>,
    history: VecDeque<Plan>,
}

impl Stream {
    /// A stream whose first packet, with `first_index`, is due now.
    pub fn new(ssrc: u32, shape: Shape, first_index: u64, now_ns: u64) -> Self {
        Self {
            ssrc,
            shape,
            packets: 0,
            bytes: 0,
            keyframes: 0,
            remote: RemoteView::default(),
            next_index: first_index,
            timestamp: ssrc.rotate_left(13),
            due_ns: now_ns,
            now_ns,
            debt: 0,
            picture_id: 0,
            tl0: 0,
            keyframe_wanted: true,
            keyframe_ns: None,
            history: VecDeque::new(),
        }
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
                self.frame(plans)
            } else {
                self.push(plans, self.shape.payload_bytes, true, None)
            };
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
        let old = self.keyframe_ns.is_none_or(|at| self.due_ns >= at + KEYFRAME_EVERY_NS);
        let keyframe = self.keyframe_wanted || old;
        if keyframe {
            self.keyframe_wanted = false;
            self.keyframe_ns = Some(self.due_ns);
            self.keyframes += 1;
        }
        self.picture_id = (self.picture_id + 1) & 0x7fff;
        self.tl0 = self.tl0.wrapping_add(1);
        let most = self.shape.payload_bytes;
        let frame_len = (self.frame_size(keyframe) as usize).max(MIN_PAYLOAD);
        // Equal packets but for the last: one GSO run.
        let count = frame_len.div_ceil(most);
        let each = frame_len.div_ceil(count).max(MIN_PAYLOAD);
        let mut left = frame_len;
        for at in 0..count {
            let payload = each.min(left).max(MIN_PAYLOAD);
            left = left.saturating_sub(payload);
            self.push(plans, payload, at + 1 == count, Some((at == 0, keyframe, frame_len)));
        }
    }

    fn frame_size(&mut self, keyframe: bool) -> u64 {
        let usual = self.shape.frame_bytes;
        if keyframe {
            self.debt += usual * (KEYFRAME_WEIGHT - 1);
            return usual * KEYFRAME_WEIGHT;
        }
        let repaid = self.debt.min(usual / 4);
        self.debt -= repaid;
        usual - repaid
    }

    fn push(
        &mut self,
        plans: &mut Vec<Plan>,
        payload: usize,
        marker: bool,
        frame: Option<(bool, bool, usize)>,
    ) {
        let (start, keyframe, frame_len) = frame.unwrap_or_default();
        plans.push(Plan {
            index: self.next_index,
            timestamp: self.timestamp,
            sent_ns: self.now_ns,
            resent_ns: 0,
            payload,
            marker: marker && frame.is_some(),
            frame_len,
            place: Place {
                start,
                keyframe,
                picture_id: self.picture_id,
                tl0_picture_index: self.tl0,
                temporal_layer: 0,
            },
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

    /// Make the next frame a keyframe, unless there was one just now.
    pub fn want_keyframe(&mut self, now_ns: u64) {
        let recent = self.keyframe_ns.is_some_and(|at| now_ns < at + KEYFRAME_ASKED_NS);
        self.keyframe_wanted |= !recent;
    }

    /// The receiver has new keys: it counts roll-overs from zero, and can't read what was sent.
    pub fn rekeyed(&mut self) {
        self.next_index &= 0xffff;
        self.history.clear();
        self.keyframe_wanted = true;
    }

    /// The index the next packet will have.
    pub fn next_index(&self) -> u64 {
        self.next_index
    }

    /// The RTP timestamp of this moment.
    pub fn timestamp_at(&self, now_ns: u64) -> u32 {
        let rate = if self.shape.video { 90_000i128 } else { 48_000 };
        let ahead = (i128::from(now_ns) - i128::from(self.due_ns)) * rate / 1_000_000_000;
        self.timestamp.wrapping_add(ahead as u32)
    }
}

impl Plan {
    /// Length of header and payload.
    pub fn len(&self) -> usize {
        HEADER + self.payload
    }

    /// Write the plain packet to the front of `out`; return the header's length.
    pub fn write(&self, ssrc: u32, shape: &Shape, out: &mut [u8]) -> usize {
        out[0] = 0x80;
        out[1] = shape.payload_type | if self.marker { 0x80 } else { 0 };
        out[2..4].copy_from_slice(&(self.index as u16).to_be_bytes());
        out[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        out[8..HEADER].copy_from_slice(&ssrc.to_be_bytes());
        let payload = &mut out[HEADER..HEADER + self.payload];
        payload.fill(self.index as u8);
        if shape.video {
            vp8::write(payload, &self.place, self.frame_len);
        }
        Mark { video: shape.video, sent_ns: self.sent_ns }.write(payload);
        HEADER
    }
}
