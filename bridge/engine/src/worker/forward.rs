//! RTP out: one receiver's copies of a batch, each with its own numbers.

use super::Worker;
use super::catchup::Begun;
use super::fanout::{Arrived, Copy};
use super::line::Line;
use crate::counter::Counter;
use crate::egress::Outgoing;
use crate::history::Departed;
use crate::net::Batch;
use crate::projection::{Outcome, Output};
use crate::source::Target;

impl Worker {
    /// Send all copies noted.
    pub(super) fn forward(&mut self, batch: &Batch) {
        while let Some((receiver, queue)) = self.fanout.pop() {
            self.prefetch_ahead();
            self.forward_to(receiver, &queue, batch);
            self.fanout.put_back(receiver, queue);
        }
        self.fanout.arrived.clear();
        self.catch_up();
        self.ask_for_waiting();
    }

    // State that leads to other state is fetched a receiver earlier.
    fn prefetch_ahead(&self) {
        let transports = &self.table.transports;
        let ahead = |others: usize| {
            let (receiver, key) = self.fanout.ahead(others)?;
            Some((transports.get(receiver)?, key))
        };
        if let Some((transport, _)) = ahead(2) {
            transport.prefetch();
        }
        if let Some((transport, key)) = ahead(1) {
            transport.prefetch_downtrack(key);
        }
        if let Some((transport, key)) = ahead(0)
            && let Some(downtrack) = transport.downtracks.get(key)
        {
            downtrack.projection.prefetch();
        }
    }

    fn forward_to(&mut self, receiver: usize, queue: &[Copy], batch: &Batch) {
        let Some(transport) = self.table.transports.get_mut(receiver) else {
            return;
        };
        let (outbox, sockets) = (&mut self.outbox, &mut self.sockets);
        let line = Line::new(transport, receiver, outbox, sockets, &mut self.ledger, self.now_ns);
        let Some(mut line) = line else {
            return self.ledger.add(Counter::DroppedNoPath, queue.len() as u64);
        };
        for copy in queue {
            let arrived = &self.fanout.arrived[copy.packet];
            let Some(downtrack) = line.transport.downtracks.get_mut(copy.downtrack) else {
                continue;
            };
            match downtrack.projection.place(&arrived.input(), downtrack.goal, line.now_ns) {
                Outcome::Forward(output) => {
                    let packet = batch.data(arrived.at, arrived.start + arrived.len);
                    line.copy(copy.downtrack, arrived, &packet[arrived.start..], &output);
                    if output.begins && arrived.facts.keyframe {
                        let target = Target { receiver, downtrack: copy.downtrack };
                        let (ssrc, index) = (arrived.header.ssrc, arrived.index);
                        self.scratch.begun.push(Begun { target, ssrc, index });
                    }
                }
                Outcome::LeftOut => line.ledger.one(Counter::LeftOut),
                Outcome::Late => line.ledger.one(Counter::DroppedBeforeStart),
                Outcome::Waiting => {
                    line.ledger.one(Counter::LeftOut);
                    if downtrack.pacing.take_waiting(line.now_ns) {
                        let target = Target { receiver, downtrack: copy.downtrack };
                        self.scratch.waiting.push(target);
                    }
                }
            }
        }
    }
}

impl Line<'_> {
    /// Send a downtrack's copy of a packet, and remember it for repair.
    #[inline]
    pub(super) fn copy(&mut self, key: usize, arrived: &Arrived, packet: &[u8], output: &Output) {
        let Some(slot) = self.transport.downtracks.get(key).map(|downtrack| downtrack.slot) else {
            return;
        };
        let outgoing = Outgoing {
            packet,
            header_len: arrived.header.len,
            ssrc: slot.ssrc,
            sequence: output.index as u16,
            timestamp: output.timestamp,
            patch: output.patch,
            repair: None,
            whole: slot.whole,
        };
        let stamped = self.send(&outgoing, output.index, &arrived.values, slot.mid.bytes(), None);
        let Some(downtrack) = self.transport.downtracks.get_mut(key) else {
            return;
        };
        downtrack.packets += 1;
        downtrack.bytes += (arrived.len - arrived.header.len) as u64;
        downtrack.rate.add(arrived.len, self.now_ns);
        if let Some(history) = &mut downtrack.history {
            history.push(Departed {
                index: output.index,
                source: arrived.index,
                sent_ns: self.now_ns,
                resent_ns: 0,
                ssrc: arrived.header.ssrc,
                epoch: arrived.epoch,
                timestamp: output.timestamp,
                abs_send_time: stamped.abs_send_time,
                transport_cc: stamped.transport_cc,
                patch: output.patch,
            });
        }
    }
}
