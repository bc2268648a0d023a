//! Projections against a model of simulcast senders: three encodings, temporal layers, a bad line.

use super::{Input, LeftOff, Outcome, Output, Projection, SenderTime};
use crate::instruction::Aim;
use crate::rtp::vp8::{self, Place};
use crate::rtp::{Codec, Facts};
use proptest::prelude::*;
use std::collections::{BTreeMap, HashMap, HashSet};

const FRAME_NS: u64 = 33_000_000;
const FRAME_TICKS: u32 = 2_970;
/// Temporal layers of four frames in a row, and which of them refer to the base only.
const PATTERN: [(u8, bool); 4] = [(0, false), (2, true), (1, true), (2, false)];

/// One packet of the model's sender.
#[derive(Clone, Debug)]
struct Sent {
    encoding: u8,
    index: u64,
    timestamp: u32,
    facts: Facts,
    /// Number of its frame in its encoding, its layer, and frames it refers to.
    frame: u64,
    refers_to: Vec<u64>,
    at_ns: u64,
    time: SenderTime,
}

/// An encoder of one encoding.
struct Encoder {
    encoding: u8,
    index: u64,
    picture: u16,
    tl0: u8,
    frame: u64,
    since_key: u64,
    /// Newest frame of each layer since the keyframe.
    newest: [Option<u64>; 3],
    start: u32,
}

