//! Repair both ways: answering receivers' NACKs from caches, asking senders for what is missing.

use super::Worker;
use super::line::Line;
use crate::cache::Cache;
use crate::counter::Counter;
use crate::egress::{Outgoing, Stamped};
use crate::history::Departed;
use crate::rtcp::{self, Builder, Nack, Packet};
use crate::rtp::Header;
use crate::transport::Transport;

/// Asked again sooner than this part of a round trip, the repair is still on its way.
const PATIENCE: f64 = 0.9;
/// Where the round trip isn't known.
const PATIENCE_NS: u64 = 20_000_000;
/// Entries of one NACK that are looked at; more name packets that are long gone.
const MOST_ENTRIES: usize = 64;
const COMPOUND: usize = 1_100;

impl Worker {
    /// A receiver misses packets of `out_ssrc`; false when it gets no such stream.
    pub(super) fn take_nack(&mut self, slot: usize, packet: &Packet) -> bool {
        self.ledger.one(Counter::NackReceived);
        let Some(ssrc) = packet.word(1) else {
            return false;
        };
        let transport = &mut self.table.transports[slot];
        transport.tally.nacks_received += 1;
        if transport.streams.iter().any(|stream| stream.ssrc == ssrc) {
            self.resend(slot, ssrc, packet);
            return true;
        }
        let Some(&key) = transport.by_out_ssrc.get(&ssrc) else {
            self.ledger.one(Counter::FeedbackUnknown);
            return false;
        };
        if self.may_ask(slot) {
            let entries = rtcp::nacks(packet).take(MOST_ENTRIES);
            for sequence in entries.flat_map(Nack::sequences) {
                let now_ns = self.now_ns;
                if !self.table.transports[slot].limits.repairs.take(now_ns) {
                    self.ledger.one(Counter::RetransmissionsLimited);
                    break;
                }
                self.retransmit(slot, key, sequence);
            }
        }
        true
    }

    // What isn't in the cache is being asked for at its sender; once it comes, it goes on.
    fn retransmit(&mut self, receiver: usize, key: usize, sequence: u16) {
        let transport = &mut self.table.transports[receiver];
        let rtt_ns = transport.rtt_ns();
        let Some(downtrack) = transport.downtracks.get_mut(key) else {
            return;
        };
        let sender = downtrack.sender;
        let departed = downtrack.departed(sequence).copied();
        let Some(departed) = departed else {
            return self.ledger.one(Counter::RetransmissionsUnknown);
        };
        let patience_ns = rtt_ns.map_or(PATIENCE_NS, |rtt| (rtt as f64 * PATIENCE) as u64);
        if departed.resent_ns != 0 && self.now_ns < departed.resent_ns + patience_ns {
            return self.ledger.one(Counter::RetransmissionsSuppressed);
        }
        let Some((to, from)) = self.table.transports.get2_mut(receiver, sender) else {
            return;
        };
        let packet = cached(from, &departed, self.now_ns);
        let (outbox, sockets) = (&mut self.outbox, &mut self.sockets);
        let line = Line::new(to, receiver, outbox, sockets, &mut self.ledger, self.now_ns);
        let (Some(packet), Some(mut line)) = (packet, line) else {
            return self.ledger.one(Counter::RetransmissionsUnknown);
        };
        let values = from.extensions.unwrap_or_default();
        if line.repair(key, &departed, packet, &values) {
            line.count(key);
        }
    }

    /// Ask senders for what is missing.
    pub(super) fn ask_for_missing(&mut self, slot: usize) {
        let transport = &mut self.table.transports[slot];
        if transport.lacking.is_empty() {
            return;
        }
        let mut ssrcs = std::mem::take(&mut transport.lacking);
        ssrcs.retain(|ssrc| self.ask_about_missing(slot, *ssrc));
        self.table.transports[slot].lacking.append(&mut ssrcs);
    }

    /// Ask for one source's missing packets; false when nothing more is wanted of it.
    fn ask_about_missing(&mut self, slot: usize, ssrc: u32) -> bool {
        let transport = &mut self.table.transports[slot];
        let rtt_ns = transport.rtt_ns().unwrap_or_default();
        let (from, nack) =
            (transport.local_ssrc, transport.feedback.is_none_or(|feedback| feedback.nack));
        let source = transport.sources.get_mut(&ssrc);
        let Some(encoding) = source.and_then(|source| source.encoding.as_mut()) else {
            return false;
        };
        let entries = &mut self.scratch.entries;
        encoding.missing.take_due(rtt_ns, self.now_ns, entries);
        let broken = encoding.missing.take_broken();
        encoding.missing.listed = encoding.missing.is_wanting();
        let listed = encoding.missing.listed;
        if nack && !entries.is_empty() {
            encoding.nacks_sent += entries.len() as u64;
            let mut buffer = [0; COMPOUND];
            let mut builder = Builder::new(&mut buffer);
            builder.receiver_report(from, &[]);
            let fitting = entries.len().min(MOST_ENTRIES);
            builder.nack(from, ssrc, &entries[..fitting]);
            self.ledger.one(Counter::NacksSent);
            self.send_rtcp(slot, builder.bytes());
        }
        if broken {
            self.request_keyframe(slot, ssrc);
        }
        listed
    }
}

pub(super) fn cached<'a>(
    sender: &'a Transport,
    departed: &Departed,
    now_ns: u64,
) -> Option<&'a [u8]> {
    let encoding = sender.sources.get(&departed.ssrc)?.encoding.as_ref()?;
    let cache: &Cache = &encoding.cache;
    cache.get(departed.source, now_ns).filter(|_| departed.epoch == sender.epoch)
}

impl Line<'_> {
    fn count(&mut self, key: usize) {
        if let Some(downtrack) = self.transport.downtracks.get_mut(key) {
            downtrack.retransmitted += 1;
        }
        self.transport.tally.retransmitted += 1;
        self.ledger.one(Counter::Retransmitted);
    }

    /// Send a packet once more: as RTX where negotiated, else the same bytes again.
    pub(super) fn repair(
        &mut self,
        key: usize,
        departed: &Departed,
        packet: &[u8],
        extensions: &crate::rtp::Extensions,
    ) -> bool {
        let Some(header) = Header::parse(packet) else {
            return false;
        };
        let types = self.transport.payload_types.as_ref();
        let rtx = types.and_then(|types| types.repairing(header.payload_type));
        let Some(downtrack) = self.transport.downtracks.get_mut(key) else {
            return false;
        };
        let slot = downtrack.slot;
        let rtx = rtx.filter(|_| slot.rtx_ssrc != 0);
        let (ssrc, index, again) = match rtx {
            Some(_) => (slot.rtx_ssrc, downtrack.take_rtx_index(), None),
            // An index must not be used for two different packets: not a bit may change.
            None => (slot.ssrc, departed.index, Some(Stamped::from(departed))),
        };
        if let Some(departed) = downtrack.departed(departed.index as u16) {
            departed.resent_ns = self.now_ns;
        }
        let outgoing = Outgoing {
            packet,
            header_len: header.len,
            ssrc,
            sequence: index as u16,
            timestamp: departed.timestamp,
            patch: departed.patch,
            repair: rtx.map(|payload_type| (payload_type, departed.index as u16)),
            whole: slot.whole,
        };
        let values = extensions.read(&packet[..header.len]);
        self.send(&outgoing, index, &values, slot.mid.bytes(), again);
        true
    }
}

impl From<&Departed> for Stamped {
    fn from(departed: &Departed) -> Self {
        Self { abs_send_time: departed.abs_send_time, transport_cc: departed.transport_cc }
    }
}
