//! The way of RTP to one transport: written, numbered, protected, and put into the outbox.

use crate::counter::{Counter, Ledger};
use crate::egress::{self, GROWTH, Outgoing, Stamped};
use crate::net::{Outbox, UdpSocket};
use crate::rtp::extension::{Values, abs_send_time};
use crate::transport::{Selected, Transport};
use ahash::AHashMap;

/// One transport's way out, as long as its address doesn't change.
pub struct Line<'a> {
    pub transport: &'a mut Transport,
    pub ledger: &'a mut Ledger,
    pub now_ns: u64,
    outbox: &'a mut Outbox,
    sockets: &'a mut AHashMap<u32, UdpSocket>,
    selected: Selected,
    owner: usize,
    gso: bool,
    abs_send_time: u32,
}

impl<'a> Line<'a> {
    /// The way to `transport`, which stands at `owner`; `None` while it has no address or keys.
    pub fn new(
        transport: &'a mut Transport,
        owner: usize,
        outbox: &'a mut Outbox,
        sockets: &'a mut AHashMap<u32, UdpSocket>,
        ledger: &'a mut Ledger,
        now_ns: u64,
    ) -> Option<Self> {
        let selected = transport.selected.filter(|_| transport.send.is_some())?;
        let gso = sockets.get(&selected.path.socket).is_some_and(|socket| socket.gso);
        let abs_send_time = abs_send_time(now_ns);
        Some(Self {
            transport,
            ledger,
            now_ns,
            outbox,
            sockets,
            selected,
            owner,
            gso,
            abs_send_time,
        })
    }

    /// Send a packet with `index`; `again` gives it the stamps it had before.
    #[inline]
    pub fn send(
        &mut self,
        outgoing: &Outgoing<'_>,
        index: u64,
        values: &Values,
        mid: &[u8],
        again: Option<Stamped>,
    ) -> Stamped {
        let room = outgoing.packet.len() + GROWTH;
        if self.outbox.is_full(room) {
            self.outbox.flush(self.sockets, self.ledger);
        }
        let stamped = again.unwrap_or_else(|| Stamped {
            abs_send_time: self.abs_send_time,
            transport_cc: self.transport.number(outgoing.packet.len(), self.now_ns),
        });
        let Some(send) = &self.transport.send else {
            return stamped;
        };
        let stamps = egress::stamps(outgoing, values, mid, stamped);
        let out = self.outbox.space(room);
        let extensions = self.transport.extensions.as_ref();
        let (header_len, len) = outgoing.write(out, extensions, &stamps);
        let len = send.keys().protect_rtp(out, header_len, len, outgoing.ssrc, index);
        let (path, raw) = (self.selected.path, &self.selected.raw);
        self.outbox.commit(path.socket, raw, self.owner, len, self.gso);
        self.transport.tally.packets_sent += 1;
        self.transport.tally.bytes_sent += len as u64;
        self.ledger.one(Counter::PacketsSent);
        stamped
    }
}
