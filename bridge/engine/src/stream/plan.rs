//! One packet of a stream, as much of it as is needed to write it twice alike.

use super::Shape;
use crate::mark::Mark;
use crate::rtp::vp8::{self, Place};

const HEADER: usize = 12;
/// An RTX payload begins with the number of what it repairs (RFC 4588 §4).
const ORIGINAL: usize = 2;

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
}

impl Plan {
    /// Length of header and payload.
    pub fn len(&self) -> usize {
        HEADER + self.payload
    }

    /// Length of the packet that repairs it.
    pub fn rtx_len(&self) -> usize {
        self.len() + ORIGINAL
    }

    /// Write the plain packet to the front of `out`; return the header's length.
    pub fn write(&self, ssrc: u32, shape: &Shape, out: &mut [u8]) -> usize {
        self.write_header(self.index as u16, ssrc, shape.payload_type, out);
        self.write_payload(shape, &mut out[HEADER..HEADER + self.payload]);
        HEADER
    }

    /// Write the packet that repairs it, with the index `index` of the repair stream.
    pub fn write_rtx(&self, index: u64, shape: &Shape, out: &mut [u8]) -> usize {
        self.write_header(index as u16, shape.rtx_ssrc, shape.rtx_payload_type, out);
        out[HEADER..HEADER + ORIGINAL].copy_from_slice(&(self.index as u16).to_be_bytes());
        let start = HEADER + ORIGINAL;
        self.write_payload(shape, &mut out[start..start + self.payload]);
        HEADER
    }

    fn write_header(&self, sequence: u16, ssrc: u32, payload_type: u8, out: &mut [u8]) {
        out[0] = 0x80;
        out[1] = payload_type | if self.marker { 0x80 } else { 0 };
        out[2..4].copy_from_slice(&sequence.to_be_bytes());
        out[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        out[8..HEADER].copy_from_slice(&ssrc.to_be_bytes());
    }

    fn write_payload(&self, shape: &Shape, payload: &mut [u8]) {
        payload.fill(self.index as u8);
        if shape.video {
            vp8::write(payload, &self.place, self.frame_len);
        }
        Mark { video: shape.video, sent_ns: self.sent_ns }.write(payload);
    }
}
