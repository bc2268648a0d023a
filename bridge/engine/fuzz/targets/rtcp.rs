//! Compound RTCP: reports, NACK, FIR, transport-wide feedback, and feedback written anew.
#![no_main]

use libfuzzer_sys::fuzz_target;
use octoengine::rtcp::transport_cc::{Feedback, body_len, write};
use octoengine::rtcp::{Packets, fir_targets, nacks, words};

fuzz_target!(|data: &[u8]| {
    for packet in Packets::new(data).flatten() {
        packet.reports().for_each(drop);
        nacks(&packet).flat_map(|nack| nack.sequences()).for_each(drop);
        fir_targets(&packet).for_each(drop);
        words(packet.body).for_each(drop);
        let Some(feedback) = Feedback::parse(&packet) else { continue };
        let told: Vec<_> = feedback.packets().collect();
        assert_eq!(told.len(), feedback.len());
        let ticks: Vec<_> = told.iter().map(|(_, ticks)| *ticks).collect();
        if !ticks.is_empty() && ticks.len() < 4_000 {
            let mut out = vec![0; body_len(&ticks)];
            write(&mut out, &ticks);
        }
    }
});
