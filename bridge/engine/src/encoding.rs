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
    /// By temporal layer.
    layers: [Rate; 3],
    /// The same of the spatial layers above the lowest, where there are any.
    upper: Option<Box<[[Rate; 3]; 2]>>,
    /// Spatial layers, as far as told or seen.
    spatial_layers: u8,
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
        let temporal = usize::from(facts.temporal_layer()).min(2);
        match facts.spatial_layer() {
            0 => self.layers[temporal].add(bytes, now_ns),
            spatial => self.upper_packet(spatial, temporal, bytes, now_ns),
        }
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
        if facts.spatial_layers() != 0 {
            self.spatial_layers = facts.spatial_layers();
        }
        match facts.size {
            Some(size) if size != self.size && size.0 != 0 && size.1 != 0 => {
                self.size = size;
                true
            }
            _ => false,
        }
    }

    // Apart, for most streams have none.
    fn upper_packet(&mut self, spatial: u8, temporal: usize, bytes: usize, now_ns: u64) {
        let upper = self.upper.get_or_insert_default();
        upper[usize::from(spatial - 1).min(1)][temporal].add(bytes, now_ns);
        self.spatial_layers = self.spatial_layers.max(spatial + 1);
    }

    /// Bits a second of the temporal layers up to 0, up to 1, and all; a row for each spatial
    /// layer, which counts those below it.
    pub fn layer_bps(&self, now_ns: u64) -> Vec<[u64; 3]> {
        let rows = usize::from(self.spatial_layers.clamp(1, 3));
        let upper = self.upper.iter().flat_map(|upper| upper.iter());
        let mut sum = [0; 3];
        let mut all: Vec<_> = std::iter::once(&self.layers)
            .chain(upper)
            .take(rows)
            .map(|layers| {
                let [base, first, second] =
                    [0, 1, 2].map(|at: usize| layers[at].bits_per_second(now_ns));
                sum = [sum[0] + base, sum[1] + base + first, sum[2] + base + first + second];
                sum
            })
            .collect();
        // Told of, but not seen yet.
        all.resize(rows, sum);
        all
    }

    /// Frames in the last second.
    pub fn frames_per_second(&self, now_ns: u64) -> f64 {
        self.frames.sum(now_ns) as f64
    }

    /// Memory held beyond the struct itself.
    pub fn memory(&self) -> usize {
        let upper = self.upper.as_ref().map_or(0, |_| size_of::<[[Rate; 3]; 2]>());
        self.cache.memory() + self.missing.memory() + upper
    }

    /// The sender has new keys: indexes start over.
    pub fn rekeyed(&mut self) {
        self.cache.clear();
        self.missing.rekeyed();
    }
}
