//! Streams as their receivers see them.

use super::{Plan, Shape, Stream};
use crate::rtp::{Header, payload, vp8};

const MS: u64 = 1_000_000;
const VIDEO: Shape = Shape {
    video: true,
    payload_type: 100,
    payload_bytes: 1_100,
    interval_ns: 1_000_000_000 / 30,
    frame_bytes: 2_000_000 / 8 / 30,
    temporal_layers: 3,
    size: (1280, 720),
    rtx_ssrc: 8,
    rtx_payload_type: 96,
};

fn run(stream: &mut Stream, from_ms: u64, to_ms: u64) -> Vec<Plan> {
    let mut plans = Vec::new();
    for now in (from_ms..to_ms).step_by(2) {
        stream.advance(now * MS, &mut plans);
    }
    plans
}

fn bytes(plan: &Plan) -> Vec<u8> {
    let mut out = vec![0; super::LONGEST_PACKET];
    let len = plan.write(7, &VIDEO, &mut out);
    out.truncate(len);
    out
}

#[test]
fn the_bitrate_holds_over_keyframes() {
    let mut stream = Stream::new(7, VIDEO, 0, 0, 0);
    run(&mut stream, 0, 30_000);
    assert_eq!(stream.keyframes(), 3);
    let rate = stream.bytes * 8 / 30;
    assert!((1_900_000..2_050_000).contains(&rate), "{rate}");
}

#[test]
fn every_frame_is_real_vp8_and_ends_with_a_marker() {
    let mut stream = Stream::new(7, VIDEO, 0, 0, 0);
    let (mut starts, mut markers) = (0, 0);
    for plan in run(&mut stream, 0, 2_000) {
        let packet = bytes(&plan);
        let header = Header::parse(&packet).unwrap();
        let descriptor = vp8::parse(payload(&packet, &header).unwrap()).unwrap();
        assert_eq!(descriptor.frame_start, starts == markers);
        assert_eq!(descriptor.keyframe, plan.index == 0);
        starts += u32::from(descriptor.frame_start);
        markers += u32::from(header.marker);
    }
    assert_eq!((starts, markers), (60, 60));
}

#[test]
fn layers_take_turns_and_only_the_base_counts_up() {
    let mut stream = Stream::new(7, VIDEO, 0, 0, 0);
    let plans = run(&mut stream, 0, 1_000);
    let frames: Vec<_> = plans.iter().filter(|plan| plan.place.start).collect();
    let layers: Vec<_> = frames.iter().map(|plan| plan.place.temporal_layer).collect();
    assert_eq!(layers[..8], [0, 2, 1, 2, 0, 2, 1, 2]);
    let bases: Vec<_> = frames.iter().map(|plan| plan.place.tl0_picture_index).collect();
    assert_eq!(bases[..8], [1, 1, 1, 1, 2, 2, 2, 2]);
    let ids =
        frames.windows(2).all(|pair| pair[1].place.picture_id == pair[0].place.picture_id + 1);
    assert!(ids);
}

#[test]
fn what_is_sent_again_is_the_same() {
    let mut stream = Stream::new(7, VIDEO, 65_500, 0, 0);
    let plans = run(&mut stream, 0, 3_000);
    let newest = plans.last().unwrap().index;
    for plan in plans.iter().filter(|plan| plan.index + 150 > newest) {
        let again = stream.resend(plan.index as u16, 3_000 * MS).unwrap();
        assert_eq!((again.index, bytes(&again)), (plan.index, bytes(plan)));
    }
    assert!(stream.resend(newest as u16, 3_001 * MS).is_none(), "twice within 5 ms");
    assert!(stream.resend(plans[0].index as u16, 3_000 * MS).is_none(), "long gone");
    assert!(stream.resend(newest as u16 + 1, 3_000 * MS).is_none(), "not yet sent");
}

#[test]
fn a_keyframe_comes_when_asked_for_but_not_twice_at_once() {
    let mut stream = Stream::new(7, VIDEO, 0, 0, 0);
    run(&mut stream, 0, 1_000);
    stream.want_keyframe(1_000 * MS);
    run(&mut stream, 1_000, 1_050);
    stream.want_keyframe(1_050 * MS);
    run(&mut stream, 1_050, 2_000);
    assert_eq!(stream.keyframes(), 2);
}

#[test]
fn a_stall_is_skipped_not_made_up_for() {
    let mut stream = Stream::new(7, VIDEO, 0, 0, 0);
    run(&mut stream, 0, 100);
    let (before, mut plans) = (stream.keyframes(), Vec::new());
    assert!(stream.advance(60_000 * MS, &mut plans) > 1_700);
    assert!(plans.len() < 60 && stream.keyframes() <= before + 1);
}