impl Encoder {
    fn new(encoding: u8) -> Self {
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

    fn frame(&mut self, number: u64, key: bool, packets: u64) -> Vec<Sent> {
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

fn facts(place: &Place, sync: bool) -> Facts {
    let mut payload = [0; 64];
    vp8::write(&mut payload, place, 500);
    // The writer marks every frame as one to synchronise on.
    payload[5] = place.temporal_layer << 6 | if sync { 0x20 } else { 0 };
    Facts::read(Codec::Vp8, &payload)
}

/// What a receiver asked for while the model ran.
#[derive(Clone, Copy, Debug)]
struct Wish {
    aim: Aim,
    key: bool,
}

fn wishes() -> impl Strategy<Value = Vec<Wish>> {
    let wish = (0u8..8, 0u8..3, 0u8..10).prop_map(|(encoding, temporal, key)| Wish {
        aim: Aim { encoding: (encoding < 7).then_some(encoding % 3), temporal },
        key: key == 0,
    });
    proptest::collection::vec((wish, 1usize..12), 4..25)
        .prop_map(|wishes| wishes.into_iter().flat_map(|(wish, times)| vec![wish; times]).collect())
}

fn stream(wishes: &[Wish]) -> Vec<(Sent, Aim)> {
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

fn input(sent: &Sent) -> Input<'_> {
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

fn run(projection: &mut Projection, packets: &[(Sent, Aim)]) -> Vec<(Sent, Output)> {
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

fn no_index_twice(out: &[(Sent, Output)]) -> Result<(), TestCaseError> {
    let mut used = HashSet::new();
    for (_, output) in out {
        prop_assert!(used.insert(output.index), "index {} went out twice", output.index);
    }
    Ok(())
}

fn time_goes_on(out: &[(Sent, Output)]) -> Result<(), TestCaseError> {
    let mut sorted: Vec<_> = out.iter().map(|(_, output)| output).collect();
    sorted.sort_by_key(|output| output.index);
    for pair in sorted.windows(2) {
        let step = pair[1].timestamp.wrapping_sub(pair[0].timestamp) as i32;
        prop_assert!(step >= 0, "time went back by {step}");
    }
    Ok(())
}

fn nothing_refers_to_what_was_left_out(out: &[(Sent, Output)]) -> Result<(), TestCaseError> {
    let sent: HashSet<_> = out.iter().map(|(sent, _)| (sent.encoding, sent.frame)).collect();
    for (packet, _) in out {
        for other in &packet.refers_to {
            prop_assert!(
                sent.contains(&(packet.encoding, *other)),
                "frame {} of {} refers to {other}",
                packet.frame,
                packet.encoding
            );
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn in_order_the_stream_has_no_gaps(wishes in wishes()) {
        let mut projection = Projection::new(90_000, None, LeftOff::default());
        let out = run(&mut projection, &stream(&wishes));
        no_index_twice(&out)?;
        time_goes_on(&out)?;
        nothing_refers_to_what_was_left_out(&out)?;
        for pair in out.windows(2) {
            let [(before, a), (after, b)] = [&pair[0], &pair[1]];
            prop_assert_eq!(b.index, a.index + 1);
            let same = (before.encoding, before.frame) == (after.encoding, after.frame);
            let step = u16::from(!same);
            prop_assert_eq!(b.patch.picture_id, (a.patch.picture_id + step) & 0x7fff);
            prop_assert_eq!(b.timestamp == a.timestamp, same);
            let base = !same && after.facts.temporal_layer() == 0;
            prop_assert_eq!(
                b.patch.tl0_picture_index,
                a.patch.tl0_picture_index.wrapping_add(u8::from(base))
            );
            // Reports align the encodings, so the picture's own clock goes through; but for the
            // tick by which a picture already shown in another encoding is set off.
            let apart = after.at_ns.wrapping_sub(before.at_ns) / FRAME_NS;
            let expected = apart as u32 * FRAME_TICKS;
            prop_assert!(b.timestamp.wrapping_sub(a.timestamp).abs_diff(expected) <= 40);
        }
    }

    #[test]
    fn on_a_bad_line_nothing_is_sent_twice_or_out_of_its_place(
        wishes in wishes(),
        moves in proptest::collection::vec((0usize..12, 0u8..12), 0..300),
    ) {
        let mut packets = stream(&wishes);
        // Some packets are lost, some come late.
        for (at, (by, lost)) in moves.into_iter().enumerate() {
            let place = at * 3 % packets.len();
            if lost == 0 {
                packets.remove(place);
            } else {
                let to = (place + by).min(packets.len() - 1);
                let packet = packets.remove(place);
                packets.insert(to, packet);
            }
        }
        let mut projection = Projection::new(90_000, None, LeftOff::default());
        let out = run(&mut projection, &packets);
        no_index_twice(&out)?;
        // Within one encoding's stretch the sender's order is kept.
        let mut stretches: HashMap<(u8, u64), BTreeMap<u64, u64>> = HashMap::new();
        for (sent, output) in &out {
            let shift = sent.timestamp.wrapping_sub(output.timestamp);
            stretches.entry((sent.encoding, shift.into())).or_default().insert(sent.index, output.index);
        }
        for stretch in stretches.values() {
            prop_assert!(stretch.values().zip(stretch.values().skip(1)).all(|(a, b)| a < b));
        }
        // A picture has one id, and each id one picture.
        let mut ids: HashMap<u16, (u8, u64)> = HashMap::new();
        for (sent, output) in &out {
            let picture = (sent.encoding, sent.frame);
            prop_assert_eq!(*ids.entry(output.patch.picture_id).or_insert(picture), picture);
        }
    }

    #[test]
    fn a_slot_goes_on_with_another_source(first in wishes(), second in wishes()) {
        let mut projection = Projection::new(90_000, None, LeftOff::default());
        let mut out = run(&mut projection, &stream(&first));
        let (highest, left_off) = (projection.highest(), projection.left_off());
        let mut projection = Projection::new(90_000, highest, left_off);
        let mut packets = stream(&second);
        for (sent, _) in &mut packets {
            sent.at_ns += first.len() as u64 * FRAME_NS;
            sent.frame += 1_000_000;
            sent.refers_to.iter_mut().for_each(|frame| *frame += 1_000_000);
        }
        let seam = out.len();
        out.extend(run(&mut projection, &packets));
        no_index_twice(&out)?;
        time_goes_on(&out)?;
        if seam > 0 && seam < out.len() {
            let [before, after] = [&out[seam - 1].1, &out[seam].1];
            prop_assert_eq!(after.index, before.index + 1);
            prop_assert_eq!(after.patch.picture_id, (before.patch.picture_id + 1) & 0x7fff);
        }
    }
}

fn packet(codec: Codec, index: u64, keyframe: bool) -> (Facts, u64) {
    (Facts { codec, keyframe, ..Facts::default() }, index)
}

fn place(projection: &mut Projection, facts: &Facts, index: u64, encoding: u8) -> Outcome {
    let input = Input {
        ssrc: encoding.into(),
        encoding,
        epoch: 1,
        index,
        timestamp: index as u32 * 3_000,
        facts,
        left_out: 0,
        sender_time: None,
    };
    let aim = Aim { encoding: Some(1), temporal: 2 };
    projection.place(&input, aim, index * FRAME_NS)
}

#[test]
fn h264_waits_for_a_keyframe_of_the_encoding_wanted() {
    let mut projection = Projection::new(90_000, None, LeftOff::default());
    let (facts, index) = packet(Codec::H264, 500, false);
    assert_eq!(place(&mut projection, &facts, index, 1), Outcome::Waiting);
    let (facts, index) = packet(Codec::H264, 501, true);
    assert_eq!(place(&mut projection, &facts, index, 0), Outcome::LeftOut);
    assert!(matches!(place(&mut projection, &facts, index, 1), Outcome::Forward(_)));
    assert_eq!(projection.encoding(), Some(1));
}

#[test]
fn padding_leaves_no_gap() {
    let mut projection = Projection::new(90_000, None, LeftOff::default());
    let (facts, _) = packet(Codec::H264, 0, true);
    let padding = Facts { padding: true, ..Facts::default() };
    let first = place(&mut projection, &facts, 10, 1);
    assert_eq!(place(&mut projection, &padding, 11, 1), Outcome::LeftOut);
    let (Outcome::Forward(first), Outcome::Forward(next)) =
        (first, place(&mut projection, &facts, 12, 1))
    else {
        panic!("both go on");
    };
    assert_eq!(next.index, first.index + 1);
}

#[test]
fn silence_left_out_in_front_leaves_no_gap() {
    let mut projection = Projection::new(48_000, None, LeftOff::default());
    let facts = Facts::default();
    let aim = Aim::default();
    let mut at = |index: u64, left_out: u32| {
        let input = Input {
            ssrc: 0,
            encoding: 0,
            epoch: 1,
            index,
            timestamp: index as u32 * 960,
            facts: &facts,
            left_out,
            sender_time: None,
        };
        match projection.place(&input, aim, index * 20_000_000) {
            Outcome::Forward(output) => Some(output.index),
            _ => None,
        }
    };
    assert_eq!(at(70_000, 0), Some(70_000 & 0xffff));
    assert_eq!(at(70_101, 100), Some((70_000 & 0xffff) + 1));
    // Two were lost besides.
    assert_eq!(at(70_110, 106), Some((70_000 & 0xffff) + 4));
}

#[test]
fn a_receiver_with_new_keys_counts_roll_overs_from_zero() {
    let mut projection = Projection::new(48_000, Some(3 << 16 | 9), LeftOff::default());
    let facts = Facts::default();
    let first = Input {
        ssrc: 0,
        encoding: 0,
        epoch: 1,
        index: 77,
        timestamp: 0,
        facts: &facts,
        left_out: 0,
        sender_time: None,
    };
    let forwarded = |outcome| match outcome {
        Outcome::Forward(output) => output.index,
        other => panic!("{other:?}"),
    };
    let aim = Aim::default();
    assert_eq!(forwarded(projection.place(&first, aim, 0)), 3 << 16 | 10);
    projection.rekeyed();
    assert_eq!(forwarded(projection.place(&Input { index: 78, ..first }, aim, 0)), 11);
}
