//! Keyframe requests: receivers' own, and those of downtracks that wait to switch.

use super::Worker;
use crate::counter::Counter;
use crate::downtrack::Downtrack;
use crate::rtcp::Builder;
use crate::source::Target;

const COMPOUND: usize = 64;

impl Worker {
    /// A receiver asks for a keyframe of `out_ssrc`; false when it gets no such stream.
    pub(super) fn want_keyframe(&mut self, slot: usize, out_ssrc: u32) -> bool {
        let transport = &mut self.table.transports[slot];
        transport.tally.plis_received += 1;
        let streams = &mut transport.streams;
        if let Some(stream) = streams.iter_mut().find(|stream| stream.ssrc == out_ssrc) {
            stream.want_keyframe(self.now_ns);
            return true;
        }
        let key = transport.by_out_ssrc.get(&out_ssrc).or(transport.by_rtx_ssrc.get(&out_ssrc));
        let Some(&key) = key else {
            self.ledger.one(Counter::FeedbackUnknown);
            return false;
        };
        if !self.may_ask(slot) {
            return true;
        }
        let now_ns = self.now_ns;
        let downtrack = self.table.transports[slot].downtracks.get_mut(key);
        // A relay asks for many, and has paced what they want.
        let granted = |it: &mut Downtrack| it.slot.whole || it.pacing.take_request(now_ns);
        if downtrack.is_some_and(granted) {
            self.request_for(Target { receiver: slot, downtrack: key });
        } else {
            self.ledger.one(Counter::KeyframeRequestsCoalesced);
        }
        true
    }

    /// Ask on behalf of the downtracks that the last batch left waiting.
    pub(super) fn ask_for_waiting(&mut self) {
        while let Some(target) = self.scratch.waiting.pop() {
            self.request_for(target);
        }
    }

    /// Ask the sender for a keyframe of what a downtrack shows, or is to show.
    pub(super) fn request_for(&mut self, target: Target) {
        let Some(receiver) = self.table.transports.get_mut(target.receiver) else {
            return;
        };
        let Some(downtrack) = receiver.downtracks.get_mut(target.downtrack) else {
            return;
        };
        downtrack.keyframe_requests += 1;
        let (sender, picture) = (downtrack.sender, downtrack.ssrc);
        if downtrack.slot.whole {
            return self.request_keyframe(sender, picture);
        }
        let place = downtrack.goal.encoding.or(downtrack.projection.encoding()).unwrap_or(0);
        let Some(transport) = self.table.transports.get(sender) else {
            return;
        };
        if let Some(ssrc) = transport.encoding_ssrc(picture, place) {
            self.request_keyframe(sender, ssrc);
        }
    }

    /// Ask a sender for a keyframe of one encoding, unless it was asked just now.
    ///
    /// By PLI, which every browser knows; by FIR only where feedback by NACK, and with it PLI, was
    /// expressly not negotiated.
    pub(super) fn request_keyframe(&mut self, sender: usize, ssrc: u32) {
        let Some(transport) = self.table.transports.get_mut(sender) else {
            return;
        };
        let Some(source) = transport.sources.get_mut(&ssrc) else {
            return;
        };
        if !source.take_keyframe_request(self.now_ns) {
            return self.ledger.one(Counter::KeyframeRequestsCoalesced);
        }
        self.ledger.one(Counter::KeyframesAsked);
        let mut buffer = [0; COMPOUND];
        let mut builder = Builder::new(&mut buffer);
        let from = transport.local_ssrc;
        builder.receiver_report(from, &[]);
        if transport.feedback.is_some_and(|feedback| !feedback.nack) {
            source.fir_number = source.fir_number.wrapping_add(1);
            builder.full_intra(from, ssrc, source.fir_number);
            self.ledger.one(Counter::FirForwarded);
        } else {
            builder.picture_loss(from, ssrc);
            self.ledger.one(Counter::PliForwarded);
        }
        self.send_rtcp(sender, builder.bytes());
    }
}
