//! Synthetic streams: what is due, and what is asked for again.

use super::Worker;
use super::line::Line;
use crate::counter::Counter;
use crate::egress::Outgoing;
use crate::rtcp::{self, Packet};
use crate::rtp::Patch;
use crate::rtp::extension::Values;
use crate::stream::{LONGEST_PACKET, Plan};

impl Worker {
    /// Send what this transport's streams have due.
    pub(super) fn pace(&mut self, slot: usize) {
        let transport = &mut self.table.transports[slot];
        if transport.streams.is_empty() || transport.send.is_none() || transport.selected.is_none()
        {
            return;
        }
        let mut plans = std::mem::take(&mut self.scratch.plans);
        for at in 0..self.table.transports[slot].streams.len() {
            let stream = &mut self.table.transports[slot].streams[at];
            let keyframes = stream.keyframes();
            let skipped = stream.advance(self.now_ns, &mut plans);
            self.ledger.add(Counter::StreamSkipped, skipped);
            self.ledger.add(Counter::StreamKeyframes, stream.keyframes() - keyframes);
            self.ledger.add(Counter::StreamPackets, plans.len() as u64);
            for plan in plans.drain(..) {
                self.send_plan(slot, at, &plan, false);
            }
        }
        self.scratch.plans = plans;
    }

    fn send_plan(&mut self, slot: usize, at: usize, plan: &Plan, again: bool) {
        let transport = &mut self.table.transports[slot];
        let (outbox, sockets) = (&mut self.outbox, &mut self.sockets);
        let line = Line::new(transport, slot, outbox, sockets, &mut self.ledger, self.now_ns);
        match line {
            Some(mut line) => line.plan(at, plan, again),
            None => self.ledger.one(Counter::DroppedNoPath),
        }
    }

    /// Send what a NACK about a stream names once more.
    pub(super) fn resend(&mut self, slot: usize, ssrc: u32, packet: &Packet) {
        let streams = &self.table.transports[slot].streams;
        let Some(at) = streams.iter().position(|stream| stream.ssrc == ssrc) else {
            return;
        };
        for sequence in rtcp::nacks(packet).flat_map(rtcp::Nack::sequences) {
            let stream = &mut self.table.transports[slot].streams[at];
            if let Some(plan) = stream.resend(sequence, self.now_ns) {
                self.ledger.one(Counter::StreamRetransmissions);
                self.send_plan(slot, at, &plan, true);
            }
        }
    }
}

impl Line<'_> {
    /// Send a stream's packet; once more: as RTX where there is one, else the same bytes.
    fn plan(&mut self, at: usize, plan: &Plan, again: bool) {
        let stream = &mut self.transport.streams[at];
        let (own, shape) = (stream.ssrc, stream.shape);
        let repair = again && shape.rtx_ssrc != 0;
        let (ssrc, index) =
            if repair { (shape.rtx_ssrc, stream.take_repair()) } else { (own, plan.index) };
        let mut packet = [0; LONGEST_PACKET];
        let len = plan.write(own, &shape, &mut packet);
        let outgoing = Outgoing {
            packet: &packet[..len],
            header_len: Plan::HEADER,
            ssrc,
            sequence: index as u16,
            timestamp: plan.timestamp,
            patch: Patch::default(),
            repair: repair.then_some((shape.rtx_payload_type, plan.index as u16)),
            whole: false,
        };
        let values = Values { audio_level: plan.level, ..Values::default() };
        // An index must not be used for two different packets: not a bit may change.
        let stamped = plan.stamped.filter(|_| !repair);
        let stamped = self.send(&outgoing, index, &values, b"", stamped);
        if !again {
            self.transport.streams[at].stamp(plan.index, stamped);
        }
    }
}
