//! A model of a sender with three spatial layers in one stream, and what must hold of what goes on.

use super::{Input, LeftOff, Outcome, Output, Projection};
use crate::instruction::Aim;
use crate::rtp::{Codec, Facts};
use proptest::prelude::*;
use std::collections::{HashMap, HashSet};

const FRAME_NS: u64 = 33_000_000;
/// Temporal layer of four pictures in a row, and how far back each refers.
const PATTERN: [(u8, u64); 4] = [(0, 4), (2, 1), (1, 2), (2, 1)];
const SPATIAL: u8 = 3;
/// From here on a wish's `lost` means the whole picture.
const WHOLE: u8 = 35;

/// A frame: number of its picture, and its spatial layer.
type Frame = (u64, u8);

#[derive(Clone, Debug)]
struct Sent {
    frame: Frame,
    refers_to: Vec<Frame>,
    index: u64,
    facts: Facts,
    aim: Aim,
    marker: bool,
}

/// One picture's time.
#[derive(Clone, Copy, Debug)]
struct Wish {
    aim: Aim,
    key: bool,
    /// Which of its packets gets lost, from 1; 0 = none.
    lost: u8,
    packets: u8,
}

fn wishes() -> impl Strategy<Value = Vec<Wish>> {
    let wish = (0u8..3, 0u8..3, 0u8..12, 0u8..40, 1u8..3);
    let wish = wish.prop_map(|(spatial, temporal, key, lost, packets)| Wish {
        aim: Aim { encoding: Some(0), spatial, temporal },
        key: key == 0,
        lost,
        packets,
    });
    proptest::collection::vec((wish, 1usize..12), 1..20)
        .prop_map(|runs| runs.into_iter().flat_map(|(wish, times)| vec![wish; times]).collect())
}

/// The payload of a packet, by RFC 9628 §4.2.
fn payload(sent: &Sent, flexible: bool, temporal: u8, tl0: u8, start: bool, end: bool) -> Vec<u8> {
    let (picture, spatial) = sent.frame;
    let back: Vec<_> = sent.refers_to.iter().filter(|it| it.0 != picture).collect();
    let bit = |set: bool, at: u8| u8::from(set) << at;
    let within = back.len() != sent.refers_to.len();
    let mut payload =
        vec![0xa0 | bit(!back.is_empty(), 6) | bit(flexible, 4) | bit(start, 3) | bit(end, 2)];
    payload.extend_from_slice(&(0x8000 | (picture as u16 & 0x7fff)).to_be_bytes());
    payload.push(temporal << 5 | 0x10 | spatial << 1 | u8::from(within));
    match flexible {
        true => payload.extend(back.iter().map(|it| ((picture - it.0) as u8) << 1)),
        false => payload.push(tl0),
    }
    payload.push(0xff);
    payload
}

/// All packets of a call, in the order sent; each upper layer refers to the one below it in key
/// pictures only.
fn stream(wishes: &[Wish], flexible: bool, first: u64) -> Vec<(Sent, bool)> {
    let (mut sent, mut index, mut base, mut tl0) = (Vec::new(), 65_000, first, 200u8);
    for (picture, wish) in (first..).zip(wishes) {
        let key = wish.key || picture == first;
        let since = picture - if key { picture } else { base };
        let (temporal, back) = PATTERN[(since % 4) as usize];
        if key {
            base = picture;
        }
        tl0 = tl0.wrapping_add(u8::from(temporal == 0));
        for spatial in 0..SPATIAL {
            let refers_to = match (key, spatial) {
                (true, 0) => vec![],
                (true, _) => vec![(picture, spatial - 1)],
                (false, _) => vec![(picture - back, spatial)],
            };
            for at in 0..wish.packets {
                let last = at + 1 == wish.packets;
                let mut packet = Sent {
                    frame: (picture, spatial),
                    refers_to: refers_to.clone(),
                    index,
                    facts: Facts::default(),
                    aim: wish.aim,
                    marker: last && spatial + 1 == SPATIAL,
                };
                let payload = payload(&packet, flexible, temporal, tl0, at == 0, last);
                packet.facts = Facts::read(Codec::Vp9, &payload);
                let number = spatial * wish.packets + at;
                let lost = wish.lost == number + 1 || wish.lost >= WHOLE;
                sent.push((packet, lost && picture != first));
                index += 1;
            }
        }
    }
    sent
}

/// The same where nothing is lost.
fn unbroken(wishes: &[Wish], flexible: bool, first: u64) -> Vec<Sent> {
    stream(wishes, flexible, first).into_iter().map(|it| it.0).collect()
}

fn run(projection: &mut Projection, sent: &[Sent]) -> Vec<(Sent, Outcome)> {
    let place = |packet: &Sent| {
        let input = Input {
            ssrc: 1,
            encoding: 0,
            epoch: 1,
            index: packet.index,
            timestamp: packet.frame.0 as u32 * 3_000,
            facts: &packet.facts,
            left_out: 0,
            sender_time: None,
        };
        projection.place(&input, packet.aim, packet.frame.0 * FRAME_NS)
    };
    let outcomes: Vec<_> = sent.iter().map(place).collect();
    sent.iter().cloned().zip(outcomes).collect()
}

fn forwarded(all: &[(Sent, Outcome)]) -> Vec<(Sent, Output)> {
    all.iter()
        .filter_map(|(sent, outcome)| match outcome {
            Outcome::Forward(output) => Some((sent.clone(), *output)),
            _ => None,
        })
        .collect()
}

