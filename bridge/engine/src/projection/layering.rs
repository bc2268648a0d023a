//! A codec's part in a projection: which frames may go, and the numbers inside their payloads.

use super::Input;
use super::vp8::Vp8;
use super::vp9::Vp9;
use crate::instruction::Aim;
use crate::rtp::{Codec, Numbers, Patch};

/// Numbers inside payloads that go on from one stretch to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carry {
    /// The highest picture id sent, extended.
    pub picture: Option<u64>,
    /// The TL0PICIDX of the newest picture.
    pub tl0: Option<u8>,
}

impl Carry {
    /// What to add to the TL0PICIDX of a stretch that begins with these numbers.
    pub fn tl0_shift(&self, first: &Numbers) -> u8 {
        let first = first.tl0_picture_index.unwrap_or_default();
        self.tl0.map_or(0, |last| last.wrapping_add(1).wrapping_sub(first))
    }

    /// A packet of this picture goes.
    pub fn went(&mut self, picture: u64, tl0: u8) {
        if self.picture.is_none_or(|last| picture >= last) {
            *self = Self { picture: Some(picture), tl0: Some(tl0) };
        }
    }
}

/// What a codec decides about the packets of one encoding; one implementation a codec.
pub trait Layering {
    /// Judge a packet: the change its payload needs, or `None` to leave it out.
    ///
    /// `aim` names the highest layers wanted.
    fn admit(&mut self, input: &Input<'_>, aim: Aim, carry: &mut Carry) -> Option<Patch>;

    /// Whether a packet that was left out is of a spatial layer that is wanted, and needs a
    /// keyframe.
    fn waits(&self, _: &Input<'_>, _: Aim) -> bool {
        false
    }

    /// Whether a keyframe in its turn has a number that isn't.
    fn starts_over(&self, _: &Input<'_>) -> bool {
        false
    }

    /// Keep room in `carry` for what is still missing of this stretch.
    fn reserve(&self, _: &mut Carry) {}

    /// The highest spatial layer being sent.
    fn spatial(&self) -> u8 {
        0
    }

    /// The highest temporal layer being sent.
    fn temporal(&self) -> u8 {
        0
    }
}

/// The layering of a stretch.
#[derive(Clone, Debug)]
pub enum Layers {
    Vp8(Box<Vp8>),
    Vp9(Box<Vp9>),
    /// Of any other codec no layers are known, nor numbers inside its payload.
    Plain(Codec),
    /// All of a stream, whatever it is: nothing is read, nothing left out.
    Whole,
}

impl Layers {
    /// The layering for a stretch that starts with this packet.
    pub fn new(input: &Input<'_>, aim: Aim, carry: &Carry) -> Self {
        match input.facts.codec {
            Codec::Vp8 => Self::Vp8(Box::new(Vp8::new(input, aim, carry))),
            Codec::Vp9 if input.facts.vp9.numbers.picture_id.is_some() => {
                Self::Vp9(Box::new(Vp9::new(input, carry)))
            }
            codec => Self::Plain(codec),
        }
    }

    /// Whether packets of `codec` belong to this stretch. FEC and redundancy travel with any.
    #[inline]
    pub fn takes(&self, codec: Codec) -> bool {
        match (self, codec) {
            (Self::Whole, _) | (_, Codec::Other | Codec::Rtx) => true,
            (Self::Vp8(_), codec) => codec == Codec::Vp8,
            (Self::Vp9(_), codec) => codec == Codec::Vp9,
            (Self::Plain(own), codec) => codec == *own,
        }
    }

    /// Judge a packet.
    #[inline]
    pub fn admit(&mut self, input: &Input<'_>, aim: Aim, carry: &mut Carry) -> Option<Patch> {
        if input.facts.codec == Codec::Other {
            return Some(Patch::default());
        }
        match self {
            Self::Vp8(layering) => layering.admit(input, aim, carry),
            Self::Vp9(layering) => layering.admit(input, aim, carry),
            Self::Plain(_) | Self::Whole => AsItIs.admit(input, aim, carry),
        }
    }

    /// What the codec decides, for all but the admission of every packet.
    pub fn codec(&self) -> &dyn Layering {
        match self {
            Self::Vp8(layering) => layering.as_ref(),
            Self::Vp9(layering) => layering.as_ref(),
            Self::Plain(_) | Self::Whole => &AsItIs,
        }
    }

    /// Memory held beyond the enum itself.
    pub fn memory(&self) -> usize {
        size_of_val(self.codec())
    }
}

/// Everything goes, unchanged.
struct AsItIs;

impl Layering for AsItIs {
    fn admit(&mut self, _: &Input<'_>, _: Aim, _: &mut Carry) -> Option<Patch> {
        Some(Patch::default())
    }
}
