//! Commands from Python, applied in order between two receive batches.

use super::Worker;
use crate::counter::Counter;
use crate::instruction::{Instruction, Kind, TransportId};
use crate::net::UdpSocket;
use crate::source::Source;
use crate::stream::{Shape, Stream};
use crate::transport::{Ice, MOST_SOURCES, Transport};
use ring::rand::{SecureRandom, SystemRandom};

/// Synthetic streams a transport may have.
const MOST_STREAMS: usize = 64;

impl Worker {
    /// Apply everything that waits.
    pub(super) fn apply_commands(&mut self) {
        let mut instructions = std::mem::take(&mut self.scratch.instructions);
        self.shared.take_commands(&mut instructions);
        for instruction in instructions.drain(..) {
            self.ledger.one(Counter::CommandsApplied);
            self.apply(instruction);
        }
        self.scratch.instructions = instructions;
        // Slots may have changed hands: nothing may be added to runs begun before.
        self.flush();
        self.set_timer();
    }

    fn apply(&mut self, instruction: Instruction) {
        match instruction {
            Instruction::AddSocket { socket, udp } => self.add_socket(socket, udp),
            Instruction::RemoveSocket { socket, done } => {
                self.remove_socket(socket);
                // Nobody waits any more when the asker gave up.
                let _ = done.send(());
            }
            Instruction::AddTransport { id, group, mesh, sink } => {
                self.add_transport(id, group, mesh, sink);
            }
            Instruction::SendDatagram { path, data } => self.send_datagram(path, &data),
            Instruction::Subscribe { receiver, sender, ssrc, out_ssrc } => {
                self.subscribe(receiver, sender, ssrc, out_ssrc);
            }
            Instruction::Unsubscribe { receiver, sender, ssrc } => {
                self.unsubscribe(receiver, sender, ssrc);
            }
            Instruction::ReportEngine { reply } => {
                let _ = reply.send(self.snapshot());
            }
            Instruction::ReportTransports { ids, reply } => {
                let _ = reply.send(self.transport_reports(&ids));
            }
            Instruction::ReportSources { ids, reply } => {
                let _ = reply.send(self.source_reports(&ids));
            }
            other => self.apply_to_transport(other),
        }
    }

    fn apply_to_transport(&mut self, instruction: Instruction) {
        let Some(slot) = instruction.transport().and_then(|id| self.find(id)) else {
            return;
        };
        let transport = &mut self.table.transports[slot];
        match instruction {
            Instruction::RemoveTransport { .. } => self.table.remove(slot),
            Instruction::SetIce { ufrag, password, .. } => {
                transport.ice = Some(Ice { ufrag, password });
            }
            Instruction::Bind { path, .. } => self.table.bind(slot, path),
            Instruction::Select { path, .. } => {
                self.flush();
                self.table.select(slot, path);
            }
            Instruction::SetKeys { keys, .. } => transport.set_keys(*keys),
            Instruction::AddSource { ssrc, kind, .. } => self.add_source(slot, ssrc, kind),
            Instruction::RemoveSource { ssrc, .. } => match transport.remove_source(ssrc) {
                Some(source) => self.table.cut(&source.targets),
                None => self.ledger.one(Counter::CommandsUnknownSource),
            },
            Instruction::SetMuted { ssrc, muted, .. } => match transport.sources.get_mut(&ssrc) {
                Some(source) => source.muted = muted,
                None => self.ledger.one(Counter::CommandsUnknownSource),
            },
            Instruction::SendData { data, .. } => self.send_data(slot, &data),
            Instruction::SendRtcp { data, .. } => self.send_rtcp(slot, &data),
            Instruction::StartStream { ssrc, shape, .. } => self.start_stream(slot, ssrc, shape),
            Instruction::StopStream { ssrc, .. } => match transport.remove_stream(ssrc) {
                Some(_) => {}
                None => self.ledger.one(Counter::CommandsUnknownSource),
            },
            _ => {}
        }
    }

