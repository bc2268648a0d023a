//! Many encodings in, one continuous stream out.
//!
//! A projection forwards one encoding at a time; the time it does so without a break is a
//! *stretch*. Sequence numbers, timestamps and the codec's own numbers go on across stretches, so
//! the receiver sees a single encoder. Pure: packets' facts in, their new numbers out.

mod clock;
mod layering;
#[cfg(test)]
mod model;
mod numbering;
mod stretch;
#[cfg(test)]
mod tests;
mod vp8;
mod vp9;
#[cfg(test)]
mod vp9_tests;

use crate::instruction::Aim;
use crate::prefetch::prefetch;
use crate::rtp::{Codec, Facts, Numbers, Patch};
use clock::{Before, First, Newest};
use layering::Layers;
use numbering::Numbering;
use stretch::Stretch;

pub use clock::SenderTime;
pub use layering::{Carry, Layering};

/// One packet, as far as a projection cares.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// Its stream: indexes and timestamps of different ones don't compare.
    pub ssrc: u32,
    /// Which of the picture's encodings it belongs to.
    pub encoding: u8,
    /// The session its index counts in.
    pub epoch: u32,
    pub index: u64,
    pub timestamp: u32,
    pub facts: &'a Facts,
    /// Packets of its stream dropped unforwarded so far; those before this one leave no gap.
    pub left_out: u32,
    /// The newest sender report of its encoding.
    pub sender_time: Option<SenderTime>,
}

/// The numbers a packet goes out with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Output {
    pub index: u64,
    pub timestamp: u32,
    pub patch: Patch,
    /// The packet begins a stretch.
    pub begins: bool,
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Forward(Output),
    /// Not wanted.
    LeftOut,
    /// From before the start, or too late to have a number.
    Late,
    /// Of the encoding or spatial layer wanted, which can't begin here: a keyframe is needed.
    Waiting,
}

/// Where an outgoing stream stopped, for whoever takes its SSRC next.
#[derive(Clone, Copy, Debug, Default)]
pub struct LeftOff {
    newest: Option<Newest>,
    carry: Carry,
}

/// State of one (receiver, picture) pair.
#[derive(Clone, Debug)]
pub struct Projection {
    rate: u32,
    /// One stream is passed on as it is, for somebody who projects it himself: a relay.
    whole: bool,
    current: Option<Box<Stretch>>,
    /// The stretch before, for its packets that come late.
    previous: Option<Box<Stretch>>,
    before: Option<Before>,
    highest: Option<u64>,
    newest: Option<Newest>,
    carry: Carry,
    switches: u64,
}

impl Projection {
    /// A projection with timestamps of `rate`; `highest` is the highest index its SSRC already
    /// used with the receiver's keys.
    pub fn new(rate: u32, highest: Option<u64>, left_off: LeftOff) -> Self {
        Self {
            rate,
            whole: false,
            current: None,
            previous: None,
            before: None,
            highest,
            newest: left_off.newest,
            carry: left_off.carry,
            switches: 0,
        }
    }

    /// One stream passed on as it is: its numbers change only where it is interrupted, by new keys
    /// or by packets that the bridge itself dropped.
    ///
    /// There they go on without a gap, since who misses half of their range loses count of SRTP's
    /// roll-overs.
    pub fn whole(highest: Option<u64>) -> Self {
        Self { whole: true, ..Self::new(0, highest, LeftOff::default()) }
    }

    /// Where the outgoing stream stands.
    pub fn left_off(&self) -> LeftOff {
        LeftOff { newest: self.newest, carry: self.carry }
    }

    /// The newest timestamp sent.
    pub fn timestamp(&self) -> u32 {
        self.newest.as_ref().map_or(0, |newest| newest.timestamp)
    }

    /// The highest index used so far.
    pub fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// The encoding being forwarded.
    pub fn encoding(&self) -> Option<u8> {
        self.current.as_ref().map(|stretch| stretch.encoding)
    }

    /// The highest spatial layer being forwarded.
    pub fn spatial(&self) -> u8 {
        self.current.as_ref().map_or(0, |stretch| stretch.layers.codec().spatial())
    }

    /// The highest temporal layer being forwarded.
    pub fn temporal(&self) -> u8 {
        self.current.as_ref().map_or(0, |stretch| stretch.layers.codec().temporal())
    }

    /// How often the encoding has changed.
    pub fn switches(&self) -> u64 {
        self.switches
    }

    /// What to add to timestamps of this encoding now; `None` when it isn't being forwarded.
    pub fn shift(&self, encoding: u8) -> Option<u32> {
        let current = self.current.as_ref()?;
        (self.whole || current.encoding == encoding).then_some(current.shift)
    }

    /// Fetch what `place` needs.
    #[inline]
    pub fn prefetch(&self) {
        if let Some(stretch) = &self.current {
            prefetch(&stretch.ssrc);
            prefetch(&stretch.layers);
            stretch.numbering.prefetch();
        }
    }

    /// Memory held beyond the struct itself.
    pub fn memory(&self) -> usize {
        let stretches = [&self.current, &self.previous].into_iter().flatten();
        stretches.map(|stretch| size_of::<Stretch>() + stretch.layers.memory()).sum()
    }

    /// Send nothing until the next keyframe.
    pub fn pause(&mut self) {
        self.retire();
        self.previous = None;
    }

    /// The receiver has new keys: it counts roll-overs from zero again.
    pub fn rekeyed(&mut self) {
        self.previous = None;
        let Some(highest) = self.highest.take() else {
            return;
        };
        if let Some(current) = &mut self.current {
            let next = current.numbering.next().max(highest + 1);
            current.numbering.lower(next >> 16 << 16);
        }
    }

