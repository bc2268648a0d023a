//! Who gets what: sources, pictures, subscriptions, targets.

use super::Worker;
use crate::counter::Counter;
use crate::instruction::{Aim, Kind, Slot, TransportId};
use crate::shared::Notice;
use crate::source::{Source, Target};

impl Worker {
    pub(super) fn add_source(&mut self, slot: usize, ssrc: u32, kind: Kind, repairs: u32) {
        let transport = &mut self.table.transports[slot];
        if let Some(source) = transport.sources.get_mut(&ssrc) {
            return source.set_kind(Some(kind), repairs);
        }
        if transport.sources.len() >= transport.limits.sources {
            return self.ledger.one(Counter::CommandsRefusedLimit);
        }
        let source = Source::new(ssrc, Some(kind), repairs, transport.sink);
        transport.sources.insert(ssrc, source);
    }

    pub(super) fn remove_source(&mut self, slot: usize, ssrc: u32) {
        let transport = &mut self.table.transports[slot];
        let Some(picture) = transport.sources.get(&ssrc).map(|source| source.picture) else {
            return self.ledger.one(Counter::CommandsUnknownSource);
        };
        let rest: Vec<u32> = transport
            .encodings(picture)
            .map(|(encoding, _)| encoding)
            .filter(|&encoding| encoding != ssrc)
            .collect();
        transport.dissolve(picture);
        if let Some(source) = transport.remove_source(ssrc) {
            self.table.cut(source.all_targets());
        }
        // Without its lowest encoding, a picture has lost its name.
        if picture != ssrc && !rest.is_empty() {
            self.table.transports[slot].set_encodings(&rest);
            self.retarget(slot, picture);
        }
    }

    pub(super) fn set_encodings(&mut self, slot: usize, ssrcs: &[u32]) {
        let transport = &self.table.transports[slot];
        let standalone = |ssrc: &&u32| {
            transport.sources.get(ssrc).is_some_and(|source| source.picture == **ssrc)
        };
        let mut orphans = Vec::new();
        for ssrc in ssrcs.iter().skip(1).filter(standalone) {
            orphans.extend_from_slice(&transport.sources[ssrc].targets);
        }
        if !self.table.transports[slot].set_encodings(ssrcs) {
            return self.ledger.one(Counter::CommandsUnknownSource);
        }
        self.table.cut(&orphans);
        self.retarget(slot, ssrcs[0]);
    }

    /// Mute or unmute; a picture begins again with a keyframe.
    pub(super) fn set_muted(&mut self, slot: usize, ssrc: u32, muted: bool) {
        let Some(source) = self.table.transports[slot].sources.get_mut(&ssrc) else {
            return self.ledger.one(Counter::CommandsUnknownSource);
        };
        source.silence.muted = muted;
        let Some(encoding) = &mut source.encoding else {
            return;
        };
        encoding.missing.rekeyed();
        let (targets, place) = (source.targets.clone(), source.place);
        for target in targets {
            let receiver = self.table.transports.get_mut(target.receiver);
            let downtrack =
                receiver.and_then(|receiver| receiver.downtracks.get_mut(target.downtrack));
            if let Some(downtrack) = downtrack
                && downtrack.projection.encoding() == Some(place)
            {
                downtrack.projection.pause();
            }
        }
    }

    pub(super) fn subscribe(
        &mut self,
        receiver: TransportId,
        sender: TransportId,
        ssrc: u32,
        mut slot: Slot,
    ) {
        let (Some(receiver), Some(sender)) = (self.find(receiver), self.find(sender)) else {
            return;
        };
        let [to, from] = [&self.table.transports[receiver], &self.table.transports[sender]];
        if !to.may_receive_from(from) {
            return self.ledger.one(Counter::CommandsRefusedRoute);
        }
        // Encodings come with their picture; alone only to who makes a picture of them.
        let source = from.sources.get(&ssrc);
        let named = source.is_some_and(|source| slot.whole || source.picture == ssrc);
        if !named {
            return self.ledger.one(Counter::CommandsUnknownSource);
        }
        if slot.ssrc == 0 {
            slot.ssrc = ssrc;
        }
        if self.table.target(receiver, sender, ssrc).is_some() {
            return self.ledger.one(Counter::CommandsDuplicate);
        }
        match self.table.link(receiver, sender, ssrc, slot) {
            Some(_) if slot.whole => {}
            Some(target) => self.aim(sender, target, Aim::default()),
            None => self.ledger.one(Counter::CommandsDuplicate),
        }
    }

