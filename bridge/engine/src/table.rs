//! All transports, and how to find them: by number, by remote address.

use crate::downtrack::{Downtrack, Start};
use crate::instruction::{Path, Slot, TransportId};
use crate::net::RawAddress;
use crate::source::Target;
use crate::transport::{MOST_PATHS, Selected, Transport};
use ahash::AHashMap;
use slab::Slab;

/// The transports by slot.
#[derive(Default)]
pub struct Table {
    pub transports: Slab<Transport>,
    by_id: AHashMap<TransportId, usize>,
    by_path: AHashMap<Path, usize>,
}

impl Table {
    /// The slot of a transport.
    pub fn slot(&self, id: TransportId) -> Option<usize> {
        self.by_id.get(&id).copied()
    }

    /// The slot of the transport that an address is bound to.
    #[inline]
    pub fn bound(&self, path: &Path) -> Option<usize> {
        self.by_path.get(path).copied()
    }

    /// Add a transport whose number is free.
    pub fn insert(&mut self, transport: Transport) {
        let id = transport.id;
        let slot = self.transports.insert(transport);
        self.by_id.insert(id, slot);
    }

    /// Remove a transport and every trace of it in others.
    pub fn remove(&mut self, slot: usize) {
        let Some(transport) = self.transports.try_remove(slot) else {
            return;
        };
        self.by_id.remove(&transport.id);
        for path in &transport.paths {
            self.by_path.remove(path);
        }
        for source in transport.sources.values() {
            self.cut(source.all_targets());
        }
        for (key, downtrack) in &transport.downtracks {
            self.unlink(slot, key, downtrack);
        }
    }

    /// Bind an address to a transport, taking it from whoever had it.
    pub fn bind(&mut self, slot: usize, path: Path) {
        match self.by_path.insert(path, slot) {
            Some(before) if before == slot => return,
            Some(before) => self.release(before, path),
            None => {}
        }
        let transport = &mut self.transports[slot];
        transport.paths.push(path);
        if transport.paths.len() > MOST_PATHS {
            let selected = transport.selected.map(|selected| selected.path);
            let oldest = transport.paths.iter().position(|path| Some(*path) != selected);
            let gone = transport.paths.remove(oldest.unwrap_or(0));
            self.by_path.remove(&gone);
        }
    }

    /// Send to `path` from now on.
    pub fn select(&mut self, slot: usize, path: Path) {
        self.transports[slot].selected = Some(Selected { path, raw: RawAddress::from(path.peer) });
        self.bind(slot, path);
    }

    /// Forget every address seen from a socket that goes away.
    pub fn forget_socket(&mut self, socket: u32) {
        self.by_path.retain(|path, _| path.socket != socket);
        for (_, transport) in &mut self.transports {
            transport.paths.retain(|path| path.socket != socket);
            if transport.selected.is_some_and(|selected| selected.path.socket == socket) {
                transport.selected = None;
            }
        }
    }

    /// Connect a source to a new downtrack of `receiver`; `None` when an SSRC is taken.
    pub fn link(
        &mut self,
        receiver: usize,
        sender: usize,
        ssrc: u32,
        slot: Slot,
    ) -> Option<Target> {
        let source = self.transports[sender].sources.get(&ssrc)?;
        let (video, rate) = (source.is_video(), source.clock_rate());
        let transport = &mut self.transports[receiver];
        if !transport.is_free(&slot) {
            return None;
        }
        let used = |ssrc| transport.send.as_ref().and_then(|send| send.highest(ssrc));
        let start = Start {
            video,
            rate,
            highest: used(slot.ssrc),
            rtx_highest: used(slot.rtx_ssrc),
            left_off: transport.left_off(slot.ssrc),
        };
        let key = transport.downtracks.insert(Downtrack::new(sender, ssrc, slot, start));
        transport.by_out_ssrc.insert(slot.ssrc, key);
        if slot.rtx_ssrc != 0 {
            transport.by_rtx_ssrc.insert(slot.rtx_ssrc, key);
        }
        let target = Target { receiver, downtrack: key };
        let from = &mut self.transports[sender];
        if !slot.whole {
            from.for_picture(ssrc, |source| source.targets.push(target));
        } else if let Some(source) = from.sources.get_mut(&ssrc) {
            source.relayed.push(target);
        }
        Some(target)
    }

    /// The downtrack of `receiver` that a source feeds.
    pub fn target(&self, receiver: usize, sender: usize, ssrc: u32) -> Option<Target> {
        let source = self.transports[sender].sources.get(&ssrc)?;
        source.all_targets().copied().find(|target| target.receiver == receiver)
    }

    /// The downtrack of a target.
    pub fn downtrack(&mut self, target: Target) -> Option<&mut Downtrack> {
        self.transports.get_mut(target.receiver)?.downtracks.get_mut(target.downtrack)
    }

    /// Remove one downtrack.
    pub fn cut_one(&mut self, target: Target) {
        let receiver = &mut self.transports[target.receiver];
        if let Some(downtrack) = receiver.remove_downtrack(target.downtrack) {
            self.unlink(target.receiver, target.downtrack, &downtrack);
        }
    }

    /// Remove the downtracks of a source that is gone.
    pub fn cut<'a>(&mut self, targets: impl IntoIterator<Item = &'a Target>) {
        for target in targets {
            if let Some(receiver) = self.transports.get_mut(target.receiver) {
                receiver.remove_downtrack(target.downtrack);
            }
        }
    }

    fn unlink(&mut self, receiver: usize, key: usize, downtrack: &Downtrack) {
        let gone = Target { receiver, downtrack: key };
        let Some(sender) = self.transports.get_mut(downtrack.sender) else {
            return;
        };
        if !downtrack.slot.whole {
            sender.for_picture(downtrack.ssrc, |source| {
                source.targets.retain(|target| *target != gone);
            });
        } else if let Some(source) = sender.sources.get_mut(&downtrack.ssrc) {
            source.relayed.retain(|target| *target != gone);
        }
    }

    fn release(&mut self, slot: usize, path: Path) {
        let transport = &mut self.transports[slot];
        transport.paths.retain(|other| *other != path);
        if transport.selected.is_some_and(|selected| selected.path == path) {
            transport.selected = None;
        }
    }
}
