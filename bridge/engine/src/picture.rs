//! Pictures: the encodings a transport sends of one camera or screen, named by the lowest.

use crate::encoding::{GONE_NS, HALTED_NS};
use crate::instruction::{Aim, Kind, Slot};
use crate::source::Source;
use crate::transport::Transport;

/// Most encodings of one picture.
pub const MOST: usize = 8;

impl Transport {
    /// Do something to every encoding of the picture `ssrc`.
    pub fn for_picture(&mut self, ssrc: u32, mut act: impl FnMut(&mut Source)) {
        let Some(first) = self.sources.get_mut(&ssrc) else {
            return;
        };
        act(first);
        let encodings = std::mem::take(&mut first.encodings);
        for other in encodings.iter().filter(|&&other| other != ssrc) {
            if let Some(source) = self.sources.get_mut(other) {
                act(source);
            }
        }
        if let Some(first) = self.sources.get_mut(&ssrc) {
            first.encodings = encodings;
        }
    }

    /// The encodings of the picture `ssrc`, lowest first.
    pub fn encodings(&self, ssrc: u32) -> impl Iterator<Item = (u32, &Source)> {
        let first = self.sources.get(&ssrc);
        let several = first.map_or(&[][..], |first| &first.encodings);
        let alone = first.filter(|_| several.is_empty()).map(|first| (ssrc, first));
        let others = several.iter().filter_map(|other| Some((*other, self.sources.get(other)?)));
        alone.into_iter().chain(others)
    }

    /// The SSRC of one encoding of the picture `ssrc`.
    pub fn encoding_ssrc(&self, ssrc: u32, place: u8) -> Option<u32> {
        let first = self.sources.get(&ssrc)?;
        match first.encodings.get(usize::from(place)) {
            Some(encoding) => Some(*encoding),
            None => (place == 0).then_some(ssrc),
        }
    }

    /// Whether packets of an encoding come.
    pub fn flows(&self, picture: u32, place: u8) -> bool {
        let found = self.encodings(picture).find(|(_, source)| source.place == place);
        found.and_then(|(_, source)| source.encoding.as_ref()).is_some_and(|it| it.active)
    }

    /// Make these video sources one picture; false when one of them isn't such a source.
    ///
    /// What a picture consisted of before and isn't named any more stands alone from now on.
    pub fn set_encodings(&mut self, ssrcs: &[u32]) -> bool {
        let video = |ssrc: &u32| self.sources.get(ssrc).and_then(|source| source.kind);
        if !ssrcs.iter().all(|ssrc| video(ssrc) == Some(Kind::Video)) {
            return false;
        }
        for &ssrc in ssrcs {
            self.dissolve(ssrc);
        }
        let Some(targets) = self.sources.get(&ssrcs[0]).map(|first| first.targets.clone()) else {
            return false;
        };
        for (place, ssrc) in (0..).zip(ssrcs) {
            if let Some(source) = self.sources.get_mut(ssrc) {
                source.picture = ssrcs[0];
                source.place = place;
                source.encodings = if place == 0 { ssrcs.to_vec() } else { Vec::new() };
                // Its own subscribers stay its own only as the picture's first.
                source.targets.clone_from(&targets);
            }
        }
        true
    }

    /// Part the encodings of the picture that `ssrc` belongs to.
    pub fn dissolve(&mut self, ssrc: u32) {
        let Some(picture) = self.sources.get(&ssrc).map(|source| source.picture) else {
            return;
        };
        let Some(first) = self.sources.get_mut(&picture) else {
            return;
        };
        for other in std::mem::take(&mut first.encodings) {
            if let Some(source) = self.sources.get_mut(&other) {
                source.picture = other;
                source.place = 0;
                if other != picture {
                    source.targets.clear();
                }
            }
        }
    }

    /// The best that can be had of what is wanted: the encoding, or the nearest lower one received.
    pub fn attainable(&self, picture: u32, aim: Aim) -> Aim {
        let Some(wanted) = aim.encoding else {
            return aim;
        };
        let flows = |source: &Source| {
            source.encoding.as_ref().is_some_and(|encoding| encoding.active && !encoding.halted)
        };
        let flowing = self.encodings(picture).filter(|(_, source)| flows(source));
        let best = flowing.map(|(_, source)| source.place).filter(|&place| place <= wanted).max();
        Aim { encoding: Some(best.unwrap_or(wanted)), ..aim }
    }

    /// Which encodings came to a halt or are gone; true when something changed.
    ///
    /// `gone` is told the SSRCs of those that count as gone.
    pub fn watch_picture(&mut self, picture: u32, now_ns: u64, mut gone: impl FnMut(u32)) -> bool {
        let (mut changed, mut newest_below, mut places) = (false, None, [0; MOST]);
        let mut count = 0;
        for (place, (ssrc, _)) in places.iter_mut().zip(self.encodings(picture)) {
            *place = ssrc;
            count += 1;
        }
        for &ssrc in &places[..count] {
            let Some(source) = self.sources.get_mut(&ssrc) else { continue };
            let (last, Some(encoding)) = (source.reception.last_ns, &mut source.encoding) else {
                continue;
            };
            let behind = |limit: u64, now: u64| last.is_none_or(|at| at + limit < now);
            if encoding.active && behind(GONE_NS, now_ns) {
                encoding.active = false;
                changed = true;
                gone(ssrc);
            }
            let halted = newest_below.is_some_and(|newest| behind(HALTED_NS, newest));
            changed |= encoding.active && halted != encoding.halted;
            encoding.halted = halted;
            newest_below = newest_below.max(last);
        }
        changed
    }

    /// Whether none of the slot's SSRCs is in use by another downtrack.
    pub fn is_free(&self, slot: &Slot) -> bool {
        let used =
            |ssrc: &u32| self.by_out_ssrc.contains_key(ssrc) || self.by_rtx_ssrc.contains_key(ssrc);
        !used(&slot.ssrc)
            && (slot.rtx_ssrc == 0 || !used(&slot.rtx_ssrc))
            && slot.ssrc != slot.rtx_ssrc
    }
}
