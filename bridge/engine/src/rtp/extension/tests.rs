//! Extensions written and read in both forms.

use super::{Elements, Extension, Extensions, LONGEST_MID, MOST_WRITTEN, Stamps, Values, write};
use proptest::prelude::*;

fn header(block: &[u8]) -> Vec<u8> {
    let mut header = vec![0x90, 96, 0, 5, 0, 0, 0, 9, 0, 0, 0, 7];
    header.extend_from_slice(block);
    header
}

fn negotiated(first: u8) -> Extensions {
    let mut extensions = Extensions::default();
    let all = [
        Extension::AudioLevel,
        Extension::AbsSendTime,
        Extension::TransportCc,
        Extension::Mid,
        Extension::VideoOrientation,
        Extension::DependencyDescriptor,
        Extension::LayersAllocation,
    ];
    for (id, extension) in (first..=255).zip(all) {
        extensions.set(extension, id);
    }
    extensions
}

#[test]
fn both_forms_are_read_and_padding_is_passed_over() {
    let one = header(&[0xbe, 0xde, 0, 2, 0x10, 0x85, 0, 0x31, 0x12, 0x34, 0, 0]);
    let two = header(&[0x10, 0x07, 0, 2, 1, 1, 0x85, 0, 3, 2, 0x12, 0x34]);
    for header in [one, two] {
        let values = negotiated(1).read(&header);
        assert_eq!((values.audio_level, values.transport_cc), (Some(0x85), Some(0x1234)));
    }
}

#[test]
fn padding_with_a_length_ends_the_elements() {
    let header = header(&[0xbe, 0xde, 0, 2, 0x10, 0x85, 0x02, 1, 2, 3, 0x20, 0x07]);
    assert_eq!(Elements::of(&header).collect::<Vec<_>>(), [(1, &[0x85][..])]);
    // What nobody negotiated has no number either.
    assert_eq!(Extensions::default().read(&header), Values::default());
}

#[test]
fn what_follows_the_reserved_identifier_is_left_alone() {
    let header = header(&[0xbe, 0xde, 0, 1, 0xf0, 0, 0x10, 0x85]);
    assert_eq!(Elements::of(&header).count(), 0);
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        first in 1u8..=249, level: Option<u8>, orientation: Option<u8>,
        time in proptest::option::of(0u32..1 << 24), number: Option<u16>,
        mid in proptest::collection::vec(any::<u8>(), 0..=LONGEST_MID),
        descriptor in proptest::collection::vec(any::<u8>(), 0..=255),
        layers in proptest::collection::vec(any::<u8>(), 0..=40),
    ) {
        let extensions = negotiated(first);
        let stamps = Stamps {
            audio_level: level,
            video_orientation: orientation,
            abs_send_time: time,
            transport_cc: number,
            mid: &mid,
            descriptor: &descriptor,
            layers: &layers,
        };
        let mut out = vec![0xaa; MOST_WRITTEN + descriptor.len() + layers.len()];
        let len = write(&mut out, &extensions, &stamps);
        prop_assert_eq!(len % 4, 0);
        let header = header(&out[..len]);
        let values = extensions.read(&header);
        prop_assert_eq!(values.audio_level, level);
        prop_assert_eq!(values.video_orientation, orientation);
        prop_assert_eq!(values.abs_send_time, time);
        prop_assert_eq!(values.transport_cc, number);
        prop_assert_eq!(values.descriptor.within(&header), &descriptor[..]);
        prop_assert_eq!(values.layers.within(&header), &layers[..]);
        let id = extensions.id(Extension::Mid).unwrap();
        let found = Elements::of(&header).find(|element| element.0 == id);
        prop_assert_eq!(found.map_or(&[][..], |element| element.1), &mid[..]);
    }

    #[test]
    fn any_bytes_are_read_to_the_end(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let _ = negotiated(1).read(&bytes);
        prop_assert!(Elements::of(&bytes).count() <= bytes.len());
    }

    #[test]
    fn any_block_is_read_to_the_end(
        two: bool, data in proptest::collection::vec(any::<u8>(), 0..16),
    ) {
        let mut block = if two { vec![0x10, 0, 0] } else { vec![0xbe, 0xde, 0] };
        block.push((data.len() / 4) as u8);
        block.extend_from_slice(&data);
        let header = header(&block);
        prop_assert!(Elements::of(&header).count() <= data.len());
    }
}
