//! One packet of a stream, as much of it as is needed to write it twice alike.

use super::Shape;
use crate::egress::Stamped;
use crate::mark::Mark;
use crate::rtp::vp8::{self, Place};

/// The longest payload a stream may have.
pub const LONGEST_PAYLOAD: usize = 1_400;
/// Room for any packet of a stream.
pub const LONGEST_PACKET: usize = Plan::HEADER + LONGEST_PAYLOAD;

/// A packet to be written.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub index: u64,
    pub timestamp: u32,
    pub sent_ns: u64,
    pub resent_ns: u64,
    pub payload: usize,
    pub marker: bool,
    pub frame_len: usize,
    pub place: Place,
    /// Of audio: voice flag and level.
    pub level: Option<u8>,
    /// What it was stamped with when it was sent.
    pub stamped: Option<Stamped>,
}

impl Plan {
    /// Length of the header it is written with.
    pub const HEADER: usize = 12;

    /// Write the plain packet to the front of `out`, without extensions; return its length.
    pub fn write(&self, ssrc: u32, shape: &Shape, out: &mut [u8]) -> usize {
        let len = Self::HEADER + self.payload;
        out[0] = 0x80;
        out[1] = shape.payload_type | if self.marker { 0x80 } else { 0 };
        out[2..4].copy_from_slice(&(self.index as u16).to_be_bytes());
        out[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        out[8..Self::HEADER].copy_from_slice(&ssrc.to_be_bytes());
        let payload = &mut out[Self::HEADER..len];
        payload.fill(self.index as u8);
        if shape.video {
            vp8::write(payload, &self.place, self.frame_len);
        }
        Mark { video: shape.video, sent_ns: self.sent_ns }.write(payload);
        len
    }
}
