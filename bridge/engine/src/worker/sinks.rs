//! What a sink makes of the packets it gets: counts, delays, repairs.

use super::media::Plain;
use crate::instruction::Kind;
use crate::rtp;
use crate::sink::Place;
use crate::transport::Transport;

/// Note a decrypted packet whose source stands in `transport`.
pub(super) fn note(transport: &mut Transport, arrived: &Plain, packet: &[u8], now_ns: u64) {
    let ssrc = arrived.header.ssrc;
    let Some(source) = transport.sources.get_mut(&ssrc) else {
        return;
    };
    let video = source.is_video();
    let before = source.reception.highest();
    let clock_rate = source.clock_rate().into();
    let timestamp = arrived.header.timestamp;
    source.reception.packet(arrived.index, arrived.len, timestamp, clock_rate, now_ns);
    if source.kind == Some(Kind::Rtx) {
        return repair(transport, arrived, packet, now_ns);
    }
    let Some(sink) = &mut source.sink else {
        return;
    };
    sink.sequence(before, arrived.index, now_ns);
    // Padding alone carries nothing.
    if let Some(payload) = rtp::payload(packet, &arrived.header).filter(|bytes| !bytes.is_empty()) {
        let place = Place { index: arrived.index, marker: arrived.header.marker };
        sink.packet(payload, place, video, now_ns);
    }
    if sink.wants() && !sink.listed {
        sink.listed = true;
        transport.wanting.push(ssrc);
    }
}

/// A packet of a repair stream brings one that was missing.
fn repair(transport: &mut Transport, arrived: &Plain, packet: &[u8], now_ns: u64) {
    let Some([high, low, payload @ ..]) = rtp::payload(packet, &arrived.header) else {
        return;
    };
    let sequence = u16::from_be_bytes([*high, *low]);
    // The source isn't always announced; the one that misses this number is meant.
    let repaired = transport.sources.values_mut().find_map(|source| {
        let video = source.is_video();
        let sink = source.sink.as_mut().filter(|_| video)?;
        Some((sink.repaired(sequence)?, sink))
    });
    if let Some((index, sink)) = repaired {
        sink.recovered += 1;
        let place = Place { index, marker: arrived.header.marker };
        sink.packet(payload, place, true, now_ns);
    }
}
