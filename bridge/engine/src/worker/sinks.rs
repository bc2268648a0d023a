//! What a sink makes of the packets it gets: counts, delays, repairs.

use super::Worker;
use super::media::Plain;
use crate::counter::{Counter, Ledger};
use crate::instruction::Kind;
use crate::sink::Place;
use crate::transport::Transport;
use crate::{rtcp, rtp};

/// Note a decrypted packet whose source stands in `transport`.
pub(super) fn note(
    transport: &mut Transport,
    plain: &Plain,
    packet: &[u8],
    ledger: &mut Ledger,
    now_ns: u64,
) {
    let ssrc = plain.header.ssrc;
    let Some(source) = transport.sources.get_mut(&ssrc) else {
        return;
    };
    let video = source.is_video();
    let before = source.reception.highest();
    let rate = source.clock_rate().into();
    let timestamp = plain.header.timestamp;
    source.reception.packet(plain.index, plain.len, timestamp, rate, now_ns);
    source.rate.add(plain.len, now_ns);
    if source.kind == Some(Kind::Rtx) {
        if repair(transport, plain, packet, now_ns) {
            ledger.one(Counter::SinkRepaired);
        }
        return;
    }
    let Some(sink) = &mut source.sink else {
        return;
    };
    sink.sequence(before, plain.index, now_ns);
    // Padding alone carries nothing.
    if let Some(payload) = rtp::payload(packet, &plain.header).filter(|bytes| !bytes.is_empty()) {
        let place = Place { index: plain.index, marker: plain.header.marker };
        sink.packet(payload, place, video, now_ns);
    }
    if sink.wants() && !sink.listed {
        sink.listed = true;
        transport.wanting.push(ssrc);
    }
}

/// A packet of a repair stream brings one that was missing.
fn repair(transport: &mut Transport, plain: &Plain, packet: &[u8], now_ns: u64) -> bool {
    let Some([high, low, payload @ ..]) = rtp::payload(packet, &plain.header) else {
        return false;
    };
    let sequence = u16::from_be_bytes([*high, *low]);
    // The source isn't always announced; the one that misses this number is meant.
    let repaired = transport.sources.values_mut().find_map(|source| {
        let video = source.is_video();
        let sink = source.sink.as_mut().filter(|_| video)?;
        Some((sink.repaired(sequence)?, sink))
    });
    let Some((index, sink)) = repaired else {
        return false;
    };
    sink.recovered += 1;
    let place = Place { index, marker: plain.header.marker };
    sink.packet(payload, place, true, now_ns);
    true
}

impl Worker {
    /// Ask for what a sink misses: lost packets, keyframes.
    pub(super) fn ask(&mut self, slot: usize) {
        let mut ssrcs = std::mem::take(&mut self.table.transports[slot].wanting);
        ssrcs.retain(|ssrc| self.ask_about(slot, *ssrc));
        self.table.transports[slot].wanting = ssrcs;
    }

    /// Ask about one source; false when nothing more is wanted of it.
    fn ask_about(&mut self, slot: usize, ssrc: u32) -> bool {
        let Transport { sources, local_ssrc, .. } = &mut self.table.transports[slot];
        let Some(sink) = sources.get_mut(&ssrc).and_then(|source| source.sink.as_mut()) else {
            return false;
        };
        sink.nacks(self.now_ns, &mut self.scratch.entries);
        let pli = sink.take_pli(self.now_ns);
        sink.listed = sink.wants();
        let listed = sink.listed;
        if self.scratch.entries.is_empty() && !pli {
            return listed;
        }
        let mut buffer = [0; 1_100];
        let mut builder = rtcp::Builder::new(&mut buffer);
        builder.receiver_report(*local_ssrc, &[]);
        if !self.scratch.entries.is_empty()
            && builder.nack(*local_ssrc, ssrc, &self.scratch.entries)
        {
            self.ledger.one(Counter::SinkNacks);
        }
        if pli && builder.picture_loss(*local_ssrc, ssrc) {
            self.ledger.one(Counter::SinkPlis);
        }
        self.send_rtcp(slot, builder.bytes());
        listed
    }
}
