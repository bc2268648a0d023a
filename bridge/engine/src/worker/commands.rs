//! Commands from Python, applied in order between two receive batches.

use super::Worker;
use crate::congestion::micros;
use crate::counter::Counter;
use crate::instruction::{Instruction, TransportId};
use crate::net::UdpSocket;
use crate::stream::{Shape, Stream};
use crate::transport::{Ice, Transport};
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

    pub(super) fn apply(&mut self, instruction: Instruction) {
        match instruction {
            Instruction::AddSocket { socket, udp } => self.add_socket(socket, udp),
            Instruction::RemoveSocket { socket, done } => {
                self.remove_socket(socket);
                // Nobody waits any more when the asker gave up.
                let _ = done.send(());
            }
            Instruction::AddTransport { id, group, mesh, sink, rtcp_ssrc } => {
                self.add_transport(id, group, mesh, sink, rtcp_ssrc);
            }
            Instruction::SendDatagram { path, data } => self.send_datagram(path, &data),
            Instruction::Subscribe { receiver, sender, ssrc, slot } => {
                self.subscribe(receiver, sender, ssrc, slot);
            }
            Instruction::SetTarget { receiver, sender, ssrc, aim } => {
                self.set_target(receiver, sender, ssrc, aim);
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
            Instruction::ReportDowntracks { ids, reply } => {
                let _ = reply.send(self.downtrack_reports(&ids));
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
            Instruction::SetPayloadTypes { payload_types, .. } => {
                transport.payload_types = Some(payload_types);
            }
            Instruction::SetExtensions { extensions, .. } => {
                transport.set_extensions(extensions);
            }
            Instruction::SetFeedback { feedback, .. } => {
                transport.feedback = Some(feedback);
                let now = micros(self.now_ns);
                transport.congestion.negotiate(feedback.transport_cc, feedback.remb, now);
            }
            Instruction::AddSource { ssrc, kind, repairs, .. } => {
                self.add_source(slot, ssrc, kind, repairs);
            }
            Instruction::RemoveSource { ssrc, .. } => self.remove_source(slot, ssrc),
            Instruction::SetEncodings { ssrcs, .. } => self.set_encodings(slot, &ssrcs),
            Instruction::SetMuted { ssrc, muted, .. } => self.set_muted(slot, ssrc, muted),
            Instruction::RequestKeyframe { ssrc, .. } => self.request_keyframe(slot, ssrc),
            Instruction::SetProbing { bits_per_second, .. } => {
                transport.congestion.set_padding(bits_per_second as f64, self.now_ns);
            }
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

    pub(super) fn find(&mut self, id: TransportId) -> Option<usize> {
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

    fn add_transport(
        &mut self,
        id: TransportId,
        group: u64,
        mesh: u64,
        sink: bool,
        rtcp_ssrc: u32,
    ) {
        if self.table.slot(id).is_some() {
            return self.ledger.one(Counter::CommandsDuplicate);
        }
        let ssrc = if rtcp_ssrc == 0 { random_ssrc(id) } else { rtcp_ssrc };
        self.table.insert(Transport::new(id, group, mesh, sink, ssrc, self.now_ns));
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

fn random_ssrc(id: TransportId) -> u32 {
    let mut ssrc = [0; 4];
    // An engine without randomness still works: the transport's number will do as well.
    if SystemRandom::new().fill(&mut ssrc).is_err() {
        ssrc = (id as u32).to_be_bytes();
    }
    u32::from_be_bytes(ssrc)
}
