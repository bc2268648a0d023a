//! What is kept of a received video encoding besides its reception: cache, repair, rates, size.

use crate::cache::Cache;
use crate::missing::Missing;
use crate::rate::Rate;
use crate::rtp::Facts;

/// Without a packet for this long an encoding counts as gone.
pub const GONE_NS: u64 = 1_500_000_000;
/// Further behind the encodings below it, it is taken as halted until it comes again.
pub const HALTED_NS: u64 = 500_000_000;
/// At so many looks: of a slow stream, the lower encoding of a frame just comes first.
const HALTED_LOOKS: u8 = 2;

/// State of one video SSRC.
#[derive(Default)]
pub struct Encoding {
    pub cache: Cache,
    pub missing: Missing,
    pub keyframes: u64,
    /// Width and height; (0, 0) = unknown.
    pub size: (u16, u16),
    /// Packets come.
    pub active: bool,
    /// Looks in a row at which it was behind lower encodings of the picture.
    pub behind: u8,
    pub nacks_sent: u64,
    pub recovered: u64,
    layers: [Rate; 3],
    frames: Rate,
    timestamp: Option<u32>,
    key_timestamp: Option<u32>,
}

impl Encoding {
    /// Whether it is of use to receivers.
    pub fn flows(&self) -> bool {
        self.active && self.behind < HALTED_LOOKS
    }

    /// Count a packet; true when it tells a new picture size.
    #[inline]
    pub fn packet(&mut self, bytes: usize, timestamp: u32, facts: &Facts, now_ns: u64) -> bool {
        self.layers[usize::from(facts.temporal_layer()).min(2)].add(bytes, now_ns);
        let newer = self.timestamp.is_none_or(|last| (timestamp.wrapping_sub(last) as i32) > 0);
        if newer {
            self.timestamp = Some(timestamp);
            self.frames.add(1, now_ns);
        }
        if !facts.keyframe {
            return false;
        }
        if self.key_timestamp != Some(timestamp) {
            self.key_timestamp = Some(timestamp);
            self.keyframes += 1;
        }
        match facts.size {
            Some(size) if size != self.size && size.0 != 0 && size.1 != 0 => {
                self.size = size;
                true
            }
            _ => false,
        }
    }

    /// Bits a second of the temporal layers up to 0, up to 1, and all.
    pub fn temporal_bps(&self, now_ns: u64) -> [u64; 3] {
        let [base, first, second] = [0, 1, 2].map(|at| self.layers[at].bits_per_second(now_ns));
        [base, base + first, base + first + second]
    }

    /// Frames in the last second.
    pub fn frames_per_second(&self, now_ns: u64) -> f64 {
        self.frames.sum(now_ns) as f64
    }

    /// Memory held beyond the struct itself.
    pub fn memory(&self) -> usize {
        self.cache.memory() + self.missing.memory()
    }

    /// The sender has new keys: indexes start over.
    pub fn rekeyed(&mut self) {
        self.cache.clear();
        self.missing.rekeyed();
    }
}
