//! One encoding being forwarded, from a keyframe on until the next switch.

use super::clock::SenderTime;
use super::layering::{Carry, Layers};
use super::numbering::Numbering;
use super::{Input, Output};
use crate::instruction::Aim;

/// A time without a break in one encoding.
#[derive(Clone, Debug)]
pub struct Stretch {
    pub ssrc: u32,
    pub encoding: u8,
    pub epoch: u32,
    pub shift: u32,
    pub left_out: u32,
    pub numbering: Numbering,
    pub layers: Layers,
    pub sender_time: Option<SenderTime>,
}

impl Stretch {
    /// Whether a packet is of this stream and session.
    #[inline]
    pub fn is_of(&self, input: &Input<'_>) -> bool {
        self.ssrc == input.ssrc && self.epoch == input.epoch
    }

    /// Whether its encoder begins anew with this packet: a keyframe, numbered from elsewhere.
    #[inline]
    pub fn starts_over(&self, input: &Input<'_>) -> bool {
        input.facts.keyframe
            && input.index > self.numbering.highest()
            && self.layers.codec().starts_over(input)
    }

    /// The numbers of a packet; `None` leaves it out.
    #[inline]
    pub fn place(&mut self, input: &Input<'_>, aim: Aim, carry: &mut Carry) -> Option<Output> {
        if input.index > self.numbering.highest() {
            let left_out = input.left_out.wrapping_sub(self.left_out);
            self.left_out = input.left_out;
            self.numbering.leave_out_before(input.index, left_out.into());
        }
        self.sender_time = input.sender_time;
        if input.facts.padding && !matches!(self.layers, Layers::Whole) {
            self.numbering.leave_out(input.index);
            return None;
        }
        match self.layers.admit(input, aim, carry) {
            Some(patch) => Some(Output {
                index: self.numbering.place(input.index)?,
                timestamp: input.timestamp.wrapping_add(self.shift),
                patch,
                begins: false,
            }),
            None => {
                self.numbering.leave_out(input.index);
                None
            }
        }
    }
}