    pub(super) fn unsubscribe(&mut self, receiver: TransportId, sender: TransportId, ssrc: u32) {
        match self.find_target(receiver, sender, ssrc) {
            Some((_, target)) => self.table.cut_one(target),
            None => self.ledger.one(Counter::CommandsUnknownSource),
        }
    }

    pub(super) fn set_target(
        &mut self,
        receiver: TransportId,
        sender: TransportId,
        ssrc: u32,
        aim: Aim,
    ) {
        match self.find_target(receiver, sender, ssrc) {
            // There is nothing to choose of what comes whole.
            Some((_, target)) if self.is_whole(target) => {
                self.ledger.one(Counter::CommandsRefusedRoute);
            }
            Some((sender, target)) => self.aim(sender, target, aim),
            None => self.ledger.one(Counter::CommandsUnknownSource),
        }
    }

    fn find_target(
        &mut self,
        receiver: TransportId,
        sender: TransportId,
        ssrc: u32,
    ) -> Option<(usize, Target)> {
        let (receiver, sender) = (self.find(receiver)?, self.find(sender)?);
        Some((sender, self.table.target(receiver, sender, ssrc)?))
    }

    fn is_whole(&mut self, target: Target) -> bool {
        self.table.downtrack(target).is_some_and(|downtrack| downtrack.slot.whole)
    }

    // Give a downtrack a new aim; what needs a keyframe gets one asked for at once.
    fn aim(&mut self, sender: usize, target: Target, aim: Aim) {
        let Some(downtrack) = self.table.downtrack(target) else {
            return;
        };
        downtrack.aim = aim;
        let picture = downtrack.ssrc;
        let goal = self.table.transports[sender].attainable(picture, aim);
        self.set_goal(target, goal);
    }

    fn set_goal(&mut self, target: Target, goal: Aim) {
        let Some(downtrack) = self.table.downtrack(target) else {
            return;
        };
        downtrack.goal = goal;
        if goal.encoding.is_none() {
            return downtrack.projection.pause();
        }
        let (sender, picture) = (downtrack.sender, downtrack.ssrc);
        if downtrack.projection.encoding() == goal.encoding {
            return;
        }
        // Before the first packet there is nobody to ask, and of audio nothing to ask for.
        let flowing = goal.encoding.is_some_and(|place| {
            self.table.transports.get(sender).is_some_and(|sender| sender.flows(picture, place))
        });
        let now_ns = self.now_ns;
        let downtrack = self.table.downtrack(target).filter(|_| flowing);
        if downtrack.is_some_and(|downtrack| downtrack.pacing.take_waiting(now_ns)) {
            self.request_for(target);
        }
    }

    /// The encodings of a picture came or went: see to what can be had of it now.
    pub(super) fn retarget(&mut self, sender: usize, picture: u32) {
        let Some(source) = self.table.transports[sender].sources.get(&picture) else {
            return;
        };
        let mut targets = std::mem::take(&mut self.scratch.targets);
        targets.clone_from(&source.targets);
        for &target in &targets {
            let Some(aim) = self.table.downtrack(target).map(|downtrack| downtrack.aim) else {
                continue;
            };
            let goal = self.table.transports[sender].attainable(picture, aim);
            if self.table.downtrack(target).is_some_and(|downtrack| downtrack.goal != goal) {
                self.set_goal(target, goal);
            }
        }
        self.scratch.targets = targets;
    }

    /// An encoding's first packet came, or the first after a break.
    pub(super) fn encoding_appeared(&mut self, slot: usize, ssrc: u32) {
        let transport = &self.table.transports[slot];
        let id = transport.id;
        let picture = transport.sources.get(&ssrc).map_or(ssrc, |source| source.picture);
        self.notices.push(Notice::EncodingActivity { transport: id, ssrc, active: true });
        self.retarget(slot, picture);
    }

    /// Notice encodings that halted or went.
    pub(super) fn watch_encodings(&mut self, slot: usize) {
        let mut pictures = std::mem::take(&mut self.scratch.ssrcs);
        let transport = &mut self.table.transports[slot];
        let (id, now_ns) = (transport.id, self.now_ns);
        pictures.clear();
        let named = transport
            .sources
            .iter()
            .filter(|(ssrc, source)| source.picture == **ssrc && source.encoding.is_some());
        pictures.extend(named.map(|(ssrc, _)| *ssrc));
        for &picture in &pictures {
            let notices = &mut self.notices;
            let changed = self.table.transports[slot].watch_picture(picture, now_ns, |ssrc| {
                notices.push(Notice::EncodingActivity { transport: id, ssrc, active: false });
            });
            if changed {
                self.retarget(slot, picture);
            }
        }
        self.scratch.ssrcs = pictures;
    }
}
