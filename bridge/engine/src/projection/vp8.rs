//! VP8: temporal layers left out whole, picture ids and TL0PICIDX made continuous (RFC 7741).

use super::layering::{Carry, Layering};
use super::numbering::Numbering;
use super::{Input, extend, numbered};
use crate::instruction::{ALL_TEMPORAL, Aim};
use crate::rtp::Patch;

const LAYERS: usize = 4;
const ALL: u8 = LAYERS as u8 - 1;

/// From which picture on, and until which, a temporal layer goes.
#[derive(Clone, Copy, Debug)]
struct Span {
    from: u64,
    until: u64,
}

const NEVER: Span = Span { from: u64::MAX, until: u64::MAX };

/// State of one encoding's stretch.
#[derive(Clone, Debug)]
pub struct Vp8 {
    pictures: Numbering,
    /// The newest picture, extended, and whether it goes.
    newest: u64,
    forwarding: bool,
    /// Whether pictures have ids; without, their timestamps tell them apart.
    numbered: bool,
    spans: [Span; LAYERS],
    temporal: u8,
    tl0_shift: u8,
}

impl Vp8 {
    /// A stretch that begins with this keyframe.
    pub fn new(input: &Input<'_>, aim: Aim, carry: &Carry) -> Self {
        let descriptor = &input.facts.vp8;
        // Far from zero, so that what comes late from before has a number, too.
        let id = descriptor.numbers.picture_id.map_or(input.timestamp, u32::from);
        let first = (1 << 40) | u64::from(id);
        let out = carry.picture.map_or(first, |picture| picture + 1);
        let mut vp8 = Self {
            pictures: Numbering::new(first, out),
            newest: first,
            forwarding: true,
            numbered: descriptor.numbers.picture_id.is_some(),
            spans: [NEVER; LAYERS],
            temporal: 0,
            tl0_shift: carry.tl0_shift(&descriptor.numbers),
        };
        vp8.refresh(first, aim.temporal);
        vp8
    }

    // A keyframe refers to nothing: every layer wanted may go from here on.
    fn refresh(&mut self, picture: u64, temporal: u8) {
        self.lower(picture, temporal);
        for span in &mut self.spans[..=usize::from(temporal.min(ALL))] {
            if span.until != u64::MAX || span.from > picture {
                *span = Span { from: picture, until: u64::MAX };
            }
        }
        self.temporal = temporal.min(ALL);
    }

    fn lower(&mut self, picture: u64, temporal: u8) {
        for span in self.spans.iter_mut().skip(usize::from(temporal) + 1) {
            span.until = span.until.min(picture);
        }
        self.temporal = self.temporal.min(temporal);
    }

    // A new picture: whether it goes. Layers are added one at a time, where they refer to the
    // base layer only, so that nothing sent refers to what wasn't.
    fn decide(&mut self, picture: u64, input: &Input<'_>, temporal: u8) -> bool {
        let descriptor = &input.facts.vp8;
        let layer = descriptor.temporal_layer;
        self.lower(picture, temporal);
        let next = layer == self.temporal + 1 && descriptor.layer_sync && layer <= temporal;
        if next {
            self.temporal = layer;
            self.spans[usize::from(layer)] = Span { from: picture, until: u64::MAX };
        }
        layer <= self.temporal
    }

    fn picture(&self, input: &Input<'_>) -> u64 {
        let id = numbered(self.newest, &input.facts.vp8.numbers);
        id.unwrap_or_else(|| extend(self.newest, input.timestamp, 32))
    }
}

impl Layering for Vp8 {
    fn admit(&mut self, input: &Input<'_>, aim: Aim, carry: &mut Carry) -> Option<Patch> {
        let descriptor = &input.facts.vp8;
        let numbers = &descriptor.numbers;
        if descriptor.len == 0 || numbers.picture_id.is_some() != self.numbered {
            // Unreadable, or numbered in another way than the stretch began: as it is.
            return Some(Patch::default());
        }
        let picture = self.picture(input);
        let temporal = if aim.temporal >= ALL_TEMPORAL { ALL } else { aim.temporal };
        if input.facts.keyframe {
            self.refresh(picture, temporal);
        }
        let new = picture > self.newest;
        if new {
            self.newest = picture;
            self.forwarding = self.decide(picture, input, temporal);
        } else if picture < self.newest {
            let span = self.spans[usize::from(descriptor.temporal_layer & ALL)];
            if picture < span.from || picture >= span.until {
                return None;
            }
        }
        if picture == self.newest && !self.forwarding {
            self.pictures.leave_out(picture);
            return None;
        }
        let out = self.pictures.place(picture)?;
        let tl0 = numbers.tl0_picture_index.unwrap_or_default().wrapping_add(self.tl0_shift);
        if self.numbered {
            carry.went(out, tl0);
        } else {
            carry.tl0 = Some(tl0);
        }
        Some(numbers.patch((out & 0x7fff) as u16, tl0))
    }

    fn starts_over(&self, input: &Input<'_>) -> bool {
        let numbered = input.facts.vp8.numbers.picture_id.is_some();
        numbered != self.numbered || self.picture(input) <= self.newest
    }

    fn reserve(&self, carry: &mut Carry) {
        if self.numbered {
            carry.picture = carry.picture.max(self.pictures.next().checked_sub(1));
        }
    }

    fn temporal(&self) -> u8 {
        self.temporal.min(2)
    }
}
