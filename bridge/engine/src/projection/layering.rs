//! A codec's part in a projection: which frames may go, and the numbers inside their payloads.

use super::Input;
use super::vp8::Vp8;
use super::vp9::Vp9;
use crate::instruction::Aim;
use crate::rtp::Codec;
use crate::rtp::Patch;

/// Numbers inside payloads that go on from one stretch to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carry {
    /// The highest picture id sent, extended.
    pub picture: Option<u64>,
    /// The TL0PICIDX of the newest picture.
    pub tl0: Option<u8>,
}

/// What a codec decides about the packets of one encoding; one implementation a codec.
pub trait Layering {
    /// Judge a packet: the change its payload needs, or `None` to leave it out.
    ///
    /// `aim` names the highest layers wanted.
    fn admit(&mut self, input: &Input<'_>, aim: Aim, carry: &mut Carry) -> Option<Patch>;

    /// The highest spatial layer being sent.
    fn spatial(&self) -> u8 {
        0
    }

    /// The highest temporal layer being sent.
    fn temporal(&self) -> u8;
}

/// The layering of a stretch.
#[derive(Clone, Debug)]
pub enum Layers {
    Vp8(Box<Vp8>),
    Vp9(Box<Vp9>),
    H264(H264),
    Generic(Generic),
    /// All of a stream, whatever it is: nothing is read, nothing left out.
    Whole,
}

impl Layers {
    /// The layering for a stretch that starts with this packet.
    pub fn new(input: &Input<'_>, aim: Aim, carry: &Carry) -> Self {
        match input.facts.codec {
            Codec::Vp8 => Self::Vp8(Box::new(Vp8::new(input, aim, carry))),
            Codec::Vp9 if input.facts.vp9.picture_id.is_some() => {
                Self::Vp9(Box::new(Vp9::new(input, aim, carry)))
            }
            Codec::H264 => Self::H264(H264),
            codec => Self::Generic(Generic(codec)),
        }
    }

    /// Whether packets of `codec` belong to this stretch. FEC and redundancy travel with any.
    #[inline]
    pub fn takes(&self, codec: Codec) -> bool {
        match (self, codec) {
            (Self::Whole, _) | (_, Codec::Other | Codec::Rtx) => true,
            (Self::Vp8(_), codec) => codec == Codec::Vp8,
            (Self::Vp9(_), codec) => codec == Codec::Vp9,
            (Self::H264(_), codec) => codec == Codec::H264,
            (Self::Generic(Generic(own)), codec) => codec == *own,
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
            Self::H264(layering) => layering.admit(input, aim, carry),
            Self::Generic(layering) => layering.admit(input, aim, carry),
            Self::Whole => Some(Patch::default()),
        }
    }

    /// Whether a packet that was left out is of a spatial layer that is wanted, and needs a keyframe.
    pub fn waits(&self, input: &Input<'_>, aim: Aim) -> bool {
        matches!(self, Self::Vp9(layering) if layering.waits(input, aim))
    }

    /// Whether a keyframe in its turn has a number that isn't.
    pub fn starts_over(&self, input: &Input<'_>) -> bool {
        match self {
            Self::Vp8(layering) => layering.starts_over(input),
            Self::Vp9(layering) => layering.starts_over(input),
            _ => false,
        }
    }

    /// Keep room in `carry` for what is still missing of this stretch.
    pub fn reserve(&self, carry: &mut Carry) {
        match self {
            Self::Vp8(layering) => layering.reserve(carry),
            Self::Vp9(layering) => layering.reserve(carry),
            _ => {}
        }
    }

    /// Memory held beyond the enum itself.
    pub fn memory(&self) -> usize {
        match self {
            Self::Vp8(_) => size_of::<Vp8>(),
            Self::Vp9(_) => size_of::<Vp9>(),
            _ => 0,
        }
    }

    /// The highest spatial layer being sent.
    pub fn spatial(&self) -> u8 {
        match self {
            Self::Vp9(layering) => layering.spatial(),
            _ => 0,
        }
    }

    /// The highest temporal layer being sent.
    pub fn temporal(&self) -> u8 {
        match self {
            Self::Vp8(layering) => layering.temporal(),
            Self::Vp9(layering) => layering.temporal(),
            Self::H264(layering) => layering.temporal(),
            Self::Generic(layering) => layering.temporal(),
            Self::Whole => 0,
        }
    }
}

/// H.264: nothing in the payload is numbered, and temporal layers aren't told.
#[derive(Clone, Debug)]
pub struct H264;

impl Layering for H264 {
    fn admit(&mut self, _: &Input<'_>, _: Aim, _: &mut Carry) -> Option<Patch> {
        Some(Patch::default())
    }

    fn temporal(&self) -> u8 {
        0
    }
}

/// Any other codec: passed as it is; AV1's keyframes are known, and those of VP9 without numbers.
#[derive(Clone, Debug)]
pub struct Generic(Codec);

impl Layering for Generic {
    fn admit(&mut self, _: &Input<'_>, _: Aim, _: &mut Carry) -> Option<Patch> {
        Some(Patch::default())
    }

    fn temporal(&self) -> u8 {
        0
    }
}
