//! RTP: header, extensions both ways, RTX, and the payloads of every codec.
#![no_main]

use libfuzzer_sys::fuzz_target;
use octoengine::rtp::extension::{Elements, Extension, MOST_WRITTEN, Stamps, write};
use octoengine::rtp::{Codec, Extensions, Facts, Header, payload, rtx, vp8};

fuzz_target!(|data: &[u8]| {
    let Some(header) = Header::parse(data) else { return };
    assert!(header.len <= data.len());
    let head = &data[..header.len];
    for (id, element) in Elements::of(head) {
        assert!(id != 0 && element.len() <= 255);
    }
    let mut extensions = Extensions::default();
    extensions.set(Extension::AudioLevel, data[0] & 0xf);
    extensions.set(Extension::TransportCc, data[1]);
    extensions.set(Extension::Mid, 3);
    extensions.set(Extension::DependencyDescriptor, data[2] & 0xf);
    extensions.set(Extension::LayersAllocation, data[3]);
    let values = extensions.read(head);
    let (descriptor, layers) = (values.descriptor.within(head), values.layers.within(head));
    let mut out = vec![0; MOST_WRITTEN + descriptor.len() + layers.len()];
    let stamps = Stamps {
        audio_level: values.audio_level,
        video_orientation: values.video_orientation,
        abs_send_time: Some(7),
        transport_cc: Some(9),
        mid: b"v0",
        descriptor,
        layers,
    };
    assert!(write(&mut out, &extensions, &stamps) <= out.len());
    if let Some(body) = payload(data, &header) {
        for codec in [Codec::Vp8, Codec::H264, Codec::Vp9, Codec::Av1, Codec::Other] {
            Facts::read(codec, body);
        }
        if let Some(descriptor) = vp8::parse(body) {
            let mut patched = body.to_vec();
            descriptor.numbers.patch(u16::from(data[2]), data[3]).apply(&mut patched);
            assert_eq!(vp8::parse(&patched).map(|after| after.len), Some(descriptor.len));
        }
    }
    let mut packet = data.to_vec();
    if let Some(restored) = rtx::restore(&mut packet, &header, 100, 99) {
        assert_eq!(Header::parse(&packet[rtx::OSN..]), Some(restored));
    }
});
