//! After a switch: the packets behind the keyframe's first that came before it.
//!
//! When a keyframe's first packet is lost and repaired, or only late, the rest of it is already
//! there, unsent, since nothing may begin without a keyframe. The cache has it.

use super::Worker;
use super::fanout::Arrived;
use super::line::Line;
use crate::projection::Outcome;
use crate::rtp::{self, Codec, Facts, Header};
use crate::source::Target;
use crate::transport::Transport;

/// Packets looked at behind the first.
const MOST: u64 = 256;

/// A stretch that has just begun.
#[derive(Clone, Copy)]
pub struct Begun {
    pub target: Target,
    pub ssrc: u32,
    pub index: u64,
}

impl Worker {
    /// Let the stretches that the last batch began catch up with what came before.
    pub(super) fn catch_up(&mut self) {
        while let Some(begun) = self.scratch.begun.pop() {
            self.catch_up_one(begun);
        }
    }

    fn catch_up_one(&mut self, begun: Begun) {
        let Target { receiver, downtrack: key } = begun.target;
        let sender = self.table.downtrack(begun.target).map(|downtrack| downtrack.sender);
        let Some((to, from)) =
            sender.and_then(|sender| self.table.transports.get2_mut(receiver, sender))
        else {
            return;
        };
        let source = from.sources.get(&begun.ssrc);
        let newest = source.and_then(|source| source.encoding.as_ref()?.missing.highest());
        let (outbox, sockets) = (&mut self.outbox, &mut self.sockets);
        let line = Line::new(to, receiver, outbox, sockets, &mut self.ledger, self.now_ns);
        let (Some(mut line), Some(newest)) = (line, newest) else {
            return;
        };
        for index in begun.index + 1..=newest.min(begun.index + MOST) {
            if let Some((arrived, packet)) = recall(from, begun.ssrc, index, line.now_ns) {
                line.belated(key, &arrived, packet);
            }
        }
    }
}

/// A packet from the cache as it was when it arrived.
fn recall(sender: &Transport, ssrc: u32, index: u64, now_ns: u64) -> Option<(Arrived, &[u8])> {
    let source = sender.sources.get(&ssrc)?;
    let packet = source.encoding.as_ref()?.cache.get(index, now_ns)?;
    let header = Header::parse(packet)?;
    let types = sender.payload_types.as_ref();
    let codec = types.map_or(Codec::Other, |types| types.codec(header.payload_type));
    let arrived = Arrived {
        at: 0,
        start: 0,
        len: packet.len(),
        header,
        index,
        epoch: sender.epoch,
        place: source.place,
        facts: Facts::read(codec, rtp::payload(packet, &header).unwrap_or_default()),
        values: sender.extensions.unwrap_or_default().read(&packet[..header.len]),
        left_out: source.silence.left_out,
        sender_time: source.sender_time,
    };
    Some((arrived, packet))
}

impl Line<'_> {
    // Send a packet of the stretch unless it was sent: an index serves one packet, once.
    fn belated(&mut self, key: usize, arrived: &Arrived, packet: &[u8]) {
        let Some(downtrack) = self.transport.downtracks.get_mut(key) else {
            return;
        };
        let goal = downtrack.goal;
        let placed = downtrack.projection.place(&arrived.input(), goal, self.now_ns);
        if let Outcome::Forward(output) = placed
            && downtrack.departed(output.index as u16).is_none()
        {
            self.copy(key, arrived, packet, &output);
        }
    }
}
