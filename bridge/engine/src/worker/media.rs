//! RTP in, and its copies out.

use super::fanout::{Arrived, Copy};
use super::{Worker, sinks};
use crate::counter::Counter;
use crate::net::Batch;
use crate::rtp::Header;
use crate::source::Source;
use crate::srtp::{MAX_OVERHEAD, Refusal};
use crate::transport::MOST_SOURCES;

impl Worker {
    /// Unprotect a packet, count it, and note its copies.
    pub(super) fn take_rtp(&mut self, slot: usize, batch: &mut Batch, at: usize, len: usize) {
        let Some(header) = Header::parse(batch.data(at, len)) else {
            return self.ledger.one(Counter::DroppedMalformedRtp);
        };
        let transport = &mut self.table.transports[slot];
        let Some(receive) = &mut transport.receive else {
            return self.ledger.one(Counter::DroppedNoKeys);
        };
        let known = transport.sources.get_mut(&header.ssrc);
        if known.is_none() && !transport.sink {
            return self.ledger.one(Counter::DroppedUnknownSource);
        }
        let packet = batch.data_mut(at, len);
        let (len, index) = match receive.rtp(packet, header.len, header.ssrc, header.sequence) {
            Ok(plain) => plain,
            Err(refusal) => {
                if let (Some(source), Refusal::Replayed) = (known, refusal) {
                    source.reception.duplicates += 1;
                }
                return self.ledger.one(refusal_counter(refusal));
            }
        };
        self.ledger.one(Counter::PacketsReceived);
        transport.tally.packets_received += 1;
        transport.tally.bytes_received += len as u64;
        transport.tally.media_ns = Some(self.now_ns);
        if known.is_none() && transport.sources.len() >= MOST_SOURCES {
            return self.ledger.one(Counter::DroppedSourceLimit);
        }
        let source =
            transport.sources.entry(header.ssrc).or_insert_with(|| Source::new(None, true));
        let arrived = Arrived { at, len, header, index, epoch: transport.epoch };
        if source.sink.is_some() {
            return sinks::note(transport, &arrived, &packet[..len], self.now_ns);
        }
        let clock_rate = source.clock_rate();
        source.reception.packet(index, len, header.timestamp, clock_rate, self.now_ns);
        if source.muted {
            return self.ledger.one(Counter::DroppedMuted);
        }
        self.fanout.arrived.push(arrived);
        for target in &source.targets {
            self.fanout.push(target.receiver, target.downtrack);
        }
    }

    /// Send all copies noted.
    pub(super) fn forward(&mut self, batch: &Batch) {
        while let Some((receiver, queue)) = self.fanout.pop() {
            self.forward_to(receiver, &queue, batch);
            self.fanout.put_back(receiver, queue);
        }
        self.fanout.arrived.clear();
    }

    fn forward_to(&mut self, receiver: usize, queue: &[Copy], batch: &Batch) {
        let Some(transport) = self.table.transports.get_mut(receiver) else {
            return;
        };
        let (Some(selected), Some(send)) = (transport.selected, &transport.send) else {
            return self.ledger.add(Counter::DroppedNoPath, queue.len() as u64);
        };
        let gso = self.sockets.get(&selected.path.socket).is_some_and(|socket| socket.gso);
        let (mut packets, mut bytes) = (0, 0);
        for copy in queue {
            let arrived = &self.fanout.arrived[copy.packet];
            let Some(downtrack) = transport.downtracks.get_mut(copy.downtrack) else {
                continue;
            };
            let Some(index) = downtrack.place(arrived.index, arrived.epoch) else {
                self.ledger.one(Counter::DroppedBeforeStart);
                continue;
            };
            let room = arrived.len + MAX_OVERHEAD;
            if self.outbox.is_full(room) {
                self.outbox.flush(&mut self.sockets, &mut self.ledger);
            }
            let out = self.outbox.space(room);
            out[..arrived.len].copy_from_slice(batch.data(arrived.at, arrived.len));
            let timestamp = arrived.header.timestamp.wrapping_add(downtrack.timestamp_offset);
            Header::rewrite(out, downtrack.out_ssrc, index as u16, timestamp);
            let (header_len, ssrc) = (arrived.header.len, downtrack.out_ssrc);
            let len = send.keys().protect_rtp(out, header_len, arrived.len, ssrc, index);
            self.outbox.commit(selected.path.socket, &selected.raw, receiver, len, gso);
            downtrack.packets += 1;
            downtrack.bytes += (arrived.len - header_len) as u64;
            packets += 1;
            bytes += len as u64;
        }
        transport.tally.packets_sent += packets;
        transport.tally.bytes_sent += bytes;
        self.ledger.add(Counter::PacketsSent, packets);
    }
}

fn refusal_counter(refusal: Refusal) -> Counter {
    match refusal {
        Refusal::NotAuthentic => Counter::DroppedSrtpAuth,
        Refusal::Replayed => Counter::DroppedReplayed,
        Refusal::TooOld => Counter::DroppedTooOld,
        Refusal::TooManyStreams => Counter::DroppedSourceLimit,
    }
}
