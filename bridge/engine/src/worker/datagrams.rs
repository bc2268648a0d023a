//! First look at every datagram: whose is it, and which protocol (RFC 7983).

use super::Worker;
use crate::counter::Counter;
use crate::instruction::Path;
use crate::net::Batch;
use crate::shared::Notice;
use crate::stun::{self, Message};

impl Worker {
    /// Handle the `count` datagrams just received on `socket`.
    pub(super) fn take_batch(&mut self, socket: u32, batch: &mut Batch, count: usize) {
        self.ledger.one(Counter::ReceiveBatches);
        self.ledger.add(Counter::DatagramsReceived, count as u64);
        let late = self.sockets.get_mut(&socket).map_or(0, |socket| {
            socket.backlog.too_late(count, self.now_ns, |at| batch.waited_ns(at))
        });
        for at in 0..count {
            self.take_datagram(socket, batch, at, at < late);
        }
        self.forward(batch);
        self.flush();
    }

    fn take_datagram(&mut self, socket: u32, batch: &mut Batch, at: usize, late: bool) {
        let Some(len) = batch.len(at) else {
            return self.ledger.one(Counter::DroppedTruncated);
        };
        self.ledger.add(Counter::BytesReceived, len as u64);
        let Some(&first) = batch.data(at, len).first() else {
            return self.ledger.one(Counter::DroppedEmpty);
        };
        let Some(peer) = batch.address(at).get() else {
            return self.ledger.one(Counter::DroppedUnbound);
        };
        let path = Path { socket, peer };
        let slot = self.table.bound(&path);
        if let Some(slot) = slot {
            self.table.transports[slot].tally.received_ns = Some(self.now_ns);
        }
        match (first, slot) {
            (0..=3, slot) => self.take_stun(slot, path, batch.data(at, len)),
            (20..=63, Some(slot)) => self.take_dtls(slot, batch.data(at, len)),
            (128..=191, Some(slot)) => self.take_media(slot, batch, at, len, late),
            (20..=63 | 128..=191, None) => self.ledger.one(Counter::DroppedUnbound),
            _ => self.ledger.one(Counter::DroppedUnknownKind),
        }
    }

    fn take_media(&mut self, slot: usize, batch: &mut Batch, at: usize, len: usize, late: bool) {
        match batch.data(at, len).get(1) {
            // RTCP's packet types can't be RTP's when both share a port (RFC 5761 §4).
            Some(192..=223) => self.take_rtcp(slot, batch, at, len),
            // A synthetic participant tells how late media comes; nobody hears it there.
            Some(_) if late && !self.table.transports[slot].sink => {
                self.dropped_late_ns = self.now_ns;
                self.ledger.one(Counter::DroppedLate);
            }
            Some(_) => self.take_rtp(slot, batch, at, len),
            None => self.ledger.one(Counter::DroppedMalformedRtp),
        }
    }

    fn take_dtls(&mut self, slot: usize, data: &[u8]) {
        let transport = &mut self.table.transports[slot];
        if !transport.limits.dtls.take(self.now_ns) {
            return self.ledger.one(Counter::DroppedDtlsRate);
        }
        self.ledger.one(Counter::DtlsReported);
        self.notices.push(Notice::Dtls { transport: transport.id, data: data.to_vec() });
    }

    fn take_stun(&mut self, slot: Option<usize>, path: Path, data: &[u8]) {
        let Some(message) = Message::parse(data) else {
            return self.ledger.one(Counter::DroppedMalformedStun);
        };
        if slot.is_some_and(|slot| self.keep_consent(slot, path, &message)) {
            return;
        }
        if !self.may_report_stun(slot, path) {
            return self.ledger.one(Counter::DroppedStunRate);
        }
        self.ledger.one(Counter::StunReported);
        let (socket, peer) = (path.socket, path.peer);
        self.notices.push(Notice::Stun { socket, peer, data: data.to_vec() });
    }

    fn may_report_stun(&mut self, slot: Option<usize>, path: Path) -> bool {
        match slot {
            Some(slot) => self.table.transports[slot].limits.stun.take(self.now_ns),
            None => {
                self.stun_stranger.take(path.peer.ip(), self.now_ns)
                    && self.stun_strangers.take(self.now_ns)
            }
        }
    }

    /// Deal with a Binding request from a bound address; false leaves the message to Python.
    fn keep_consent(&mut self, slot: usize, path: Path, message: &Message) -> bool {
        let transport = &mut self.table.transports[slot];
        let Some(ice) = &transport.ice else {
            return false;
        };
        if !message.is_binding_request() || !message.is_for(&ice.ufrag) {
            return false;
        }
        if !message.is_authentic(ice.password.as_bytes()) {
            self.ledger.one(Counter::DroppedStunIntegrity);
            return true;
        }
        transport.tally.consent_ns = Some(self.now_ns);
        let selected = transport.selected.is_some_and(|selected| selected.path == path);
        if message.use_candidate && !selected {
            return false;
        }
        let mut answer = [0; stun::MAX_ANSWER];
        let key = ice.password.as_bytes();
        let len = stun::answer(&mut answer, &message.transaction, path.peer, key);
        self.ledger.one(Counter::StunAnswered);
        self.send_datagram(path, &answer[..len]);
        true
    }
}