fn all_refer_to_what_went(
    arrived: &[(Sent, Outcome)],
    out: &[(Sent, Output)],
) -> Result<(), TestCaseError> {
    let seen: HashSet<_> = arrived.iter().map(|(sent, _)| sent.frame).collect();
    let went: HashSet<_> = out.iter().map(|(sent, _)| sent.frame).collect();
    for (sent, _) in out {
        for frame in &sent.refers_to {
            prop_assert!(went.contains(frame) || !seen.contains(frame), "{sent:?}");
        }
    }
    Ok(())
}

fn late(mut sent: Vec<(Sent, bool)>, by: usize) -> Vec<Sent> {
    // What is lost comes later, as a repair; with `by` 0 never.
    let lost: Vec<_> = sent.iter().filter(|it| it.1).map(|it| it.0.clone()).collect();
    sent.retain(|it| !it.1);
    let mut kept: Vec<_> = sent.into_iter().map(|it| it.0).collect();
    for mut packet in lost.into_iter().filter(|_| by > 0) {
        let at = kept.iter().position(|it| it.index > packet.index).unwrap_or(kept.len());
        let at = (at + by).min(kept.len());
        packet.aim = kept[at - 1].aim;
        kept.insert(at, packet);
    }
    kept
}

proptest! {
    #[test]
    fn what_goes_can_be_decoded(
        wishes in wishes(), flexible: bool, by in 0usize..9, first in 0x7ff0u64..0x8000,
    ) {
        let mut projection = Projection::new(90_000, None, LeftOff::default());
        let arrived = run(&mut projection, &late(stream(&wishes, flexible, first), by));
        let out = forwarded(&arrived);
        prop_assert!(out.iter().any(|(sent, _)| sent.frame == (first, 0)));
        all_refer_to_what_went(&arrived, &out)?;
        let mut indexes = HashSet::new();
        for (_, output) in &out {
            prop_assert!(indexes.insert(output.index));
        }
    }

    #[test]
    fn without_loss_nothing_is_missing_or_more_than_wished(wishes in wishes(), flexible: bool) {
        let sent = unbroken(&wishes, flexible, 5);
        let mut projection = Projection::new(90_000, None, LeftOff::default());
        let out = forwarded(&run(&mut projection, &sent));
        prop_assert!(out.windows(2).all(|pair| pair[1].1.index == pair[0].1.index + 1));
        // The last packet of each picture says that it is the last, and no other does.
        let mut last: HashMap<u64, u64> = HashMap::new();
        for (sent, _) in &out {
            last.insert(sent.frame.0, sent.index);
        }
        for (sent, output) in &out {
            let marked = sent.marker || output.patch.marker;
            prop_assert_eq!(marked, last[&sent.frame.0] == sent.index, "{:?}", sent);
            prop_assert!(sent.frame.1 <= sent.aim.spatial);
            prop_assert!(sent.facts.vp9.temporal_layer <= sent.aim.temporal);
        }
        // A key picture brings what is wished at once; every base picture goes.
        let went: HashSet<_> = out.iter().map(|(sent, _)| sent.frame).collect();
        for packet in &sent {
            let facts = &packet.facts.vp9;
            if !facts.predicted {
                prop_assert_eq!(went.contains(&packet.frame), packet.frame.1 <= packet.aim.spatial);
            }
            prop_assert!(facts.temporal_layer > 0 || went.contains(&(packet.frame.0, 0)));
        }
        // Picture ids keep their distances.
        let ids: HashSet<_> = out
            .iter()
            .map(|(sent, output)| (sent.frame.0 as u16).wrapping_sub(output.patch.picture_id))
            .collect();
        prop_assert!(ids.len() <= 1);
    }

    #[test]
    fn an_encoder_that_begins_anew_goes_on_where_it_left_off(
        wishes in wishes(), flexible: bool, again in 0u64..0x7fff,
    ) {
        let mut projection = Projection::new(90_000, None, LeftOff::default());
        let sent = unbroken(&wishes, flexible, 300);
        let before = forwarded(&run(&mut projection, &sent));
        let mut anew = unbroken(&wishes, flexible, again);
        let next = sent[sent.len() - 1].index + 1 - anew[0].index;
        anew.iter_mut().for_each(|it| it.index += next);
        let after = forwarded(&run(&mut projection, &anew));
        let (last, first) = (&before[before.len() - 1].1, &after[0].1);
        prop_assert_eq!(first.index, last.index + 1);
        let step = first.patch.picture_id.wrapping_sub(last.patch.picture_id) & 0x7fff;
        prop_assert!(step > 0 && step < 0x4000, "{step}");
    }
}

#[test]
fn a_layer_wanted_waits_for_a_keyframe() {
    let low = Aim { encoding: Some(0), spatial: 0, temporal: 2 };
    let wish = |aim: Aim, key: bool| Wish { aim, key, lost: 0, packets: 1 };
    let high = Aim { spatial: 1, ..low };
    let wishes = [wish(low, true), wish(high, false), wish(high, true)];
    let sent = unbroken(&wishes, true, 1);
    let mut projection = Projection::new(90_000, None, LeftOff::default());
    let all = run(&mut projection, &sent);
    let fate = |at: usize| match all[at].1 {
        Outcome::Forward(_) => "goes",
        Outcome::Waiting => "waits",
        _ => "left out",
    };
    let fates: Vec<_> = (0..9).map(fate).collect();
    let [goes, waits, out] = ["goes", "waits", "left out"];
    assert_eq!(fates, [goes, out, out, goes, waits, out, goes, goes, out]);
    assert_eq!(projection.spatial(), 1);
}
