//! VP9: spatial and temporal layers left out whole, picture ids and TL0PICIDX continuous (RFC 9628).
//!
//! All spatial layers up to the highest one sent go, so it can be lowered at any picture. It is
//! raised by keyframes only, since what it refers to would be missing elsewhere. Picture ids keep
//! their distances within a stretch: references count by them.

use super::layering::{Carry, Layering};
use super::{Input, numbered};
use crate::instruction::{ALL_SPATIAL, ALL_TEMPORAL, Aim};
use crate::rtp::Patch;
use crate::rtp::vp9::Descriptor;

/// References reach no further back.
const REMEMBERED: usize = 128;
const HIGHEST: u8 = 7;

/// What became of a picture, and the highest layers that went by then.
#[derive(Clone, Copy, Debug, Default)]
struct Decision {
    picture: u64,
    goes: bool,
    spatial: u8,
    temporal: u8,
}

/// State of one encoding's stretch.
#[derive(Clone, Debug)]
pub struct Vp9 {
    first: u64,
    /// The newest picture, extended.
    newest: u64,
    decided: [Decision; REMEMBERED],
    shift: u64,
    tl0_shift: u8,
}

impl Vp9 {
    /// A stretch that begins with this keyframe, which has a picture id.
    pub fn new(input: &Input<'_>, carry: &Carry) -> Self {
        let numbers = &input.facts.vp9.numbers;
        // Far from zero, so that what comes late from before has a number, too.
        let first = (1 << 40) | u64::from(numbers.picture_id.unwrap_or_default());
        Self {
            first,
            newest: first - 1,
            decided: [Decision::default(); REMEMBERED],
            shift: carry.picture.map_or(0, |picture| (picture + 1).wrapping_sub(first)),
            tl0_shift: carry.tl0_shift(numbers),
        }
    }

    fn decision(&self, picture: u64) -> Option<Decision> {
        let found = self.decided[picture as usize % REMEMBERED];
        (found.picture == picture).then_some(found)
    }

    // The highest layers being sent.
    fn going(&self) -> Decision {
        self.decision(self.newest).unwrap_or_default()
    }

    // A picture of which nothing was seen: what of it goes.
    fn decide(&mut self, picture: u64, descriptor: &Descriptor, aim: Aim) -> Decision {
        let (spatial, temporal) = highest(aim);
        let mut made = if picture > self.newest {
            let before = self.going();
            self.newest = picture;
            match descriptor.predicted {
                true => (before.spatial.min(spatial), before.temporal.min(temporal)),
                false => (spatial, temporal),
            }
        } else {
            // It came late: it refers to what went before it, and what went since to it.
            let before = (1..REMEMBERED as u64).find_map(|back| self.decision(picture - back));
            before.map_or((0, 0), |it| (it.spatial, it.temporal))
        };
        let goes = self.goes(picture, descriptor, made.1, temporal);
        if goes && descriptor.flexible {
            made.1 = made.1.max(descriptor.temporal_layer);
        } else if goes && descriptor.switches_up {
            made.1 = temporal;
        }
        let decision = Decision { picture, goes, spatial: made.0, temporal: made.1 };
        self.decided[picture as usize % REMEMBERED] = decision;
        decision
    }

    // By its temporal layer, and by what it refers to where that is told.
    fn goes(&self, picture: u64, descriptor: &Descriptor, going: u8, wanted: u8) -> bool {
        let layer = descriptor.temporal_layer;
        let known = layer <= going;
        if !descriptor.flexible || layer == 0 || layer > wanted {
            return known;
        }
        let references = descriptor.references.iter().filter(|&&back| back != 0);
        references
            .map(|&back| self.decision(picture.wrapping_sub(back.into())))
            .all(|reference| reference.map_or(known, |it| it.goes))
    }
}

impl Layering for Vp9 {
    fn admit(&mut self, input: &Input<'_>, aim: Aim, carry: &mut Carry) -> Option<Patch> {
        let descriptor = &input.facts.vp9;
        let numbers = &descriptor.numbers;
        let Some(picture) = numbered(self.newest, numbers) else {
            // Unreadable, or without a number: as it is.
            return Some(Patch::default());
        };
        let too_old = picture < self.first || picture + REMEMBERED as u64 <= self.newest;
        if too_old {
            return None;
        }
        let known = self.decision(picture);
        let decision = known.unwrap_or_else(|| self.decide(picture, descriptor, aim));
        if !decision.goes || descriptor.spatial_layer > decision.spatial {
            return None;
        }
        let out = picture.wrapping_add(self.shift);
        let tl0 = numbers.tl0_picture_index.unwrap_or_default().wrapping_add(self.tl0_shift);
        carry.went(out, tl0);
        let mut patch = numbers.patch((out & 0x7fff) as u16, tl0);
        // The receiver waits for the picture's higher layers until it is told that none come.
        patch.marker = descriptor.end && descriptor.spatial_layer == decision.spatial;
        Some(patch)
    }

    fn waits(&self, input: &Input<'_>, aim: Aim) -> bool {
        let layer = input.facts.vp9.spatial_layer;
        layer > self.going().spatial && layer <= highest(aim).0
    }

    fn starts_over(&self, input: &Input<'_>) -> bool {
        let picture = numbered(self.newest, &input.facts.vp9.numbers);
        picture.is_none_or(|picture| picture < self.newest)
    }

    fn reserve(&self, carry: &mut Carry) {
        carry.picture = carry.picture.max(Some(self.newest.wrapping_add(self.shift)));
    }

    fn spatial(&self) -> u8 {
        self.going().spatial.min(ALL_SPATIAL)
    }

    fn temporal(&self) -> u8 {
        self.going().temporal.min(ALL_TEMPORAL)
    }
}

// The highest layers anyone asks for mean all there are.
fn highest(aim: Aim) -> (u8, u8) {
    let all = |layer: u8, most: u8| if layer >= most { HIGHEST } else { layer };
    (all(aim.spatial, ALL_SPATIAL), all(aim.temporal, ALL_TEMPORAL))
}