    /// Decide about a packet.
    #[inline]
    pub fn place(&mut self, input: &Input<'_>, aim: Aim, now_ns: u64) -> Outcome {
        if self.whole {
            return self.pass(input, aim, now_ns);
        }
        let Some(wanted) = aim.encoding else {
            return Outcome::LeftOut;
        };
        let codec = input.facts.codec;
        match &mut self.current {
            Some(stretch) if stretch.is_of(input) && stretch.layers.takes(codec) => {
                if stretch.starts_over(input) {
                    self.begin(input, aim, now_ns);
                }
                return self.go_on(input, aim, now_ns);
            }
            _ => {}
        }
        if let Some(previous) = &mut self.previous
            && previous.is_of(input)
            && previous.layers.takes(codec)
            && input.index <= previous.numbering.highest()
        {
            let output = previous.place(input, aim, &mut self.carry);
            return output.map_or(Outcome::LeftOut, Outcome::Forward);
        }
        if input.encoding != wanted || input.facts.padding {
            return Outcome::LeftOut;
        }
        if !input.facts.keyframe && has_keyframes(codec) {
            return Outcome::Waiting;
        }
        self.begin(input, aim, now_ns);
        match self.go_on(input, aim, now_ns) {
            Outcome::Forward(output) => Outcome::Forward(Output { begins: true, ..output }),
            other => other,
        }
    }

    fn pass(&mut self, input: &Input<'_>, aim: Aim, now_ns: u64) -> Outcome {
        if !self.current.as_ref().is_some_and(|stretch| stretch.is_of(input)) {
            self.begin(input, aim, now_ns);
        }
        self.go_on(input, aim, now_ns)
    }

    fn go_on(&mut self, input: &Input<'_>, aim: Aim, now_ns: u64) -> Outcome {
        let Some(stretch) = &mut self.current else {
            return Outcome::Late;
        };
        let newest = input.index >= stretch.numbering.highest();
        let Some(output) = stretch.place(input, aim, &mut self.carry) else {
            return match newest {
                true if stretch.layers.codec().waits(input, aim) => Outcome::Waiting,
                true => Outcome::LeftOut,
                false => Outcome::Late,
            };
        };
        self.highest = Some(self.highest.map_or(output.index, |high| high.max(output.index)));
        if newest {
            self.newest = Some(Newest { timestamp: output.timestamp, at_ns: now_ns });
        }
        Outcome::Forward(output)
    }

    /// The first packet ever keeps its sequence number and starts the receiver's roll-over
    /// counter at zero; from then on numbers go on, since an index must never be used twice with
    /// one key.
    fn begin(&mut self, input: &Input<'_>, aim: Aim, now_ns: u64) {
        // What is still missing of the stretch before keeps its room.
        let reserved = self.current.as_ref().map_or(0, |stretch| stretch.numbering.next());
        let out = match self.highest {
            Some(highest) => reserved.max(highest + 1),
            None if reserved > 0 => reserved,
            None if self.whole => input.index & 0xffff,
            // Far from a roll-over: who misses it with the first packets can never read the stream,
            // since SRTP's counter starts at zero with whatever comes first.
            None => input.index & 0x7fff,
        };
        if let Some(stretch) = &self.current {
            stretch.layers.codec().reserve(&mut self.carry);
        }
        self.retire();
        // What came in another order than sent has a place, unless a keyframe must come first.
        let begins_anywhere = self.whole || !has_keyframes(input.facts.codec);
        let room = if self.highest.is_none() && begins_anywhere { out } else { 0 };
        let timestamp = match &self.newest {
            Some(newest) if !self.whole => {
                let first = First {
                    ssrc: input.ssrc,
                    epoch: input.epoch,
                    timestamp: input.timestamp,
                    sender_time: input.sender_time,
                };
                clock::start(newest, self.before.as_ref(), &first, self.rate, now_ns)
            }
            _ => input.timestamp,
        };
        let layers = if self.whole { Layers::Whole } else { Layers::new(input, aim, &self.carry) };
        self.switches += 1;
        self.current = Some(Box::new(Stretch {
            ssrc: input.ssrc,
            encoding: input.encoding,
            epoch: input.epoch,
            shift: timestamp.wrapping_sub(input.timestamp),
            left_out: input.left_out,
            numbering: Numbering::new(input.index, out).with_room(room),
            layers,
            sender_time: input.sender_time,
        }));
    }

    fn retire(&mut self) {
        let Some(stretch) = self.current.take() else {
            return;
        };
        self.before = Some(Before {
            ssrc: stretch.ssrc,
            epoch: stretch.epoch,
            shift: stretch.shift,
            sender_time: stretch.sender_time,
        });
        self.previous = Some(stretch);
    }
}

/// Whether keyframes of this codec are recognised.
fn has_keyframes(codec: Codec) -> bool {
    !matches!(codec, Codec::Other | Codec::Rtx)
}

/// The picture with these numbers that is closest to `newest`; `None` when it has no id.
fn numbered(newest: u64, numbers: &Numbers) -> Option<u64> {
    let bits = if numbers.wide { 15 } else { 7 };
    Some(extend(newest, numbers.picture_id?.into(), bits))
}

/// The number closest to `newest` whose lowest `bits` bits are `low`.
fn extend(newest: u64, low: u32, bits: u32) -> u64 {
    let modulus = 1u64 << bits;
    let ahead = u64::from(low).wrapping_sub(newest) & (modulus - 1);
    if ahead < modulus / 2 { newest + ahead } else { newest + ahead - modulus }
}
