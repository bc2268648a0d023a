//! Everything that leaves: into the outbox, and from there to the kernel.

use super::Worker;
use crate::counter::Counter;
use crate::instruction::Path;
use crate::net::RawAddress;
use crate::shared::Notice;
use crate::srtp::MAX_OVERHEAD;

/// Owner of datagrams that belong to no transport.
const NOBODY: usize = usize::MAX;

impl Worker {
    /// Hand the outbox to the kernel; report failures to Python.
    pub(super) fn flush(&mut self) {
        if self.outbox.is_empty() {
            return;
        }
        self.outbox.flush(&mut self.sockets, &mut self.ledger);
        for failure in self.outbox.take_failures() {
            let Some(transport) = self.table.transports.get_mut(failure.owner) else {
                continue;
            };
            if transport.limits.failures.take(self.now_ns) {
                let (transport, errno) = (transport.id, failure.errno);
                self.notices.push(Notice::SendFailed { transport, errno });
            }
        }
    }

    /// Make sure that the outbox has room for one more datagram.
    pub(super) fn make_room(&mut self, len: usize) {
        if self.outbox.is_full(len) {
            self.flush();
        }
    }

    /// Send bytes to an address, from nobody in particular.
    pub(super) fn send_datagram(&mut self, path: Path, data: &[u8]) {
        self.send_raw(path, &RawAddress::from(path.peer), NOBODY, data);
    }

    /// Send bytes to a transport's selected address.
    pub(super) fn send_data(&mut self, slot: usize, data: &[u8]) {
        match self.table.transports[slot].selected {
            Some(selected) => self.send_raw(selected.path, &selected.raw, slot, data),
            None => self.ledger.one(Counter::DroppedNoPath),
        }
    }

    fn send_raw(&mut self, path: Path, raw: &RawAddress, owner: usize, data: &[u8]) {
        self.make_room(data.len());
        self.outbox.space(data.len()).copy_from_slice(data);
        self.outbox.commit(path.socket, raw, owner, data.len(), false);
    }

    /// Protect a compound RTCP packet and send it.
    pub(super) fn send_rtcp(&mut self, slot: usize, compound: &[u8]) {
        self.make_room(compound.len() + MAX_OVERHEAD);
        let transport = &mut self.table.transports[slot];
        let (Some(selected), Some(send)) = (transport.selected, &mut transport.send) else {
            return self.ledger.one(Counter::DroppedNoPath);
        };
        let out = self.outbox.space(compound.len() + MAX_OVERHEAD);
        out[..compound.len()].copy_from_slice(compound);
        let len = send.rtcp(out, compound.len());
        self.outbox.commit(selected.path.socket, &selected.raw, slot, len, false);
        self.ledger.one(Counter::RtcpSent);
    }
}