    fn find(&mut self, id: TransportId) -> Option<usize> {
        let slot = self.table.slot(id);
        if slot.is_none() {
            self.ledger.one(Counter::CommandsUnknownTransport);
        }
        slot
    }

    fn add_socket(&mut self, number: u32, socket: UdpSocket) {
        if self.poller.add(socket.fd(), number.into()).is_ok() {
            self.sockets.insert(number, socket);
        }
    }

    fn remove_socket(&mut self, number: u32) {
        self.flush();
        let Some(socket) = self.sockets.remove(&number) else {
            return self.ledger.one(Counter::CommandsUnknownSocket);
        };
        self.ledger.add(Counter::DroppedByKernel, socket.pressure().1);
        self.table.forget_socket(number);
    }

    fn add_transport(&mut self, id: TransportId, group: u64, mesh: u64, sink: bool) {
        if self.table.slot(id).is_some() {
            return self.ledger.one(Counter::CommandsDuplicate);
        }
        let mut ssrc = [0; 4];
        // An engine without randomness still works: the transport's number will do as well.
        if SystemRandom::new().fill(&mut ssrc).is_err() {
            ssrc = (id as u32).to_be_bytes();
        }
        let ssrc = u32::from_be_bytes(ssrc);
        self.table.insert(Transport::new(id, group, mesh, sink, ssrc, self.now_ns));
    }

    fn add_source(&mut self, slot: usize, ssrc: u32, kind: Kind) {
        let transport = &mut self.table.transports[slot];
        if let Some(source) = transport.sources.get_mut(&ssrc) {
            source.kind = Some(kind);
            return;
        }
        if transport.sources.len() >= MOST_SOURCES {
            return self.ledger.one(Counter::CommandsRefusedLimit);
        }
        let source = Source::new(Some(kind), transport.sink);
        transport.sources.insert(ssrc, source);
    }

    fn subscribe(&mut self, receiver: TransportId, sender: TransportId, ssrc: u32, out_ssrc: u32) {
        let (Some(receiver), Some(sender)) = (self.find(receiver), self.find(sender)) else {
            return;
        };
        let [to, from] = [&self.table.transports[receiver], &self.table.transports[sender]];
        if !to.may_receive_from(from) {
            return self.ledger.one(Counter::CommandsRefusedRoute);
        }
        if !from.sources.contains_key(&ssrc) {
            return self.ledger.one(Counter::CommandsUnknownSource);
        }
        let out_ssrc = if out_ssrc == 0 { ssrc } else { out_ssrc };
        let linked = self.table.target(receiver, sender, ssrc).is_none()
            && self.table.link(receiver, sender, ssrc, out_ssrc);
        if !linked {
            self.ledger.one(Counter::CommandsDuplicate);
        }
    }

    fn unsubscribe(&mut self, receiver: TransportId, sender: TransportId, ssrc: u32) {
        let (Some(receiver), Some(sender)) = (self.find(receiver), self.find(sender)) else {
            return;
        };
        match self.table.target(receiver, sender, ssrc) {
            Some(target) => self.table.cut_one(target),
            None => self.ledger.one(Counter::CommandsUnknownSource),
        }
    }

    fn start_stream(&mut self, slot: usize, ssrc: u32, shape: Shape) {
        let transport = &mut self.table.transports[slot];
        if transport.streams.iter().any(|stream| stream.ssrc == ssrc) {
            return self.ledger.one(Counter::CommandsDuplicate);
        }
        if transport.streams.len() >= MOST_STREAMS {
            return self.ledger.one(Counter::CommandsRefusedLimit);
        }
        // Below half the range, so that a reordered start can't look like a roll-over.
        let send = transport.send.as_ref();
        let [first, first_repair] = [ssrc, shape.rtx_ssrc].map(|ssrc| {
            let fresh = u64::from(ssrc.wrapping_mul(0x9e37_79b9) >> 17);
            send.and_then(|send| send.highest(ssrc)).map_or(fresh, |highest| highest + 1)
        });
        let stream = Stream::new(ssrc, shape, first, first_repair, self.now_ns);
        transport.streams.push(stream);
    }
}
