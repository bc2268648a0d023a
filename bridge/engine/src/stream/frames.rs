//! What the frames of a synthetic video are: layers, sizes, keyframes.

use super::Shape;
use crate::rtp::vp8::Place;

/// A keyframe is this many times an ordinary frame; the next ones are smaller for it.
const KEYFRAME_WEIGHT: u64 = 4;
const KEYFRAME_EVERY_NS: u64 = 10_000_000_000;
const KEYFRAME_ASKED_NS: u64 = 100_000_000;

/// Temporal layers of consecutive frames, and their shares of an average frame in tenths: encoders
/// spend more on what others refer to.
const PATTERNS: [&[(u8, u64)]; 3] =
    [&[(0, 10)], &[(0, 12), (1, 8)], &[(0, 16), (2, 8), (1, 8), (2, 8)]];

/// The course of a video's frames.
#[derive(Default)]
pub struct Frames {
    pub keyframes: u64,
    picture_id: u16,
    tl0: u8,
    at: usize,
    debt: u64,
    wanted: bool,
    keyframe_ns: Option<u64>,
}

/// One frame: where it stands, and its payload bytes.
#[derive(Clone, Copy)]
pub struct Frame {
    pub place: Place,
    pub len: u64,
}

impl Frames {
    /// The frame due at `due_ns`.
    pub fn next(&mut self, shape: &Shape, due_ns: u64) -> Frame {
        let old = self.keyframe_ns.is_none_or(|at| due_ns >= at + KEYFRAME_EVERY_NS);
        let keyframe = self.wanted || old;
        if keyframe {
            self.wanted = false;
            self.keyframe_ns = Some(due_ns);
            self.keyframes += 1;
            self.at = 0;
        }
        let pattern = PATTERNS[usize::from(shape.temporal_layers.clamp(1, 3)) - 1];
        let (temporal_layer, tenths) = pattern[self.at % pattern.len()];
        self.at += 1;
        self.picture_id = (self.picture_id + 1) & 0x7fff;
        self.tl0 = self.tl0.wrapping_add(u8::from(temporal_layer == 0));
        let place = Place {
            start: true,
            keyframe,
            picture_id: self.picture_id,
            tl0_picture_index: self.tl0,
            temporal_layer,
            size: shape.size,
        };
        Frame { place, len: self.len(shape.frame_bytes, tenths, keyframe) }
    }

    fn len(&mut self, usual: u64, tenths: u64, keyframe: bool) -> u64 {
        if keyframe {
            self.debt += usual * (10 * KEYFRAME_WEIGHT - tenths) / 10;
            return usual * KEYFRAME_WEIGHT;
        }
        let own = usual * tenths / 10;
        let repaid = self.debt.min(own / 4);
        self.debt -= repaid;
        own - repaid
    }

    /// Make the next frame a keyframe, unless there was one just now.
    pub fn want_keyframe(&mut self, now_ns: u64) {
        let recent = self.keyframe_ns.is_some_and(|at| now_ns < at + KEYFRAME_ASKED_NS);
        self.wanted |= !recent;
    }

    /// Make the next frame a keyframe in any case.
    pub fn need_keyframe(&mut self) {
        self.wanted = true;
    }
}
