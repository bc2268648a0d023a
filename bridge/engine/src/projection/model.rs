//! A model of a simulcast sender: three encodings, temporal layers, what receivers ask for.

use super::{Input, Outcome, Output, Projection, SenderTime};
use crate::instruction::Aim;
use crate::rtp::vp8::{self, Place};
use crate::rtp::{Codec, Facts};
use proptest::prelude::*;

pub const FRAME_NS: u64 = 33_000_000;
pub const FRAME_TICKS: u32 = 2_970;
/// Temporal layers of four frames in a row, and which of them refer to the base only.
pub const PATTERN: [(u8, bool); 4] = [(0, false), (2, true), (1, true), (2, false)];

/// One packet of the model's sender.
#[derive(Clone, Debug)]
pub struct Sent {
    pub encoding: u8,
    pub index: u64,
    pub timestamp: u32,
    pub facts: Facts,
    /// Number of its frame in its encoding, its layer, and frames it refers to.
    pub frame: u64,
    pub refers_to: Vec<u64>,
    pub at_ns: u64,
    pub time: SenderTime,
}

/// An encoder of one encoding.
pub struct Encoder {
    pub encoding: u8,
    pub index: u64,
    pub picture: u16,
    pub tl0: u8,
    pub frame: u64,
    pub since_key: u64,
    /// Newest frame of each layer since the keyframe.
    pub newest: [Option<u64>; 3],
    pub start: u32,
}

impl Encoder {
    pub fn new(encoding: u8) -> Self {
        let unlike = u64::from(encoding) * 31_000;
        Self {
            encoding,
            index: 60_000 + unlike,
            picture: 0x7ff0 + u16::from(encoding),
            tl0: 250,
            frame: 0,
            since_key: 0,
            newest: [None; 3],
            start: u32::MAX - 5_000 - u32::from(encoding) * 1_000_000,
        }
    }

    pub fn frame(&mut self, number: u64, key: bool, packets: u64) -> Vec<Sent> {
        let key = key || self.frame == 0;
        if key {
            self.since_key = 0;
            self.newest = [None; 3];
        }
        let (layer, sync) = PATTERN[(self.since_key % 4) as usize];
        self.frame += 1;
        self.since_key += 1;
        self.picture = (self.picture + 1) & 0x7fff;
        self.tl0 = self.tl0.wrapping_add(u8::from(layer == 0));
        let seen = if sync { 1 } else { usize::from(layer) + 1 };
        let refers_to = self.newest[..seen].iter().flatten().copied().collect::<Vec<_>>();
        self.newest[usize::from(layer)] = Some(self.frame);
        let place = Place {
            start: true,
            keyframe: key,
            picture_id: self.picture,
            tl0_picture_index: self.tl0,
            temporal_layer: layer,
            size: (640, 360),
        };
        let timestamp = self.start.wrapping_add(number as u32 * FRAME_TICKS);
        (0..packets)
            .map(|at| {
                self.index += 1;
                Sent {
                    encoding: self.encoding,
                    index: self.index,
                    timestamp,
                    facts: facts(&Place { start: at == 0, ..place }, sync),
                    frame: self.frame,
                    refers_to: refers_to.clone(),
                    at_ns: number * FRAME_NS,
                    time: SenderTime { ntp: 7 << 32, timestamp: self.start },
                }
            })
            .collect()
    }
}

pub fn facts(place: &Place, sync: bool) -> Facts {
    let mut payload = [0; 64];
    vp8::write(&mut payload, place, 500);
    // The writer marks every frame as one to synchronise on.
    payload[5] = place.temporal_layer << 6 | if sync { 0x20 } else { 0 };
    Facts::read(Codec::Vp8, &payload)
}

/// What a receiver asked for while the model ran.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    pub aim: Aim,
    pub key: bool,
}

pub fn wishes() -> impl Strategy<Value = Vec<Wish>> {
    let wish = (0u8..8, 0u8..3, 0u8..10).prop_map(|(encoding, temporal, key)| Wish {
        aim: Aim { encoding: (encoding < 7).then_some(encoding % 3), spatial: 2, temporal },
        key: key == 0,
    });
    proptest::collection::vec((wish, 1usize..12), 4..25)
        .prop_map(|wishes| wishes.into_iter().flat_map(|(wish, times)| vec![wish; times]).collect())
}

pub fn stream(wishes: &[Wish]) -> Vec<(Sent, Aim)> {
    let mut encoders = [0, 1, 2].map(Encoder::new);
    let mut all = Vec::new();
    for (number, wish) in wishes.iter().enumerate() {
        let number = number as u64;
        // A request refreshes all encodings, as Chromium's does.
        let changed = number > 0 && wishes[number as usize - 1].aim != wish.aim;
        for encoder in &mut encoders {
            let packets = 1 + u64::from(encoder.encoding) + number % 2;
            let frame = encoder.frame(number, wish.key || changed, packets);
            all.extend(frame.into_iter().map(|sent| (sent, wish.aim)));
        }
    }
    all
}

pub fn input(sent: &Sent) -> Input<'_> {
    Input {
        ssrc: sent.encoding.into(),
        encoding: sent.encoding,
        epoch: 1,
        index: sent.index,
        timestamp: sent.timestamp,
        facts: &sent.facts,
        left_out: 0,
        sender_time: Some(sent.time),
    }
}

pub fn run(projection: &mut Projection, packets: &[(Sent, Aim)]) -> Vec<(Sent, Output)> {
    let mut out = Vec::new();
    let mut last = None;
    for (sent, aim) in packets {
        if aim.encoding.is_none() && last != Some(*aim) {
            projection.pause();
        }
        last = Some(*aim);
        if let Outcome::Forward(output) = projection.place(&input(sent), *aim, sent.at_ns) {
            out.push((sent.clone(), output));
        }
    }
    out
}
