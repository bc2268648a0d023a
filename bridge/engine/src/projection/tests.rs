//! Projections against a model of simulcast senders, on good lines and bad ones.

use super::model::{Encoder, FRAME_NS, FRAME_TICKS, Sent, run, stream, wishes};
use super::{Input, LeftOff, Outcome, Output, Projection};
use crate::instruction::Aim;
use crate::rtp::{Codec, Facts};
use proptest::prelude::*;
use std::collections::{BTreeMap, HashMap, HashSet};

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
    let aim = Aim { encoding: Some(1), spatial: 2, temporal: 2 };
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
fn an_encoder_that_numbers_anew_goes_on_without_a_seam() {
    let mut projection = Projection::new(90_000, None, LeftOff::default());
    let mut encoder = Encoder::new(1);
    let mut packets = encoder.frame(0, true, 2);
    packets.extend(encoder.frame(1, false, 1));
    encoder.picture = (encoder.picture - 3_000) & 0x7fff;
    encoder.tl0 = 3;
    packets.extend(encoder.frame(2, true, 2));
    packets.extend(encoder.frame(3, false, 1));
    let aim = Aim { encoding: Some(1), spatial: 2, temporal: 2 };
    let packets: Vec<_> = packets.into_iter().map(|sent| (sent, aim)).collect();
    let out = run(&mut projection, &packets);
    assert_eq!(out.len(), 6);
    let first = out[0].1.patch.picture_id;
    let ids = out.iter().map(|(_, output)| output.patch.picture_id.wrapping_sub(first) & 0x7fff);
    assert_eq!(ids.collect::<Vec<_>>(), [0, 0, 1, 2, 2, 3]);
    assert!(out.windows(2).all(|pair| pair[1].1.index == pair[0].1.index + 1));
    assert_eq!(out[5].1.timestamp.wrapping_sub(out[0].1.timestamp), 3 * FRAME_TICKS);
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

/// A receiver that misses the first packets must not miss the roll-over with them: SRTP's counter
/// starts at zero with whatever comes first.
#[test]
fn a_stream_begins_far_from_its_roll_over() {
    let facts = Facts::default();
    let aim = Aim { encoding: Some(0), spatial: 2, temporal: 2 };
    for (index, out) in [(65_530, 32_762), (70_000, 4_464), (200, 200)] {
        let input = Input {
            ssrc: 1,
            encoding: 0,
            epoch: 1,
            index,
            timestamp: 0,
            facts: &facts,
            left_out: 0,
            sender_time: None,
        };
        let mut projection = Projection::new(48_000, None, LeftOff::default());
        let Outcome::Forward(output) = projection.place(&input, aim, 0) else {
            panic!("a first packet goes on");
        };
        assert_eq!(output.index, out);
    }
}
